"""Resources, changes, and the plan as a value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Literal

from ispctl.desired import Because, Entitlement
from ispctl.digests import sha256, sha512
from ispctl.model.compact import compact
from ispctl.structs import Struct, field, replace

Value = str | int | bool | None | tuple["Value", ...]
Fields = Mapping[str, Value]
Key = tuple[str, str]
Resources = Mapping[Key, Fields]
"""What a target holds, in normal form: ("login", "anita@home.example") -> its fields."""

Session = Literal["kept", "dropped", "none", "unknown"]
Cause = Literal["commit", "clock", "facts", "drift"]
EFFECTS: Final = ("cut-off", "walled", "ended", "slower", "address", "other", "unadopted", "faster", "restored", "new")
"""Worst first; an open list."""
LOSSES: Final = frozenset({"cut-off", "walled", "ended"})


class Change(Struct):
    """One key of one target, before and after. None: not there. Hashable, free of closures."""

    target: str
    key: Key
    before: Fields | None = field(hash=False)
    after: Fields | None = field(hash=False)
    because: tuple[Because, ...] = ()
    needs: frozenset[str] = frozenset()

    def saying(self, **more: Any) -> Change:
        """The same with another reason or another need. It keeps its names, which neither is part of."""
        one = replace(self, **more)
        one.__dict__.update(self.__dict__)
        return one

    @property
    def action(self) -> Literal["create", "update", "delete"]:
        return "create" if self.before is None else "delete" if self.after is None else "update"

    @property
    def id(self) -> str:
        """Names what would be done; not when, not why."""
        return self._names[0]

    @property
    def mark(self) -> int:
        """The same as a large number, to be added up: see `mark_of`."""
        return self._names[1]

    @cached_property
    def _names(self) -> tuple[str, int]:
        text = said(self).encode()
        return sha256(text).hexdigest()[:16], int.from_bytes(sha512(text).digest())

    @property
    def owner(self) -> str:
        """The service ("sub-000123/main") the change belongs to; empty for what services share."""
        return str((self.after or self.before or {}).get("owner", ""))


class ServiceChange(Struct):
    """What happens to one person. `was` and `will_be` are None where the service does not exist."""

    was: Entitlement | None
    will_be: Entitlement | None
    effects: tuple[str, ...]
    session: Session
    if_online: Literal["kept", "dropped"]
    cause: Cause
    because: tuple[Because, ...]

    @property
    def now(self) -> Entitlement:
        """Whichever side there is, the later one first."""
        found = self.will_be or self.was
        assert found is not None
        return found

    @property
    def owner(self) -> str:
        return self.now.owner


class Many(Struct):
    """Services to whom the same happens as to one of them, for the same reason, without a row of their own. They are
    known by their names alone: nobody had to look at them. `logins`: theirs, hashed by `repo.traits.hashed`."""

    example: ServiceChange
    owners: Sequence[str]
    logins: Sequence[int] = field(repr=False)


class Cohort(Struct):
    """Many people to whom the same happens for the same reason."""

    because: Because
    effects: tuple[str, ...]
    count: int
    sample: tuple[str, ...]
    members: tuple[str, ...] = field(default=(), repr=False)


class Unread(Struct):
    """A target that gave no answer: nothing is planned for it, which is not the same as nothing to do."""

    target: str
    code: str
    text: str


class Stop(Struct):
    """What people decided to leave as it is: its changes are planned and not done. Paused ends by itself at `until`."""

    kind: Literal["paused", "observed"]
    what: str
    """In words that name nobody: "everything", "group lalitpur", "service sub-000123/main", "target nas:lalitpur-1"."""
    services: tuple[str, ...] = ()
    """Whose rows stay as they are."""
    changes: tuple[str, ...] = ()
    """Ids of what is not done: rows, and sessions that are not told."""
    id: str = ""
    by: str = ""
    reason: str = ""
    until: datetime | None = None


class Switch(Struct):
    """A group or a NAS that is from now on written, or from now on only observed."""

    what: str
    was: Literal["observe", "enforce"]
    now: Literal["observe", "enforce"]
    services: int
    because: Because


class Coming(Struct):
    """What the clock alone takes until a moment, announced before it does."""

    until: datetime
    ends: int


class Ending(Struct):
    """Sessions that end because a NAS is configured. `changes`: ids of all that is done there, which waits together;
    `sessions`: how many are there now, None: not asked; `at_most`: then how many services may have one, by what git
    says; `owners`: whose they are; `others`: those of nobody known."""

    target: str
    changes: tuple[str, ...]
    sessions: int | None = None
    at_most: int | None = None
    owners: frozenset[str] = field(default=frozenset(), repr=False)
    others: int = 0

    @property
    def names(self) -> frozenset[str]:
        """Each of whom a session ends, once."""
        return self.owners | {f"{self.target}/{number}" for number in range(self.others)}


class Sums(Struct):
    """What is known of many changes without holding them. `mark`: see `mark_of`; `met`: who meets each gate, and which
    keys go. `apart`: whose session ends though nothing changes for them, and meets its gate as soon as `writes`, a row
    changes anywhere."""

    summary: Mapping[str, int]
    mark: int
    met: Mapping[str, frozenset[str]]
    apart: frozenset[str] = frozenset()
    writes: bool = False

    def plus(self, other: Sums) -> Sums:
        """Of both, which share nobody."""
        summary = {name: count + other.summary[name] for name, count in self.summary.items()}
        met = {gate: names | other.met[gate] for gate, names in self.met.items()}
        apart, writes = self.apart | other.apart, self.writes or other.writes
        if writes:
            met["dropped"] |= apart
        return Sums(summary, (self.mark + other.mark) % _MODULUS, met, apart, writes)


class Plan(Struct):
    """A value: sorted when made, the same for the same input, whatever the machine."""

    kind: Literal["proposed", "live"]
    commit: str
    base: str
    now: datetime
    services: Collection[ServiceChange]
    """Worst first, then by id; in a plan that came in slices so within each."""
    changes: Collection[Change]
    cohorts: tuple[Cohort, ...] = ()
    assumes: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    until: datetime | None = None
    """When time changes something next, if nobody commits anything."""
    stops: tuple[Stop, ...] = ()
    endings: tuple[Ending, ...] = ()
    coming: Coming | None = None
    switches: tuple[Switch, ...] = ()
    rerendered: tuple[str, ...] = ()
    """Ids of what only another version of this program had written otherwise: nobody's changes."""
    sums: Sums | None = None
    """What was counted, where services and changes are too many to be held."""
    many: tuple[Many, ...] = ()
    """Further services, which are not among `services`; see Many."""

    @cached_property
    def digest(self) -> str:
        """Equal for two plans that would do the same; covers (target, key, before, after) and nothing else."""
        return _named(self.sums.mark) if self.sums else digest(self.changes)

    @property
    def empty(self) -> bool:
        return not (self.changes or self.services or self.many or self.switches)

    @property
    def settled(self) -> bool:
        """Whether nothing is to be done but what is only observed."""
        observed = [stop for stop in self.stops if stop.kind == "observed"]
        seen = {id for stop in observed for id in stop.changes}
        owners = {owner for stop in observed for owner in stop.services}
        rows, people = (c.id for c in self.changes), (s.owner for s in self.services)
        return seen.issuperset(rows) and owners.issuperset(people) and not (self.many or self.switches)

    @cached_property
    def left(self) -> Mapping[str, Literal["paused", "observed"]]:
        """Why services are left as they are, by owner."""
        return {owner: stop.kind for stop in reversed(self.stops) for owner in stop.services}

    @cached_property
    def stopped(self) -> frozenset[str]:
        """The ids of the changes that a pause holds, or that are only observed."""
        return frozenset(id for stop in self.stops for id in stop.changes)

    @cached_property
    def still(self) -> frozenset[str]:
        """The services that keep the rows they have, because of a stop."""
        return frozenset(owner for stop in self.stops for owner in stop.services)

    @property
    def going(self) -> Plan:
        """What is left of a plan when nothing that is stopped is done: what the gates have to judge."""
        return self._going if self.stops else self  # which kept by itself would wait for the collector

    @cached_property
    def _going(self) -> Plan:
        stopped, still = self.stopped, self.still
        services = tuple(service for service in self.services if service.owner not in still)
        endings = tuple(one for one in self.endings if not stopped.issuperset(one.changes))
        changes = tuple(change for change in self.changes if change.id not in stopped)
        return replace(self, services=services, changes=changes, endings=endings)

    @cached_property
    def summary(self) -> Mapping[str, int]:
        """How many people are touched and how; how many rows are written. Worst effect counts."""
        if self.sums:
            return self.sums.summary
        lost = sum(bool(LOSSES & set(s.effects)) for s in self.services)
        actions = [change.action for change in self.changes]
        return {
            "subscribers": len({s.now.id for s in self.services}),
            "services": len(self.services),
            "cut_off": lost,
            "dropped": len({s.owner for s in self.services if dropped(s)}.union(*(one.names for one in self.endings))),
            "slower": sum("slower" in s.effects for s in self.services),
            **{action: actions.count(action) for action in ("create", "update", "delete")},
        }


def worst(found: Sequence[str]) -> int:
    """Rank of the worst effect; 0 is the worst."""
    return min(map(EFFECTS.index, found), default=len(EFFECTS))


def dropped(change: ServiceChange) -> bool:
    """Whether a session ends, as far as it is known."""
    return change.session == "dropped" or (change.session == "unknown" and change.if_online == "dropped")


def said(change: Change) -> str:
    """(target, key, before, after) as canonical JSON: what `id` and a plan's digest are made of."""
    return f"[{compact(change.target)},{compact(change.key)},{listed(change.before)},{listed(change.after)}]"


def listed(fields: Fields | None) -> str:
    """Fields in the order of their names, as JSON. Kept for a while: what a digest is made of is soon asked again."""
    kept = _listed.get(id(fields))
    if kept is not None and kept[0] is fields:
        return kept[1]
    text = "null" if fields is None else compact(sorted(fields.items()))
    if len(_listed) >= _MOST:
        _listed.clear()
    _listed[id(fields)] = (fields, text)
    return text


_MOST: Final = 4096
_listed: Final[dict[int, tuple[Fields | None, str]]] = {}
"""By identity, which no other has while they are kept here."""


_MODULUS: Final = 1 << 512


def mark_of(changes: Iterable[Change]) -> int:
    """A number that stands for all changes, in any order. The marks of two parts add up to that of both."""
    return sum(change.mark for change in changes) % _MODULUS


def digest(changes: Iterable[Change]) -> str:
    """One hash over all changes, in any order."""
    return _named(mark_of(changes))


def _named(mark: int) -> str:
    return sha256(mark.to_bytes(64)).hexdigest()


def diff(target: str, want: Resources, have: Resources) -> tuple[Change, ...]:
    """The changes that make `have` equal to `want`, sorted by key."""
    keys = sorted(want.keys() | have.keys())
    pairs = ((key, have.get(key), want.get(key)) for key in keys)
    return tuple(Change(target, key, before, after) for key, before, after in pairs if before != after)
