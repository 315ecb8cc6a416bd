"""How full is each part of each pool? By git, by open sessions, or by leases: whoever serves it knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Final

from ispctl.model.network import Pool
from ispctl.model.problem import Refusal
from ispctl.repo import room
from ispctl.repo.snapshot import Prefix
from ispctl.status.names import one_of
from ispctl.status.view import View
from ispctl.store import Session, facts
from ispctl.structs import Struct

ALARM: Final = 95
"""Per cent of a part that are taken, from which on it is an alarm."""


class Part(Struct):
    """A NAS's slice of a pool, or the whole of one that is not cut (`nas` is empty). `total` is what may be given out;
    `resting` was freed within the pool's quarantine. None is unknown."""

    nas: str
    prefixes: tuple[str, ...]
    total: int
    used: int | None
    resting: int | None
    left: int | None
    percent: int | None
    alarm: bool


class Filled(Struct):
    """One pool, counted in addresses, or in prefixes of the length `unit`. `basis`: what tells how many are taken."""

    name: str
    family: int
    served_by: str
    purpose: str
    unit: int
    basis: str
    reserved: int
    quarantine: int
    parts: tuple[Part, ...]
    alarm: bool
    free: tuple[str, ...]
    file: str
    line: int


_BASIS: Final = {
    "static": "git",
    "nas": "open sessions",
    "dhcp": "open sessions",
    "radius": "leases of the server",
}


def pools(view: View, named: str = "", free: int = 0, *, resting: bool = True) -> tuple[Filled, ...]:
    """Every pool of the head, or one. `resting`: whether to look in git for what was freed lately, which costs a walk
    through the history of the quarantine; else nothing rests. `free`: name so many that nobody holds and that rest no
    more. Raises Refusal: E621 for a name that is none, E003 where `free` is asked and git begins later."""
    known = view.head.pools
    if named:
        one_of("pools", named, sorted(known))
    counting = _Counting(view, history=resting)
    return tuple(counting.filled(name, known[name], free) for name in ([named] if named else sorted(known)))


class _Counting:
    """What is taken, asked once for all pools."""

    def __init__(self, view: View, *, history: bool) -> None:
        self.view, self.history = view, history
        self.online = view.ask(lambda store: frozenset(p for one in store.sessions() for p in held_by(one)))
        self.leases = view.ask(lambda store: facts.leases(store, view.now))
        self.known = view.lookup.prefixes(view.head.commit)
        self.written = room.held(self.known, view.now)

    def filled(self, name: str, pool: Pool, wanted: int) -> Filled:
        unit = room.unit_of(self.view.head, name)
        resting = self._resting(pool, names=wanted > 0)
        parts = tuple(self._parts(name, pool, unit, resting))
        file = self.view.head.pools_file
        where = file.where_key(name) if file else None
        static = pool.served_by == "static"
        taken = [prefix for prefix in (*self.written, *(resting or ())) if room.within(prefix, pool.prefixes)]
        return Filled(
            name=name,
            family=pool.family,
            served_by=pool.served_by,
            purpose=pool.purpose or "",
            unit=unit,
            basis=_BASIS[pool.served_by],
            reserved=len(room.reserved(pool)),
            quarantine=pool.quarantine,
            parts=parts,
            alarm=any(part.alarm for part in parts),
            free=tuple(room.free(pool, unit, taken, wanted)) if static and wanted else (),
            file=where.file if where else "",
            line=where.line if where else 0,
        )

    def _parts(self, name: str, pool: Pool, unit: int, resting: frozenset[Prefix] | None) -> Iterator[Part]:
        slices = pool.slices or {"": pool.ranges}
        for nas, nets in slices.items():
            own = room.units((prefix for prefix in room.reserved(pool) if room.within(prefix, nets)), unit)
            total = room.units(nets, unit) - own
            used = self._used(f"{name}@{nas}" if nas else name, pool, nets, unit)
            rest = None if resting is None else room.units((p for p in resting if room.within(p, nets)), unit)
            yield _part(nas, nets, total, used, rest)

    def _used(self, part: str, pool: Pool, nets: tuple[Prefix, ...], unit: int) -> int | None:
        if pool.served_by == "static":
            return _taken(self.written, nets, unit)
        if pool.served_by == "radius":
            return None if self.leases is None else sum(one.taken for one in self.leases if one.pool == part)
        return None if self.online is None else _taken(self.online, nets, unit)

    def _resting(self, pool: Pool, *, names: bool) -> frozenset[Prefix] | None:
        """Freed within the quarantine; None where git does not reach back so far, or does not give the pool out. How
        full a pool is can be told without it. With `names`, which addresses are free, it cannot: raises Refusal."""
        if pool.served_by != "static":
            return None
        if not pool.quarantine or not self.history:
            return frozenset()
        try:
            since = self.view.now - timedelta(seconds=pool.quarantine)
            return self.view.repository.freed(since, self.view.now, self.view.head, self.known)
        except Refusal:
            if names:
                raise
            return None


def _part(nas: str, nets: tuple[Prefix, ...], total: int, used: int | None, resting: int | None) -> Part:
    gone = None if used is None else used + (resting or 0)
    known = gone is not None and bool(nets)  # a pool whose addresses are written nowhere has no end
    percent = (100 * gone // total if total > 0 else 100) if known and gone is not None else None
    left = max(total - gone, 0) if known and gone is not None else None
    prefixes = tuple(map(str, nets))
    return Part(nas, prefixes, total, used, resting, left, percent, percent is not None and percent >= ALARM)


def _taken(held: Iterable[Prefix], nets: tuple[Prefix, ...], unit: int) -> int:
    return room.units((prefix for prefix in held if room.within(prefix, nets)), unit)


def held_by(one: Session) -> Iterator[Prefix]:
    """What a session was given; what is no address of a kind is nobody's."""
    for text in filter(None, (one.ipv4, one.ipv6, one.ipv6_prefix, one.delegated)):
        try:
            yield ip_network(text, strict=False)
        except ValueError:
            continue
