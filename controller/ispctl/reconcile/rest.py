"""What a plan says of sessions beside what it does to them: who is left alone for now, and what that rests on. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from ispctl.plan import Pair, ServiceChange, Unread
from ispctl.radius.rendering import Intent

if TYPE_CHECKING:
    from ispctl.radius.live import Behind
    from ispctl.repo import Snapshot
    from ispctl.store import Session

LONG: Final = timedelta(seconds=10)
"""Work on sessions that takes longer is announced."""
_SHOWN: Final = 5
"""Services that are named; of more, how many."""


def split(found: Iterable[Behind], now: datetime) -> tuple[tuple[Behind, ...], tuple[Behind, ...]]:
    """Those to do something about now, and those that were asked in vain often enough to rest."""
    every = tuple(found)
    return tuple(one for one in every if not _rests(one, now)), tuple(one for one in every if _rests(one, now))


def unread(resting: Sequence[Behind], timezone: str) -> tuple[Unread, ...]:
    """A NAS whose sessions rest, as something the plan knows nothing to do about."""
    by_nas: dict[str, list[Behind]] = {}
    for one in resting:
        by_nas.setdefault(one.nas.name, []).append(one)
    return tuple(Unread(f"nas:{name}", "E509", _resting(its, timezone)) for name, its in sorted(by_nas.items()))


def notes(waiting: Sequence[Behind], *unmarked: Mapping[str, int]) -> tuple[str, ...]:
    """What a reader should know: ends in place of changes, sessions nothing can be told from, and a long duration."""
    return (*_ends(waiting), *_unmarked(unmarked), *_duration(waiting))


def renamed(services: Iterable[Pair | ServiceChange], snapshot: Snapshot) -> tuple[str, ...]:
    """That routers of subscribers go on dialling with a login that is gone, where a commit has another."""
    if not snapshot.reaches_routers:
        return ()
    both = [(one.was, one.will_be) for one in services if one.was and one.will_be]
    found = sorted(new.owner for old, new in both if new.cpe and new.sealed and old.login != new.login)
    if not found:
        return ()
    who = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else "")
    text = f"{who}: the router dials with the old login until it is told the new one, and is refused meanwhile"
    return (f"{text}; one that calls the ACS through that connection has to be given it by hand (docs/cpe.md)",)


def unmarked(sessions: Iterable[Session], intent: Intent, ours: Container[str]) -> Mapping[str, int]:
    """Sessions of `ours` (logins) whose NAS does not send Class back, by NAS."""
    from ispctl.radius.live import nas_by_address

    hosts = nas_by_address(intent.nas.values())
    mine = (session for session in sessions if session.login in ours)
    return Counter(hosts[s.nas].name for s in mine if not s.klass and s.nas in hosts)


def _rests(one: Behind, now: datetime) -> bool:
    return one.rests is not None and now < one.rests


def _resting(its: Sequence[Behind], timezone: str) -> str:
    until = min(one.rests for one in its if one.rests).astimezone(ZoneInfo(timezone))
    runs, unasked = {one.attempts for one in its}, sum(one.unasked for one in its)
    tried = f"in {'up to ' if len(runs) > 1 else ''}{max(runs)} runs in vain"
    asked = f"Tried {tried} ({unasked:,} not asked in the last one)" if unasked else f"Asked {tried}"
    return f"sessions that still run older values: {len(its):,}. {asked}, and not again before {until:%Y-%m-%d %H:%M}"


def _ends(waiting: Sequence[Behind]) -> Iterator[str]:
    for why, many in sorted(Counter(one.instead for one in waiting if one.instead).items()):
        yield f"{why}. Sessions that end instead: {many:,}"


def _unmarked(counts: Iterable[Mapping[str, int]]) -> Iterator[str]:
    """It is unknown what these sessions run."""
    found: Counter[str] = Counter()
    for count in counts:
        found.update(count)
    for nas, many in sorted(found.items()):
        yield (
            f"{nas} sends no Class for some sessions ({many:,}), since it sends none back or another system let them"
            " in: they keep what they have until the next login"
        )


def _duration(waiting: Sequence[Behind]) -> Iterator[str]:
    """At least so long: each NAS takes only so many requests a second."""
    many = Counter(one.nas.name for one in waiting)
    pace = {one.nas.name: one.nas.coa.per_second for one in waiting if one.nas.coa}
    took = {nas: timedelta(seconds=ceil(count / pace[nas])) for nas, count in many.items() if nas in pace}
    nas = max(took, key=lambda name: took[name], default="")
    if nas and took[nas] > LONG:
        yield (
            f"Telling the sessions takes {took[nas]} at least: {nas} has {many[nas]:,} and takes {pace[nas]} a second"
        )
