"""MikroTik RouterOS (vendor 14988)."""

from __future__ import annotations

from collections.abc import Sequence

from ispctl.desired import Terms
from ispctl.model.policy import Wall
from ispctl.platforms import STANDARD_POOLS, Attribute, Platform, short


class RouterOs(Platform):
    """Mikrotik-Rate-Limit is "rx/tx [rx-burst/tx-burst [rx-threshold/tx-threshold [rx-time/tx-time]]]", seen by the
    router: rx is the subscriber's upload; k = 1000 (MikroTik's page on its RADIUS client). An address list is not on
    MikroTik's list of what a CoA changes, so a wall needs a new session."""

    name = "routeros"
    attributes = frozenset({"Mikrotik-Rate-Limit", "Mikrotik-Address-List"})
    changeable = frozenset({"Mikrotik-Rate-Limit"})
    bursts = True
    leases = frozenset({4})
    pools = (*STANDARD_POOLS[:2], "Mikrotik-Delegated-IPv6-Pool")

    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        return [("Mikrotik-Rate-Limit", _pair(down, up))]

    def speed(self, terms: Terms) -> Sequence[Attribute]:
        if terms.burst is None:
            return self.rate(terms.down, terms.up)
        *rates, seconds = terms.burst
        pairs = ((terms.down, terms.up), rates[:2], rates[2:])
        return [("Mikrotik-Rate-Limit", f"{' '.join(_pair(*pair) for pair in pairs)} {seconds}/{seconds}")]

    def walled(self, wall: Wall) -> Sequence[Attribute]:
        return [("Mikrotik-Address-List", wall.address_list), *self.rate(wall.rate.down, wall.rate.up)]


def _pair(down: int, up: int) -> str:
    return f"{short(up)}/{short(down)}"


PLATFORM = RouterOs()
