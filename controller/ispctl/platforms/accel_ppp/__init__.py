"""accel-ppp on Linux, with its shaper on Filter-Id (which is its default)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ispctl.model.policy import Wall
from ispctl.platforms import Attribute, Platform, within


class AccelPpp(Platform):
    """Filter-Id is "down/up" in kbit/s, the other way round than MikroTik's. Plain numbers only: its G counts ten
    times too much, and it reckons in 32 bits (shaper.c, limiter.c). The attribute is taken by the speed, so a walled
    session is told by its pool alone: the filter of that network is the router's own."""

    name = "accel-ppp"
    attributes = frozenset({"Filter-Id"})
    changeable = frozenset({"Filter-Id"})
    most: ClassVar[int] = (2**31 - 1) // 1000 * 1000
    """tc itself counts octets in 32 bits, unsigned; the shaper multiplies kbit/s by 1000 in an int before that."""
    pools = ("Framed-Pool", "Stateful-IPv6-Address-Pool", "Delegated-IPv6-Prefix-Pool")
    binds = False
    leases: ClassVar[frozenset[int]] = frozenset()
    lines = False

    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        if down % 1000 or up % 1000:
            raise ValueError("its Filter-Id holds whole kbit/s")
        within("a rate", (down, up), 1000, self.most)
        return [("Filter-Id", f"{down // 1000}/{up // 1000}")]

    def walled(self, wall: Wall) -> Sequence[Attribute]:
        if wall.pool is None:
            raise ValueError("a walled session differs by its pool only, and the wall has none")
        return self.rate(wall.rate.down, wall.rate.up)


PLATFORM = AccelPpp()
