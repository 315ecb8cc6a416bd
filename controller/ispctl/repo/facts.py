"""What all subscribers together say, as far as anything shared depends on it. Pure; counted file by file, so that a
change is counted by the files it touches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from ispctl.model.days import moment
from ispctl.model.document import Document
from ispctl.model.subscriber import Group, Service, Setting, Subscriber
from ispctl.structs import Struct, field

FOREVER: Final = 2**62
Kind = Literal["service", "sealed", "walls", "names"]


class Tally(NamedTuple):
    """Something that is counted, until a moment (seconds since 1970) at which it is over."""

    kind: Kind
    value: str = ""
    until: int = FOREVER


class Facts(Struct):
    """What all subscribers together say, as far as anything shared depends on it."""

    counts: Mapping[Tally, int] = field(default_factory=dict)

    @property
    def services(self) -> int:
        return sum(count for tally, count in self.counts.items() if tally.kind == "service")

    @property
    def sealed(self) -> bool:
        """Whether any service has a password."""
        return self._any("sealed")

    def walls(self, now: datetime) -> bool:
        """Whether a device that is not bound would be walled anywhere."""
        return self._any("walls", now)

    def planned(self, now: datetime) -> frozenset[str]:
        """Every name of a host or a group of hosts where a service is planned that is not over."""
        return frozenset(name for names in self._values("names", now) for name in names)

    @property
    def places(self) -> frozenset[tuple[str, ...]]:
        """Every set of such names, together, as services have them; also those that are over."""
        return frozenset(self._values("names"))

    def served(self, places: Collection[str], now: datetime) -> int:
        """How many services that are not over may be on a host that goes by these names, its own and those of its
        groups. Whoever is to move between two of them counts twice."""
        said = ((tally, count) for tally, count in self.counts.items() if tally.kind == "names" and _lasts(tally, now))
        return sum(count for tally, count in said if not frozenset(places).isdisjoint(tally.value.split("\n")))

    def plus(self, tallies: Iterable[Tally], minus: Iterable[Tally] = ()) -> Facts:
        """With what more files say, and without what others said."""
        counts = Counter(self.counts)
        counts.update(tallies)
        counts.subtract(minus)
        return Facts({tally: count for tally, count in counts.items() if count})

    def _any(self, kind: Kind, now: datetime | None = None) -> bool:
        return any(True for tally in self.counts if tally.kind == kind and _lasts(tally, now))

    def _values(self, kind: Kind, now: datetime | None = None) -> Iterator[tuple[str, ...]]:
        for tally in self.counts:
            if tally.kind == kind and _lasts(tally, now):
                yield tuple(tally.value.split("\n"))


def _lasts(tally: Tally, now: datetime | None) -> bool:
    return now is None or tally.until > now.timestamp()


def tallies(document: Document[Any], group: Document[Group] | None, zone: ZoneInfo) -> Iterator[Tally]:
    """What it adds to the facts."""
    if isinstance(document.value, Subscriber):
        for service in document.value.services:
            yield from _tallies(service, group, zone)


def _tallies(service: Service, group: Document[Group] | None, zone: ZoneInfo) -> Sequence[Tally]:
    until = FOREVER
    if service.terminated is not None:
        end = int(moment(service.terminated, zone).timestamp())
        begins = service.activated is None or int(moment(service.activated, zone).timestamp()) < end
        until = end if begins else -FOREVER
    later = [change.set for change in service.scheduled] if service.scheduled else []
    names = frozenset([_own(service, "nas", group), *(_own(one, "nas", None) for one in later)])
    macs = [_own(service, "mac", group), *(_own(one, "mac", None) for one in later)]
    walls = any(mac is not None and mac.on_mismatch == "wall" for mac in macs)
    return _alike(service.password is not None, names, walls, until)


@lru_cache(10_000)
def _alike(sealed: bool, places: frozenset[tuple[str, ...] | None], walls: bool, until: int) -> Sequence[Tally]:
    """Those of a service, of which thousands are alike."""
    found = [Tally("service")]
    if sealed:
        found.append(Tally("sealed"))
    found += (Tally("names", "\n".join(names), until) for names in places if names is not None)
    if walls:
        found.append(Tally("walls", "", until))
    return found


def _own(version: Service | Setting, name: str, group: Document[Group] | None) -> Any:
    """A field of a version, else the default of a group, if one is given."""
    own = getattr(version, name)
    if group is None or (own is not None and name in version.given):
        return own
    default = getattr(group.value.defaults, name)
    return own if default is None else default
