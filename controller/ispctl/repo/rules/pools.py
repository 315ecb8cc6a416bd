"""Pools: no two share an address, each has one to give, and whoever names a pool names one that fits."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl.model.document import Document, Spot
from ispctl.model.network import Pool, Pools
from ispctl.model.problem import Problem
from ispctl.model.subscriber import Ipv4, Ipv6
from ispctl.model.tariff import PoolUse
from ispctl.repo import room
from ispctl.repo.rules.pool_map import PoolMap
from ispctl.repo.rules.scene import Scene, meant, spot

LARGEST = 65536
"""Addresses in a pool that the server hands out, or prefixes: a /16, or a /40 of /56."""


def rules(scene: Scene) -> Iterator[Problem]:
    document = scene.snapshot.pools_file
    if document is not None:
        yield from _overlaps(PoolMap(scene))
        for name, pool in document.value.root.items():
            yield from _room(document, name, pool)
            yield from _hosts(scene, document, name, pool)
    yield from _wall(scene)


def _overlaps(pools: PoolMap) -> Iterator[Problem]:
    for parts in pools.ranges.values():
        widest = None
        for part in parts:
            if widest and part.first <= widest.last:
                other = f"{widest.net} of pool {widest.name} ({spot(widest.where)})"
                text = f"{part.net} of pool {part.name} overlaps {other}"
                yield Problem("E122", text, part.where, "Every address belongs to one pool: change one of them")
            if widest is None or part.last > widest.last:
                widest = part


def _room(document: Document[Pools], name: str, pool: Pool) -> Iterator[Problem]:
    if not pool.prefixes:
        text = f"pool {name} names no addresses: nobody sees when one of them is given away twice"
        yield Problem("W720", text, document.where_key(name), "Write its slices or ranges; until then the NAS knows")
        return
    outside = [i for i, address in enumerate(pool.exclude) if not any(address in net for net in pool.prefixes)]
    for i in outside:
        text = f"{pool.exclude[i]} is excluded from pool {name}, which does not hold it"
        yield Problem("E124", text, document.where(name, "exclude", i), "Correct it or remove it")
    if pool.served_by == "radius":
        yield from _served(document, name, pool)
    if pool.family == 4:
        left = sum(net.num_addresses - (2 if net.prefixlen < 31 else 0) for net in pool.prefixes)
        taken = {address for address in (*pool.exclude, pool.gateway) if address} - {pool.exclude[i] for i in outside}
        left -= sum(any(address in net for net in pool.prefixes) for address in taken)
        if left <= 0:
            text = f"pool {name} has no address left after network, broadcast, gateway and exclusions"
            yield Problem("E123", text, document.where_key(name), "Give it a larger range")


def _served(document: Document[Pools], name: str, pool: Pool) -> Iterator[Problem]:
    """The server keeps a row for each address or prefix."""
    count = room.units(pool.prefixes, pool.cut or 32)
    if count > LARGEST:
        what = f"prefixes of /{pool.cut}" if pool.cut else "addresses"
        text = f"pool {name} has {count:,} {what}, and the server keeps a row for each"
        yield Problem("E144", text, document.where_key(name), f"At most {LARGEST:,}; cut it into several pools")
    kept = (one for one in room.reserved(pool) if room.within(one, pool.prefixes))
    if pool.cut and count <= room.units(kept, pool.cut):
        text = f"pool {name} has no prefix left after gateway and exclusions"
        yield Problem("E123", text, document.where_key(name), "Give it a larger range")


def _hosts(scene: Scene, document: Document[Pools], name: str, pool: Pool) -> Iterator[Problem]:
    if scene.fleet_unread:
        return
    for host in pool.slices:
        if host not in scene.snapshot.nas:
            where = document.where_key(name, "slices", host)
            text = f"pool {name} has a slice for {host}, which is no host"
            yield Problem("E113", text, where, meant(host, scene.snapshot.nas, "Add the host to inventory/hosts.yaml"))
    for i, part in enumerate(pool.nas):
        yield from known_nas(scene, part, document.spot(name, "nas", i))


def _wall(scene: Scene) -> Iterator[Problem]:
    """Whoever is walled gets an address too, on every router."""
    policy = scene.snapshot.policy
    for field, family in (("pool", 4), ("pool6", 6)):
        if name := getattr(policy.value.wall, field):
            yield from _walled(scene, name, family, policy.spot("wall", field))


def _walled(scene: Scene, name: str, family: int, at: Spot) -> Iterator[Problem]:
    yield from used(scene, name, family, at)
    if family == 6:
        yield from _fits(scene, name, 64, at)
    pool, nas = scene.snapshot.pools.get(name), scene.snapshot.nas
    if pool and not scene.fleet_unread and nas.keys() >= pool.slices.keys():
        hosts = [host for host in nas if nas[host].radius and not extends(scene, pool, host)]
        if hosts:
            text = f"pool {name} is not for {', '.join(hosts)}, where people may be walled too"
            yield Problem("E109", text, at.where, "Give the pool a part there")


def extends(scene: Scene, pool: Pool, host: str) -> bool:
    """Whether addresses of a pool can be had on a host."""
    return (not pool.slices or host in pool.slices) and (not pool.nas or host in scene.snapshot.reach(pool.nas))


def known_nas(scene: Scene, name: str, at: Spot) -> Iterator[Problem]:
    """E113 for a name that is neither a host nor a group of hosts."""
    if not scene.fleet_unread and not scene.snapshot.inventory.knows(name):
        advice = meant(name, scene.snapshot.inventory.names, "Add the host to inventory/hosts.yaml")
        yield Problem("E113", f"{name} is neither a host nor a group of hosts", at.where, advice)


def used(scene: Scene, name: str, family: int, at: Spot) -> Iterator[Problem]:
    """What is wrong with handing out addresses of a family from the pool of this name."""
    if scene.pools_unread:
        return
    pool = scene.snapshot.pools.get(name)
    if pool is None:
        fitting = (known for known, other in scene.snapshot.pools.items() if other.family == family)
        advice = meant(name, fitting, "Add it to inventory/pools.yaml")
        yield Problem("E114", f"there is no pool {name}", at.where, advice)
    elif pool.family != family:
        text = f"pool {name} holds IPv{pool.family} addresses, and IPv{family} is wanted here"
        yield Problem("E115", text, at.where, "Name a pool of the other family")
    elif pool.served_by == "static":
        text = f"nobody hands out addresses of pool {name}: it is served_by static"
        yield Problem("E115", text, at.where, "Write static: ADDRESS at the service, or name another pool")


def used_by_ipv4(
    scene: Scene, use: Ipv4 | PoolUse | None, document: Document[object], *loc: str | int
) -> Iterator[Problem]:
    """The pool of an `ipv4:` that stands at `loc`."""
    if use is not None and use.pool is not None:
        yield from used(scene, use.pool, 4, document.spot(*loc, "pool"))


def used_by_ipv6(scene: Scene, use: Ipv6 | None, document: Document[object], *loc: str | int) -> Iterator[Problem]:
    """The pools of an `ipv6:` that stands at `loc`, and the length of what is delegated."""
    if use is None:
        return
    if use.wan and use.wan.pool:
        at = document.spot(*loc, "wan", "pool")
        yield from used(scene, use.wan.pool, 6, at)
        yield from _fits(scene, use.wan.pool, 64, at)
    if use.delegated and use.delegated.pool:
        at = document.spot(*loc, "delegated", "pool")
        yield from used(scene, use.delegated.pool, 6, at)
        yield from _fits(scene, use.delegated.pool, use.delegated.length, at)
        pool, length = scene.snapshot.pools.get(use.delegated.pool), use.delegated.length
        if pool and length and (wide := [net for net in pool.prefixes if net.version == 6 and net.prefixlen > length]):
            text = f"a /{length} does not fit into {wide[0]} of pool {use.delegated.pool}"
            yield Problem("E110", text, document.where(*loc, "delegated", "length"), "Give a greater length")


def _fits(scene: Scene, name: str, length: int | None, at: Spot) -> Iterator[Problem]:
    """Whether a pool that the server serves hands out such prefixes: /64 for a link, shorter ones to delegate (None:
    any of those). A pool never serves both, since a device would get one prefix twice."""
    pool = scene.snapshot.pools.get(name)
    if pool and pool.cut and (pool.cut == 64 if length is None else pool.cut != length):
        wanted = "prefixes to delegate are wanted" if length is None else f"a /{length} is wanted"
        text = f"pool {name} hands out prefixes of /{pool.cut}, and {wanted} here"
        yield Problem("E348", text, at.where, "Name another pool, or change length: of this one")
