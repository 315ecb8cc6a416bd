"""Ranges of addresses that go from one pool of a NAS to another in one run. What gives them up goes with what takes
them, in one transaction, since a device may refuse an overlap; and not while somebody has an address of them, which the
other pool would give away."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from ispctl.model.network import Nas
from ispctl.plan import Change, Stop
from ispctl.platforms.device import Slice
from ispctl.reconcile.named import things
from ispctl.store import Store, facts
from ispctl.structs import Struct

Net = IPv4Network | IPv6Network


class Move(Struct):
    """`gone`: the change by which a pool gives up `nets`; `into`: that by which another one gets them."""

    gone: Change
    into: Change
    nets: tuple[Net, ...]


def moves(nas: Nas, before: Slice, after: Slice, changes: Iterable[Change]) -> Iterator[Move]:
    """Of one NAS. `changes`: what is to be done there."""
    by_key = {change.key: change for change in changes}
    named = {thing: by_key[key] for thing, key in things(nas, by_key).items()}
    for new in after.pools:
        for old in before.pools:
            nets = tuple(_shared(map(ip_network, old.prefixes), [*map(ip_network, new.prefixes)]))
            gone, into = named.get(f"pool {old.name}".casefold()), named.get(f"pool {new.name}".casefold())
            if old.name != new.name and nets and gone is not None and into is not None:
                yield Move(gone, into, nets)


def stop(store: Store, host: str, addresses: Collection[str], found: Sequence[Move]) -> Stop | None:
    """What waits, where somebody has an address that would move. `addresses`: by which the host names itself."""
    nets = {net for one in found for net in one.nets}
    many = sum(_is_in(text, nets) for text in facts.addresses_on(store, addresses)) if nets else 0
    if not many:
        return None
    ids = tuple(sorted({change.id for one in found for change in (one.gone, one.into)}))
    reason = (
        f"addresses go from one pool to another, and {many:,} of them are in use: take them from the one pool in a"
        " commit, let the sessions end, give them to the other in a second commit"
    )
    return Stop("paused", f"target nas:{host}", (), ids, by="ispctl", reason=reason)


def together(found: Iterable[Move]) -> Mapping[str, frozenset[str]]:
    """Ids of removals that go with what is granted -> those of what takes their addresses."""
    pairs: dict[str, frozenset[str]] = {}
    for one in found:
        if one.gone.after is None:
            pairs[one.gone.id] = pairs.get(one.gone.id, frozenset()) | {one.into.id}
    return pairs


def _shared(some: Iterable[Net], others: Sequence[Net]) -> Iterator[Net]:
    for one in some:
        for other in others:
            if one.version == other.version and one.overlaps(other):
                yield max(one, other, key=lambda net: net.prefixlen)


def _is_in(text: str, nets: Iterable[Net]) -> bool:
    address = ip_address(text.partition("/")[0])
    return any(address in net for net in nets)
