"""accel-ppp, shaper on Filter-Id: down/up in kbit/s. It acknowledges whatever no part of it refuses."""

from __future__ import annotations

from ispctl.lab.rates import BadValue, Rate, Way, number
from ispctl.lab.vendors import Attributes, Vendor, one

KBIT = {"": 1, "K": 1, "M": 1_000, "G": 10_000_000}
"""Its own factors; G is ten times what one would think."""


class AccelPpp(Vendor):
    """A number alone holds for both directions."""

    changeable = frozenset({"Filter-Id"})
    pools = ("Framed-Pool", "Stateful-IPv6-Address-Pool", "Delegated-IPv6-Prefix-Pool")
    marks = ""
    nods = True

    def rate(self, told: Attributes) -> tuple[Rate, str]:
        text = one(told, "Filter-Id")
        if text is None:
            return Rate(), ""
        parts = text.split("/")
        if len(parts) > 2:
            raise BadValue(f"{text!r} is no pair of rates")
        down, up = (number(part.upper(), KBIT) * 1000 for part in (parts[0], parts[-1]))
        if max(down, up) >= 2**31:
            raise BadValue(f"{text!r} does not fit into its 32 bits")
        return Rate(Way(up), Way(down)), text


VENDOR = AccelPpp()
