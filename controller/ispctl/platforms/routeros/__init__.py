"""MikroTik RouterOS (vendor 14988)."""

from __future__ import annotations

from collections.abc import Sequence

from ispctl.desired import Terms
from ispctl.model.policy import Wall
from ispctl.platforms import Attribute

_STEPS = ((10**9, "G"), (10**6, "M"), (10**3, "k"))


class RouterOs:
    """Mikrotik-Rate-Limit is "rx/tx [rx-burst/tx-burst [rx-threshold/tx-threshold [rx-time/tx-time]]]", seen by the
    router: rx is the subscriber's upload; k = 1000 (MikroTik's page on its RADIUS client). An address list is not on
    MikroTik's list of what a CoA changes, so a wall needs a new session."""

    name = "routeros"
    changeable = frozenset({"Mikrotik-Rate-Limit", "Session-Timeout"})

    def tariff(self, terms: Terms) -> Sequence[Attribute]:
        return [("Mikrotik-Rate-Limit", _limit(terms))]

    def wall(self, wall: Wall) -> Sequence[Attribute]:
        return [
            ("Mikrotik-Address-List", wall.address_list),
            ("Mikrotik-Rate-Limit", f"{_short(wall.rate.up)}/{_short(wall.rate.down)}"),
        ]


def _limit(terms: Terms) -> str:
    parts = [f"{_short(terms.up)}/{_short(terms.down)}"]
    if terms.burst:
        down, up, threshold_down, threshold_up, seconds = terms.burst
        parts += [
            f"{_short(up)}/{_short(down)}",
            f"{_short(threshold_up)}/{_short(threshold_down)}",
            f"{seconds}/{seconds}",
        ]
    return " ".join(parts)


def _short(rate: int) -> str:
    """50000000 -> 50M, as RouterOS itself prints it; what is not whole in a unit stays in the next smaller one."""
    return next((f"{rate // size}{unit}" for size, unit in _STEPS if rate % size == 0), str(rate))


PLATFORM = RouterOs()
