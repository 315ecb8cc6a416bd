"""The rate of a session at a NAS, and numbers with units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ispctl.structs import Struct

_NUMBER: Final = re.compile(r"([0-9]+)([A-Za-z]?)")


class BadValue(ValueError):
    """A value of the reply that the NAS cannot use."""


class Way(Struct):
    """One direction: bit/s, and for how many seconds of full use a burst rate holds first. 0 bit/s is no limit."""

    rate: int = 0
    burst: int = 0
    burst_seconds: float = 0.0


class Rate(Struct):
    """Both directions, as the subscriber sees them."""

    up: Way = Way()
    down: Way = Way()


def pair(text: str, units: Mapping[str, int]) -> tuple[int, int]:
    """ "25M/50M" -> the two numbers; a single one counts for both. Raises BadValue."""
    parts = text.split("/")
    if len(parts) > 2:
        raise BadValue(f"{text!r} is no pair of rates")
    numbers = [number(part, units) for part in parts]
    return numbers[0], numbers[-1]


def number(text: str, units: Mapping[str, int]) -> int:
    """ "25M" -> 25000000, by the factors of these units. Raises BadValue."""
    match = _NUMBER.fullmatch(text)
    if not match or match[2] not in units:
        raise BadValue(f"{text!r} is no rate")
    return int(match[1]) * units[match[2]]
