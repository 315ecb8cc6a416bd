"""Huawei's list of RADIUS attributes: average (committed) and peak rate in bit/s; input is from the user."""

from __future__ import annotations

from tests.platforms.seen import Attributes, Seen, only


def decode(attributes: Attributes) -> Seen:
    rate = {
        (way, kind): int(only(attributes, f"Huawei-{way}-{kind}-Rate"))
        for way in ("Input", "Output")
        for kind in ("Average", "Peak")
    }
    assert all(rate[way, "Peak"] == rate[way, "Average"] for way in ("Input", "Output")), "a peak may last for ever"
    page = only(attributes, "Huawei-PortalURL")
    return Seen(
        down=rate["Output", "Average"],
        up=rate["Input", "Average"],
        mark=only(attributes, "Filter-Id").lower() + (f" {page}" if page else ""),
        pool=only(attributes, "Framed-Pool"),
        pool6=only(attributes, "Framed-IPv6-Pool"),
        delegated=only(attributes, "Huawei-Delegated-IPv6-Prefix-Pool"),
    )
