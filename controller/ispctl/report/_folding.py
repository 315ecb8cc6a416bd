"""The people of a plan as lines, taken one by one: only what is printed is held, however many they are.

More than five to whom the same happens for the very same reason are one line. Of those who lose nothing, more than
twenty to whom the same happens are one line too, though the reason of each stands in a file of its own: nobody reads
the lines of a hundred thousand new people. Who loses something for a reason of his own is always named.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Final

from ispctl.desired import Because, Entitlement
from ispctl.plan import Many, ServiceChange, worst
from ispctl.report import _people as people
from ispctl.report._least import Least, Place
from ispctl.report._words import clean, plural
from ispctl.report.plan_json import Left, reason, service
from ispctl.states import State
from ispctl.structs import Struct, replace

if TYPE_CHECKING:
    from ispctl.report.shapes import ServiceJson

CAUSES: Final = {
    "commit": "",
    "clock": "By the clock, whatever the commit says",
    "facts": "By usage and other facts, whatever the commit says",
    "drift": "Changed by hand, and put right",
    "paused": "Paused, and left as it is until that is over",
    "observed": "Only observed, and not done",
}
TURNS: Final = ("loses", "changes", "gains")
MOST: Final = {"loses": 500, "changes": 200, "gains": 200}
"""Lines of each turn; the rest is in the JSON."""
SAMPLE: Final = 5
MANY: Final = 20
FIRST: Final = 1000
"""Of so many people the order of harm is known when their rows are put in order."""
_REMEMBERED: Final = 10_000

Words = Callable[[ServiceChange], tuple[Sequence[str], str]]
"""(how it was and will be, part by part; what becomes of the session)"""


class Line(Struct):
    """One service, or many of them, ready to be written. `because`: (text, place) each."""

    who: str
    effect: str
    what: str
    session: str
    because: tuple[tuple[str, str], ...]
    sample: tuple[str, ...] = ()
    count: int = 1


class Part(Struct):
    """The lines of one turn, worst first, and how many services more there are."""

    lines: tuple[Line, ...]
    more: int


class Folding:
    """Takes the services of a plan in any order; then says what is printed of them. `left`: why some are left alone."""

    def __init__(self, zone: tzinfo, left: Mapping[str, Left]) -> None:
        self.count = 0
        self.effects: Counter[str] = Counter()
        self.left: Counter[str] = Counter()
        """How many are left alone, by why."""
        self.asked = True
        """Whether it is known of each who is online."""
        self.first: Least[str] = Least(FIRST)
        """Who loses most."""
        self._zone, self._left = zone, left
        self._sections: dict[tuple[str, str], _Section] = {}
        self._kinds: dict[tuple[str, ...], tuple[str, int]] = {}
        self._words = _remembered(zone)

    def add(self, one: ServiceChange) -> None:
        effects, owner = one.effects, one.owner
        self.count += 1
        for effect in effects:
            self.effects[effect] += 1
        if one.session == "unknown":
            self.asked = False
        if (kind := self._kinds.get(effects)) is None:
            kind = self._kinds[effects] = people.turn(effects), worst(effects)
        turn, rank = kind
        self.first.add((rank, owner), owner)
        why = self._left.get(owner, "")
        if why:
            self.left[why] += 1
        at = why or one.cause, turn
        if (section := self._sections.get(at)) is None:
            section = self._sections[at] = _Section(MOST[turn], self._words, names_all=turn == "loses")
        section.add((rank, owner), one)

    def add_many(self, many: Many) -> None:
        """Take services that are known by their names alone: the first of them as if they had been read, all others
        as a number."""
        one, owners = many.example, sorted(many.owners)
        for owner in owners[:SAMPLE]:
            self.add(_like(one, owner))
        rest = owners[SAMPLE:]
        self.count += len(rest)
        for effect in one.effects:
            self.effects[effect] += len(rest)
        turn, rank = self._kinds[one.effects] if owners else ("", 0)
        for owner in rest[:FIRST]:
            self.first.add((rank, owner), owner)
        if rest:
            self._sections[one.cause, turn].add_more(one, len(rest))

    def printed(self) -> Printed:
        """What there is to print; nothing may be added afterwards."""
        return Printed({at: section.printed() for at, section in self._sections.items()}, self._service)

    def _service(self, one: ServiceChange) -> ServiceJson:
        return service(one, self._left.get(one.owner, ""), self._zone)


Found = Mapping[tuple[str, str], tuple[Sequence["_Group"], int]]
"""By cause and turn: what is a line each, and how many services are on none."""


class Printed:
    """The lines of people, before the logins are known that no text may show."""

    def __init__(self, found: Found, said: Callable[[ServiceChange], ServiceJson]) -> None:
        self._found, self._said = found, said

    @property
    def texts(self) -> Iterator[str]:
        """Every free text of these lines."""
        for groups, _ in self._found.values():
            for group in groups:
                yield from (because.text for because in group.reasons)

    def lines(self, hidden: frozenset[str]) -> Mapping[str, Mapping[str, Part]]:
        """By cause and turn."""
        causes = sorted({cause for cause, _ in self._found}, key=lambda cause: [*CAUSES, cause].index(cause))
        parts: dict[str, dict[str, Part]] = {}
        for at in ((cause, turn) for cause in causes for turn in TURNS):
            if at in self._found:
                groups, more = self._found[at]
                lines = tuple(group.line(self._said(group.members[0]), hidden) for group in groups)
                parts.setdefault(at[0], {})[at[1]] = Part(lines, more)
        return parts


class _Section:
    """People of one cause and turn. What is held: each reason that many may share, and the first of those whose reasons
    are their own."""

    def __init__(self, most: int, words: Words, *, names_all: bool) -> None:
        self._most, self._words, self._names_all = most, words, names_all
        self._count = 0
        self._shared: dict[Any, _Group] = {}
        self._own: dict[Any, _Group] = {}
        self._many: dict[Any, _Group] = {}
        self._last: Place | None = None

    def add(self, place: Place, one: ServiceChange) -> None:
        self._count += 1
        own = _is_own(one)
        if own and one.because and not self._names_all:
            begins = one.was is not None and one.was.state is State.PENDING and one.effects == ("restored",)
            self._group(self._many, (one.effects, begins, one.because[0].code), MANY).add(place, one, self._words)
        else:
            self._alike(place, one, self._own if own else self._shared)

    def add_more(self, one: ServiceChange, count: int) -> None:
        """So many more than those who were added, for the same reason, which is not their own."""
        self._count += count
        self._shared[one.effects, one.because[0]].more(one, count, self._words)

    def printed(self) -> tuple[Sequence[_Group], int]:
        """Lines in the order of harm, and how many services are on none."""
        for few in [group for group in self._many.values() if group.count <= MANY]:
            for place, one in few.kept:
                self._alike(place, one, self._own)
        many = [group for group in self._many.values() if group.count > MANY]
        groups = [*self._shared.values(), *self._own.values(), *many]
        lines = sorted((line for group in groups for line in group.lines()), key=lambda line: line.kept[0][0])
        del lines[self._most :]
        return lines, self._count - sum(line.count for line in lines)

    def _alike(self, place: Place, one: ServiceChange, among: dict[Any, _Group]) -> None:
        key = (one.effects, one.because[0]) if one.because else one.owner
        if among is self._own and self._last is not None and place > self._last and key not in among:
            return
        self._group(among, key, SAMPLE).add(place, one, self._words)
        if among is self._own and len(among) >= 2 * self._most:
            kept = sorted(among.items(), key=lambda item: item[1].kept[0][0])[: self._most]
            self._own, self._last = dict(kept), kept[-1][1].kept[0][0]

    def _group(self, among: dict[Any, _Group], key: Any, few: int) -> _Group:
        if (group := among.get(key)) is None:
            group = among[key] = _Group(few)
        return group


class _Group:
    """People to whom the same happens: the first `few` of them, and of more what they have in common."""

    def __init__(self, few: int) -> None:
        self.count = 0
        self.kept: list[tuple[Place, ServiceChange]] = []
        self._few = few
        self._common: Sequence[str] | None = None
        self._sessions: Counter[str] = Counter()
        self._tariffs: Counter[str] = Counter()

    @property
    def members(self) -> list[ServiceChange]:
        return [one for _, one in self.kept]

    def add(self, place: Place, one: ServiceChange, words: Words) -> None:
        self.more(one, 1, words)
        if len(self.kept) < self._few or place < self.kept[-1][0]:
            insort(self.kept, (place, one), key=itemgetter(0))
            del self.kept[self._few :]

    def more(self, one: ServiceChange, count: int, words: Words) -> None:
        """Count one, or many of whom the same is said."""
        if self.count + count > self._few:
            for other in self.members if self.count <= self._few else ():
                self._learn(other, 1, *words(other))
            self._learn(one, count, *words(one))
        self.count += count

    def _learn(self, one: ServiceChange, count: int, what: Sequence[str], session: str) -> None:
        if self._common is None:
            self._common = what
        elif self._common != what:
            self._common = [part for part in self._common if part in what]
        self._sessions[session] += count
        if self._few == MANY:
            self._tariffs[_tariff(one)] += count

    def lines(self) -> Iterator[_Group]:
        """This group where it is one line, else each member alone."""
        if self._common is not None:
            yield self
            return
        for place, one in self.kept:
            alone = _Group(SAMPLE)
            alone.count, alone.kept = 1, [(place, one)]
            yield alone

    @property
    def reasons(self) -> Sequence[Because]:
        because = self.kept[0][1].because
        return because[:1] if self._common is not None else because

    def line(self, said: ServiceJson, hidden: frozenset[str]) -> Line:
        """`said`: the first member, as JSON."""
        why = tuple(people.why(reason(because), hidden) for because in self.reasons)
        effect = people.effect_words(said)
        if self._common is None:
            what, session = people.differences(said), people.session_words(said)
            return Line(people.owner(said), effect, "; ".join(what), session, why)
        if self._few == MANY:
            why = tuple((f"each has a reason in a file of its own, such as: {text}", place) for text, place in why)
        sessions = sorted(self._sessions.items(), key=lambda item: (-item[1], item[0]))
        return Line(
            who=plural(self.count, "service"),
            effect=effect,
            what="; ".join(filter(None, [*self._common, self._on_tariffs()])),
            session=", ".join(f"{count:,} {word}" if len(sessions) > 1 else word for word, count in sessions),
            because=why,
            sample=tuple(clean(one.owner) for one in self.members[:SAMPLE]),
            count=self.count,
        )

    def _on_tariffs(self) -> str:
        if len(self._tariffs) < 2:
            return ""
        ranked = sorted(self._tariffs.items(), key=lambda item: (-item[1], item[0]))
        most = SAMPLE if len(ranked) > SAMPLE + 1 else SAMPLE + 1
        said = [f"{count:,} {words}" for words, count in ranked[:most]]
        if others := ranked[most:]:
            said.append(f"{sum(count for _, count in others):,} on {len(others):,} others")
        return ", ".join(said)


def _tariff(one: ServiceChange) -> str:
    """on home-50, or home-50 → home-100"""
    was, now = one.was, one.now
    if was is None or was.terms.tariff == now.terms.tariff:
        return f"on {clean(now.terms.tariff)}"
    return f"{clean(was.terms.tariff)} → {clean(now.terms.tariff)}"


def _like(one: ServiceChange, owner: str) -> ServiceChange:
    """The same, of another service."""
    id, _, key = owner.partition("/")
    was, will_be = (side and replace(side, id=id, key=key) for side in (one.was, one.will_be))
    return replace(one, was=was, will_be=will_be)


def _is_own(one: ServiceChange) -> bool:
    """Whether the first reason is nobody else's: it stands in the subscriber's own file, which has its name, or there
    is none."""
    if not one.because:
        return True
    folder, _, name = one.because[0].file.rpartition("/")
    return folder.startswith("subscribers/") and name.startswith(f"{one.now.id}.")


def _remembered(zone: tzinfo) -> Words:
    """What is said of a person by the JSON; made once for all of whom the same is said."""
    known: dict[Any, tuple[Sequence[str], str]] = {}

    def words(one: ServiceChange) -> tuple[Sequence[str], str]:
        key = one.session, one.if_online, _likeness(one.was, one.will_be)
        if (found := known.get(key)) is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            said = service(replace(one, because=()), "", zone)  # whose lines cost a look into a file
            found = known[key] = people.differences(said), people.session_words(said)
        return found

    return words


_ALWAYS: Final = attrgetter("state", "access", "terms", "nas", "mac_mode", "mac_max", "on_mismatch")
_DIFFERING: Final = attrgetter(
    "login", "ipv4", "ipv6", "delegated", "routes", "pop", "roaming", "macs", "password", "sealed_with", "identities",
    "ends", "backstop", "on_expiry",
)  # fmt: skip


def _likeness(was: Entitlement | None, will_be: Entitlement | None) -> tuple[Any, ...]:
    """Equal for two people of whom the same is said: all that the words depend on, and nothing that both sides share
    and the words leave out."""
    if was is None or will_be is None:
        side = was or will_be
        return was is None, side and (_ALWAYS(side)[:3], side.ipv4, side.ipv6, side.delegated)
    before, after = _DIFFERING(was), _DIFFERING(will_be)
    pairs = zip(before, after, strict=True) if before != after else ()
    differing = tuple((at, *pair) for at, pair in enumerate(pairs) if pair[0] != pair[1])
    return _ALWAYS(was), _ALWAYS(will_be), len(was.macs), len(will_be.macs), differing
