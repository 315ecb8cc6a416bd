"""What a pool has room for: how many, who holds what of it, and which are free. Pure.

An IPv4 pool is counted in addresses, an IPv6 pool in prefixes of one length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from ipaddress import IPv4Network, ip_network
from typing import Final

from ispctl.model.network import Pool
from ispctl.repo.snapshot import Prefix, Snapshot

DELEGATED: Final = 56
LINK: Final = 64


def unit_of(snapshot: Snapshot, name: str) -> int:
    """The prefix length in which a pool is counted: 32, or that of what it delegates, or a link's."""
    pool = snapshot.pools[name]
    if pool.family == 4:
        return 32
    if pool.cut:
        return pool.cut
    granted = [tariff.value.ipv6 for tariff in snapshot.tariffs() if tariff.value.ipv6]
    lengths = [use.delegated.length or DELEGATED for use in granted if use.delegated and use.delegated.pool == name]
    return max(lengths, default=DELEGATED if pool.served_by == "static" else LINK)


def units(prefixes: Iterable[Prefix], unit: int) -> int:
    """How many of one length they take; several that lie in the same one take it once."""
    whole = 0
    parts: set[Prefix] = set()
    for prefix in prefixes:
        if prefix.prefixlen < unit:
            whole += 1 << (unit - prefix.prefixlen)
        else:
            parts.add(prefix.supernet(new_prefix=unit))
    return whole + len(parts)


def held(known: Mapping[Prefix, int], at: datetime) -> frozenset[Prefix]:
    """Of prefixes and the second at which each is let go, those that are held at a moment."""
    return frozenset(prefix for prefix, until in known.items() if until > at.timestamp())


def reserved(pool: Pool) -> tuple[Prefix, ...]:
    """What nobody is given: gateway, exclusions, and of a static IPv4 range its first and its last address."""
    found: set[Prefix] = {ip_network(address) for address in (*pool.exclude, *([pool.gateway] if pool.gateway else []))}
    for net in pool.prefixes if pool.served_by == "static" else ():
        if isinstance(net, IPv4Network) and net.prefixlen < 31:
            found |= {ip_network(net.network_address), ip_network(net.broadcast_address)}
    return tuple(sorted(found))


def within(prefix: Prefix, nets: Iterable[Prefix]) -> bool:
    return any(prefix.version == net.version and prefix.network_address in net for net in nets)


def free(pool: Pool, unit: int, taken: Iterable[Prefix], wanted: int) -> list[str]:
    """The first so many that nobody holds."""
    held = [prefix for prefix in (*taken, *reserved(pool)) if prefix.version == pool.family]
    found: list[str] = []
    for candidate in _candidates(pool, unit):
        if len(found) == wanted:
            break
        if not any(candidate.overlaps(prefix) for prefix in held):
            found.append(str(candidate.network_address) if pool.family == 4 else str(candidate))
    return found


def _candidates(pool: Pool, unit: int) -> Iterator[Prefix]:
    for net in pool.prefixes:
        yield from net.subnets(new_prefix=max(unit, net.prefixlen))
