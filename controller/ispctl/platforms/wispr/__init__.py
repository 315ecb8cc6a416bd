"""The WISPr attributes (vendor 14122): what a NAS of an unknown vendor most likely understands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ispctl.desired import Terms
from ispctl.model.policy import Wall
from ispctl.platforms import Attribute

LARGEST: Final = 2**32 - 1
"""Both attributes are 32-bit integers in bit/s (Wi-Fi Alliance, WISPr 1.0)."""


class Wispr:
    """Bandwidth in bit/s, one attribute a direction; a wall is a Filter-Id (RFC 2865, 5.11). No bursts."""

    name = "wispr"
    changeable = frozenset({"WISPr-Bandwidth-Max-Down", "WISPr-Bandwidth-Max-Up", "Session-Timeout"})

    def tariff(self, terms: Terms) -> Sequence[Attribute]:
        if max(terms.down, terms.up) > LARGEST:
            raise ValueError(f"WISPr attributes hold at most {LARGEST} bit/s")
        return _bandwidth(terms.down, terms.up)

    def wall(self, wall: Wall) -> Sequence[Attribute]:
        return [("Filter-Id", wall.address_list), *_bandwidth(wall.rate.down, wall.rate.up)]


def _bandwidth(down: int, up: int) -> list[Attribute]:
    return [("WISPr-Bandwidth-Max-Down", str(down)), ("WISPr-Bandwidth-Max-Up", str(up))]


PLATFORM = Wispr()
