"""What would change: resources, changes, and the plan as a value. Pure: imports model and desired only.

A plan speaks of people first (`services`: what each gains or loses, and why) and of rows second (`changes`).
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Final, Literal

from ispctl.desired import Because, Entitlement
from ispctl.states import State

Value = str | int | bool | None | tuple["Value", ...]
Fields = Mapping[str, Value]
Key = tuple[str, str]
Resources = Mapping[Key, Fields]
"""What a target holds, in normal form: ("login", "anita@home.example") -> its fields."""

Session = Literal["kept", "dropped", "none", "unknown"]
Cause = Literal["commit", "clock", "facts", "drift"]
EFFECTS: Final = ("cut-off", "walled", "ended", "slower", "address", "other", "faster", "restored", "new")
"""Worst first; an open list."""
LOSSES: Final = frozenset({"cut-off", "walled", "ended"})


@dataclass(frozen=True)
class Change:
    """One key of one target, before and after. None: not there. Hashable, free of closures."""

    target: str
    key: Key
    before: Fields | None = field(hash=False)
    after: Fields | None = field(hash=False)
    because: tuple[Because, ...] = ()
    needs: frozenset[str] = frozenset()

    @property
    def action(self) -> Literal["create", "update", "delete"]:
        return "create" if self.before is None else "delete" if self.after is None else "update"

    @cached_property
    def id(self) -> str:
        """Names what would be done; not when, not why."""
        return hashlib.sha256(said(self).encode()).hexdigest()[:16]

    @property
    def owner(self) -> str:
        """The service ("sub-000123/main") the change belongs to; empty for what services share."""
        return str((self.after or self.before or {}).get("owner", ""))


@dataclass(frozen=True)
class ServiceChange:
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


@dataclass(frozen=True)
class Cohort:
    """Many people to whom the same happens for the same reason."""

    because: Because
    effects: tuple[str, ...]
    count: int
    sample: tuple[str, ...]
    members: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Unread:
    """A target that gave no answer: nothing is planned for it, which is not the same as nothing to do."""

    target: str
    code: str
    text: str


@dataclass(frozen=True)
class Stop:
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


@dataclass(frozen=True)
class Switch:
    """A group or a NAS that is from now on written, or from now on only observed."""

    what: str
    was: Literal["observe", "enforce"]
    now: Literal["observe", "enforce"]
    services: int
    because: Because


@dataclass(frozen=True)
class Coming:
    """What the clock alone takes until a moment, announced before it does."""

    until: datetime
    ends: int


@dataclass(frozen=True)
class Plan:
    """A value: sorted when made, the same for the same input, whatever the machine."""

    kind: Literal["proposed", "live"]
    commit: str
    base: str
    now: datetime
    services: tuple[ServiceChange, ...]
    changes: tuple[Change, ...]
    cohorts: tuple[Cohort, ...] = ()
    assumes: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    until: datetime | None = None
    """When time changes something next, if nobody commits anything."""
    stops: tuple[Stop, ...] = ()
    coming: Coming | None = None
    switches: tuple[Switch, ...] = ()
    rerendered: tuple[str, ...] = ()
    """Ids of what only another version of this program had written otherwise: nobody's changes."""

    @cached_property
    def digest(self) -> str:
        """Equal for two plans that would do the same; covers (target, key, before, after) and nothing else."""
        return digest(self.changes)

    @property
    def empty(self) -> bool:
        return not self.changes and not self.services and not self.switches

    @property
    def settled(self) -> bool:
        """Whether nothing is to be done but what is only observed."""
        observed = [stop for stop in self.stops if stop.kind == "observed"]
        seen = {id for stop in observed for id in stop.changes}
        owners = {owner for stop in observed for owner in stop.services}
        rows, people = (c.id for c in self.changes), (s.owner for s in self.services)
        return seen.issuperset(rows) and owners.issuperset(people) and not self.switches

    def stop_of(self, owner: str) -> Literal["", "paused", "observed"]:
        """Why a service is left as it is: "paused", "observed", or empty."""
        return next((stop.kind for stop in self.stops if owner in stop.services), "")

    @cached_property
    def stopped(self) -> frozenset[str]:
        """The ids of the changes that a pause holds, or that are only observed."""
        return frozenset(id for stop in self.stops for id in stop.changes)

    @cached_property
    def still(self) -> frozenset[str]:
        """The services that keep the rows they have, because of a stop."""
        return frozenset(owner for stop in self.stops for owner in stop.services)

    @cached_property
    def going(self) -> Plan:
        """What is left of a plan when nothing that is stopped is done: what the gates have to judge."""
        stopped, still = self.stopped, self.still
        services = tuple(service for service in self.services if service.owner not in still)
        return replace(self, services=services, changes=tuple(c for c in self.changes if c.id not in stopped))

    @cached_property
    def summary(self) -> Mapping[str, int]:
        """How many people are touched and how; how many rows are written. Worst effect counts."""
        lost = sum(bool(LOSSES & set(s.effects)) for s in self.services)
        actions = [change.action for change in self.changes]
        return {
            "subscribers": len({s.now.id for s in self.services}),
            "services": len(self.services),
            "cut_off": lost,
            "dropped": sum(dropped(s) for s in self.services),
            "slower": sum("slower" in s.effects for s in self.services),
            **{action: actions.count(action) for action in ("create", "update", "delete")},
        }


Disturbs = Callable[[Entitlement, Entitlement], bool]
"""Whether a session under the first entitlement must end for the second to take effect; the platform knows."""


@dataclass(frozen=True)
class Pair:
    """One service on both sides of a plan, as the caller found it."""

    was: Entitlement | None
    will_be: Entitlement | None
    cause: Cause
    online: int | None
    """Open sessions now; None: not asked."""


def build(  # noqa: PLR0913  a plan has that many sides; all but the first three are named
    kind: Literal["proposed", "live"],
    pairs: Iterable[Pair],
    changes: Sequence[Change],
    *,
    commit: str,
    base: str,
    now: datetime,
    disturbs: Disturbs,
    changed_files: frozenset[str] = frozenset(),
    assumes: tuple[str, ...] = (),
    unread: tuple[Unread, ...] = (),
    until: datetime | None = None,
    coming: Coming | None = None,
) -> Plan:
    """A plan, sorted by harm and then by id. `changed_files` are those the commit touched: reasons there carry it."""
    services = [found for pair in pairs if (found := _service(pair, disturbs, commit, changed_files))]
    services.sort(key=lambda s: (worst(s.effects), s.owner))
    reasons: dict[str, tuple[Because, ...]] = {s.owner: s.because for s in services}
    explained = (replace(c, because=c.because or reasons.get(c.owner, ())) for c in changes)
    ordered = tuple(sorted(explained, key=lambda c: (c.target, c.key)))
    cohorts = tuple(_cohorts(services))
    return Plan(kind, commit, base, now, tuple(services), ordered, cohorts, assumes, unread, until=until, coming=coming)


def effects(was: Entitlement | None, will_be: Entitlement | None) -> tuple[str, ...]:
    """What a change means for the person, worst first; empty if it means nothing."""
    if was == will_be:
        return ()
    if was is None:
        return ("new",)
    if will_be is None:  # who had no service does not lose it when the record goes
        return ({"open": "cut-off", "walled": "ended", "none": "other"}[was.access],)
    found = set(_access_effects(was, will_be))
    if was.access == will_be.access == "open":
        found |= set(_rate_effects(was, will_be))
    if will_be.access != "none" and _addresses(was) != _addresses(will_be):
        found.add("address")
    if not found and _rest(was) != _rest(_as_sealed(was, will_be)):
        found.add("other")
    return tuple(sorted(found, key=EFFECTS.index))


def worst(found: Sequence[str]) -> int:
    """Rank of the worst effect; 0 is the worst."""
    return min(map(EFFECTS.index, found), default=len(EFFECTS))


def dropped(change: ServiceChange) -> bool:
    """Whether a session ends, as far as it is known."""
    return change.session == "dropped" or (change.session == "unknown" and change.if_online == "dropped")


def said(change: Change) -> str:
    """(target, key, before, after) as canonical JSON: what `id` and a plan's digest are made of."""
    before, after = _sorted(change.before), _sorted(change.after)
    return json.dumps([change.target, change.key, before, after], ensure_ascii=True, separators=(",", ":"))


def diff(target: str, want: Resources, have: Resources) -> tuple[Change, ...]:
    """The changes that make `have` equal to `want`, sorted by key."""
    keys = sorted(want.keys() | have.keys())
    pairs = ((key, have.get(key), want.get(key)) for key in keys)
    return tuple(Change(target, key, before, after) for key, before, after in pairs if before != after)


def digest(changes: Iterable[Change]) -> str:
    """One hash over all changes, in any order."""
    return hashlib.sha256("\n".join(sorted(map(said, changes))).encode()).hexdigest()


def _service(pair: Pair, disturbs: Disturbs, commit: str, changed: frozenset[str]) -> ServiceChange | None:
    found = effects(pair.was, pair.will_be)
    if not found:
        return None
    drops = _drops(pair.was, pair.will_be, disturbs)
    session: Session = (
        "unknown" if pair.online is None else "none" if not pair.online else "dropped" if drops else "kept"
    )
    because = tuple(_because(pair.was, pair.will_be, commit, changed))
    return ServiceChange(pair.was, pair.will_be, found, session, "dropped" if drops else "kept", pair.cause, because)


def _drops(was: Entitlement | None, will_be: Entitlement | None, disturbs: Disturbs) -> bool:
    if was is None or was.access == "none":
        return False
    return will_be is None or will_be.access == "none" or was.login != will_be.login or disturbs(was, will_be)


def _access_effects(was: Entitlement, will_be: Entitlement) -> Iterator[str]:
    if was.access == will_be.access:
        return
    if will_be.access == "open":
        yield "restored"
    elif will_be.access == "walled":
        yield "walled" if was.access == "open" else "other"
    else:
        yield "ended" if will_be.state is State.TERMINATED else "cut-off"


def _rate_effects(was: Entitlement, will_be: Entitlement) -> Iterator[str]:
    before, after = was.terms, will_be.terms
    if after.down < before.down or after.up < before.up:
        yield "slower"
    if after.down > before.down or after.up > before.up:
        yield "faster"
    if (after.down, after.up) == (before.down, before.up) and after.burst != before.burst:
        yield "other"


def _addresses(e: Entitlement) -> tuple[object, ...]:
    return e.ipv4, e.ipv6, e.delegated, e.routes


def _rest(e: Entitlement) -> tuple[object, ...]:
    """All that a person may notice; the pools of a tariff count only as far as they are this service's own."""
    return tuple(part(e) for _, part in _PARTS)


def _as_sealed(was: Entitlement, will_be: Entitlement) -> Entitlement:
    """A password that is sealed with another key is taken for the same: keys are rotated, and a rotation is nothing to
    anybody. A new password is sealed with the key of the day."""
    resealed = was.password and will_be.password and was.sealed_with != will_be.sealed_with
    return replace(will_be, password=was.password) if resealed else will_be


_PARTS: Final[tuple[tuple[str, Callable[[Entitlement], object]], ...]] = (
    ("state", lambda e: e.state),
    ("access", lambda e: e.access),
    ("rate", lambda e: (e.terms.down, e.terms.up, e.terms.burst)),
    ("tariff", lambda e: (e.terms.tariff, e.terms.sessions)),
    ("ipv4", lambda e: e.ipv4),
    ("ipv6", lambda e: (e.ipv6, e.delegated)),
    ("routes", lambda e: e.routes),
    ("login", lambda e: e.login),
    ("password", lambda e: e.password),
    ("mac", lambda e: (e.mac_mode, e.mac_max, e.on_mismatch, e.macs)),
    ("nas", lambda e: (e.nas, e.pop)),
    ("roaming", lambda e: e.roaming),
    ("state", lambda e: e.ends),
    ("expiry", lambda e: (e.on_expiry, e.backstop - e.ends if e.backstop and e.ends else None)),
)
"""What an entitlement consists of, each part under the name of the reason that explains it."""


def _because(
    was: Entitlement | None, will_be: Entitlement | None, commit: str, changed: frozenset[str]
) -> list[Because]:
    """The reason of each part that differs, once, from the new side; what the commit itself touched comes first."""
    if will_be is None:
        return [Because("removed", "no longer in the repository", None, commit)]
    names = [name for name, part in _PARTS if was is not None and part(was) != part(will_be)]
    if was and was.state is not will_be.state and "access" in names:
        names.remove("access")  # that a state has a meaning is no news
    known = will_be.because
    found = [known[name] for name in dict.fromkeys(names) if name in known] or [known["state"]] * ("state" in known)
    mine = [r.file in changed for r in found]
    told = [replace(reason, commit=commit if own else "") for reason, own in zip(found, mine, strict=True)]
    return sorted(dict.fromkeys(told), key=lambda reason: not reason.commit)


def _cohorts(services: Sequence[ServiceChange]) -> Iterator[Cohort]:
    """More than five people with the same effects for the same first reason are one line."""
    alike: dict[tuple[tuple[str, ...], Because], list[str]] = defaultdict(list)
    for service in (service for service in services if service.because):
        alike[service.effects, service.because[0]].append(service.owner)
    for (found, because), owners in alike.items():
        if len(owners) > 5:
            yield Cohort(because, found, len(owners), tuple(owners[:5]), tuple(owners))


def _sorted(fields: Fields | None) -> list[tuple[str, Value]] | None:
    return None if fields is None else sorted(fields.items())
