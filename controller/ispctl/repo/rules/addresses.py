"""Static addresses, prefixes and routes: each lies where it may, and belongs to one service at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ispctl.model.problem import Problem, Where
from ispctl.repo.rules.pool_map import PoolMap, Range, bounds
from ispctl.repo.rules.scene import Scene, called, spot
from ispctl.repo.rules.unique import conflicts, same_service
from ispctl.repo.snapshot import Address, Holding, Prefix


def rules(scene: Scene) -> Iterator[Problem]:
    pools = PoolMap(scene)
    yield from _shared(scene, pools)
    if scene.pools_unread:
        return
    for prefix, holdings in scene.snapshot.prefixes():
        for holding in holdings:
            if not scene.over(scene.tenure(holding)):
                yield from _place(scene, pools, prefix, holding)


# one owner at a time


def _shared(scene: Scene, pools: PoolMap) -> Iterator[Problem]:
    """A walk through all prefixes in order; above each stand the ones that hold it."""
    above: list[tuple[Prefix, Sequence[Holding]]] = []
    for prefix, holdings in scene.snapshot.prefixes():
        while above and not _within(prefix, above[-1][0]):
            above.pop()
        for first, second in conflicts(scene, holdings):
            text = f"{_short(prefix)} belongs to {called(first)} ({spot(_where(first))})"
            yield Problem("E104", text, _where(second), _free(pools, prefix, second))
        for holding in holdings:
            yield from _inside(scene, prefix, holding, above)
        above.append((prefix, holdings))


def _inside(
    scene: Scene, prefix: Prefix, holding: Holding, above: list[tuple[Prefix, Sequence[Holding]]]
) -> Iterator[Problem]:
    """E105 once, for the nearest prefix of another service around this one."""
    for outer, owners in reversed(above):
        for owner in owners:
            if not same_service(owner, holding) and _clash(scene, owner, holding):
                text = f"{_short(prefix)} lies inside {outer} of {called(owner)} ({spot(_where(owner))})"
                yield Problem("E105", text, _where(holding), "Choose one outside, or take it out of the other")
                return


def _clash(scene: Scene, one: Holding, other: Holding) -> bool:
    tenures = scene.tenure(one), scene.tenure(other)
    return tenures[0].overlaps(tenures[1]) and not any(scene.over(tenure) for tenure in tenures)


def _within(inner: Prefix, outer: Prefix) -> bool:
    if inner.version != outer.version:
        return False
    (first, last), (start, end) = bounds(inner), bounds(outer)
    return start <= first and last <= end


def _free(pools: PoolMap, prefix: Prefix, holding: Holding) -> str:
    part = pools.holding(prefix)
    if part is None or part.pool.served_by != "static" or holding.loc[-2] == "routes":
        return "Give one of them another"
    return f"Free: ispctl pool {part.name} --free 5"


# the right place


def _outside(pools: PoolMap, prefix: Prefix, holding: Holding) -> Problem:
    """An address of no pool is a mistake where its family has static pools, and unwatched where it has none."""
    where, advice = _where(holding), _static_pools(pools, prefix)
    if any(part.pool.served_by == "static" for part in pools.ranges[prefix.version]):
        return Problem("E106", f"{_short(prefix)} is in no pool that is served_by static", where, advice)
    unwatched = f"no pool of IPv{prefix.version} is served_by static: nobody watches over it"
    text = f"{_short(prefix)} is in no pool, and {unwatched}"
    return Problem("W707", text, where, advice)


def _place(scene: Scene, pools: PoolMap, prefix: Prefix, holding: Holding) -> Iterator[Problem]:
    single = prefix.num_addresses == 1 and holding.loc[-2] != "routes"
    others = (part for part in pools.touching(prefix) if part.pool.served_by != "static")
    dynamic = next((part for part in others if not (single and _bound(scene, part))), None)
    if dynamic is not None:
        text = f"{_short(prefix)} is in pool {dynamic.name}, which hands out addresses itself ({spot(dynamic.where)})"
        yield Problem("E108", text, _where(holding), _static_pools(pools, prefix))
    elif holding.loc[-2] == "routes":
        yield from _reserved(pools, prefix, holding)
    elif (part := pools.holding(prefix)) is None:
        yield _outside(pools, prefix, holding)
    else:
        if holding.loc[-2] == "delegated":
            yield from _length(prefix, holding)
        else:
            yield from _reserved(pools, prefix, holding)
        yield from _planned(scene, part, prefix, holding)


def _bound(scene: Scene, part: Range) -> bool:
    """Whether an address of a DHCP pool may be somebody's own: the routers of the pool know of each such address."""
    hosts = [part.host] if part.host else list(scene.snapshot.reach(part.pool.nas or ()))
    known = [scene.snapshot.nas[host].device for host in hosts if host in scene.snapshot.nas]
    return part.pool.served_by == "dhcp" and bool(known) and all(one is not None and one.bindings for one in known)


def _reserved(pools: PoolMap, prefix: Prefix, holding: Holding) -> Iterator[Problem]:
    """E107: an address that no subscriber can have, alone or inside a route."""
    found = next((said for part in pools.touching(prefix) if (said := _taken(part, prefix))), None)
    if found:
        address, what, name = found
        yield Problem("E107", f"{address} is {what} pool {name}", _where(holding), f"Free: ispctl pool {name} --free 5")


def _taken(part: Range, prefix: Prefix) -> tuple[Address, str, str] | None:
    pool, net = part.pool, part.net
    if pool.gateway and pool.gateway in prefix:
        return pool.gateway, "the gateway of", part.name
    excluded = next((address for address in pool.exclude if address in prefix), None)
    if excluded is not None:
        return excluded, "excluded from", part.name
    if prefix.num_addresses > 1 or net.prefixlen >= net.max_prefixlen - 1:
        return None
    if prefix.network_address == net.network_address:  # RFC 1122, 3.2.1.3; in IPv6 the routers' own, RFC 4291, 2.6.1
        return prefix.network_address, "the network address of", part.name
    if net.version == 4 and prefix.network_address == net.broadcast_address:
        return prefix.network_address, "the broadcast address of", part.name
    return None


def _length(prefix: Prefix, holding: Holding) -> Iterator[Problem]:
    if prefix.prefixlen > 64:
        text = f"{prefix} is too small to be delegated: a link needs a /64"
        yield Problem("E110", text, _where(holding), "Delegate a /64 or more, usually a /56")


def _planned(scene: Scene, part: Range, prefix: Prefix, holding: Holding) -> Iterator[Problem]:
    """E109: the pool is not routed to where the service is planned."""
    names = holding.service.nas
    group = scene.snapshot.group(holding.document.path.split("/")[1])
    if names is None and group is not None:
        names = group.value.defaults.nas
    if not names or not part.pool.nas or scene.fleet_unread:
        return
    allowed = set(scene.snapshot.reach(part.pool.nas))
    hosts = [host for host in scene.snapshot.reach(names) if host not in allowed]
    if hosts:
        text = f"{_short(prefix)} is of pool {part.name}, which is not for {', '.join(hosts)}"
        yield Problem("E109", text, _where(holding), f"The pool is for {', '.join(part.pool.nas)}: choose another")


def _static_pools(pools: PoolMap, prefix: Prefix) -> str:
    names = sorted({part.name for part in pools.ranges[prefix.version] if part.pool.served_by == "static"})
    if not names:
        return "Add a pool with served_by: static to inventory/pools.yaml"
    return f"Static pools: {', '.join(names)}"


def _short(prefix: Prefix) -> str:
    """203.0.113.7 for a single address."""
    return str(prefix.network_address if prefix.num_addresses == 1 else prefix)


def _where(holding: Holding) -> Where:
    return holding.document.where(*holding.loc)
