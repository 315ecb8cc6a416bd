"""How full is each pool, in a line? Of an IPv6 pool only the server's has an end. `slices` counts."""

from __future__ import annotations

from ispctl.status import slices
from ispctl.status.check import Check
from ispctl.status.view import View
from ispctl.structs import Struct


class Fill(Struct):
    """Addresses of a pool: those that may be given, and those that are; `used` is None where that cannot be told.
    `full`: the parts of it that are about to be empty, in words."""

    pool: str
    usable: int
    used: int | None
    full: tuple[str, ...]

    @property
    def share(self) -> float:
        return (self.used or 0) / self.usable if self.usable else 1.0

    @property
    def percent(self) -> int:
        """Rounded down, as `slices` does: what is not full is never said to be."""
        return 100 * (self.used or 0) // self.usable if self.usable else 100


def fill(view: View) -> tuple[Fill, ...]:
    """The pools of the head that have an end and are known here, by name; what rests counts as free here."""
    found = slices.pools(view, resting=False)
    ending = (one for one in found if one.family == 4 or one.served_by == "radius")
    return tuple(_fill(one) for one in ending if any(part.prefixes for part in one.parts))


def check(view: View) -> Check:
    """Which pools are about to be empty."""
    found = fill(view)
    full = [part for one in found for part in one.full]
    if full:
        advice = "ispstat pools; add a range to it in inventory/pools.yaml"
        return Check("pools", "bad", f"nearly full: {', '.join(full)}", advice)
    most = max(found, key=lambda one: one.share, default=None)
    said = f"{most.pool} is the fullest, {most.percent}%" if most else "none of IPv4 whose addresses are known here"
    return Check("pools", "ok", said)


def _fill(pool: slices.Filled) -> Fill:
    known = [part.used for part in pool.parts if part.used is not None]
    used = sum(known) if len(known) == len(pool.parts) else None
    full = tuple(
        f"{pool.name}{part.nas and f' on {part.nas}'} {part.used} of {part.total}" for part in pool.parts if part.alarm
    )
    return Fill(pool.name, sum(part.total for part in pool.parts), used, full)
