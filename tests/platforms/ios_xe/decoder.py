"""Cisco: in is what enters the router from the subscriber. Here each policy map does what its name says."""

from __future__ import annotations

import re

from tests.platforms.seen import Attributes, Seen, only

UNIT = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}


def decode(attributes: Attributes) -> Seen:
    pairs = [value.split("=", 1) for name, value in attributes if name == "Cisco-AVPair"]
    assert len({key for key, _ in pairs}) == len(pairs), "one policy a direction, one list a family"
    told = dict(pairs)
    assert set(told) <= {"ip:sub-qos-policy-in", "ip:sub-qos-policy-out", "ip:inacl", "ipv6:inacl"}
    return Seen(
        down=_policy(told["ip:sub-qos-policy-out"], "down"),
        up=_policy(told["ip:sub-qos-policy-in"], "up"),
        mark=told.get("ip:inacl", ""),
        pool=only(attributes, "Framed-Pool"),
        pool6=only(attributes, "Framed-IPv6-Pool"),
        delegated=only(attributes, "Delegated-IPv6-Prefix-Pool"),
    )


def _policy(name: str, way: str) -> int:
    found = re.fullmatch(rf"isp-{way}-([0-9]+)([kMG]?)", name)
    assert found, f"{name} is no policy of this direction"
    return int(found[1]) * UNIT[found[2]]


def react(running: Attributes, said: Attributes) -> Attributes:
    """A pair takes the place of the pair with the same key."""
    keys = {value.partition("=")[0] for _, value in said}
    return [*(pair for pair in running if pair[1].partition("=")[0] not in keys), *said]
