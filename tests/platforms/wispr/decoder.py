"""WISPr 1.0: maximum rates in bits a second, down is to the customer."""

from __future__ import annotations

from tests.platforms.seen import Attributes, Seen, only


def decode(attributes: Attributes) -> Seen:
    return Seen(
        down=int(only(attributes, "WISPr-Bandwidth-Max-Down")),
        up=int(only(attributes, "WISPr-Bandwidth-Max-Up")),
        mark=" ".join(filter(None, [only(attributes, "Filter-Id"), only(attributes, "WISPr-Redirection-URL")])),
        pool=only(attributes, "Framed-Pool"),
        pool6=only(attributes, "Framed-IPv6-Pool"),
        delegated=only(attributes, "Delegated-IPv6-Prefix-Pool"),
    )
