"""One commit at one moment as an intent: who is entitled to what, under which policy, asked by which NAS. Pure.

The only place where what git says becomes what a backend renders; apply, plan, drift and ispstat all begin here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ispctl.desired import Entitlement, Terms, all_terms, entitle_all, pop_of, sealed_digest
from ispctl.digests import sha256
from ispctl.model.network import Nas, Pool
from ispctl.model.policy import Wall
from ispctl.radius.rendering import Intent
from ispctl.repo.snapshot import Snapshot
from ispctl.structs import replace

if TYPE_CHECKING:
    from ispctl.platforms.device import Binding, PoolPart, Slice

_LONGEST: Final = 59
_BEGIN: Final = 12
"""Letters of a service that it is called by, and of one whose letters would not do."""


def intent_of(snapshot: Snapshot, now: datetime) -> Intent:
    """Every service of a commit, entitled at `now` (aware). Raises KeyError for a tariff that does not exist:
    validation comes first."""
    return replace(shared_of(snapshot), entitlements=tuple(entitlements(snapshot, now)))


def shared_of(snapshot: Snapshot) -> Intent:
    """The same without anybody in it."""
    terms = all_terms((tariff.value for tariff in snapshot.tariffs()), snapshot.policy.value)
    pops = {pop_of(names): snapshot.reach(names) for names in snapshot.facts.places}
    return Intent(snapshot.policy.value, terms, snapshot.nas, (), snapshot.pools, pops)


def entitlements(snapshot: Snapshot, now: datetime) -> Iterator[Entitlement]:
    """The entitlements of all services, in the order of the files. Raises KeyError as `intent_of` does."""
    return entitle_all(snapshot.subscribers(), snapshot, now)


def slices_of(snapshot: Snapshot, now: datetime) -> dict[str, Slice]:
    """What each NAS that ispctl configures should hold, by host. Services are looked at only where a NAS has them
    written on itself. Raises KeyError as `intent_of` does."""
    from ispctl.platforms.device import nas_platform

    hosts = {name: nas for name, nas in snapshot.nas.items() if nas.device and nas_platform(nas.platform)}
    if not hosts:
        return {}
    tariffs = tuple(tariff.value for tariff in snapshot.tariffs())
    policy = snapshot.policy.value
    terms = tuple(sorted(all_terms(tariffs, policy).values(), key=lambda one: one.name))
    lengths = {
        tariff.ipv6.delegated.pool: tariff.ipv6.delegated.length
        for tariff in tariffs
        if tariff.ipv6 and tariff.ipv6.delegated and tariff.ipv6.delegated.pool
    }
    bound = {name for name, nas in hosts.items() if nas.device and nas.device.bindings}
    bindings: dict[str, list[Binding]] = {name: [] for name in bound}
    for one in entitlements(snapshot, now) if bound else ():
        for name in bound.intersection(one.nas):
            if (binding := _binding(one, policy.wall)) is not None:
                bindings[name].append(binding)
    return {
        name: _slice(nas, snapshot, terms, lengths, sorted(bindings.get(name, ()), key=lambda found: found.name))
        for name, nas in hosts.items()
    }


def _slice(
    nas: Nas,
    snapshot: Snapshot,
    terms: tuple[Terms, ...],
    lengths: Mapping[str, int | None],
    bindings: Sequence[Binding],
) -> Slice:
    from ispctl.platforms.device import Barrier, Port, Server, Slice

    device, wall = nas.device, snapshot.policy.value.wall
    assert device is not None
    return Slice(
        host=nas.name,
        platform=nas.platform,
        identifier=(nas.radius.identifier if nas.radius else None) or nas.name,
        source=str(nas.radius.sources[0]) if nas.radius else "",
        secret=sealed_digest(nas.radius.secret) if nas.radius else "",
        servers=tuple(Server(str(one.address), one.auth, one.acct) for one in device.servers if nas.radius),
        coa_port=nas.coa.port if nas.coa else 0,
        interim=nas.accounting.interim,
        ports=tuple(Port(one.type, one.interface) for one in device.serves),
        core=device.core or "",
        pools=tuple(_pools(nas, snapshot, lengths)),
        tariffs=terms,
        wall=Barrier(
            wall.address_list,
            wall.pool or "",
            wall.pool6 or "",
            tuple(map(str, wall.allow)),
            str(wall.redirect or ""),
            wall.rate.down,
            wall.rate.up,
        ),
        bindings=tuple(bindings),
        options=device.options,
    )


def _pools(nas: Nas, snapshot: Snapshot, lengths: Mapping[str, int | None]) -> Iterator[PoolPart]:
    """The pools from which this NAS gives addresses itself."""
    from ispctl.platforms.device import PoolPart

    for name, pool in sorted(snapshot.pools.items()):
        if pool.served_by not in ("nas", "dhcp"):
            continue
        mine = pool.slices.get(nas.name, ()) if pool.slices else pool.ranges if _may(nas, pool) else ()
        if mine:
            yield PoolPart(
                name,
                pool.family,
                tuple(map(str, mine)),
                pool.served_by,
                str(pool.gateway or ""),
                tuple(map(str, pool.exclude)),
                (lengths.get(name) or 0) if pool.family == 6 else 0,
            )


def _may(nas: Nas, pool: Pool) -> bool:
    return not pool.nas or nas.name in pool.nas or bool(nas.groups.intersection(pool.nas))


def _binding(one: Entitlement, wall: Wall) -> Binding | None:
    """None for a service that has no address of its own, or no device: a NAS could not tell it from others."""
    from ispctl.platforms.device import Binding

    if not one.ipv4 or one.ipv4.startswith("pool:") or not one.macs or one.access == "none":
        return None
    rate = (wall.rate.down, wall.rate.up) if one.access == "walled" else (one.terms.down, one.terms.up)
    return Binding(binding_name(one.owner), one.owner, one.ipv4, one.macs, one.access, *rate)


def binding_name(owner: str) -> str:
    """What a service ("id/key") is called on a NAS, as `Binding.name` has to be. No two share it, and both together
    fit into a comment of nftables (128 characters)."""
    id, _, key = owner.partition("/")
    if key.isalnum() and len(owner) <= _LONGEST:
        return f"{id}-{key}"
    begin = re.sub("[^a-z0-9]", "-", owner[:_BEGIN])
    return f"{begin}-{sha256(owner.encode()).hexdigest()[:8]}"
