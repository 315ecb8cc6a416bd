"""How full is each pool of IPv4? Of an IPv6 pool nobody ever sees the end."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from ispctl.model.network import Pool
from ispctl.status.check import Check
from ispctl.status.view import View

FULL = 0.95
"""The part of a pool that may be taken before somebody has to act."""


@dataclass(frozen=True)
class Fill:
    """Addresses of a pool: those that may be given, and those that are. In a pool of fixed addresses a service holds
    one whether or not it is online; in all others an open session does. `used` is None where that cannot be told."""

    pool: str
    usable: int
    used: int | None

    @property
    def share(self) -> float:
        return (self.used or 0) / self.usable if self.usable else 1.0


def fill(view: View) -> tuple[Fill, ...]:
    """The IPv4 pools of the head whose addresses are known here, by name."""
    pools = {name: pool for name, pool in view.head.pools.items() if pool.family == 4 and pool.prefixes}
    fixed = _Map(pools, "static")
    for prefix, _ in view.head.prefixes():
        if prefix.version == 4:
            fixed.count(int(prefix.network_address), prefix.num_addresses)
    given = _Map(pools, "")
    sessions = view.open_sessions
    for session in sessions or ():
        if (address := _number(session.ipv4)) is not None:
            given.count(address, 1)

    def one(name: str, pool: Pool) -> Fill:
        kept = {*pool.exclude, *([pool.gateway] if pool.gateway else [])}
        usable = sum(net.num_addresses for net in pool.prefixes) - len(kept)
        if pool.served_by == "static":
            return Fill(name, usable, fixed.used[name])
        return Fill(name, usable, None if sessions is None else given.used[name])

    return tuple(one(name, pool) for name, pool in sorted(pools.items()))


def check(view: View) -> Check:
    """Which pools are about to be empty."""
    found = fill(view)
    full = [f"{one.pool} {one.used} of {one.usable}" for one in found if one.share >= FULL]
    if full:
        advice = "ispctl pool; add a range to it in inventory/pools.yaml"
        return Check("pools", "bad", f"nearly full: {', '.join(full)}", advice)
    most = max(found, key=lambda one: one.share, default=None)
    said = f"{most.pool} is the fullest, {most.share:.0%}" if most else "none of IPv4 whose addresses are known here"
    return Check("pools", "ok", said)


class _Map:
    """Addresses counted by the pool they lie in. `kind`: pools served so; empty: all that are not static."""

    def __init__(self, pools: dict[str, Pool], kind: str) -> None:
        self.used: Counter[str] = Counter()
        wanted = ((n, p) for n, p in pools.items() if (p.served_by == kind if kind else p.served_by != "static"))
        self._parts = sorted(_bounds(wanted))
        self._starts = [first for first, _, _ in self._parts]

    def count(self, address: int, number: int) -> None:
        at = bisect_right(self._starts, address) - 1
        if at >= 0 and address <= self._parts[at][1]:
            self.used[self._parts[at][2]] += number


def _bounds(pools: Iterable[tuple[str, Pool]]) -> Iterable[tuple[int, int, str]]:
    for name, pool in pools:
        for net in pool.prefixes:
            yield int(net.network_address), int(net.network_address) + net.num_addresses - 1, name


def _number(text: str) -> int | None:
    try:
        return int(IPv4Address(text))
    except (AddressValueError, ValueError):
        return None
