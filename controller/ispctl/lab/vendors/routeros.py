"""MikroTik RouterOS. It prefers its own attribute to WISPr's."""

from __future__ import annotations

from ispctl.lab.rates import BadValue, Rate, Way, pair
from ispctl.lab.vendors import Attributes, one, wispr

LIMIT, LIST = "Mikrotik-Rate-Limit", "Mikrotik-Address-List"
UNITS = {"": 1, "k": 1_000, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000}


class RouterOs(wispr.Wispr):
    """Group and Filter-Id change in a session too; an address list only in some releases."""

    own = wispr.Wispr.own | {LIMIT, LIST, "Mikrotik-Group"}
    changeable = frozenset({LIMIT, "Mikrotik-Group", "Filter-Id"})
    sometimes = frozenset({LIST})
    marks = LIST
    pools = (*wispr.Wispr.pools[:2], "Mikrotik-Delegated-IPv6-Pool")

    def rate(self, told: Attributes) -> tuple[Rate, str]:
        text = one(told, LIMIT)
        return (rate_limit(text), text) if text else super().rate(told)


def rate_limit(text: str) -> Rate:
    """rx/tx [burst [threshold [seconds [priority [guaranteed]]]]]; rx is the subscriber's upload.

    A single number holds for both directions. Without a threshold the rate is the threshold, without seconds it is one.
    A burst ends when the average over `seconds` reaches the threshold, which is after seconds * threshold / burst
    of full use from rest; later bursts, which need a pause, are left out. Raises BadValue.
    """
    words = text.split()
    if not 1 <= len(words) <= 6:
        raise BadValue(f"{len(words)} parts in a rate limit")
    rates = pair(words[0], UNITS)
    bursts = pair(words[1], UNITS) if len(words) > 1 else (0, 0)
    thresholds = pair(words[2], UNITS) if len(words) > 2 else rates
    seconds = pair(words[3], UNITS) if len(words) > 3 else (1, 1)
    if len(words) > 4 and not (words[4].isdigit() and 1 <= int(words[4]) <= 8):
        raise BadValue("a priority is a number from 1 to 8")
    if len(words) > 5:
        pair(words[5], UNITS)
    up, down = (_way(*numbers) for numbers in zip(rates, bursts, thresholds, seconds, strict=True))
    return Rate(up, down)


def _way(rate: int, burst: int, threshold: int, seconds: int) -> Way:
    if burst <= rate or not rate:
        return Way(rate)
    return Way(rate, burst, seconds * (threshold or rate) / burst)


VENDOR = RouterOs()
