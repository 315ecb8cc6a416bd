"""Cisco IOS-XE, with a policy map for every rate whose name says what it does: isp-up-25M, isp-down-50M."""

from __future__ import annotations

import re
from typing import Final

from ispctl.lab.rates import BadValue, Rate, Way, number
from ispctl.lab.vendors import Attributes, Vendor

PAIR: Final = "Cisco-AVPair"
UNITS: Final = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
POLICIES: Final = {"ip:sub-qos-policy-in": "up", "ip:sub-qos-policy-out": "down"}


class IosXe(Vendor):
    """One attribute holds key=value pairs; of these a CoA changes the policies."""

    own = frozenset({PAIR})
    changeable = frozenset({PAIR})

    def rate(self, told: Attributes) -> tuple[Rate, str]:
        names = {way: _pairs(told).get(key, "") for key, way in POLICIES.items()}
        up, down = (self._policy(names[way], way) for way in ("up", "down"))
        return Rate(up, down), "/".join(names.values()) if any(names.values()) else ""

    def mark(self, told: Attributes) -> str | None:
        return _pairs(told).get("ip:inacl")

    def objection(self, running: str, told: Attributes) -> str | None:
        other = sorted(_pairs(told).keys() - POLICIES.keys())
        return f"what runs {running} needs a new session for {other}" if other else None

    def _policy(self, name: str, way: str) -> Way:
        if not name:
            return Way()
        found = re.fullmatch(rf"isp-{way}-(.*)", name)
        if not found:
            raise BadValue(f"there is no policy map {name}")
        return Way(number(found[1], UNITS))


def _pairs(told: Attributes) -> dict[str, str]:
    """The last of a key wins."""
    parts = (str(value).partition("=") for value in told.get(PAIR, ()))
    return {key: value for key, _, value in parts}


VENDOR = IosXe()
