"""One commit as look-ups: no attribute holds all subscribers, so that an index may stand behind the same face."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from datetime import datetime
from functools import cache, cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from ispctl.model.cpe import CpeProfile
from ispctl.model.document import Document, Line
from ispctl.model.ledger import Ledger
from ispctl.model.network import Nas, Pool, Pools, Targets
from ispctl.model.policy import Policy
from ispctl.model.problem import Problem, Refusal, Where
from ispctl.model.reading import read
from ispctl.model.record import Loc
from ispctl.model.scalars import Managed
from ispctl.model.subscriber import Binding, Group, Ipv4, Ipv6, Service, Subscriber, group_of
from ispctl.model.tariff import Tariff
from ispctl.model.usage import Meter
from ispctl.repo.facts import Facts, Tally, tallies
from ispctl.repo.inventory import Inventory
from ispctl.structs import Struct

T = TypeVar("T")
Prefix = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


class Holding(NamedTuple):
    """One service and the place in its file where something unique stands."""

    document: Document[Subscriber]
    number: int
    loc: Loc

    @property
    def service(self) -> Service:
        return self.document.value.services[self.number]

    @property
    def owner(self) -> str:
        return f"{self.document.value.id}/{self.service.key}"


class Files(Struct):
    """What was read of one commit, by kind."""

    single: Mapping[str, Document[Any]]
    tariffs: Mapping[str, Document[Tariff]]
    profiles: Mapping[str, Document[CpeProfile]]
    groups: Mapping[str, Document[Group]]
    subscribers: Mapping[str, Document[Subscriber]]
    ledgers: Mapping[str, Document[Ledger]]
    raw: Mapping[str, bytes]
    folders: frozenset[str]
    broken: frozenset[str]


@cache
def _unknown_policy() -> Document[Policy]:
    given = {"format": "1", "timezone": "UTC", "currency": "XXX"}
    return Document("inventory/policy.yaml", read(Policy, given))


class Snapshot:
    """Everything one commit says. `problems` are those of single files; rules across files stand in `checks`."""

    def __init__(
        self,
        commit: str,
        files: Files,
        problems: tuple[Problem, ...],
        facts: Facts | None = None,
        inventory: Callable[..., Inventory] = Inventory,
    ) -> None:
        """`facts`: what all subscribers say together, where `files` holds only some of them. `inventory` makes the
        fleet of its three files."""
        self.commit = commit
        self.problems = problems
        self._files = files
        self._facts = facts
        self.first_logins: Mapping[str, datetime] = {}
        """Service (id/key) -> when it was first online since its activation, as far as whoever asks knows: no commit
        says it."""
        self.taken: Mapping[str, tuple[datetime, datetime]] = {}
        """Service (id/key) -> which new password its device took, and when."""
        self.usage: Mapping[str, Mapping[Meter, int]] = {}
        """Service -> what it used, of those whose tariff asks for it; no commit says that either."""
        self.inventory = inventory(*(files.single.get(name) for name in ("hosts", "host-groups", "defaults")))

    def knowing(
        self, first_logins: Mapping[str, datetime], taken: Mapping[str, tuple[datetime, datetime]] | None = None
    ) -> Snapshot:
        """The same, with these facts."""
        other = copy(self)
        other.first_logins, other.taken = first_logins, taken or {}
        return other

    def having_used(self, usage: Mapping[str, Mapping[Meter, int]]) -> Snapshot:
        """The same, with what these services used."""
        other = copy(self)
        other.usage = usage
        return other

    def counting(self, tallies: Iterable[Tally]) -> Snapshot:
        """The same, with what all its subscribers say together, which somebody has counted."""
        other = copy(self)
        other._facts = Facts().plus(tallies)
        return other

    # single files

    @property
    def policy(self) -> Document[Policy]:
        """The policy; a stand-in (UTC) where the file is unreadable, which `problems` then says."""
        return self._files.single.get("policy") or _unknown_policy()

    @property
    def targets(self) -> Document[Targets] | None:
        return self._files.single.get("targets")

    @property
    def reaches_devices(self) -> bool:
        """Whether NAS are configured at all: inventory/targets.yaml says how."""
        return self.targets is not None and self.targets.value.nas is not None

    @property
    def reaches_routers(self) -> bool:
        """Whether devices of subscribers are configured at all, likewise."""
        return self.targets is not None and self.targets.value.cpe is not None

    @property
    def pools(self) -> Mapping[str, Pool]:
        document = self.pools_file
        return document.value.root if document else {}

    @property
    def pools_file(self) -> Document[Pools] | None:
        return self._files.single.get("pools")

    def file(self, kind: str) -> Document[Any] | None:
        """A document that there is one of: hosts, host-groups, defaults, pools, policy, targets."""
        return self._files.single.get(kind)

    def has(self, path: str) -> bool:
        """Whether there is such a file of a subscriber or of an account here."""
        return path in self._files.subscribers or path in self._files.ledgers

    def raw(self, path: str) -> bytes | None:
        """inventory/keyring.age or inventory/recipients.txt as stored."""
        return self._files.raw.get(path)

    # collections

    @property
    def nas(self) -> Mapping[str, Nas]:
        return self.inventory.nas

    def interim(self, name: str) -> Where:
        """Where the accounting interval of a NAS is written."""
        return self.inventory.where(name, "accounting")

    def reach(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return self.inventory.reach(names)

    def tariff(self, name: str) -> Document[Tariff] | None:
        return self._files.tariffs.get(name)

    def tariffs(self) -> Iterator[Document[Tariff]]:
        return iter(self._files.tariffs.values())

    @property
    def profiles(self) -> Mapping[str, Document[CpeProfile]]:
        """The ISP's own profiles of devices; `repo.profiles` knows all that there are."""
        return self._files.profiles

    def group(self, name: str) -> Document[Group] | None:
        return self._files.groups.get(name)

    def groups(self) -> Iterator[Document[Group]]:
        return iter(self._files.groups.values())

    @cached_property
    def facts(self) -> Facts:
        """What all subscribers of the commit say together."""
        if self._facts is not None:
            return self._facts
        zone = ZoneInfo(self.policy.value.timezone)
        documents = self._files.subscribers.values()
        return Facts().plus(t for d in documents for t in tallies(d, self.group(group_of(d.path)), zone))

    @property
    def group_folders(self) -> frozenset[str]:
        """Every first folder under subscribers/, with or without a group.yaml."""
        return self._files.folders

    @property
    def broken(self) -> frozenset[str]:
        """Paths of files that could not be read: what they say is unknown, which is not the same as nothing."""
        return self._files.broken

    def need(self, paths: Collection[str]) -> None:
        """What cannot be read is not empty. Raises Refusal with what is wrong in those of these files that are."""
        unread = self.broken.intersection(paths)
        if wrong := [problem for problem in self.problems if problem.where and problem.where.file in unread]:
            raise Refusal(*wrong)

    def subscribers(self) -> Iterator[Document[Subscriber]]:
        """All subscribers, by path."""
        return iter(self._files.subscribers.values())

    def ledgers(self) -> Iterator[Document[Ledger]]:
        return iter(self._files.ledgers.values())

    def at_path(self, path: str) -> Document[Subscriber] | None:
        return self._files.subscribers.get(path)

    def ledger_at(self, path: str) -> Document[Ledger] | None:
        return self._files.ledgers.get(path)

    # what is written, and what is only observed

    def managed_group(self, name: str) -> tuple[Managed, Line]:
        """How the services of a group are managed, and the line that says so."""
        group = self.group(name)
        if group is not None and group.value.managed is not None:
            return group.value.managed, group.line("managed")
        return self.policy.value.managed, self.policy.line("managed")

    def managed_nas(self, nas: Nas) -> tuple[Managed, Where | Line]:
        """How a NAS is managed, and the line that says so."""
        if nas.managed is not None:
            return nas.managed, nas.at
        return self.policy.value.managed, self.policy.line("managed")

    # look-ups

    def subscriber(self, id: str) -> Document[Subscriber] | None:
        """The subscriber with an id (the first by path, if a broken repository has two)."""
        return next(iter(self._ids.get(id, ())), None)

    def with_id(self, id: str) -> tuple[Document[Subscriber], ...]:
        return self._ids.get(id, ())

    def by_login(self, login: str) -> tuple[Holding, ...]:
        """The services with a login, compared case-folded."""
        return self._logins.get(login.casefold(), ())

    def by_mac(self, mac: str) -> tuple[Holding, ...]:
        return self._macs.get(mac, ())

    def holders(self, prefix: Prefix) -> tuple[Holding, ...]:
        """The services that hold exactly this static address (as /32 or /128), route or delegated prefix."""
        return self._prefixes.get(prefix, ())

    def prefixes(self) -> Iterator[tuple[Prefix, tuple[Holding, ...]]]:
        """Every static address, route and delegated prefix with its holders, in order of address."""
        yield from sorted(self._prefixes.items(), key=lambda item: (item[0].version, item[0]))

    def logins(self) -> Iterator[tuple[str, tuple[Holding, ...]]]:
        """Every login, case-folded, with its holders."""
        return iter(self._logins.items())

    def macs(self) -> Iterator[tuple[str, tuple[Holding, ...]]]:
        return iter(self._macs.items())

    def cpes(self) -> Iterator[tuple[str, tuple[Holding, ...]]]:
        """Every serial number of a device that is managed, with its holders."""
        return iter(_by(self._holdings_of_cpes()).items())

    def find(self, term: str) -> tuple[Holding, ...]:
        """The services that a login, an id or "id/key" names."""
        id, _, key = term.partition("/")
        document = self.subscriber(id)
        if document is None or not key:
            own = tuple(Holding(document, n, ("services", n)) for n in _numbers(document)) if document else ()
            return own or self.by_login(term)
        numbers = (n for n in _numbers(document) if document.value.services[n].key == key)
        return tuple(Holding(document, n, ("services", n)) for n in numbers) or self.by_login(term)

    def services(self) -> Iterator[Holding]:
        """Every service of every subscriber."""
        return iter(self._services)

    @cached_property
    def _services(self) -> Sequence[Holding]:
        return [Holding(one, number, ("services", number)) for one in self.subscribers() for number in _numbers(one)]

    @cached_property
    def _logins(self) -> Mapping[str, tuple[Holding, ...]]:
        return _by(self._holdings_of_logins())

    @cached_property
    def _macs(self) -> Mapping[str, tuple[Holding, ...]]:
        return _by(self._holdings_of_macs())

    @cached_property
    def _prefixes(self) -> Mapping[Prefix, tuple[Holding, ...]]:
        return _by(self._holdings_of_prefixes())

    @cached_property
    def _ids(self) -> Mapping[str, tuple[Document[Subscriber], ...]]:
        return _by((document.value.id, document) for document in self._files.subscribers.values())

    def _holdings_of_logins(self) -> Iterator[tuple[str, Holding]]:
        for document, number, loc in self.services():
            yield document.value.services[number].login.casefold(), Holding(document, number, (*loc, "login"))

    def _holdings_of_macs(self) -> Iterator[tuple[str, Holding]]:
        for document, number, loc in self.services():
            service = document.value.services[number]
            if not (service.mac.addresses or service.scheduled):
                continue
            for binding, below in _bindings(service):
                for i, device in enumerate(binding.addresses):
                    yield device.mac, Holding(document, number, (*loc, *below, "addresses", i, "mac"))

    def _holdings_of_cpes(self) -> Iterator[tuple[str, Holding]]:
        for document, number, loc in self.services():
            for i, one in enumerate(document.value.services[number].cpe):
                yield one.serial, Holding(document, number, (*loc, "cpe", i, "serial"))

    def _holdings_of_prefixes(self) -> Iterator[tuple[Prefix, Holding]]:
        for document, number, loc in self.services():
            service = document.value.services[number]
            for prefix, below in _static(service) if _may_hold(service) else ():
                yield prefix, Holding(document, number, (*loc, *below))


def held_by(subscriber: Subscriber) -> Iterator[Prefix]:
    """The addresses and prefixes that a subscriber's services hold, now or by a scheduled change."""
    return (prefix for service in subscriber.services for prefix in held_of(service))


def held_of(service: Service) -> Iterator[Prefix]:
    """The same of one service."""
    return (prefix for prefix, _ in _static(service)) if _may_hold(service) else iter(())


def _numbers(document: Document[Subscriber]) -> range:
    return range(len(document.value.services))


def _bindings(service: Service) -> Iterator[tuple[Binding, Loc]]:
    """The bindings of a service, now or by a scheduled change."""
    yield service.mac, ("mac",)
    for i, change in enumerate(service.scheduled):
        if change.set.mac:
            yield change.set.mac, ("scheduled", i, "set", "mac")


def _may_hold(service: Service) -> bool:
    """Most hold nothing of their own."""
    return bool(service.ipv4 or service.ipv6 or service.routes or service.scheduled)


def _static(service: Service) -> Iterator[tuple[Prefix, Loc]]:
    """The addresses a service holds, now or by a scheduled change."""
    yield from _static_of(service.ipv4, service.ipv6, service.routes, ())
    for i, change in enumerate(service.scheduled):
        new = change.set
        yield from _static_of(new.ipv4, new.ipv6, new.routes or (), ("scheduled", i, "set"))


def _static_of(
    ipv4: Ipv4 | None, ipv6: Ipv6 | None, routes: tuple[Prefix, ...], at: Loc
) -> Iterator[tuple[Prefix, Loc]]:
    if ipv4 and ipv4.static:
        yield IPv4Network(ipv4.static), (*at, "ipv4", "static")
    if ipv6 and ipv6.wan and ipv6.wan.static:
        yield IPv6Network(ipv6.wan.static), (*at, "ipv6", "wan", "static")
    if ipv6 and ipv6.delegated and ipv6.delegated.static:
        yield ipv6.delegated.static, (*at, "ipv6", "delegated", "static")
    for i, route in enumerate(routes):
        yield route, (*at, "routes", i)


def _by(pairs: Iterator[tuple[Any, T]]) -> dict[Any, tuple[T, ...]]:
    found: dict[Any, list[T]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return {key: tuple(values) for key, values in found.items()}
