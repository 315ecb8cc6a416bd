"""What one file of a subscriber claims and uses: whoever remembers it of every file knows which files a change
concerns without reading them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final
from zoneinfo import ZoneInfo

from ispctl.digests import blake2b
from ispctl.model.days import NEVER, moment
from ispctl.model.document import Document
from ispctl.model.ledger import Ledger
from ispctl.model.subscriber import Group, Service, Subscriber
from ispctl.repo.snapshot import Prefix, held_by, held_of

_MAC: Final = len("00:00:5e:00:53:01")


def claims(document: Document[Any]) -> Iterator[int]:
    """What only one may have: ids, logins, devices, routers, lines, sealed values. Hashed; who shares one is seen."""
    value = document.value
    if isinstance(value, Ledger):
        yield hashed("id", value.subscriber)
        yield from newcomers(value)
        return
    yield hashed("id", value.id)
    for service in value.services:
        if len(service.login) == _MAC:  # it may be the address of a device, and then claims it
            yield hashed("mac", service.login)
        yield hashed("login", service.login.casefold())
        if service.password is not None:
            yield hashed("sealed", service.password)
        for old in service.old_passwords:
            yield hashed("sealed", old.password)
        if service.access.circuit_id is not None:
            yield hashed("line", _octets(service.access.circuit_id))
        for one in service.cpe:
            yield hashed("cpe", one.serial)
        for binding in (service.mac, *(change.set.mac for change in service.scheduled)):
            for device in binding.addresses if binding else ():
                yield hashed("mac", device.mac)


def newcomers(ledger: Ledger) -> Iterator[int]:
    """What an account claims wherever it lies: the idempotency keys under which its subscriber was added."""
    return (hashed("added", key) for key, _ in ledger.added())


def spans(document: Document[Any]) -> Iterator[tuple[bytes, bytes]]:
    """(first, last) address of every prefix that is held, in an order in which IPv4 comes before IPv6."""
    if isinstance(document.value, Subscriber):
        yield from {span(prefix) for prefix in held_by(document.value)}


def held(document: Document[Any], zone: ZoneInfo) -> Iterator[tuple[Prefix, int]]:
    """Every prefix that is held, with the moment (seconds since 1970) at which the contract is over, however far
    away."""
    if isinstance(document.value, Subscriber):
        for service in document.value.services:
            yield from ((prefix, held_until(service, zone)) for prefix in held_of(service))


def held_until(service: Service, zone: ZoneInfo) -> int:
    """When (seconds since 1970) what a service holds is free."""
    return int((NEVER if service.terminated is None else moment(service.terminated, zone)).timestamp())


def longest(known: Iterable[tuple[Prefix, int]]) -> dict[Prefix, int]:
    """Of each prefix, until when the last one holds it."""
    found: dict[Prefix, int] = {}
    for prefix, until in known:
        found[prefix] = max(until, found.get(prefix, until))
    return found


def span(prefix: Prefix) -> tuple[bytes, bytes]:
    """The first and the last address of a prefix, comparable with those of others."""
    family = bytes([prefix.version])
    return family + prefix.network_address.packed, family + prefix.broadcast_address.packed


def prefix_of(span: tuple[bytes, bytes]) -> Prefix:
    """The prefix of a span."""
    first, last = (int.from_bytes(end[1:]) for end in span)
    kind = IPv4Network if span[0][0] == 4 else IPv6Network
    return kind((first, 8 * (len(span[0]) - 1) - (first ^ last).bit_length()))


def uses(document: Document[Any], group: Document[Group] | None) -> Iterator[int]:
    """The tariffs that its services have, now or by a scheduled change, and the profiles of their devices;
    and whether there are any, and any that are known by their line."""
    if isinstance(document.value, Subscriber):
        for service in document.value.services:
            names = [service.tariff, *(change.set.tariff for change in service.scheduled)]
            default = group.value.defaults.tariff if group else None
            for name in {*names, default if service.tariff is None else None} - {None}:
                yield shared("tariff", str(name))
            for profile in {one.profile for one in service.cpe}:
                yield shared("cpe-profile", profile)
        if any(service.cpe for service in document.value.services):
            yield ROUTERS
        if any(service.access.circuit_id is not None for service in document.value.services):
            yield LINES


def moments(document: Document[Any], zone: ZoneInfo) -> Iterator[int]:
    """The moments (seconds since 1970) at which a rule may judge it otherwise: something begins or is over."""
    if isinstance(document.value, Subscriber):
        for service in document.value.services:
            for value in (service.activated, service.terminated, *(change.at for change in service.scheduled)):
                if value is not None:
                    yield int(moment(value, zone).timestamp())


def _octets(line: str) -> str:
    """A circuit id in hexadecimal, however it is written."""
    return line[2:].lower() if line.startswith("0x") else line.encode().hex()


@lru_cache(10_000)
def shared(kind: str, value: str) -> int:
    """The same of what thousands share: kept."""
    return hashed(kind, value)


def hashed(kind: str, value: str) -> int:
    """63 bits that stand for something; SQLite keeps them as a number."""
    return int.from_bytes(blake2b(f"{kind}\0{value}".encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 1


ROUTERS: Final = hashed("cpe", "any")
"""Used by whoever has a device that is ours to configure."""
LINES: Final = hashed("line", "any")
"""Used by whoever is known by his line, which not every NAS tells that is ours to configure."""
