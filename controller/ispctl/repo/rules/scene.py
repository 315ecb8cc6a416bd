"""What every rule looks at: one commit at one moment, and what it must not speak of because it could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from ispctl.model.days import BEGINNING, NEVER, moment
from ispctl.model.document import Document, Spot
from ispctl.model.problem import Where
from ispctl.model.record import Loc
from ispctl.model.subscriber import Group, Service, Subscriber, group_of
from ispctl.model.tariff import Tariff
from ispctl.repo import profiles
from ispctl.repo.snapshot import Holding, Snapshot
from ispctl.structs import Struct, replace


class Tenure(Struct):
    """The time in which somebody holds something: from `start` (inclusive) to `end` (exclusive), in UTC."""

    start: datetime
    end: datetime

    def overlaps(self, other: Tenure) -> bool:
        return self.start < other.end and other.start < self.end


class Version(Struct):
    """A service as written, or as it stands after a scheduled change (`change` is its number in the file, else None).
    `places` tells where the fields stand that changes have set."""

    document: Document[Subscriber]
    number: int
    service: Service
    group: Document[Group] | None
    change: int | None
    places: Mapping[str, Loc]

    def value(self, name: str) -> Any:
        """A field of the service, else the group's default, else None. The same choice as `desired` makes."""
        own = getattr(self.service, name)
        if own is not None and (name in self.places or name in self.service.given):
            return own
        default = getattr(self.group.value.defaults, name, None) if self.group else None
        return own if default is None else default

    def sets(self, name: str) -> bool:
        """Whether the field is written where this version comes from: the service itself, or the change."""
        if self.change is None:
            return name in self.service.given
        return name in self.document.value.services[self.number].scheduled[self.change].set.given

    def where(self, name: str, *below: str | int) -> Where:
        """The place of a field, or of the service where the value is not its own."""
        return self.spot(name, *below).where

    def spot(self, name: str, *below: str | int) -> Spot:
        """The same, not looked up yet."""
        return self.document.spot(*self.places.get(name, ("services", self.number, name)), *below)


class Scene:
    """One commit at one moment."""

    def __init__(self, snapshot: Snapshot, now: datetime) -> None:
        self.snapshot = snapshot
        self.now = now
        self.zone = ZoneInfo(snapshot.policy.value.timezone)

    def unread(self, *paths: str) -> bool:
        """Whether one of these files is there and could not be read: what it says is unknown."""
        return not self.snapshot.broken.isdisjoint(paths)

    @cached_property
    def fleet_unread(self) -> bool:
        return self.unread("inventory/hosts.yaml", "inventory/groups.yaml")

    @cached_property
    def pools_unread(self) -> bool:
        return self.unread("inventory/pools.yaml")

    def tariff(self, name: str) -> Document[Tariff] | None:
        return self.snapshot.tariff(name)

    def tariff_unread(self, name: str) -> bool:
        return self.unread(f"tariffs/{name}.yaml")

    @cached_property
    def tariff_names(self) -> list[str]:
        """Every tariff that there is, readable or not."""
        unread = (path for path in self.snapshot.broken if path.startswith("tariffs/"))
        stems = (path.removeprefix("tariffs/").removesuffix(".yaml") for path in unread)
        known = (tariff.path.removeprefix("tariffs/").removesuffix(".yaml") for tariff in self.snapshot.tariffs())
        return sorted({*known, *stems})

    @cached_property
    def profiles(self) -> frozenset[str]:
        """Every profile of devices that there is, readable or not."""
        return profiles.names(self.snapshot)

    # time

    def life(self, service: Service) -> Tenure:
        """From the first day of a service to its last."""
        start = BEGINNING if service.activated is None else moment(service.activated, self.zone)
        end = NEVER if service.terminated is None else moment(service.terminated, self.zone)
        return Tenure(start, end)

    def over(self, tenure: Tenure) -> bool:
        """Whether it has ended, or never begins."""
        return tenure.end <= self.now or tenure.end <= tenure.start

    def tenure(self, holding: Holding) -> Tenure:
        """The time in which a service holds what stands at a place: a scheduled change may bring it or take it."""
        life = self.life(holding.service)
        if not holding.service.scheduled:
            return life
        own = holding.loc[3] if holding.loc[2] == "scheduled" else None
        field = str(holding.loc[2] if own is None else holding.loc[5])
        changes = holding.service.scheduled
        turns: list[tuple[datetime, int | None]] = [(life.start, None)]
        turns += [(max(at, life.start), i) for at, i in self.schedule(holding.service)
                  if field in changes[i].set.given]  # fmt: skip
        turn = next(n for n, (_, number) in enumerate(turns) if number == own)
        end = turns[turn + 1][0] if turn + 1 < len(turns) else life.end
        return Tenure(turns[turn][0], min(end, life.end))

    def moment(self, value: datetime | date) -> datetime:
        """The instant at which a day or time stamp begins, in UTC."""
        return moment(value, self.zone)

    def schedule(self, service: Service) -> list[tuple[datetime, int]]:
        """The scheduled changes in the order in which they take effect: (moment, number in the file)."""
        return sorted((moment(change.at, self.zone), i) for i, change in enumerate(service.scheduled))

    # services

    def versions(self, *, over: bool = False) -> Iterator[Version]:
        """Every service as written, and then after each of its scheduled changes: those that are not over, or those
        that are."""
        return iter(self._versions[over])

    @cached_property
    def _versions(self) -> tuple[Sequence[Version], Sequence[Version]]:
        """Those that are not over, and those that are: several rules walk through them."""
        found: tuple[list[Version], list[Version]] = [], []
        for document in self.snapshot.subscribers():
            group = self.snapshot.group(group_of(document.path))
            for number, service in enumerate(document.value.services):
                mine = found[self.over(self.life(service))]
                mine.append(written := Version(document, number, service, group, None, {}))
                if service.scheduled:
                    mine.extend(self._later(written))
        return found

    def _later(self, version: Version) -> Iterator[Version]:
        written, service, places = version.service, version.service, dict[str, Loc]()
        for _, i in self.schedule(written):
            setting = written.scheduled[i].set
            service = service.but(**{name: getattr(setting, name) for name in setting.given})
            at: Loc = ("services", version.number, "scheduled", i, "set")
            places = places | {name: (*at, name) for name in setting.given}
            yield replace(version, service=service, change=i, places=places)


def takes_its_own(version: Version) -> bool:
    """Whether a service or its group says what addresses it has; most have what their tariff says."""
    service, group = version.service, version.group
    if service.ipv4 is not None or service.ipv6 is not None:
        return True
    return group is not None and (group.value.defaults.ipv4 is not None or group.value.defaults.ipv6 is not None)


def meant(name: str, known: Iterable[str], otherwise: str) -> str:
    """ "Did you mean home-50?", else the names there are, else what to do where there is none."""
    names = sorted(known)
    if close := get_close_matches(name, names, n=1):
        return f"Did you mean {close[0]}?"
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return f"There are: {shown}" if shown else otherwise


def called(holding: Holding) -> str:
    """How a message names a service: sub-000077, or sub-000201/cctv where there are several."""
    subscriber = holding.document.value
    return subscriber.id if len(subscriber.services) == 1 else holding.owner


def spot(where: Where) -> str:
    """file:line, for a second place in a message."""
    return f"{where.file}:{where.line}" if where.line else where.file
