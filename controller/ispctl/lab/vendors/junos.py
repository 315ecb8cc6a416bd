"""Juniper Junos, with dynamic profiles that take two bandwidths: to the subscriber, and from it."""

from __future__ import annotations

import re
from typing import Final

from ispctl.lab.rates import BadValue, Rate, Way, number
from ispctl.lab.vendors import Attributes, Vendor, one

ACTIVATE, DEACTIVATE = "ERX-Service-Activate", "ERX-Service-Deactivate"
UNITS: Final = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
SERVICE: Final = re.compile(r"([A-Za-z0-9._-]+)\(([^,()]+),([^,()]+)\)")


class Junos(Vendor):
    """A service runs until it is ended by its whole text; a second one beside it would shape twice."""

    own = frozenset({ACTIVATE})
    changeable = frozenset({ACTIVATE, DEACTIVATE})
    pools = (*Vendor.pools[:2], "ERX-IPv6-Delegated-Pool-Name")

    def rate(self, told: Attributes) -> tuple[Rate, str]:
        text = one(told, ACTIVATE)
        if text is None:
            return Rate(), ""
        found = SERVICE.fullmatch(text)
        if not found:
            raise BadValue(f"{text!r} is no service with two parameters")
        return Rate(Way(number(found[3], UNITS)), Way(number(found[2], UNITS))), text

    def mark(self, told: Attributes) -> str | None:
        found = SERVICE.fullmatch(one(told, ACTIVATE) or "")
        return found[1] if found and found[1] != "isp-rate" else None

    def objection(self, running: str, told: Attributes) -> str | None:
        ended = list(told.get(DEACTIVATE, ()))
        if ended not in ([], [running]):
            return f"{ended} does not run"
        return f"{running} still runs" if running and not ended and ACTIVATE in told else None


VENDOR = Junos()
