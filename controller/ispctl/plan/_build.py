"""From both sides of each service to a plan: what it means for whom, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from ispctl.desired import Because, Entitlement
from ispctl.model.document import Spot
from ispctl.plan._values import (
    EFFECTS,
    Cause,
    Change,
    Cohort,
    Coming,
    Many,
    Plan,
    ServiceChange,
    Session,
    Unread,
    worst,
)
from ispctl.states import State
from ispctl.structs import Struct, replace

Disturbs = Callable[[Entitlement, Entitlement], bool]
"""Whether a session under the first entitlement must end for the second to take effect; the platform knows."""


class Pair(Struct):
    """One service on both sides of a plan, as the caller found it."""

    was: Entitlement | None
    will_be: Entitlement | None
    cause: Cause
    online: int | None
    """Open sessions now; None: not asked."""
    foreign: bool = False
    """Whether somebody else's rows serve it, as long as it is not adopted."""


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
    ordered = tuple(sorted((_explained(c, reasons) for c in changes), key=lambda c: (c.target, c.key)))
    many = cohorts(alike(services))
    return Plan(kind, commit, base, now, tuple(services), ordered, many, assumes, unread, until=until, coming=coming)


def _explained(change: Change, reasons: Mapping[str, tuple[Because, ...]]) -> Change:
    """A change with the reasons of its service, unless it has some of its own."""
    if change.because or not (because := reasons.get(change.owner)):
        return change
    return change.saying(because=because)


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


def _service(pair: Pair, disturbs: Disturbs, commit: str, changed: frozenset[str]) -> ServiceChange | None:
    found = ("unadopted",) if pair.was is None and pair.foreign else effects(pair.was, pair.will_be)
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
    names = [name for name, part in _PARTS if part(was) != part(will_be)] if was is not None else []
    if was and was.state is not will_be.state and "access" in names:
        names.remove("access")  # that a state has a meaning is no news
    known = will_be.because
    found = [reason for name in dict.fromkeys(names) if (reason := known.get(name))] if names else []
    found = found or [reason for reason in (known.get("state"),) if reason]
    if len(found) == 1:
        return [_told(found[0], commit if found[0].file in changed else "")]
    mine = [r.file in changed for r in found]
    told = [_told(reason, commit if own else "") for reason, own in zip(found, mine, strict=True)]
    return sorted(dict.fromkeys(told), key=lambda reason: not reason.commit)


def _told(reason: Because, commit: str) -> Because:
    return reason if reason.commit == commit else replace(reason, commit=commit)


Alike = Mapping[tuple[tuple[str, ...], Because], Sequence[str]]
"""Services to whom the same happens for the same first reason."""


def alike(services: Iterable[ServiceChange], many: Iterable[Many] = ()) -> Alike:
    """Who could be told of together; a reason in a file of somebody's own is nobody else's."""
    found: dict[tuple[tuple[str, ...], Because], list[str]] = defaultdict(list)
    for service in services:
        if service.because:
            found[service.effects, service.because[0]].append(service.owner)
    for one in many:
        found[one.example.effects, one.example.because[0]] += one.owners
    return {key: owners for key, owners in found.items() if len(owners) > 1 or not isinstance(key[1].at, Spot)}


def cohorts(found: Alike) -> tuple[Cohort, ...]:
    """More than five people with the same effects for the same first reason are one line."""
    ordered = ((key, tuple(sorted(owners))) for key, owners in found.items() if len(owners) > 5)
    return tuple(Cohort(because, effects, len(every), every[:5], every) for (effects, because), every in ordered)
