"""Huawei VRP on its broadband routers (vendor 2011, "Huawei RADIUS+1.1")."""

from __future__ import annotations

from collections.abc import Sequence

from ispctl.model.policy import Wall
from ispctl.platforms import STANDARD_POOLS, Attribute, Platform, within


class HuaweiVrp(Platform):
    """Average (committed) and peak rate in bit/s, 32-bit integers; input is what the router gets from the subscriber.
    A peak rate may be used for ever, so it is no burst: both are set to the rate. A wall is a user group by Filter-Id
    (the router writes names in lower case) and, where the policy names one, the page that is pushed."""

    name = "huawei-vrp"
    attributes = frozenset(
        {
            "Huawei-Input-Average-Rate",
            "Huawei-Input-Peak-Rate",
            "Huawei-Output-Average-Rate",
            "Huawei-Output-Peak-Rate",
            "Huawei-PortalURL",
            "Filter-Id",
        }
    )
    changeable = frozenset(name for name in attributes if name.endswith("-Rate"))
    pools = (*STANDARD_POOLS[:2], "Huawei-Delegated-IPv6-Prefix-Pool")
    redirects = True
    serves = frozenset()

    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        within("a rate of Huawei's", (down, up), 0, 2**32 - 1)
        ways = (("Input", up), ("Output", down))
        return [(f"Huawei-{way}-{kind}-Rate", str(rate)) for way, rate in ways for kind in ("Average", "Peak")]

    def walled(self, wall: Wall) -> Sequence[Attribute]:
        page = [("Huawei-PortalURL", wall.redirect)] if wall.redirect else []
        return [("Filter-Id", wall.address_list), *page, *self.rate(wall.rate.down, wall.rate.up)]

    def refers(self, attribute: Attribute) -> str:
        return f"user-group {attribute[1]}" if attribute[0] == "Filter-Id" else super().refers(attribute)


PLATFORM = HuaweiVrp()
