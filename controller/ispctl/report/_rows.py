"""What a plan writes: rows and sessions in order of harm, without logins and without secrets. Taken one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from ispctl.plan import Change
from ispctl.report._least import Least
from ispctl.report._words import clean, listed, plural
from ispctl.report.plan_json import change
from ispctl.structs import Struct

if TYPE_CHECKING:
    from ispctl.report.shapes import ChangeJson, SidesJson

MOST: Final = 200
"""Rows that are held; a note shows them all."""
SAMPLE: Final = 5
_NAMED_ONLY: Final = frozenset({"password", "secret", "macs", "identities", "owner", "class", "check", "attributes"})
"""Fields whose values say nothing to a person, or too much."""
_DONE: Final = {"end": 0, "delete": 0, "change": 1, "update": 1, "create": 2}
_OF_SESSIONS: Final = {"update": "change", "delete": "end"}


class Row(Struct):
    """One change, ready to be written."""

    target: str
    verb: str
    what: str
    fields: tuple[str, ...]


class Rows:
    """Takes the changes of a plan in any order. First are those that people share, then those of the people who lose
    most (`first`, in order), then the others. `held`: the ids of what waits; `stopped`: of what is paused or only
    observed."""

    def __init__(self, first: Sequence[str], held: Collection[str], stopped: Collection[str]) -> None:
        self.count = 0
        self._order = {owner: number for number, owner in enumerate(first, 1)}
        self._last = len(first) + 1
        self._found: Least[Change] = Least(MOST)
        self._actions: Counter[tuple[bool, str]] = Counter()
        self._held, self._stopped = held, stopped
        self._waiting, self._going = _Share(self._order), _Share(self._order)

    def add(self, one: Change) -> None:
        owner, action, session = one.owner, one.action, one.key[0] == "session"
        self.count += 1
        self._actions[session, action] += 1
        rank = self._order.get(owner, self._last) if owner else 0
        self._found.add((rank, _DONE.get(_verb(action, session=session), 3), one.target, one.key), one)
        if self._held and one.id not in self._stopped:
            (self._waiting if one.id in self._held else self._going).add(owner)

    @property
    def found(self) -> Sequence[Row]:
        """The first of them."""
        return [_row(change(one), clean(one.owner)) for one in self._found.found]

    @property
    def sessions(self) -> int:
        return sum(many for (session, _), many in self._actions.items() if session)

    @property
    def counted(self) -> str:
        """3 rows to create, 1 to update; 2 sessions to change"""
        parts: list[str] = []
        for action in ("create", "update", "delete"):
            if many := self._actions[False, action]:
                parts.append(f"{many:,} to {action}" if parts else f"{plural(many, 'row')} to {action}")
        said = [", ".join(parts)] if parts else []
        for action, verb in _OF_SESSIONS.items():
            if many := self._actions[True, action]:
                said.append(f"{plural(many, 'session')} to {verb}")
        return "; ".join(said) or "no rows"

    @property
    def waiting(self) -> Iterator[str]:
        """Two sentences: what is held back, and what goes ahead all the same; none where nobody has reckoned it yet."""
        if not self._held:
            return
        self._going.owners -= self._waiting.owners
        yield f"Held back: {self._waiting.words}"
        yield f"Goes ahead: {self._going.words}" if self._going.changes else "Nothing else is to be done"


class _Share:
    """Some of the changes, and whose they are. `order`: of those who are named first."""

    def __init__(self, order: dict[str, int]) -> None:
        self.changes = 0
        self.owners: set[str] = set()
        self._order = order

    def add(self, owner: str) -> None:
        self.changes += 1
        if owner:
            self.owners.add(owner)

    @property
    def words(self) -> str:
        """9 changes of 6 services: sub-000123/main, …"""
        last = len(self._order) + 1
        named = Least[str](SAMPLE)
        for owner in self.owners:
            named.add((self._order.get(owner, last), owner), owner)
        more = len(self.owners) - SAMPLE
        said = ", ".join(map(clean, named.found)) + (f" and {more:,} more" if more > 0 else "")
        of = f" of {plural(len(self.owners), 'service')}: {said}" if self.owners else ""
        return plural(self.changes, "change") + of


def _verb(action: str, *, session: bool) -> str:
    return _OF_SESSIONS.get(action, action) if session else action


def _row(change: ChangeJson, owner: str) -> Row:
    kind, _, name = change["key"].partition("/")
    what = f"{kind} {name}"
    if kind in ("login", "session"):
        what = f"{kind} of {owner}" if owner else f"{kind} (change {change['id']})"
    update = change["action"] == "update" and kind != "session"
    fields = tuple(_field(*item) for item in sorted(change["fields"].items())) if update else ()
    return Row(clean(change["target"]), _verb(change["action"], session=kind == "session"), clean(what), fields)


def _field(name: str, sides: SidesJson) -> str:
    if name in _NAMED_ONLY:
        return clean(name)
    before, after = sides["before"], sides["after"]
    if isinstance(before, list) and isinstance(after, list):
        gone = [f"-{_value(part)}" for part in before if part not in after]
        come = [f"+{_value(part)}" for part in after if part not in before]
        return f"{clean(name)}: {listed([*gone, *come], 6) or 'another order'}"
    return f"{clean(name)}: {_value(before)} → {_value(after)}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_value, value)) or "none"
    text = "none" if value is None or value == "" else clean(str(value))
    return text if len(text) <= 80 else text[:79] + "…"
