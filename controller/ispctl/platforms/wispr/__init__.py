"""The WISPr attributes (vendor 14122): what a NAS of an unknown vendor most likely understands."""

from __future__ import annotations

from collections.abc import Sequence

from ispctl.model.policy import Wall
from ispctl.platforms import Attribute, Platform, within


class Wispr(Platform):
    """Bandwidth in bit/s, one attribute a direction, 32-bit integers (Wi-Fi Alliance, WISPr 1.0); no bursts. A wall is
    a Filter-Id (RFC 2865, 5.11) and, where the policy names one, the address of the payment page."""

    name = "wispr"
    attributes = frozenset({"WISPr-Bandwidth-Max-Down", "WISPr-Bandwidth-Max-Up", "Filter-Id", "WISPr-Redirection-URL"})
    changeable = frozenset({"WISPr-Bandwidth-Max-Down", "WISPr-Bandwidth-Max-Up"})
    redirects = True

    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        within("a WISPr bandwidth", (down, up), 0, 2**32 - 1)
        return [("WISPr-Bandwidth-Max-Down", str(down)), ("WISPr-Bandwidth-Max-Up", str(up))]

    def walled(self, wall: Wall) -> Sequence[Attribute]:
        page = [("WISPr-Redirection-URL", wall.redirect)] if wall.redirect else []
        return [("Filter-Id", wall.address_list), *page, *self.rate(wall.rate.down, wall.rate.up)]


PLATFORM = Wispr()
