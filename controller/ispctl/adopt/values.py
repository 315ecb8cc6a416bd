"""Texts of value columns -> what they mean, or None where they mean nothing that we can say. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final

from ispctl.adopt.old import Row
from ispctl.model.reading import value_of
from ispctl.model.rules import Wrong
from ispctl.model.scalars import Login, Mac, Name, SubscriberId, Text


def literal(text: str) -> str | None:
    """What the server takes a value column for; None where it would expand it or break on it."""
    if len(text) > 1 and text[0] == text[-1] == "`":
        return None
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    clear = text.replace("\\\\", "\\")
    return clear if clear and clear.replace("\\", "\\\\") == text else None


def login(text: str) -> str | None:
    return _valid(Login, text)


def mac(text: str) -> str | None:
    return _valid(Mac, text)


def subscriber_id(text: str) -> str | None:
    return _valid(SubscriberId, text)


def is_name(text: str) -> bool:
    """Whether somebody can be called so."""
    return _valid(Text, text) is not None


def is_password(text: str) -> bool:
    """Whether a server takes it."""
    return 1 <= len(text.encode("utf-8", "replace")) <= 128 and text.isprintable()


def alternatives(row: Row) -> list[str]:
    """The values that a check row lets pass: one, or those of a regular expression that is a list of words."""
    if row.op == "==":
        return [row.value]
    found = re.fullmatch(r"\^?\(?([0-9A-Za-z:.|_-]+)\)?\$?", row.value) if row.op == "=~" else None
    return [part for part in found[1].split("|") if part] if found else []


def number(text: str, most: int) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) and int(text) <= most else None


def pool(text: str) -> str | None:
    """A NAS knows its pools by name, so a name that ours cannot have is no pool that we can tell it."""
    name = _valid(Name, text)
    return f"pool:{name}" if name else None


def ipv4(text: str) -> str | None:
    """ "" where the NAS chooses (RFC 2865, 5.8)."""
    return "" if text in {"255.255.255.254", "255.255.255.255"} else _parsed(IPv4Address, text)


def ipv6(text: str) -> str | None:
    return _parsed(IPv6Address, text.removesuffix("/128"))


def prefix(text: str) -> str | None:
    return _parsed(IPv6Network, text)


def route(text: str) -> str | None:
    """`203.0.113.64/29 0.0.0.0 1`: a route to the subscriber. Another gateway is something else."""
    net, _, rest = text.strip().partition(" ")
    gateway = rest.strip().partition(" ")[0]
    if gateway not in {"", "0.0.0.0", "::"} or "/" not in net:  # noqa: S104  a gateway, no address to listen on
        return None
    return _parsed(IPv6Network if ":" in net else IPv4Network, net)


READERS: Final[Mapping[str, tuple[str, Callable[[str], str | None]]]] = {
    "Framed-IP-Address": ("ipv4", ipv4),
    "Framed-Pool": ("ipv4", pool),
    "Framed-IPv6-Address": ("ipv6", ipv6),
    "Framed-IPv6-Pool": ("ipv6", pool),
    "Delegated-IPv6-Prefix": ("delegated", prefix),
    "Delegated-IPv6-Prefix-Pool": ("delegated", pool),
    "Framed-Route": ("routes", route),
    "Framed-IPv6-Route": ("routes", route),
}
"""Reply attribute -> (which part of a service it is, how its value is read)."""
CISCO_POOL: Final = "ip:addr-pool="


def address(row: Row) -> tuple[str, str | None] | None:
    """(part of a service, value) of a reply row about addresses; the value is None if it cannot be read. None: the row
    is about something else."""
    if row.attribute == "Cisco-AVPair" and row.value.startswith(CISCO_POOL):
        return "ipv4", pool(row.value.removeprefix(CISCO_POOL))
    reader = READERS.get(row.attribute)
    return None if reader is None else (reader[0], reader[1](row.value))


def _valid(kind: Any, text: str) -> str | None:
    try:
        found: str = value_of(kind, text)
    except Wrong:
        return None
    return found


def _parsed(make: Callable[[str], Any], text: str) -> str | None:
    try:
        return str(make(text)) if "%" not in text else None
    except ValueError:
        return None
