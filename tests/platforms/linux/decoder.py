"""The script that docs/platforms.md describes: kbit/s, the download first."""

from __future__ import annotations

from tests.platforms.seen import Attributes, Seen, only


def decode(attributes: Attributes) -> Seen:
    down, _, up = only(attributes, "Filter-Id").partition("/")
    return Seen(
        down=int(down) * 1000,
        up=int(up) * 1000,
        pool=only(attributes, "Framed-Pool"),
        pool6=only(attributes, "Framed-IPv6-Pool"),
        delegated=only(attributes, "Delegated-IPv6-Prefix-Pool"),
    )
