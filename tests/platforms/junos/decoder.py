"""Junos: one service with its parameters in order, $down and $up of the dynamic profile; k, m and g are decimal."""

from __future__ import annotations

import re

from tests.platforms.seen import Attributes, Seen, only

UNIT = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
SERVICE = re.compile(r"([a-z0-9._-]+)\(([0-9]+)([kmg]?),([0-9]+)([kmg]?)\)")


def decode(attributes: Attributes) -> Seen:
    service = SERVICE.fullmatch(only(attributes, "ERX-Service-Activate:1"))
    assert service
    profile, down, down_unit, up, up_unit = service.groups()
    return Seen(
        down=int(down) * UNIT[down_unit],
        up=int(up) * UNIT[up_unit],
        mark="" if profile == "isp-rate" else profile,
        pool=only(attributes, "Framed-Pool"),
        pool6=only(attributes, "Framed-IPv6-Pool"),
        delegated=only(attributes, "ERX-IPv6-Delegated-Pool-Name"),
    )


def react(running: Attributes, said: Attributes) -> Attributes:
    """A service runs until it is ended by its whole text; the ends come first (Junos 16.1R4 and later)."""
    left = list(running)
    for name, value in said:
        if name == "ERX-Service-Deactivate":
            left.remove(("ERX-Service-Activate:1", value))
    return [*left, *(pair for pair in said if pair[0] != "ERX-Service-Deactivate")]
