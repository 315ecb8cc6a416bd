"""The menus of RouterOS that we write, in the order in which their rows may be made, and the normal form of a field.

Fields and defaults are those of RouterOS 7 (MikroTik's manual). A field that stands at its default is left out of the
normal form: the device shows it, a template does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_interface
from typing import Final

from ispctl.structs import Struct

_UNITS: Final = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_PREFIXES: Final = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_SPAN: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
_CLOCK: Final = re.compile(r"(?:(\d+)d)?(\d+):(\d\d):(\d\d)")
_RATE: Final = re.compile(r"(\d+)([kmg]?)", re.IGNORECASE)
_MAC: Final = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")


def text(value: str) -> str:
    return value


def boolean(value: str) -> str:
    """yes or no; the API says true and false."""
    known = {"true": "yes", "false": "no", "yes": "yes", "no": "no"}
    return known.get(value, value)


def number(value: str) -> str:
    return str(int(value))


def seconds(value: str) -> float:
    """ "1w2d3h4m5s", "00:05:00", "300s" or "300" in seconds."""
    clock, span = _CLOCK.fullmatch(value), _SPAN.fullmatch(value)
    if clock:
        days, *rest = (int(part or 0) for part in clock.groups())
        return days * 86400 + rest[0] * 3600 + rest[1] * 60 + rest[2]
    if span and value:
        return sum(int(part or 0) * unit for part, unit in zip(span.groups(), _UNITS.values(), strict=True))
    raise ValueError(f"{value!r} is no time")


def time(value: str) -> str:
    """As RouterOS shows it: 300s is 5m. Words, such as none, are kept."""
    if value.isalpha() and value.islower():
        return value
    left, found = int(seconds(value)), ""
    for letter, unit in _UNITS.items():
        found += f"{left // unit}{letter}" if left >= unit else ""
        left %= unit
    return found or "0s"


def rates(value: str) -> str:
    """Two rates in bit/s: 5M/20M is 5000000/20000000."""
    parts = [_RATE.fullmatch(part) for part in value.split("/")]
    if len(parts) != 2 or not all(parts):
        raise ValueError(f"{value!r} is no pair of rates")
    return "/".join(str(int(part[1]) * _PREFIXES[part[2].lower()]) for part in parts if part)


def mac(value: str) -> str:
    found = value.upper()
    if not _MAC.fullmatch(found.removeprefix("!")):
        raise ValueError(f"{value!r} is no MAC address")
    return found


def address(value: str) -> str:
    """An address alone without its length, a network with it."""
    bare = value.removeprefix("!")
    found = ip_interface(bare)
    whole = found.network.prefixlen == found.max_prefixlen
    return ("!" if bare != value else "") + (str(found.ip) if whole else str(found.network))


def one_of_addresses(value: str) -> str:
    """An address, or a word that stands in its place."""
    try:
        return address(value)
    except ValueError:
        return value


def _source(value: str) -> str:
    """An address to send from; none is shown as that of either family."""
    return "0.0.0.0" if value == "::" else one_of_addresses(value)  # noqa: S104  it is what is shown


def members(value: str) -> str:
    """A list whose order means nothing."""
    return ",".join(sorted(set(value.split(","))))


def ranges(value: str) -> str:
    """Ranges of a pool in their order; of one address alone without its end."""
    found = []
    for part in value.split(","):
        first, _, last = part.partition("-")
        low, high = ip_address(first), ip_address(last or first)
        found.append(str(low) if low == high else f"{low}-{high}")
    return ",".join(found)


class Field(Struct):
    """How a value becomes its normal form, what stands there if nothing is said, and whether it can be taken away
    alone (RouterOS writes `!name` then)."""

    normal: Callable[[str], str] = text
    default: str = ""
    removable: bool = False


class Menu(Struct):
    """A menu, its path as on the command line. `single`: it has values and no rows. `ordered`: its rows are rules.
    `register`: it has no comments, so that an entry of this address list names what is ours."""

    path: str
    fields: Mapping[str, Field]
    single: bool = False
    ordered: bool = False
    register: str = ""

    @property
    def command(self) -> str:
        """The path as the API writes it."""
        return self.path.replace(" ", "/")


_OFF: Final = Field(boolean, "no")
_NAME: Final = Field()
_ANY: Final = Field(address, removable=True)
_LIST: Final = {"list": _NAME, "address": Field(address), "disabled": _OFF}
_RULE: Final = {
    "chain": _NAME,
    "action": Field(default="accept"),
    "jump-target": Field(removable=True),
    "src-address-list": Field(removable=True),
    "dst-address-list": Field(removable=True),
    "src-address": _ANY,
    "dst-address": _ANY,
    "src-mac-address": Field(mac, removable=True),
    "in-interface": Field(removable=True),
    "out-interface": Field(removable=True),
    "protocol": Field(removable=True),
    "dst-port": Field(removable=True),
    "connection-state": Field(members, removable=True),
    "reject-with": Field(removable=True),
    "log": _OFF,
    "disabled": _OFF,
}
_NAT: Final = {**_RULE, "to-addresses": Field(removable=True), "to-ports": Field(removable=True)}
_POOL: Final = {"name": _NAME, "ranges": Field(ranges), "next-pool": Field(default="none")}
_POOL6: Final = {"name": _NAME, "prefix": Field(address), "prefix-length": Field(number)}
_RADIUS: Final = {
    "service": Field(members),
    "address": Field(one_of_addresses),
    "secret": _NAME,
    "authentication-port": Field(number, "1812"),
    "accounting-port": Field(number, "1813"),
    "src-address": Field(_source, "0.0.0.0"),  # noqa: S104  what RouterOS shows where none is set
    "timeout": Field(text, "300ms"),
    "require-message-auth": Field(default="yes-for-request-resp"),
    "disabled": _OFF,
}
_PROFILE: Final = {
    "name": _NAME,
    "local-address": Field(one_of_addresses, removable=True),
    "change-tcp-mss": Field(default="default"),
    "only-one": Field(default="default"),
    "use-ipv6": Field(boolean, "yes"),
    "dns-server": Field(removable=True),
}
_PPPOE: Final = {
    "service-name": _NAME,
    "interface": _NAME,
    "default-profile": Field(default="default"),
    "authentication": Field(members, "chap,mschap1,mschap2,pap"),
    "one-session-per-host": _OFF,
    "keepalive-timeout": Field(lambda value: value.removesuffix("s"), "10"),
    "max-mtu": Field(default="auto"),
    "max-mru": Field(default="auto"),
    "disabled": Field(boolean, "yes"),
}
_DHCP: Final = {
    "name": _NAME,
    "interface": _NAME,
    "address-pool": Field(default="static-only"),
    "lease-time": Field(time, "30m"),
    "use-radius": Field(boolean, "no"),
    "add-arp": _OFF,
    "authoritative": Field(boolean, "yes"),
    "disabled": Field(boolean, "yes"),
}
_NETWORK: Final = {"address": Field(address), "gateway": _NAME, "dns-server": _NAME, "netmask": Field(default="0")}
_LEASE: Final = {
    "address": Field(one_of_addresses),
    "mac-address": Field(mac),
    "server": Field(default="all"),
    "block-access": _OFF,
    "disabled": _OFF,
}
_QUEUE: Final = {
    "name": _NAME,
    "target": Field(lambda value: ",".join(address(part) for part in value.split(","))),
    "max-limit": Field(rates, "0/0"),
    "queue": Field(default="default-small/default-small"),
    "disabled": _OFF,
}
_AAA: Final = {
    "use-radius": _OFF,
    "accounting": Field(boolean, "yes"),
    "interim-update": Field(time, "0s"),
}

MENUS: Final[Mapping[str, Menu]] = {
    menu.path: menu
    for menu in (
        Menu("/ip pool", _POOL),
        Menu("/ipv6 pool", _POOL6, register="/ipv6 firewall address-list"),
        Menu("/ip firewall address-list", _LIST),
        Menu("/ipv6 firewall address-list", _LIST),
        Menu("/ip firewall filter", _RULE, ordered=True),
        Menu("/ipv6 firewall filter", _RULE, ordered=True),
        Menu("/ip firewall nat", _NAT, ordered=True),
        Menu("/radius", _RADIUS),
        Menu("/radius incoming", {"accept": _OFF, "port": Field(number, "3799")}, single=True),
        Menu("/ppp aaa", _AAA, single=True),
        Menu("/ip dhcp-server config", {"interim-update": Field(time, "0s")}, single=True),
        Menu("/ppp profile", _PROFILE),
        Menu("/ip dhcp-server", _DHCP),
        Menu("/ip dhcp-server network", _NETWORK),
        Menu("/ip dhcp-server lease", _LEASE),
        Menu("/queue simple", _QUEUE),
        Menu("/interface pppoe-server server", _PPPOE),
    )
}
"""What is referenced stands before what refers to it, and what lets subscribers in stands last: the wall is there
before anybody can be behind it."""

LOOSE: Final = {
    "/ip firewall address-list",
    "/ipv6 firewall address-list",
    "/ip dhcp-server network",
    "/ip dhcp-server lease",
    "/queue simple",
}
"""Menus whose rows nothing refers to by name: such a row may be removed and made again."""

ORDER: Final = {path: place for place, path in enumerate(MENUS)}


def normal(menu: Menu, said: Mapping[str, str], *, shown: bool = False) -> dict[str, str]:
    """The fields of a row that are not at their defaults, each in its normal form. Raises ValueError with the name of
    a field whose value it cannot be; but RouterOS knows more forms than we write, so that what is `shown` like that (a
    hand gave a name in place of an address) is kept, as something else than anybody wants."""
    found = {}
    for name, field in menu.fields.items():
        value = said.get(name, "")
        if value == "":
            continue
        try:
            value = field.normal(value)
        except ValueError as error:
            if not shown:
                raise ValueError(f"{name}: {error}") from None
        if value != field.default:
            found[name] = value
    return found
