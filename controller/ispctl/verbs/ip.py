"""Which addresses a service has: one of its own, chosen or the next free one, or what a pool hands out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import chain
from typing import Final, Literal

from ispctl.desired import entitle
from ispctl.model.network import Pool
from ispctl.model.problem import Problem, Refusal, Where
from ispctl.model.subscriber import Ipv6, group_of
from ispctl.repo import Holding, room
from ispctl.repo.edit import Value
from ispctl.repo.layout import Kind, kind_of
from ispctl.repo.snapshot import Prefix, held_by
from ispctl.structs import Struct
from ispctl.verbs.draft import Draft, decoded
from ispctl.verbs.noted import noted
from ispctl.verbs.rows import Request

AUTO: Final = "auto"
DYNAMIC: Final = "dynamic"
_LINK: Final = 64
Part = Literal["wan", "delegated"]


class Wish(Struct):
    """What is to be: an address or a prefix, AUTO for a free one, DYNAMIC for what tariff and group give, "" for what
    there is. `pool`: with DYNAMIC, which pool hands the IPv4 address out; with AUTO, which one it is taken from."""

    ipv4: str = ""
    prefix: str = ""
    wan6: str = ""
    pool: str = ""


@noted
def set_ip(draft: Draft, term: str, wish: Wish) -> None:
    """Other addresses. AUTO leaves one that is fixed already as it is. Raises Refusal E321, E032, E323, E689, E003."""
    said = [*_ipv4(draft, term, wish), *_ipv6(draft, term, "delegated", wish), *_ipv6(draft, term, "wan", wish)]
    if said:
        held = draft.service(term)
        decoded(held.document.path, draft.data(held.document.path))
        draft.notes.append("An address changes only with a new session: whoever is online is disconnected by it.")
        draft.say("ip-set", held.document, held.service.key, ", ".join(said))


def _ipv4(draft: Draft, term: str, wish: Wish) -> Iterator[str]:
    held = draft.service(term)
    path, loc, own = held.document.path, (*held.loc, "ipv4"), held.service.ipv4
    was = str(own.static or own.pool) if own else "that of the tariff"
    if not wish.ipv4 or (wish.ipv4 == AUTO and own and own.static):
        return
    if wish.ipv4 == DYNAMIC:
        if wish.pool and (own is None or own.pool != wish.pool):
            draft.put(path, loc, {"pool": wish.pool})
            yield f"IPv4 from pool {wish.pool} (was {was})"
        elif own and not wish.pool:
            draft.drop(path, loc)
            yield f"IPv4 that of the tariff (was {was})"
        return
    new = _free(draft, held, 4, wish.pool) if wish.ipv4 == AUTO else wish.ipv4
    if own and own.static and str(own.static) == new:
        return
    if own and own.static:
        draft.put(path, (*loc, "static"), new)
    else:
        draft.put(path, loc, {"static": new})
    _rested(draft, wish.ipv4)
    yield f"IPv4 {new} (was {was})"


def _ipv6(draft: Draft, term: str, part: Part, wish: Wish) -> Iterator[str]:
    held = draft.service(term)
    wanted = wish.wan6 if part == "wan" else wish.prefix
    path, loc, own = held.document.path, (*held.loc, "ipv6"), held.service.ipv6
    there = getattr(own, part) if own else None
    name = "IPv6 address" if part == "wan" else "prefix"
    was = str(there.static or there.pool) if there else "that of the tariff"
    if not wanted or (wanted == AUTO and there and there.static):
        return
    if wanted == DYNAMIC:
        if there and own:
            other = own.delegated if part == "wan" else own.wan
            draft.drop(path, (*loc, part) if other else loc)
            yield f"{name} that of the tariff (was {was})"
        return
    new = _free(draft, held, 6, wish.pool if not wish.ipv4 else "", link=part == "wan") if wanted == AUTO else wanted
    if there and str(there.static) == new:
        return
    if own is not None:
        draft.put(path, (*loc, part), {"static": new})
    else:
        draft.put(path, loc, _with_default(draft, held, part, new))
    _rested(draft, wanted)
    yield f"{name} {new} (was {was})"


def _with_default(draft: Draft, held: Holding, part: Part, new: str) -> Value:
    """With the other half of what the group gives, which holds no more once the service says something itself."""
    group = draft.head.group(group_of(held.document.path))
    default: Ipv6 | None = group.value.defaults.ipv6 if group else None
    said: dict[str, Value] = {part: {"static": new}}
    if default is not None and part == "delegated" and default.wan and default.wan.pool:
        said = {"wan": {"pool": default.wan.pool}, **said}
    if default is not None and part == "wan" and default.delegated and default.delegated.pool:
        length = {"length": default.delegated.length} if default.delegated.length else {}
        said |= {"delegated": {"pool": default.delegated.pool, **length}}
    return said


def _free(draft: Draft, held: Holding, family: Literal[4, 6], wanted: str, *, link: bool = False) -> str:
    """The first that nobody holds and that does not rest, of the pools where the service is planned; of a link, the
    first address of a network of its own. Raises Refusal E323, E689, E003."""
    pools = draft.head.pools
    if wanted and wanted not in pools:
        known = ", ".join(name for name, one in pools.items() if one.served_by == "static")
        raise Refusal(
            Problem("E323", f"there is no pool {wanted}", Where("inventory/pools.yaml"), f"There are: {known}")
        )
    nas = entitle(held.document, held.number, draft.head, draft.now).nas
    fit = {
        name: pool
        for name, pool in pools.items()
        if pool.served_by == "static" and pool.family == family and wanted in ("", name) and _serves(draft, pool, nas)
    }
    for name, pool in fit.items():
        taken = [one for one in _taken(draft, pool) if room.within(one, pool.prefixes)]
        unit = _LINK if link else room.unit_of(draft.head, name)
        for found in room.free(pool, unit, taken, 1):
            return str(ip_network(found)[1]) if link else found
    if fit:
        text = f"{', '.join(fit)} has nothing left that is free and has rested"
        raise Refusal(Problem("E689", text, Where("inventory/pools.yaml"), "ispstat pools shows how full they are"))
    text = f"no static pool of IPv{family} is for {', '.join(nas) or 'every NAS'}, where this service is planned"
    raise Refusal(Problem("E689", text, Where("inventory/pools.yaml"), "Give one of them a part there"))


def _serves(draft: Draft, pool: Pool, nas: tuple[str, ...]) -> bool:
    return not pool.nas or set(nas) <= set(draft.head.reach(pool.nas))


def _taken(draft: Draft, pool: Pool) -> Iterator[Prefix]:
    """What is held at the head, what verbs of this draft have given away, and what was freed and rests."""
    drafted = (
        held_by(decoded(path, data).value) for path, data in draft.files.items() if data and _of_subscriber(path)
    )
    resting = draft.whole.freed(draft.now - timedelta(seconds=pool.quarantine)) if pool.quarantine else ()
    return chain(draft.whole.held(), resting, *drafted)


def _of_subscriber(path: str) -> bool:
    kind = kind_of(path)
    return isinstance(kind, Kind) and kind.name == "subscriber"


def _rested(draft: Draft, wanted: str) -> None:
    """Say it if somebody else had what was asked for by name until a short while ago."""
    try:
        one: IPv4Network | IPv6Network = ip_network(wanted)
    except ValueError:
        return  # AUTO, or what the model refuses
    for pool in draft.head.pools.values():
        if pool.quarantine and room.within(one, pool.prefixes):
            since = draft.now - timedelta(seconds=pool.quarantine)
            if any(one.overlaps(other) for other in draft.whole.freed(since) if other.version == one.version):
                days = pool.quarantine / 86400
                draft.notes.append(f"{wanted} was held less than {days:g} days ago.")


REQUESTS: Final = {
    "ip-set": Request(
        lambda draft, row: set_ip(
            draft,
            row.text("sub"),
            Wish(row.text("ipv4", ""), row.text("prefix", ""), row.text("wan6", ""), row.text("pool", "")),
        ),
        ("ipv4", "prefix", "wan6", "pool"),
    ),
}
