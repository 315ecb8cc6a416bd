"""Huawei VRP: bit/s; input is what the router gets from the subscriber. Names are lower-cased."""

from __future__ import annotations

from ispctl.lab.rates import BadValue, Rate, Way
from ispctl.lab.vendors import Attributes, Vendor, one

WAYS = ("Input", "Output")
RATES = frozenset(f"Huawei-{way}-{kind}-Rate" for way in WAYS for kind in ("Average", "Peak"))


class HuaweiVrp(Vendor):
    """The average rate holds, and a peak rate for as long as there is room; a peak below the average is refused."""

    own = RATES | {"Huawei-PortalURL"}
    changeable = RATES
    pools = (*Vendor.pools[:2], "Huawei-Delegated-IPv6-Prefix-Pool")

    def rate(self, told: Attributes) -> tuple[Rate, str]:
        average, peak = ([one(told, f"Huawei-{way}-{kind}-Rate") for way in WAYS] for kind in ("Average", "Peak"))
        if average == [None, None]:
            return Rate(), ""
        if any(most is not None and most < (rate or 0) for rate, most in zip(average, peak, strict=True)):
            raise BadValue("the peak rate is below the average")
        up, down = (most or rate or 0 for rate, most in zip(average, peak, strict=True))
        return Rate(Way(up), Way(down)), f"{up}/{down}"

    def mark(self, told: Attributes) -> str | None:
        group = super().mark(told)
        return group.lower() if group else None


VENDOR = HuaweiVrp()
