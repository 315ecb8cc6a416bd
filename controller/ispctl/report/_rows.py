"""What a plan writes, read from its JSON: rows and sessions in order of harm, without logins and without secrets."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ispctl.report._words import clean, listed, plural
from ispctl.report.shapes import ChangeJson, PlanJson, SidesJson

_NAMED_ONLY: Final = frozenset({"password", "secret", "macs", "identities", "owner", "class", "check", "attributes"})
"""Fields whose values say nothing to a person, or too much."""
_DONE: Final = {"end": 0, "delete": 0, "change": 1, "update": 1, "create": 2}
_OF_SESSIONS: Final = {"update": "change", "delete": "end"}


@dataclass(frozen=True)
class Row:
    """One change, ready to be written."""

    id: str
    target: str
    verb: str
    what: str
    fields: tuple[str, ...]
    owner: str


def rows(plan: PlanJson) -> list[Row]:
    """All changes: those of the people who lose most first, what people share before."""
    rank: dict[str, int] = {}
    owners: dict[str, str] = {}
    for number, service in enumerate(plan["services"], 1):
        owner = f"{service['id']}/{service['key']}"
        rank.setdefault(owner, number)
        for side in (service["was"], service["will_be"]):
            if side:
                owners[side["login"]] = owner
    found = [_row(change, owners) for change in plan["changes"]]
    last = len(rank) + 1
    order = {row.id: (rank.get(row.owner, last) if row.owner else 0, _DONE.get(row.verb, 3)) for row in found}
    return sorted(found, key=lambda row: order[row.id])


def counted(plan: PlanJson) -> str:
    """3 rows to create, 1 to update; 2 sessions to change"""
    sessions = [change for change in plan["changes"] if change["key"].startswith("session/")]
    others = [change for change in plan["changes"] if not change["key"].startswith("session/")]
    parts: list[str] = []
    for action in ("create", "update", "delete"):
        if many := sum(change["action"] == action for change in others):
            parts.append(f"{many:,} to {action}" if parts else f"{plural(many, 'row')} to {action}")
    said = [", ".join(parts)] if parts else []
    for action, verb in _OF_SESSIONS.items():
        if many := sum(change["action"] == action for change in sessions):
            said.append(f"{plural(many, 'session')} to {verb}")
    return "; ".join(said) or "no rows"


def _row(change: ChangeJson, owners: dict[str, str]) -> Row:
    kind, _, name = change["key"].partition("/")
    sides: SidesJson = change["fields"].get("owner", {"before": None, "after": None})
    owner = clean(sides["after"] or sides["before"] or (owners.get(name, "") if kind == "login" else ""))
    what = f"{kind} {name}"
    if kind in ("login", "session"):
        what = f"{kind} of {owner}" if owner else f"{kind} (change {change['id']})"
    update = change["action"] == "update" and kind != "session"
    fields = tuple(_field(*item) for item in sorted(change["fields"].items())) if update else ()
    verb = _OF_SESSIONS.get(change["action"], change["action"]) if kind == "session" else change["action"]
    return Row(change["id"], clean(change["target"]), verb, clean(what), fields, owner)


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


def owners_of(plan: PlanJson, ids: Collection[str]) -> list[str]:
    """The services that own these changes, in order of harm, each once."""
    return list(dict.fromkeys(_owners(plan, ids)))


def _owners(plan: PlanJson, ids: Collection[str]) -> Iterator[str]:
    return (row.owner for row in rows(plan) if row.id in ids and row.owner)
