"""How a NAS reads the rate it is given. Written from the vendors' rules, apart from the code that renders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = re.compile(r"(\d+)([kKMG]?)")
_FACTOR: Final = {"": 1, "k": 1_000, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000}


class BadValue(ValueError):
    """A value of the reply that the NAS cannot use."""


@dataclass(frozen=True)
class Way:
    """One direction: bit/s, and for how many seconds of full use a burst rate holds first. 0 bit/s is no limit."""

    rate: int = 0
    burst: int = 0
    burst_seconds: float = 0.0


@dataclass(frozen=True)
class Rate:
    """Both directions, as the subscriber sees them."""

    up: Way = Way()
    down: Way = Way()


def routeros(text: str) -> Rate:
    """Mikrotik-Rate-Limit: rx/tx [burst [threshold [seconds [priority [guaranteed]]]]]; rx is the subscriber's upload.

    A single number holds for both directions. Without a threshold the rate is the threshold, without seconds it is one.
    A burst ends when the average over `seconds` reaches the threshold, which is after seconds * threshold / burst
    of full use from rest; later bursts, which need a pause, are left out. Raises BadValue.
    """
    words = text.split()
    if not 1 <= len(words) <= 6:
        raise BadValue(f"{len(words)} parts in a rate limit")
    rates = _pair(words[0])
    bursts = _pair(words[1]) if len(words) > 1 else (0, 0)
    thresholds = _pair(words[2]) if len(words) > 2 else rates
    seconds = _pair(words[3]) if len(words) > 3 else (1, 1)
    if len(words) > 4 and not (words[4].isdigit() and 1 <= int(words[4]) <= 8):
        raise BadValue("a priority is a number from 1 to 8")
    if len(words) > 5:
        _pair(words[5])
    up, down = (_way(*numbers) for numbers in zip(rates, bursts, thresholds, seconds, strict=True))
    return Rate(up, down)


def wispr(up: int | None, down: int | None) -> Rate:
    """WISPr-Bandwidth-Max-Up and -Down, bit/s."""
    return Rate(Way(up or 0), Way(down or 0))


def _way(rate: int, burst: int, threshold: int, seconds: int) -> Way:
    if burst <= rate or not rate:
        return Way(rate)
    return Way(rate, burst, seconds * (threshold or rate) / burst)


def _pair(text: str) -> tuple[int, int]:
    parts = text.split("/")
    if len(parts) > 2:
        raise BadValue(f"{text!r} is no pair of rates")
    numbers = [_number(part) for part in parts]
    return numbers[0], numbers[-1]


def _number(text: str) -> int:
    match = _NUMBER.fullmatch(text)
    if not match:
        raise BadValue(f"{text!r} is no rate")
    return int(match[1]) * _FACTOR[match[2]]
