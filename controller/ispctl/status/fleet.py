"""The NAS: who of them is heard, how many people are online there, and whether they do what they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from ispctl.model.network import Nas
from ispctl.plan import Resources
from ispctl.platforms import platform
from ispctl.radius.limits import said
from ispctl.radius.live import addresses_by_nas
from ispctl.reconcile.asking import Asked
from ispctl.reconcile.fleet import Wanted
from ispctl.status.devices import Configured, Devices
from ispctl.status.names import one_of
from ispctl.status.online import STALE, Count, counts, total
from ispctl.status.view import View
from ispctl.store import Store, facts, proofs
from ispctl.store.facts import Began, Refused
from ispctl.store.proofs import Answers
from ispctl.structs import Struct, replace

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
State = Literal["heard", "silent", "never", "stranger", "unknown"]


class Counted(Struct):
    """Sessions that began, and logins that were refused."""

    began: int
    refused: int


class Coa(Struct):
    """Where a NAS takes changes of running sessions, what of them its platform declares to be able to change, and what
    became of those that are remembered. `answer`: of the last one, in the server's short words; empty before. `limits`:
    what this NAS itself turned out to be unable to do, a sentence each."""

    address: str
    port: int
    per_second: int
    changes: tuple[str, ...]
    last: datetime | None
    answer: str
    asked: int
    failed: int
    limits: tuple[str, ...]


class Seen(Struct):
    """One NAS, or an address that speaks and is none (`state` "stranger", without a name). What the database would have
    to tell is None where it gives no answer. `client`: whether the server takes it for a client of ours."""

    name: str
    platform: str
    addresses: tuple[str, ...]
    groups: tuple[str, ...]
    state: State
    client: bool | None
    sessions: int | None
    stale: int | None
    behind: int | None
    last_accounting: datetime | None
    last_login: datetime | None
    hour: Counted | None
    day: Counted | None
    reasons: Mapping[str, int]
    packets: int | None
    coa: Coa | None
    device: Configured | None
    interim: int | None
    direction: str | None
    gigawords: bool | None
    file: str
    line: int


Ask = Callable[[Mapping[str, Wanted]], Mapping[str, Asked]]
"""Asks NAS themselves, by host."""


def fleet(view: View, named: str = "", ask: Ask | None = None) -> tuple[Seen, ...]:
    """Every NAS of the head by name, then the strangers; or one of them, by its name or one of its addresses. `ask`:
    what those that ispctl configures say themselves. Raises Refusal E621 for a name that is none."""
    facts_ = _Facts(view)
    found = [facts_.seen(nas) for nas in view.head.nas.values()]
    found += facts_.strangers()
    chosen = tuple(one for one in found if not named or named == one.name or named in one.addresses)
    if not chosen and named:
        one_of("nas", named, [one.name or one.addresses[0] for one in found])
    devices = facts_.devices
    said = ask({one.name: devices.wanted[one.name] for one in chosen if one.device}) if ask else {}
    return tuple(_with_device(one, devices, said.get(one.name), full=bool(named)) for one in chosen)


def _with_device(one: Seen, devices: Devices, asked: Asked | None, *, full: bool) -> Seen:
    if one.device is None:
        return one
    device = replace(one.device, asked=asked)
    return replace(one, device=devices.in_full(one.name, device) if full else device)


class _Counts(NamedTuple):
    began: tuple[Began, ...]
    refused: tuple[Refused, ...]

    def last(self, names: tuple[str, ...]) -> datetime | None:
        """When somebody last tried to log in there."""
        began = [one.last for one in self.began if one.nas in names]
        return _latest([*began, *(one.last for one in self.refused if one.nas in names)])


class _Facts:
    """What the database tells about all of them, asked once."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.addresses = addresses_by_nas(view.head.nas.values())
        self.online = counts(view)
        self.rows: Resources | None = view.rows
        self.reports = view.ask(facts.last_reports)
        self.hour = view.ask(lambda store: _count(store, view.now - HOUR))
        self.day = view.ask(lambda store: _count(store, view.now - DAY))
        self.spoke = view.ask(facts.strangers)
        self.devices = Devices(view)
        self.answers = view.ask(proofs.answers) or ()

    def seen(self, nas: Nas) -> Seen:
        addresses = self.addresses.get(nas.name, ())
        mine = None if self.online is None else total({a: self.online[a] for a in addresses if a in self.online})
        reported = None if self.reports is None else _latest([self.reports.get(address) for address in addresses])
        login = self.day.last((nas.name, *addresses)) if self.day else None
        return Seen(
            name=nas.name,
            platform=nas.platform,
            addresses=addresses,
            groups=tuple(sorted(nas.groups)),
            state=self._state(nas, mine, reported, login),
            client=self._client(nas),
            sessions=mine.open if mine else None,
            stale=mine.stale if mine else None,
            behind=mine.behind if mine else None,
            last_accounting=reported,
            last_login=login,
            hour=_counted(self.hour, nas.name, addresses),
            day=_counted(self.day, nas.name, addresses),
            reasons=_reasons(self.day, nas.name),
            packets=None,
            coa=self._coa(nas),
            device=self.devices.one(nas.name),
            interim=nas.accounting.interim,
            direction=nas.accounting.direction,
            gigawords=nas.accounting.gigawords,
            file=nas.where.file,
            line=nas.where.line,
        )

    def strangers(self) -> Iterator[Seen]:
        """Addresses that ask without being a client, and those whose accounting came by way of one that is."""
        known = set(self.view.nas)
        packets = {one.address: (one.last_seen, one.packets) for one in self.spoke or ()}
        online = self.online or {}
        for address in sorted({*packets, *online} - known):
            last, count = packets.get(address, (None, None))
            yield self._stranger(address, online.get(address, Count()), last, count)

    def _stranger(self, address: str, mine: Count, last: datetime | None, packets: int | None) -> Seen:
        return Seen(
            name="",
            platform="",
            addresses=(address,),
            groups=(),
            state="stranger",
            client=False,
            sessions=mine.open,
            stale=mine.stale,
            behind=0,
            last_accounting=(self.reports or {}).get(address),
            last_login=last,
            hour=None,
            day=None,
            reasons={},
            packets=packets,
            coa=None,
            device=None,
            interim=None,
            direction=None,
            gigawords=None,
            file="",
            line=0,
        )

    def _state(self, nas: Nas, mine: Count | None, reported: datetime | None, login: datetime | None) -> State:
        """A NAS with people online that does not report is silent; so is one that has not been heard for a day."""
        if mine is None or self.reports is None or self.day is None:
            return "unknown"
        if reported is None and login is None:
            return "never"
        patience = timedelta(seconds=STALE * nas.accounting.interim) if mine.open else DAY
        newest = _latest([reported, login])
        return "heard" if newest and self.view.now - newest <= patience else "silent"

    def _client(self, nas: Nas) -> bool | None:
        """Whether every address that it asks from is a client in the database."""
        if self.rows is None or nas.radius is None:
            return None if self.rows is None else False
        return all(("nas", str(source)) in self.rows for source in nas.radius.sources)

    def _coa(self, nas: Nas) -> Coa | None:
        if nas.coa is None:
            return None
        told = [one for one in self.answers if one.nas == nas.name and one.sent]
        last = max(told, key=lambda one: one.sent.timestamp() if one.sent else 0, default=None)
        changes = tuple(sorted(platform(nas.platform).changeable))
        where = (str(nas.coa.address), nas.coa.port, nas.coa.per_second)
        asked, failed = (sum(one.asked for one in some) for some in (told, filter(_failed, told)))
        limits = tuple(said(limit) for limit in self.view.limits if limit.nas == nas.name)
        return Coa(*where, changes, last.sent if last else None, last.answer if last else "", asked, failed, limits)


def _latest(moments: list[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)


def _count(store: Store, since: datetime) -> _Counts:
    return _Counts(facts.began(store, since), facts.refusals(store, since))


def _counted(found: _Counts | None, name: str, addresses: tuple[str, ...]) -> Counted | None:
    if found is None:
        return None
    began = sum(one.times for one in found.began if one.nas in addresses)
    return Counted(began, sum(one.times for one in found.refused if one.nas == name))


def _reasons(found: _Counts | None, name: str) -> dict[str, int]:
    return {one.reason: one.times for one in found.refused if one.nas == name} if found else {}


def _failed(said: Answers) -> bool:
    """Neither done nor gone: the NAS refused, cannot, or was silent."""
    return said.answer not in ("ack", "gone", "")
