"""What menus a RouterOS has, as far as the stand-in goes: which values a field takes, and how they are shown then."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_address, ip_interface, ip_network
from typing import Final

from ispctl.structs import Struct

Check = Callable[[str], str]
"""A value as it is shown once it is set; raises ValueError."""


def anything(value: str) -> str:
    return value


def yes_or_no(value: str) -> str:
    return {"yes": "true", "true": "true", "no": "false", "false": "false"}.get(value) or _refuse()


def one_of(value: str, words: str) -> str:
    return value if value in words.split() else _refuse()


def several_of(value: str, words: str) -> str:
    known = words.split()
    found = set(value.split(","))
    return ",".join(word for word in known if word in found) if found <= set(known) else _refuse()


def integer(value: str, most: int = 2**32 - 1) -> str:
    return str(int(value)) if value.isdecimal() and int(value) <= most else _refuse()


port: Check = partial(integer, most=65535)


def span(value: str) -> int:
    """Seconds of 1w2d3h4m5s, 00:05:00 or a number."""
    if found := re.fullmatch(r"(\d+):(\d+):(\d+)", value):
        hours, minutes, seconds = map(int, found.groups())
        return hours * 3600 + minutes * 60 + seconds
    if value.isdecimal():
        return int(value)
    if not re.fullmatch(r"(\d+[wdhms])+", value):
        _refuse()
    units = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(int(amount) * units[unit] for amount, unit in re.findall(r"(\d+)([wdhms])", value))


def shown_span(left: int) -> str:
    parts = []
    for unit, size in (("w", 604800), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        amount, left = divmod(left, size)
        parts += [f"{amount}{unit}"] if amount else []
    return "".join(parts) or "0s"


def duration(value: str) -> str:
    return value if value.endswith("ms") and value[:-2].isdecimal() else shown_span(span(value))


def hardware(value: str) -> str:
    not_, bare = value[: value.startswith("!")], value.removeprefix("!")
    return not_ + bare.upper() if re.fullmatch(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", bare) else _refuse()


def host(value: str) -> str:
    return str(ip_address(value))


def network(value: str) -> str:
    """A list shows one IPv4 address bare, and one IPv6 address with its length."""
    found = ip_network(value, strict=False)
    return str(found.network_address) if found.version == 4 and found.prefixlen == 32 else str(found)


def entry(value: str) -> str:
    """A list also takes a range, and a name that is looked up."""
    if re.fullmatch(r"(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)+", value):
        return value
    return ranges(value) if "-" in value else network(value)


def target(value: str) -> str:
    """Addresses, or the interface that they are behind."""
    if re.fullmatch(r"(ether|acc|vlan)\d+", value):
        return value
    return ",".join(str(ip_network(part, strict=False)) for part in value.split(","))


def prefix(value: str) -> str:
    return str(ip_network(value))


def interface_address(value: str) -> str:
    return str(ip_interface(value))


def ranges(value: str) -> str:
    found = []
    for part in value.split(","):
        first, _, last = part.partition("-")
        low, high = ip_address(first), ip_address(last or first)
        found.append(f"{low}-{high}" if int(high) >= int(low) else _refuse())
    return ",".join(found)


def rate(value: str) -> int:
    found = re.fullmatch(r"(\d+)([kMG]?)", value)
    return int(found[1]) * {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}[found[2]] if found else int(_refuse())


def two_rates(value: str) -> str:
    up, _, down = value.partition("/")
    return f"{rate(up)}/{rate(down)}"


def _refuse() -> str:
    raise ValueError


class Field(Struct):
    """`default`: what a new row shows; None where it shows nothing. `refers`: menus whose rows it may name, beside what
    `check` takes."""

    check: Check = anything
    default: str | None = None
    needed: bool = False
    refers: tuple[str, ...] = ()


class Menu(Struct):
    """`unique`: fields that no two rows share together, and what RouterOS says if they would."""

    fields: Mapping[str, Field]
    unique: tuple[str, ...] = ()
    taken: str = "failure: already have such entry"
    single: bool = False


def _switch(default: str = "false") -> Field:
    return Field(yes_or_no, default)


def _word(words: str, default: str | None = None, refers: tuple[str, ...] = ()) -> Field:
    return Field(partial(one_of, words=words), default, refers=refers)


_COMMON: Final = {"comment": Field(), "disabled": _switch()}
_NAMED: Final = {"name": Field(needed=True), "comment": Field()}
_INTERFACE: Final = Field(partial(one_of, words=""), needed=True, refers=("/interface",))
_ENTRY: Final = Menu({**_COMMON, "list": Field(needed=True), "address": Field(entry, needed=True)}, ("list", "address"))
_ACTIONS: Final = (
    "accept drop reject jump return log passthrough tarpit fasttrack-connection dst-nat src-nat masquerade redirect"
)
_RULES: Final = Menu({
    **_COMMON,
    "chain": Field(needed=True),
    "action": _word(_ACTIONS, "accept"),
    "jump-target": Field(),
    "src-address": Field(network),
    "dst-address": Field(network),
    "src-address-list": Field(),
    "dst-address-list": Field(),
    "src-mac-address": Field(hardware),
    "in-interface": _word("", refers=("/interface",)),
    "out-interface": _word("", refers=("/interface",)),
    "protocol": _word("tcp udp icmp icmpv6 gre"),
    "dst-port": Field(),
    "connection-state": Field(partial(several_of, words="invalid established related new untracked")),
    "reject-with": Field(),
    "to-addresses": Field(host),
    "to-ports": Field(port),
    "log": _switch(),
})  # fmt: skip

MENUS: Final[Mapping[str, Menu]] = {
    "/interface": Menu({**_NAMED, "type": _word("ether vlan bridge", "ether"), "disabled": _switch()}, ("name",)),
    "/ip address": Menu({**_COMMON, "address": Field(interface_address, needed=True), "interface": _INTERFACE}),
    "/ip pool": Menu(
        {**_NAMED, "ranges": Field(ranges, needed=True), "next-pool": _word("none", "none", ("/ip pool",))},
        ("name",),
        "failure: pool with such name already exists",
    ),
    "/ipv6 pool": Menu(
        {
            "name": Field(needed=True),
            "prefix": Field(prefix, needed=True),
            "prefix-length": Field(partial(integer, most=128), needed=True),
        },
        ("name",),
        "failure: pool with such name already exists",
    ),
    "/radius": Menu({
        **_COMMON,
        "service": Field(partial(several_of, words="ppp login hotspot wireless dhcp ipsec dot1x"), needed=True),
        "address": Field(host, needed=True),
        "secret": Field(default=""),
        "authentication-port": Field(port, "1812"),
        "accounting-port": Field(port, "1813"),
        "src-address": Field(host, "0.0.0.0"),  # noqa: S104  what RouterOS shows where none is set
        "timeout": Field(duration, "300ms"),
        "require-message-auth": _word("no yes-for-request-resp", "yes-for-request-resp"),
        "protocol": _word("udp radsec", "udp"),
    }),
    "/radius incoming": Menu(
        {"accept": _switch(), "port": Field(port, "3799"), "vrf": Field(default="main")}, single=True
    ),
    "/ppp aaa": Menu({
        "use-radius": _switch(),
        "accounting": _switch("true"),
        "interim-update": Field(duration, "0s"),
        "use-circuit-id-in-nas-port-id": _switch(),
    }, single=True),
    "/ppp profile": Menu({
        **_NAMED,
        "local-address": Field(host, refers=("/ip pool",)),
        "remote-address": Field(host, refers=("/ip pool",)),
        "change-tcp-mss": _word("yes no default", "default"),
        "only-one": _word("yes no default", "default"),
        "use-ipv6": Field(anything, "yes"),
        "dns-server": Field(),
        "rate-limit": Field(),
    }, ("name",), "failure: profile with the same name already exists"),
    "/ppp secret": Menu(
        {**_NAMED, "password": Field(default=""), "profile": _word("", "default", ("/ppp profile",))}, ("name",)
    ),
    "/ppp active": Menu({**_NAMED, "address": Field(host)}),
    "/interface pppoe-server server": Menu({
        "comment": Field(),
        "service-name": Field(default=""),
        "interface": _INTERFACE,
        "default-profile": _word("", "default", ("/ppp profile",)),
        "authentication": Field(partial(several_of, words="pap chap mschap1 mschap2"), "pap,chap,mschap1,mschap2"),
        "one-session-per-host": _switch(),
        "keepalive-timeout": Field(integer, "10"),
        "max-mtu": Field(default="auto"),
        "max-mru": Field(default="auto"),
        "disabled": _switch("true"),
    }),
    "/ip dhcp-server": Menu({
        **_NAMED,
        "interface": _INTERFACE,
        "address-pool": _word("static-only", "static-only", ("/ip pool",)),
        "lease-time": Field(duration, "30m"),
        "use-radius": _word("yes no accounting", "no"),
        "add-arp": _switch(),
        "authoritative": Field(anything, "yes"),
        "disabled": _switch("true"),
    }, ("name",), "failure: server with such name already exists"),
    "/ip dhcp-server config": Menu(
        {"interim-update": Field(duration, "0s"), "accounting": _switch("true")}, single=True
    ),
    "/ip dhcp-server network": Menu({
        "comment": Field(),
        "address": Field(prefix, needed=True),
        "gateway": Field(host, ""),
        "dns-server": Field(default=""),
        "netmask": Field(integer, "0"),
    }, ("address",)),
    "/ip dhcp-server lease": Menu({
        **_COMMON,
        "address": Field(host, needed=True, refers=("/ip pool",)),
        "mac-address": Field(hardware),
        "server": _word("all", "all", ("/ip dhcp-server",)),
        "block-access": _switch(),
        "status": _word("bound waiting", "waiting"),
    }, ("mac-address", "server"), "failure: already have static lease for this client"),
    "/queue simple": Menu({
        **_COMMON,
        "name": Field(needed=True),
        "target": Field(target, needed=True),
        "max-limit": Field(two_rates, "0/0"),
        "queue": Field(default="default-small/default-small"),
    }, ("name",), "failure: already have queue with this name"),
    "/ip firewall address-list": _ENTRY,
    "/ipv6 firewall address-list": _ENTRY,
    "/ip firewall filter": _RULES,
    "/ipv6 firewall filter": _RULES,
    "/ip firewall nat": _RULES,
    "/system identity": Menu({"name": Field(default="MikroTik")}, single=True),
    "/system resource": Menu({
        "uptime": Field(default="1w2d3h4m5s"),
        "version": Field(default="7.16.2 (stable)"),
        "board-name": Field(default="CCR2004-1G-12S+2XS"),
    }, single=True),
    "/system script": Menu(
        {**_NAMED, "source": Field(default=""), "dont-require-permissions": _switch()}, ("name",)
    ),
    "/system scheduler": Menu(
        {**_NAMED, "interval": Field(duration, "0s"), "on-event": Field(default=""), "disabled": _switch()}, ("name",)
    ),
}  # fmt: skip
