"""Cisco IOS-XE as a broadband gateway (vendor 9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ispctl.model.policy import Wall
from ispctl.platforms import Attribute, Platform, short, within

_IN: Final = "ip:sub-qos-policy-in="
_OUT: Final = "ip:sub-qos-policy-out="


class IosXe(Platform):
    """A rate is the name of a policy map, one a direction; in is what the router gets from the subscriber. The names
    come from the rates (isp-up-25M, isp-down-50M), so that a policy never changes its meaning and tariffs of one speed
    share it; each has to be configured on the router before a tariff uses it. A wall is an access list by its name."""

    name = "ios-xe"
    attributes = frozenset({"Cisco-AVPair"})
    changeable = frozenset({"Cisco-AVPair"})
    coa_port = 1700
    leases = frozenset({4})
    serves = frozenset({"pppoe"})

    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        within("police", (down, up), 8_000, 100 * 10**9)
        names = f"{_IN}isp-up-{short(up)}", f"{_OUT}isp-down-{short(down)}"
        return [("Cisco-AVPair", name) for name in names]

    def walled(self, wall: Wall) -> Sequence[Attribute]:
        lists = [f"ip:inacl={wall.address_list}", *([f"ipv6:inacl={wall.address_list}"] if wall.pool6 else [])]
        return [*(("Cisco-AVPair", text) for text in lists), *self.rate(wall.rate.down, wall.rate.up)]

    def refers(self, attribute: Attribute) -> str:
        _, _, name = attribute[1].partition("=")
        if self.changes(attribute):
            return f"policy-map {name}"
        return f"access-list {name}" if attribute[0] == "Cisco-AVPair" else super().refers(attribute)

    def changes(self, attribute: Attribute) -> bool:
        """One attribute carries everything, and only the two policies change in a session."""
        return attribute[0] == "Cisco-AVPair" and attribute[1].startswith((_IN, _OUT))


PLATFORM = IosXe()
