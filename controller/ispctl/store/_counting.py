"""The arithmetic of usage: what a session moved between two reports, and on which days. Pure.

A counter that went backwards was another's, or a late report: nothing is counted until it is past its highest again.
Where a NAS counts 32 bits only, one that went back by much, in a later report, has gone round.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_ROUND: Final = 1 << 32
_STEP: Final = 900
"""Seconds; every local hour of the world begins at a multiple of a quarter of an hour."""
WHOLE_DAY: Final = 24
"""In place of an hour."""


class Counters(NamedTuple):
    """The totals of a session as a report told them: octets, and seconds since 1970."""

    octets_in: int
    octets_out: int
    at: int


def moved(before: Counters, after: Counters, *, gigawords: bool) -> tuple[int, int, Counters]:
    """(octets in, octets out) since `before`, never negative; and the counters to compare the next report with."""
    later = after.at > before.at
    received, high_in = _more(before.octets_in, after.octets_in, round_=later and not gigawords)
    given, high_out = _more(before.octets_out, after.octets_out, round_=later and not gigawords)
    return received, given, Counters(high_in, high_out, max(before.at, after.at))


def _more(before: int, after: int, *, round_: bool) -> tuple[int, int]:
    if after >= before:
        return after - before, after
    if round_ and before < _ROUND and before - after >= _ROUND // 2:
        return after + _ROUND - before, after
    return 0, before


class Part(NamedTuple):
    """Octets of one local hour: `day` as 20261126."""

    day: int
    hour: int
    down: int
    up: int


def spread(down: int, up: int, since: int, until: int, zone: ZoneInfo) -> Iterator[Part]:
    """Octets that were moved between two moments (seconds since 1970), by local hours, as if evenly. Their sums are
    exactly what was moved; what has no length counts at its end."""
    place = _local(until // _STEP, zone)
    if until <= since or _local(since // _STEP, zone) == place:
        yield Part(*place, down, up)
        return
    whole, done_down, done_up = until - since, 0, 0
    at, place = since, _local(since // _STEP, zone)
    while at < until:
        end = min((at // _STEP + 1) * _STEP, until)
        following = _local(end // _STEP, zone)
        if end == until or following != place:
            to_down, to_up = down * (end - since) // whole, up * (end - since) // whole
            if to_down > done_down or to_up > done_up:
                yield Part(*place, to_down - done_down, to_up - done_up)
            done_down, done_up = to_down, to_up
        at, place = end, following


@lru_cache(maxsize=16384)
def _local(step: int, zone: ZoneInfo) -> tuple[int, int]:
    """(day, hour) of the quarter of an hour that begins there."""
    local = datetime.fromtimestamp(step * _STEP, UTC).astimezone(zone)
    return local.year * 10000 + local.month * 100 + local.day, local.hour
