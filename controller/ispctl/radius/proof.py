"""A CoA-ACK is not proof; the octets that a session moves afterwards are. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal, NamedTuple

from ispctl.radius.session import LiveSession, Proof

_ROUND: Final = 1 << 32
_GRAIN: Final = 1.0
"""Seconds by which the distance of two stored times may be wrong: databases keep whole seconds."""


class _Way(NamedTuple):
    """One direction: octets moved in the window, the rate they must keep to (bit/s; 0: no limit), octets of a burst."""

    name: str
    octets: int
    allowed: int
    burst: int

    def round(self) -> _Way:
        """As of a counter of 32 bits that has passed its end once."""
        return self._replace(octets=self.octets % _ROUND)

    def fits(self, seconds: float, tolerance: float) -> bool:
        return not self.allowed or (self.octets - self.burst) * 8 <= self.allowed * (1 + tolerance) * seconds


def verify(
    before: LiveSession,
    after: LiveSession | None,
    *,
    acked: datetime,
    down: int,
    up: int,
    tolerance: float = 0.15,
    direction: Literal["nas", "subscriber"] = "nas",
    burst: tuple[int, int] = (0, 0),
    gigawords: bool = True,
    early: bool = False,
) -> Proof:
    """Compares two readings of one session with the rates (bit/s, 0: unlimited) that were acknowledged at `acked`.

    proved: a report came after the change, and all octets since `before` would fit into the time since the change.
    contradicted: over one whole interval after the change it moved more than rate × (1 + tolerance).
    waiting: not yet to be told; ask again with `Proof.baseline`. gone: the session ended, so that rows decide.
    direction: "nas" where Acct-Input is what the subscriber sends (RFC 2866 section 5.3), "subscriber" the reverse.
    burst: octets (down, up) that a burst may add to a window: (burst rate - rate) / 8 × its seconds. It begins anew
    with the change, so where reports are less than some minutes apart it counts.
    gigawords: whether the NAS counts beyond 4 GiB; if it does not, counters that went backwards have gone round.
    early: whether `before` was there before the change, whatever time it bears: the clock of its NAS may be ahead.
    """
    if after is None or (after.unique, after.session_id) != (before.unique, before.session_id):
        return Proof("gone", "the session has ended; the next one begins with the new values", before)
    if after.updated <= acked:
        return Proof("waiting", "no accounting report since the change", before)
    if after.updated <= before.updated:  # looked at before: of no time nothing can be told
        return Proof("waiting", "no accounting report since the last one", before)
    ways = _ways(before, after, (down, up), burst, direction)
    back = any(way.octets < 0 for way in ways)
    if back and gigawords:
        return Proof("waiting", "the counters went backwards; counting anew from the last report", after)
    if back:
        ways = (ways[0].round(), ways[1].round())
    partly = before.updated < acked or (early and before.updated > acked)
    found = _judge(before, after, acked, ways, tolerance, partly=partly)
    if back and found.kind == "contradicted":  # or it began anew: both look alike
        return Proof("waiting", "the counters went round or began anew; counting from the last report", after)
    return found


def _judge(
    before: LiveSession, after: LiveSession, acked: datetime, ways: tuple[_Way, _Way], tolerance: float, *, partly: bool
) -> Proof:
    """partly: a part of what is between the two was before the change."""
    whole = (after.updated - before.updated).total_seconds()
    since = min(whole, (after.updated - acked).total_seconds())
    measured = _measured(ways, whole)
    if all(way.fits(since + _GRAIN, tolerance) for way in ways):
        return Proof("proved", measured, after)
    if partly:
        return Proof("waiting", f"{measured}; part of it was before the change", after)
    if whole < max(before.interim, 1):
        return Proof("waiting", f"{measured}; less than one interval so far", before)
    return Proof("contradicted", f"{measured}: the NAS does not keep to the new rate", after)


def _ways(
    before: LiveSession, after: LiveSession, rates: tuple[int, int], burst: tuple[int, int], direction: str
) -> tuple[_Way, _Way]:
    moved = (after.octets_out - before.octets_out, after.octets_in - before.octets_in)
    down, up = moved if direction == "nas" else moved[::-1]
    return _Way("down", down, rates[0], burst[0]), _Way("up", up, rates[1], burst[1])


def _measured(ways: Iterable[_Way], seconds: float) -> str:
    rates = ", ".join(
        f"{way.name} {_mbit(way.octets * 8 / max(seconds, _GRAIN))} of {_most(way.allowed)}" for way in ways
    )
    return f"measured over {seconds:.0f} s: {rates}"


def _most(allowed: int) -> str:
    return f"{_mbit(allowed)} Mbit/s" if allowed else "any"


def _mbit(rate: float) -> str:
    return f"{rate / 1e6:.3f}".rstrip("0").rstrip(".")
