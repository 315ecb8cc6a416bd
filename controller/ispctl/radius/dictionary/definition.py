"""One attribute as a dictionary describes it, and which values it can hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final

from ispctl.structs import Struct, field

_OCTETS: Final = 253
"""What one attribute holds (RFC 2865, 5); a vendor's has six octets less (5.26), a tag takes one (RFC 2868, 3)."""
_VENDOR: Final = 6
_TAGGED: Final = re.compile(r"[^:]+:(3[01]|[12][0-9]|[1-9])")


class Definition(Struct):
    """ATTRIBUTE name number type, of a vendor (0: standard). `values`: its named ones, name -> number."""

    name: str
    number: str
    kind: str
    vendor: int = 0
    tagged: bool = False
    encrypted: bool = False
    values: Mapping[str, str] = field(default_factory=dict)

    def misfit(self, written: str, text: str) -> str:
        """Why `text` is no value of this attribute, written so ("Name" or "Name:tag"); "" if it is one."""
        tag = written != self.name
        if tag and not (self.tagged and _TAGGED.fullmatch(written)):
            return f"{written} has a tag that it cannot have"
        if text in self.values:
            return ""
        try:
            size = _SIZE[self.kind](text)
        except (KeyError, ValueError):
            return f"the value of {written} is no {self.kind}"
        most = _OCTETS - (_VENDOR if self.vendor else 0) - tag
        return f"the value of {written} is longer than {most} octets" if size > most else ""

    def differs(self, other: Definition) -> str:
        """In what the other one says something else; "" if in nothing that matters to what is sent."""
        for what in ("number", "vendor", "kind", "tagged", "encrypted"):
            mine, theirs = getattr(self, what), getattr(other, what)
            if mine != theirs:
                return f"{what} {theirs} and not {mine}"
        wrong = sorted(name for name, number in self.values.items() if other.values.get(name) != number)
        return f"another value for {', '.join(wrong)}" if wrong else ""


def _integer(bits: int) -> Callable[[str], int]:
    def size(text: str) -> int:
        if not (text.isascii() and text.isdigit() and int(text) < 2**bits):
            raise ValueError
        return bits // 8

    return size


def _octets(text: str) -> int:
    if not re.fullmatch(r"0x([0-9A-Fa-f]{2})+", text):
        raise ValueError
    return len(text) // 2 - 1


_SIZE: Final[Mapping[str, Callable[[str], int]]] = {
    "string": lambda text: len(text.encode()),
    "octets": _octets,
    "byte": _integer(8),
    "short": _integer(16),
    "integer": _integer(32),
    "integer64": _integer(64),
    "date": _integer(32),
    "ipaddr": lambda text: len(IPv4Address(text).packed),
    "ipv6addr": lambda text: len(IPv6Address(text).packed),
    "ipv6prefix": lambda text: 2 + len(IPv6Network(text).network_address.packed),
}
"""Type -> octets that a text takes; ValueError if it is none of that type."""


def read(lines: Iterable[str]) -> dict[str, Definition]:
    """The attributes of a dictionary in FreeRADIUS's format, its $INCLUDE lines followed already. What has another
    shape is passed over."""
    numbers: dict[str, int] = {}
    found: dict[str, Definition] = {}
    values: dict[str, dict[str, str]] = {}
    vendor = 0
    for line in lines:
        match line.partition("#")[0].split():
            case ["VENDOR", name, number, *_]:
                numbers[name] = int(number, 0)
            case ["BEGIN-VENDOR", name, *_]:
                vendor = numbers.get(name, -1)
            case ["END-VENDOR", *_]:
                vendor = 0
            case ["ATTRIBUTE", name, number, kind, *flags]:
                marks = ",".join(flags)
                named = values.setdefault(name, {})
                found[name] = Definition(
                    name, number, kind.lower().partition("[")[0], vendor, "has_tag" in marks, "encrypt=" in marks, named
                )
            case ["VALUE", name, value, number]:
                values.setdefault(name, {})[value] = number
    return found
