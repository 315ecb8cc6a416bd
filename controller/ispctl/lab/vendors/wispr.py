"""A NAS that knows the WISPr attributes: bit/s, a direction each."""

from __future__ import annotations

from ispctl.lab.rates import Rate, Way
from ispctl.lab.vendors import Attributes, Vendor, one

UP, DOWN = "WISPr-Bandwidth-Max-Up", "WISPr-Bandwidth-Max-Down"


class Wispr(Vendor):
    """WISPr 1.0."""

    own = frozenset({UP, DOWN, "WISPr-Redirection-URL"})
    changeable = frozenset({UP, DOWN})

    def rate(self, told: Attributes) -> tuple[Rate, str]:
        up, down = one(told, UP), one(told, DOWN)
        if up is None and down is None:
            return Rate(), ""
        return Rate(Way(up or 0), Way(down or 0)), f"{up or 0}/{down or 0}"


VENDOR = Wispr()
