"""The pools a NAS keeps for itself: addresses and prefixes by name, lowest free first."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator, Mapping, Sequence


class Pools:
    """IPv4 pools by name. A pool that is not listed is unknown, unless none is: then each name gets a /24 of its own.

    IPv6 pools always get one of their own, out of 2001:db8::/32.
    """

    def __init__(self, nas: str, pools: Mapping[str, Sequence[str]] | None = None) -> None:
        self._nas = nas
        self._pools = {name: [ipaddress.IPv4Network(text) for text in texts] for name, texts in (pools or {}).items()}
        self._invent = not pools

    def address(self, pool: str, taken: set[str]) -> str | None:
        """A free address; None when the pool is full or unknown."""
        networks = self._pools.get(pool)
        if networks is None and self._invent:
            networks = [
                ipaddress.IPv4Network((int(ipaddress.IPv4Address("100.96.0.0")) + (self._number(pool) << 8), 24))
            ]
        hosts = (str(host) for network in networks or () for host in network.hosts())
        return next((host for host in hosts if host not in taken), None)

    def prefix(self, pool: str, length: int, taken: set[str]) -> str | None:
        """A free prefix of `length`; None when the pool is full."""
        base = int(ipaddress.IPv6Address("2001:db8:8000::")) + (self._number(pool) << 80)
        whole = ipaddress.IPv6Network((base, 48))
        found: Iterator[str] = (str(network) for network in whole.subnets(new_prefix=length))
        return next((text for text in found if text not in taken), None)

    def _number(self, pool: str) -> int:
        """0 to 8191, the same whenever the same NAS is asked for the same pool."""
        return int.from_bytes(hashlib.sha256(f"{self._nas}/{pool}".encode()).digest()[:2], "big") >> 3
