"""accel-ppp, shaper.c: what stands before the slash is the download, both in kbit/s; more than an int is cut off, after
it was multiplied by 1000."""

from __future__ import annotations

from tests.platforms.seen import Attributes, Seen, only


def decode(attributes: Attributes) -> Seen:
    down, up = map(int, only(attributes, "Filter-Id").split("/"))
    assert max(down, up) * 1000 < 2**31
    return Seen(
        down=down * 1000,
        up=up * 1000,
        pool=only(attributes, "Framed-Pool"),
        pool6=only(attributes, "Stateful-IPv6-Address-Pool"),
        delegated=only(attributes, "Delegated-IPv6-Prefix-Pool"),
    )
