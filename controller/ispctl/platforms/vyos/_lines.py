"""VyOS's configuration as lines of words: which of them are ours, and what makes one set of lines another.

A line is what stands after `set`, without quotes: ("service", "ssh", "port", "22"). The last word counts as the value
of the words before it, whether VyOS has it for a value or for a node, so that nothing here has to know its schema.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from ispctl.plan import Fields, Key, Resources, Value
from ispctl.platforms.device import MARK, PREFIX, SECRET
from ispctl.platforms.statements import Line, set_lines
from ispctl.structs import Struct

_PPPOE: Final = ("service", "pppoe-server")
_RADIUS: Final = (*_PPPOE, "authentication", "radius")
_GROUP: Final = ("firewall", "group")
_ARP: Final = ("protocols", "static", "arp", "interface")
_KEYS: Final[Mapping[str, Line]] = {
    "radius": (*_RADIUS, "server"),
    "port": (*_PPPOE, "interface"),
    "pool": (*_PPPOE, "client-ip-pool"),
    "pool6": (*_PPPOE, "client-ipv6-pool"),
}
"""What has neither a name of ours nor a comment: a name of ours beside it says that it is ours."""
_SETTINGS: Final = frozenset(
    (
        (*_PPPOE, "authentication", "mode"),
        (*_RADIUS, "rate-limit"),
        (*_RADIUS, "nas-identifier"),
        (*_RADIUS, "nas-ip-address"),
        (*_RADIUS, "source-address"),
        (*_RADIUS, "accounting-interim-interval"),
        (*_RADIUS, "dynamic-author", "server"),
        (*_RADIUS, "dynamic-author", "port"),
        (*_RADIUS, "dynamic-author", "key"),
        (*_PPPOE, "gateway-address"),
        (*_PPPOE, "ppp-options", "ipv6"),
    )
)
_SHARED: Final = frozenset(((*_PPPOE, "authentication", "mode"), (*_PPPOE, "gateway-address")))
"""Settings without which VyOS has no PPPoE server at all: whoever else has a port there needs them."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+,=-]{0,120}(?: [A-Za-z0-9._:/@+,=-]+)*")
_MOST: Final = 200


def quote(value: object) -> str:
    """A value as one word of VyOS's command line. Raises ValueError for what that could take for something else: its
    line is read by a shell with help on `?`, and what is stored is not always what was typed."""
    text = str(value)
    if not _PLAIN.fullmatch(text) or len(text) > _MOST:
        raise ValueError(f"VyOS takes letters, digits and . _ : / @ + , = - at most {_MOST}, and not {text[:40]!r}")
    return f"'{text}'"


def lines_of(text: str) -> list[Line]:
    """The lines of a template or of `show configuration commands`. Raises ValueError for what is no such line."""
    return set_lines(text, lambda line: len(line) >= 2, "set")


def word(text: str) -> str:
    """A word that VyOS itself showed, or a secret, as it may be typed. Raises ValueError without telling it."""
    if not text or not text.isascii() or not text.isprintable() or set(text) & set("'\"\\?,"):
        raise ValueError("it holds a character that VyOS's command line cannot take")
    return f"'{text}'"


class Marks(Struct):
    """What the lines with our names say is ours of all the rest."""

    names: frozenset[Key]
    rules: frozenset[Line]
    addresses: Mapping[str, str]
    """Address -> the binding that has it."""

    @classmethod
    def of(cls, lines: Iterable[Line]) -> Marks:
        names: set[Key] = set()
        rules: set[Line] = set()
        addresses: dict[str, str] = {}
        for line in lines:
            if line[:2] == _GROUP and len(line) > 3:
                names.update(_marked(line))
                if line[2] == "mac-group" and line[3].startswith(PREFIX) and _comment(line, 4):
                    addresses[line[5].removeprefix(MARK).strip()] = line[3].removeprefix(PREFIX)
            elif line[2:4] == ("forward", "filter") and _comment(line, 6):
                rules.add(line[:6])
        return cls(frozenset(names), frozenset(rules), addresses)

    def owner(self, line: Line) -> Key | None:
        """The resource that a line belongs to; None for what is not ours."""
        if line[:2] == _GROUP and len(line) > 3:
            return next(iter(_marked(line)), None) or _group(line)
        if line[0] == "firewall" and len(line) > 4:
            return self._filter(line)
        if line[:2] == _PPPOE:
            return self._pppoe(line)
        if line[:3] == ("service", "dhcp-server", "shared-network-name") and len(line) > 3:
            return _network(line)
        if line[:4] == _ARP and len(line) > 6 and line[6] in self.addresses:
            return "binding", self.addresses[line[6]]
        return None

    def _filter(self, line: Line) -> Key | None:
        if line[2] == "name" and line[3].startswith(PREFIX):
            return "chain", f"{line[1]} {line[3]}"
        return ("rule", f"{line[1]} {line[5]}") if line[:6] in self.rules else None

    def _pppoe(self, line: Line) -> Key | None:
        for kind, path in _KEYS.items():
            if line[: len(path)] == path and len(line) > len(path):
                key = kind, line[len(path)]
                return key if key in self.names else None
        return ("server", "pppoe") if line[:-1] in _SETTINGS and ("server", "pppoe") in self.names else None


def _comment(line: Line, at: int) -> bool:
    return len(line) == at + 2 and line[at] == "description" and line[at + 1].startswith(MARK)


def _marked(line: Line) -> Iterator[Key]:
    """The key of a line that belongs to it and says that more does."""
    kind, name, rest = line[2], line[3], line[4:]
    if kind in {"network-group", "ipv6-network-group"} and name.startswith("isp-pool-"):
        yield "pool" if kind == "network-group" else "pool6", name.removeprefix("isp-pool-")
    elif (kind, name) == ("address-group", "isp-radius") and rest[:1] == ("address",):
        yield "radius", rest[-1]
    elif (kind, name) == ("interface-group", "isp-ports"):
        if rest[:1] == ("interface",):
            yield "port", rest[-1]
        elif _comment(line, 4):
            yield "server", "pppoe"
    elif kind == "mac-group" and name.startswith(PREFIX):
        yield "binding", name.removeprefix(PREFIX)


def _group(line: Line) -> Key | None:
    return ("group", f"{line[2]} {line[3]}") if line[3].startswith(PREFIX) else None


def _network(line: Line) -> Key | None:
    if not line[3].startswith(PREFIX):
        return None
    if line[6:7] != ("static-mapping",):
        return "network", line[3]
    return ("binding", line[7].removeprefix(PREFIX)) if line[7].startswith(PREFIX) else None


def _is_secret(line: Line) -> bool:
    return line[:4] == _RADIUS and line[-2] == "key"


def resources(lines: Sequence[Line]) -> tuple[Resources, Mapping[Key, str]]:
    """What is ours, in normal form, with "" for secrets; and the secrets as they stand there."""
    marks = Marks.of(lines)
    found: dict[Key, dict[str, set[str]]] = {}
    secrets: dict[Key, str] = {}
    for line in lines:
        key = marks.owner(line)
        if key is None:
            continue
        fields = found.setdefault(key, {})
        if _is_secret(line):
            secrets[key] = line[-1]
        else:
            fields.setdefault(" ".join(line[:-1]), set()).add(line[-1])
    normal: dict[Key, dict[str, Value]] = {
        key: {path: tuple(sorted(values)) for path, values in fields.items()} for key, fields in found.items()
    }
    for key in secrets:
        normal[key][SECRET] = ""
    return normal, secrets


def lines_for(key: Key, fields: Fields, secret: str) -> Iterator[Line]:
    """The lines of one resource; the opposite of `resources`."""
    for path, values in fields.items():
        if path == SECRET:
            kind, name = key
            yield (*(_RADIUS + (("server", name) if kind == "radius" else ("dynamic-author",))), "key", secret)
        elif isinstance(values, tuple):
            yield from ((*path.split(), str(value)) for value in values)


def left(key: Key, lines: Collection[Line], rest: Collection[Line]) -> Iterator[Line]:
    """What of a resource has to stay when it is removed, because others, whose lines are `rest`, cannot be without."""
    if key == ("server", "pppoe") and any(line[:3] == _KEYS["port"] for line in rest):
        yield from (line for line in lines if line[:-1] in _SHARED)


def clash(wanted: Iterable[Line], others: Collection[Line]) -> Line | None:
    """A line that is not ours and stands in the way of one that we want. The same line is no harm: it becomes ours."""
    wanted = set(wanted)
    places = {_place(line) for line in wanted}
    for line in others:
        if line not in wanted and any(line[: len(place)] == place for place in places if place):
            return line
    return None


def _place(line: Line) -> Line:
    """What has to be ours alone if this line is; () where our name is in it."""
    for path in _KEYS.values():
        if line[: len(path)] == path:
            return line[: len(path) + 1]
    if line[:-1] in _SETTINGS:
        return line[:-1]
    if line[2:4] == ("forward", "filter"):
        return line[:6]
    return line[:7] if line[:4] == _ARP else ()


def commands(have: Collection[Line], want: Collection[Line]) -> list[str]:
    """What is typed to make `have` into `want`. Each node of which nothing stays is deleted as a whole, so that none
    stays empty behind."""
    stays = {line[:length] for line in want for length in range(1, len(line) + 1)}
    gone: dict[Line, None] = {}
    for line in sorted(set(have) - stays):
        gone[next(line[:length] for length in range(1, len(line) + 1) if line[:length] not in stays)] = None
    new = sorted(set(want) - set(have))
    return [f"delete {_typed(line)}" for line in gone] + [f"set {_typed(line)}" for line in new]


def _typed(line: Line) -> str:
    return " ".join(text if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/-]*", text) else word(text) for text in line)


def hidden(line: Line) -> Line:
    """A line of others as it may be told: without what it says of a key or a password."""
    return (*line[:-1], "…") if {"key", "password", "secret"} & set(line) else line
