"""Where an address lies: the ranges of all pools, sorted, so that a look-up is a bisection."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from ispctl.model.document import Spot
from ispctl.model.network import Pool
from ispctl.model.problem import Where
from ispctl.repo.rules.scene import Scene
from ispctl.repo.snapshot import Prefix
from ispctl.structs import Struct


class Range(Struct):
    """One prefix of a pool; `host` is the NAS whose slice it is, or empty."""

    first: int
    last: int
    name: str
    pool: Pool
    net: Prefix
    at: Spot
    host: str

    @property
    def where(self) -> Where:
        return self.at.where


class PoolMap:
    """The ranges of all pools of one family at a time."""

    def __init__(self, scene: Scene) -> None:
        found: dict[int, list[Range]] = {4: [], 6: []}
        for part in _ranges(scene):
            found[part.net.version].append(part)
        self.ranges = {family: sorted(parts, key=lambda r: (r.first, -r.last)) for family, parts in found.items()}
        self._starts = {family: [part.first for part in parts] for family, parts in self.ranges.items()}

    def holding(self, net: Prefix) -> Range | None:
        """The range that a prefix lies in entirely."""
        first, last = bounds(net)
        at = bisect_right(self._starts[net.version], first) - 1
        part = self.ranges[net.version][at] if at >= 0 else None
        return part if part and part.last >= last else None

    def touching(self, net: Prefix) -> Iterator[Range]:
        """The ranges that share an address with a prefix."""
        first, last = bounds(net)
        parts = self.ranges[net.version]
        at = max(bisect_right(self._starts[net.version], first) - 1, 0)
        while at < len(parts) and parts[at].first <= last:
            if parts[at].last >= first:
                yield parts[at]
            at += 1


def bounds(net: Prefix) -> tuple[int, int]:
    """The first and the last address as numbers."""
    first = int(net.network_address)
    return first, first + net.num_addresses - 1


def _ranges(scene: Scene) -> Iterator[Range]:
    document = scene.snapshot.pools_file
    if document is None:
        return
    for name, pool in document.value.root.items():
        for i, net in enumerate(pool.ranges):
            yield Range(*bounds(net), name, pool, net, document.spot(name, "ranges", i), "")
        for host, nets in pool.slices.items():
            for i, net in enumerate(nets):
                yield Range(*bounds(net), name, pool, net, document.spot(name, "slices", host, i), host)
