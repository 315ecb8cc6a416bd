"""The part of VyOS's configuration that a lab device knows: its nodes, what their values may be, what a commit refuses.

From vyos-1x: `interface-definitions/` and the `verify` of `conf_mode/`. A tree is {word: tree}; a value is a word too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, Final

Tree = dict[str, Any]
Path = tuple[str, ...]

_NODES: Final = """
system host-name =name
system name-server +ip
system config-management commit-revisions =u32
interfaces ethernet <ifname> address +cidr
interfaces ethernet <ifname> description =text
interfaces loopback <ifname> address +cidr
nat source rule <rule> outbound-interface name =ifname
nat source rule <rule> source address =any
nat source rule <rule> translation address =any
protocols static route <cidr> next-hop <ip>
protocols static arp interface <ifname> address <ip> mac =mac
service ssh port =port
service ntp server <any>
service pppoe-server access-concentrator =name
service pppoe-server authentication mode =mode
service pppoe-server authentication local-users username <any> password =text
service pppoe-server authentication radius server <ip4> key =text
service pppoe-server authentication radius server <ip4> port =port
service pppoe-server authentication radius server <ip4> acct-port =port
service pppoe-server authentication radius server <ip4> fail-time =u32
service pppoe-server authentication radius rate-limit enable
service pppoe-server authentication radius rate-limit attribute =text
service pppoe-server authentication radius nas-identifier =text
service pppoe-server authentication radius nas-ip-address =ip4
service pppoe-server authentication radius source-address =ip4
service pppoe-server authentication radius accounting-interim-interval =hour
service pppoe-server authentication radius acct-timeout =u32
service pppoe-server authentication radius timeout =u32
service pppoe-server authentication radius dynamic-author server =ip4
service pppoe-server authentication radius dynamic-author port =port
service pppoe-server authentication radius dynamic-author key =text
service pppoe-server client-ip-pool <pool> range +range
service pppoe-server client-ip-pool <pool> next-pool =pool
service pppoe-server client-ipv6-pool <pool> prefix <net6> mask =mask
service pppoe-server client-ipv6-pool <pool> delegate <net6> delegation-prefix =delegated
service pppoe-server default-pool =pool
service pppoe-server gateway-address =ip4
service pppoe-server interface <ifname> vlan +any
service pppoe-server name-server +ip
service pppoe-server mtu =u32
service pppoe-server ppp-options ipv6 =ipv6
service pppoe-server ppp-options disable-ccp
service dhcp-server shared-network-name <name> description =text
service dhcp-server shared-network-name <name> subnet <net4> subnet-id =u32
service dhcp-server shared-network-name <name> subnet <net4> lease =u32
service dhcp-server shared-network-name <name> subnet <net4> range <name> start =ip4
service dhcp-server shared-network-name <name> subnet <net4> range <name> stop =ip4
service dhcp-server shared-network-name <name> subnet <net4> exclude +ip4
service dhcp-server shared-network-name <name> subnet <net4> option default-router =ip4
service dhcp-server shared-network-name <name> subnet <net4> option name-server +ip4
service dhcp-server shared-network-name <name> subnet <net4> static-mapping <name> ip-address =ip4
service dhcp-server shared-network-name <name> subnet <net4> static-mapping <name> mac =mac
service dhcp-server shared-network-name <name> subnet <net4> static-mapping <name> description =text
firewall group address-group <group> address +ip4
firewall group address-group <group> description =text
firewall group network-group <group> network +net4
firewall group network-group <group> description =text
firewall group ipv6-network-group <group> network +net6
firewall group ipv6-network-group <group> description =text
firewall group interface-group <group> interface +ifname
firewall group interface-group <group> description =text
firewall group mac-group <group> mac-address +mac
firewall group mac-group <group> description =text
"""
_FILTERS: Final = """
default-action =action
description =text
rule <rule> action =action
rule <rule> description =text
rule <rule> jump-target =group
rule <rule> protocol =name
rule <rule> state +name
rule <rule> inbound-interface name =any
rule <rule> {side} address =any
rule <rule> {side} port =any
rule <rule> {side} group network-group =group
rule <rule> {side} group ipv6-network-group =group
rule <rule> {side} group address-group =group
"""


def _is(kind: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            kind(text)
        except ValueError:
            return False
        return True

    return check


def _net(version: int, length: bool) -> Callable[[str], bool]:
    return _is(lambda text: _fail(ip_network(text).version != version or (length and "/" not in text)))


def _fail(bad: bool) -> None:
    if bad:
        raise ValueError


def _range(text: str) -> None:
    """A network, or a part of a /24 that ends where it does not begin."""
    first, dash, last = text.partition("-")
    _fail(ip_network(first).version != 4)
    if dash:
        low, high = IPv4Address(first), IPv4Address(last)
        _fail(low > high or low not in ip_network(f"{last}/24", strict=False))


def _regex(text: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(text, value) is not None


def _within(least: int, most: int) -> Callable[[str], bool]:
    return lambda text: text.isdigit() and least <= int(text) <= most


_VALUES: Final[dict[str, Callable[[str], bool]]] = {
    "any": bool,
    "text": lambda text: 0 < len(text) <= 255,
    "name": _regex(r"[-_a-zA-Z0-9.]+"),
    "pool": _regex(r"[-_a-zA-Z0-9.]+"),
    "group": _regex(r"[a-zA-Z0-9][\w\-.]*"),
    "ifname": _regex(r"(acc|up|bond|br|eth|lan|lo|vlan)[0-9]*(\.\d+)?"),
    "rule": _within(1, 999999),
    "u32": _within(0, 2**32 - 1),
    "port": _within(1, 65535),
    "hour": _within(1, 3600),
    "mask": _within(48, 128),
    "delegated": _within(32, 64),
    "ip": _is(ip_address),
    "ip4": _is(lambda text: _fail(ip_address(text).version != 4)),
    "cidr": _is(lambda text: ip_network(text, strict=False)),
    "net4": _net(4, True),
    "net6": _net(6, True),
    "range": _is(_range),
    "mac": _regex(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}"),
    "mode": _regex("local|radius|noauth"),
    "ipv6": _regex("deny|allow|prefer|require"),
    "action": _regex("accept|drop|reject|return|jump|continue"),
}


@cache
def _patterns() -> tuple[tuple[str, ...], ...]:
    filters = [line.replace("{side}", side) for side in ("source", "destination") for line in _FILTERS.split("\n")]
    below = [
        f"firewall {family} {chain} {line}"
        for family in ("ipv4", "ipv6")
        for chain in ("forward filter", "input filter", "name <group>")
        for line in filters
        if line
    ]
    return tuple(tuple(line.split()) for line in dict.fromkeys((*_NODES.strip().splitlines(), *below)))


def _fits(words: Path) -> Iterator[tuple[str, ...]]:
    """The patterns that begin as these words do; values are not looked at."""
    for pattern in _patterns():
        if len(words) <= len(pattern) and all(
            want == word or want[0] in "<=+" for want, word in zip(pattern, words, strict=False)
        ):
            yield pattern


def wrong(path: Path) -> list[str]:
    """VyOS's words for a path that cannot be set; [] where it can."""
    fitting = list(_fits(path))
    if not path or not fitting:
        return [f"Configuration path: [{' '.join(path)}] is not valid"]
    if all(len(pattern) > len(path) and pattern[len(path)][0] in "<=+" for pattern in fitting):
        return [f"Configuration path: [{' '.join(path)}] requires a value"]
    for want, word in zip(fitting[0], path, strict=False):
        if want[0] in "<=+" and not _VALUES[want.strip("<>=+")](word):
            return ["Invalid value", "Value validation failed"]
    return []


def has(tree: Tree, path: Path) -> bool:
    for word in path:
        if word not in tree:
            return False
        tree = tree[word]
    return True


def put(tree: Tree, path: Path) -> None:
    """Set it; a value takes the place of the one before where there is room for one only."""
    for at, word in enumerate(path):
        if any(len(pattern) > at and pattern[at][0] == "=" for pattern in _fits(path)):
            tree.clear()
        tree = tree.setdefault(word, {})


def remove(tree: Tree, path: Path) -> None:
    """Delete it. The node above stays, though nothing is in it, unless it is a name of values."""
    *above, last = path
    parent = tree
    for word in above:
        tree, parent = tree[word], tree
    del tree[last]
    values = any(len(pattern) == len(path) and pattern[-1][0] in "=+" for pattern in _fits(path))
    if values and not tree and above:
        del parent[above[-1]]


def show(tree: Tree) -> list[str]:
    """As `set` lines, with quotes around values, sorted."""
    return [_line(path) for path in sorted(_leaves(tree))]


def _leaves(tree: Tree, above: Path = ()) -> Iterator[Path]:
    for word, below in tree.items():
        if below:
            yield from _leaves(below, (*above, word))
        else:
            yield (*above, word)


def _line(path: Path) -> str:
    value = any(len(pattern) == len(path) and pattern[-1][0] in "=+" for pattern in _fits(path))
    return f"set {' '.join(path[:-1])} " + (f"'{path[-1]}'" if value else path[-1])


def verify(tree: Tree) -> tuple[str, str] | None:
    """(path, words) of the first thing for which a commit fails; None where it does not."""
    return _pppoe(tree) or _firewall(tree) or _dhcp(tree)


def _at(tree: Tree, *path: str) -> Tree:
    for word in path:
        tree = tree.get(word, {})
    return tree


def _pppoe(tree: Tree) -> tuple[str, str] | None:
    if "pppoe-server" not in _at(tree, "service"):
        return None
    path, server = "service pppoe-server", _at(tree, "service", "pppoe-server")
    servers = _at(server, "authentication", "radius", "server")
    if not server.get("interface"):
        return path, "At least one listen interface must be defined!"
    if "radius" in _at(server, "authentication", "mode") and not servers:
        return path, "RADIUS authentication requires at least one server"
    for address, one in servers.items():
        if "key" not in one:
            return path, f'Missing RADIUS secret key for server "{address}"'
    if "gateway-address" not in server:
        return path, "PPPoE server requires gateway-address to be configured!"
    return next(
        ((path, f'Pool "{name}" has no range') for name, pool in _at(server, "client-ip-pool").items() if not pool),
        None,
    )


def _firewall(tree: Tree) -> tuple[str, str] | None:
    groups = _at(tree, "firewall", "group")
    for family in ("ipv4", "ipv6"):
        chains = _at(tree, "firewall", family)
        for chain in (_at(chains, "forward", "filter"), _at(chains, "input", "filter"), *_at(chains, "name").values()):
            for number, rule in chain.get("rule", {}).items():
                text = _rule(rule, _at(chains, "name"), groups)
                if text:
                    return "firewall", text.format(number=number)
    return None


def _rule(rule: Tree, chains: Tree, groups: Tree) -> str:
    if "action" not in rule:
        return "Rule {number}: action must be defined"
    for target in rule.get("jump-target", {}):
        if target not in chains:
            return f'Invalid jump-target. Firewall chain "{target}" does not exist on the system'
    for side in ("source", "destination"):
        for kind, names in _at(rule, side, "group").items():
            for name in names:
                if name not in groups.get(kind, {}):
                    return f'Invalid {kind} "{name}" on firewall rule {{number}}'
    return ""


def _dhcp(tree: Tree) -> tuple[str, str] | None:
    path, ids, networks = "service dhcp-server", set(), _at(tree, "service", "dhcp-server", "shared-network-name")
    for network, held in networks.items():
        if not held.get("subnet"):
            return path, f'No subnets defined for "{network}"'
        for subnet, one in held["subnet"].items():
            number = next(iter(one.get("subnet-id", {})), "")
            if not number or number in ids:
                return path, f'Unique subnet ID not specified for subnet "{subnet}"'
            ids.add(number)
            if not one.get("range") and not one.get("static-mapping"):
                return path, f'No DHCP address range or active static-mapping configured within "{network}, {subnet}"'
            if text := _held(subnet, one):
                return path, text
    return None


def _held(subnet: str, one: Tree) -> str:
    """What is wrong with the addresses that a subnet names."""
    if any(ip_address(address) not in ip_network(subnet) for address in one.get("exclude", {})):
        return f'Excluded IP address is not within subnet "{subnet}"'
    for name, mapping in one.get("static-mapping", {}).items():
        if any(ip_address(address) not in ip_network(subnet) for address in mapping.get("ip-address", {})):
            return f'Configured static lease address for mapping "{name}" is not within subnet "{subnet}"'
        if not mapping.get("mac"):
            return f'Either MAC address or Client-ID (DUID) is required for static mapping "{name}"'
    return ""
