"""The three languages in which a plain Linux router is written, as resources: nftables, lines of ours, subnets of Kea.

- ("firewall", "isp"): a field for each set, map and chain of `table inet isp`: "chain garden" -> its text.
- ("shaper", interface): `toward` "subscribers" or "core".
- ("binding", name): owner, address, macs (a text with blanks between), access, and `down` and `up` in bit/s where there
  are interfaces to shape.
- ("subnet", prefix): the pool, and what Kea is told of it; what is nested is JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Any, Final

from ispctl.plan import Fields, Resources, Value

TABLE: Final = "isp"
FIREWALL: Final = ("firewall", TABLE)
FILLED: Final = ("bindings", "anymac", "macs6", "walled", "closed", "m_down", "m_up")
"""The sets and maps whose elements are written one by one, as bindings come and go."""

_HEADER: Final = re.compile(r"(set|map|chain) ([A-Za-z][\w-]*) \{")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_BINDING: Final = frozenset({"owner", "address", "macs", "access", "down", "up"})
_NEEDED: Final = frozenset({"owner", "address", "access"})
_NUMBERS: Final = frozenset({"down", "up"})


def parse(text: str) -> Resources:
    """Raises ValueError with the line that is not understood."""
    begin = text.lstrip()[:1]
    if begin == "{":
        return dict(_subnets(text))
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if not lines:
        return {}
    if lines[0][1].startswith("table"):
        return {FIREWALL: _blocks(lines)}
    return dict(_line(number, line) for number, line in lines)


def _blocks(lines: list[tuple[int, str]]) -> Fields:
    """What stands in the one table, block by block. Each brace that opens a block ends its line; each that ends one
    stands alone."""
    number, first = lines[0]
    if first != f"table inet {TABLE} {{":
        raise ValueError(f"line {number}: only `table inet {TABLE} {{` is ours: {first}")
    found: dict[str, Value] = {}
    name, inside = "", list[str]()
    for number, line in lines[1:-1]:
        if name and line == "}":
            found[name] = "\n".join(inside)
            name, inside = "", []
        elif name:
            if line.count("{") != line.count("}"):
                raise ValueError(f"line {number}: braces do not match: {line}")
            inside.append(line)
        elif (header := _HEADER.fullmatch(line)) and f"{header[1]} {header[2]}" not in found:
            name = f"{header[1]} {header[2]}"
        else:
            raise ValueError(f"line {number}: a set, a map or a chain begins here: {line}")
    if name or lines[-1][1] != "}":
        raise ValueError(f"line {lines[-1][0]}: the table does not end: {lines[-1][1]}")
    if absent := [one for one in FILLED if not {f"set {one}", f"map {one}"} & found.keys()]:
        raise ValueError(f"line {lines[0][0]}: these sets and maps are needed: {', '.join(absent)}")
    return found


def _line(number: int, line: str) -> tuple[tuple[str, str], Fields]:
    kind, *words = line.split()
    pairs = [word.partition("=") for word in words[1:]]
    said: dict[str, Value] = {name: value for name, _, value in pairs}
    if not words or len(said) != len(pairs) or not all(value for _, _, value in pairs):
        raise ValueError(f"line {number}: `kind name field=value …` is expected: {line}")
    if kind == "shaper" and said.get("toward") in ("subscribers", "core") and len(said) == 1:
        return (kind, words[0]), said
    if kind != "binding" or not said.keys() <= _BINDING or not said.keys() >= _NEEDED:
        raise ValueError(f"line {number}: not understood: {line}")
    macs = str(said.get("macs", "")).replace(",", " ")
    try:
        IPv4Address(str(said["address"]))
        said |= {field: as_shown(int(str(said[field]))) for field in _NUMBERS & said.keys()}
    except ValueError as error:
        raise ValueError(f"line {number}: {error}: {line}") from None
    if not all(map(_MAC.fullmatch, macs.split())) or not _NAME.fullmatch(words[0]):
        raise ValueError(f"line {number}: a name is of [a-z0-9-], a MAC of pairs with colons: {line}")
    return (kind, words[0]), said | {"macs": macs}


def as_shown(rate: int) -> int:
    """A rate as `tc` shows it: of what it has no unit for, it shows less. bit/s."""
    unit = 1
    while rate // unit >= 1000 and (rate % (unit * 1000) == 0 or rate // unit >= 1000 * 1000):
        unit *= 1000
    return rate // unit * unit


def _subnets(text: str) -> Iterator[tuple[tuple[str, str], Fields]]:
    decoder, at, text = json.JSONDecoder(), 0, text.strip()
    while at < len(text):
        try:
            one, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {error.lineno}: {error.msg}: {text.splitlines()[error.lineno - 1]}") from None
        line = text.count("\n", 0, at) + 1
        if not isinstance(one, dict) or not isinstance(one.get("subnet"), str) or not isinstance(one.get("pool"), str):
            raise ValueError(f"line {line}: a subnet has `subnet` and `pool`")
        if taken := {"reservations", "user-context", "id"} & one.keys():
            raise ValueError(f"line {line}: {min(taken)} of a subnet is written by ispctl")
        yield ("subnet", one["subnet"]), {name: packed(value) for name, value in one.items()}
        at = end + len(text[end:]) - len(text[end:].lstrip())


def packed(value: Any) -> Value:
    """A value of JSON as that of a field."""
    return value if isinstance(value, str | int | bool | None) else json.dumps(value, sort_keys=True)


def unpacked(fields: Fields) -> dict[str, Any]:
    """A subnet as Kea takes it."""
    nested: Mapping[str, Value] = {key: value for key, value in fields.items() if str(value)[:1] in ("[", "{")}
    return {**fields, **{key: json.loads(str(value)) for key, value in nested.items()}}
