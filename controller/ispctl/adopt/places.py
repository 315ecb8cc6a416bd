"""Old NAS rows, pool names and fixed addresses -> hosts.yaml and pools.yaml. Pure."""

from __future__ import annotations

import ipaddress
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import count
from typing import Final

from ispctl.adopt.meaning import Meaning
from ispctl.adopt.names import distinct, slug
from ispctl.adopt.old import Finding, OldNas
from ispctl.adopt.rates import PLATFORM_OF
from ispctl.adopt.yaml_text import Value
from ispctl.model.network import Pool
from ispctl.structs import Struct, field

_PLATFORMS: Final = {
    "mikrotik": "routeros",
    "routeros": "routeros",
    "cisco": "ios-xe",
    "juniper": "junos",
    "huawei": "huawei-vrp",
    "vyos": "vyos",
    "accel-ppp": "accel-ppp",
    "accel": "accel-ppp",
    "linux": "linux",
}
STATIC4, STATIC6 = "static", "static6"


class Host(Struct):
    """One NAS that becomes a host."""

    name: str
    address: IPv4Address | IPv6Address
    platform: str
    shortname: str
    secret: str = field(repr=False)


def hosts(nas: Sequence[OldNas], told: Counter[str]) -> tuple[tuple[Host, ...], tuple[Finding, ...]]:
    """The hosts, and what could not be one. `told` counts the attributes that tell rates: where a row does not name
    its vendor, the attribute that most logins have does."""
    findings: list[Finding] = []
    fit: dict[IPv4Address | IPv6Address, OldNas] = {}
    for one in nas:
        address = _address(one.address)
        said = _unfit(one, address is None, address in fit)
        if said:
            findings.append(Finding("lost", "nas", said, "nas", one.id, "nasname"))
        elif address is not None:
            fit[address] = one
    names = distinct((str(address), slug(one.shortname, f"nas-{one.id}")) for address, one in fit.items())
    usual = next((PLATFORM_OF[name] for name, _ in told.most_common(1) if name in PLATFORM_OF), "")
    found = []
    for address, one in fit.items():
        platform = _PLATFORMS.get(one.type.strip().casefold(), "")
        if not platform and usual:
            text = f"its type does not say the vendor; taken for {usual}, as most rates are told that way"
            findings.append(Finding("note", "guessed-platform", text, "nas", one.id, "type"))
        found.append(Host(names[str(address)], address, platform or usual, one.shortname, one.secret))
    return tuple(found), tuple(findings)


def _unfit(one: OldNas, no_address: bool, twice: bool) -> str:
    if no_address and "/" in one.address:
        return "a whole network as one NAS: write each of its addresses into data.radius.sources of a host"
    if no_address:
        return "a name instead of an address: look it up and write the host by hand"
    if twice:
        return "the same address a second time: the first row is taken"
    if not one.secret or "\\" in one.secret or not one.secret.isprintable() or len(one.secret.encode()) > 128:
        return "a shared secret that cannot be used as it stands: agree on a new one and write the host by hand"
    return ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(text.removesuffix("/32").removesuffix("/128"))
    except ValueError:
        return None


def written(host: Host, sealed: str, interim: int | None) -> dict[str, Value]:
    """A host as hosts.yaml has it. Old NAS do not sign their requests, so that is not asked of them yet."""
    radius: dict[str, Value] = {"sources": [str(host.address)], "secret": sealed}
    data: dict[str, Value] = {"radius": {**radius, "require_message_authenticator": False}}
    if interim is not None:
        data["accounting"] = {"interim": f"{interim}s"}
    platform: dict[str, Value] = {"platform": host.platform} if host.platform else {}
    return {"hostname": str(host.address), **platform, "data": data}


def pools(
    meanings: Iterable[Meaning], served: Mapping[str, Sequence[IPv4Address]], known: Mapping[str, Pool]
) -> tuple[dict[str, Value], tuple[Finding, ...]]:
    """Every pool that a login or a group names, and ranges for the fixed addresses; without what the pools of git hold
    already."""
    there = [net for pool in known.values() for net in pool.prefixes]
    given = {one for meaning in meanings for one in _given(meaning)}
    pooled = sorted((one for one in given if one[0].startswith("pool:")), reverse=True)
    pooled = sorted((one for one in given if one[0].startswith("pool:")), reverse=True)
    names = {text.removeprefix("pool:"): family for text, family in pooled}
    fixed = [one for one in given.difference(pooled) if not _lies_in(one[0], there)]
    static = {IPv4Address(text) for text, family in fixed if family == 4}
    wide = {_around(text) for text, family in fixed if family == 6}
    found: dict[str, Value] = {}
    findings = []
    for name, family in sorted((name, family) for name, family in names.items() if name not in known):
        ranges = _free_of(served.get(name, ()), static) if family == 4 else []
        if ranges:
            found[name] = {"family": 4, "served_by": "radius", "ranges": list(map(str, ranges))}
        else:
            found[name] = {"family": family, "served_by": "nas"}
            text = "only the NAS knows the addresses of this pool: write them down, so that somebody watches over them"
            findings.append(Finding("note", "pool-without-addresses", text, attribute=name))
    taken = [net for name in names for net in _free_of(served.get(name, ()), static)]
    taken += [net for net in there if isinstance(net, IPv4Network)]
    for name, family, nets in ((STATIC4, 4, _ranges(static, taken)), (STATIC6, 6, _collapsed(wide))):
        if nets:
            free = next(n for n in _numbered(name) if n not in found and n not in known)
            found[free] = {"family": family, "served_by": "static", "ranges": list(map(str, nets))}
    return found, tuple(findings)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield f"{name}-addresses"
    yield from (f"{name}-addresses-{number}" for number in count(2))


def _lies_in(text: str, nets: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether an address or a prefix is part of one of these."""
    one = ipaddress.ip_network(text)
    return any(net.version == one.version and net.supernet_of(one) for net in nets)  # type: ignore[arg-type]


def _given(one: Meaning) -> Iterator[tuple[str, int]]:
    sold = one.sold
    yield from ((text, 4) for text in (one.ipv4, f"pool:{sold.ipv4}" if sold.ipv4 else "") if text)
    own = (one.ipv6, one.delegated, *(f"pool:{name}" for name in (sold.ipv6, sold.delegated) if name))
    yield from ((text, 6) for text in own if text)


def _around(text: str) -> IPv6Network:
    """The /48 that an IPv6 address or prefix lies in; the prefix itself where it is larger."""
    net = IPv6Network(text)
    return net if net.prefixlen < 48 else net.supernet(new_prefix=48)


def _collapsed(nets: Iterable[IPv6Network]) -> list[IPv6Network]:
    return list(ipaddress.collapse_addresses(nets))


def _free_of(addresses: Sequence[IPv4Address], static: set[IPv4Address]) -> list[IPv4Network]:
    """What a server hands out, without what is fixed."""
    return list(ipaddress.collapse_addresses(IPv4Network(one) for one in addresses if one not in static))


def _ranges(static: Iterable[IPv4Address], taken: Sequence[IPv4Network]) -> list[IPv4Network]:
    """The /24 around fixed addresses. Where it is not theirs alone, or one of them is its first or last address, each
    stands by itself: an address at the edge of a range is refused."""
    by_net: dict[IPv4Network, list[IPv4Address]] = defaultdict(list)
    for address in sorted(static):
        by_net[IPv4Network((address, 24), strict=False)].append(address)
    found: list[IPv4Network] = []
    for net, addresses in by_net.items():
        edge = {net.network_address, net.broadcast_address} & set(addresses)
        alone = not edge and not any(net.overlaps(other) for other in taken)
        found += [net] if alone else map(IPv4Network, addresses)
    return found
