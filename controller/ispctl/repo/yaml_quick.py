"""The records of every day, read at once by a YAML 1.2 parser in Rust; what it may read otherwise is left to ruamel.

A file is taken only if each of its lines has one of the usual shapes: then both parsers read the same text. Nothing is
reported here: a file with anything wrong in it is read again, slowly, by `yaml.read`, which knows places.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml_rs

from ispctl.repo.hidden import hidden_in
from ispctl.repo.yaml_nodes import Node, Scalar

LARGEST: Final = 1024 * 1024
"""Octets: the NASes of a large ISP. What is larger is checked for what it is before it is read."""

KEY = r"[A-Za-z_][A-Za-z0-9_.@/-]*"
IN_FLOW = r"{}\[\],"
QUOTED = r"\"[^\"\\\n]*\"|'[^'\n]*'"


def plain(stop: str) -> str:
    """The pattern of an unquoted scalar of one line; `stop`: what ends it."""
    inside = rf"[^\s:#\"'\\{stop}]|[\"'](?=[^\s:#{stop}])|:(?=[^\s\"'#{stop}])| +(?=[^\s:#\"'\\{stop}])"
    return rf"[A-Za-z0-9_+./(](?:{inside})*"


def _flow(depth: int) -> str:
    """A value written in one line, so many collections deep; which bracket closes which is the parser's to say."""
    scalar = rf"{QUOTED}|{plain(IN_FLOW)}"
    if not depth:
        return rf"(?:{scalar})"
    return rf"(?:{scalar}|[\[{{] *(?:(?:{KEY}: +)?{_flow(depth - 1)} *(?:, *|(?=[\]}}])))*[\]}}])"


_VALUE = rf"(?:{_flow(4)}(?= *(?:\n| #))|{plain('')})"
_LINES: Final = re.compile(rf"(?>(?: *(?:- +)?(?:(?:{KEY}: +|(?<=- )){_VALUE}|{KEY}:))?(?: +#[^\n]*| *)\n|#[^\n]*\n)++")
"""Mappings and lists in blocks, or written in one line; a scalar never goes on in the next line; comments. Each line
for good: nothing that a later one holds has this one tried anew."""
_SPELLED: Final = re.compile(r"[\s,\[{](?:[-+]?_|[-+]?0[0-9xXoO_]|\+[0-9]|-?[0-9]+_|True|TRUE|False|FALSE)")
"""Where a scalar may begin, a number or a truth value that is not spelled as Python spells it: its text would be lost.
"""
_TEXT: Final = frozenset({str})


class _Other(Exception):
    """Not a record of every day."""


def quick(data: bytes) -> dict[str, Node] | None:
    """The mapping in `data` as `yaml.read` gives it, except that quoted scalars do not say so where it cannot matter;
    None where that is not certain."""
    if len(data) > LARGEST:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not _LINES.fullmatch(text) or hidden_in(text.replace("\n", "")) is not None:
        return None
    try:
        root: Any = yaml_rs.loads(text, parse_datetime=False)
        return _texts(root, text) if isinstance(root, dict) else None
    except (_Other, TypeError, ValueError):  # TypeError: a list or a mapping for a key
        return None


def _texts(root: dict[str, Any], text: str) -> dict[str, Node]:
    """Text where the parser made numbers; it does that with plain scalars alone."""
    open_: list[Any] = [root]
    spelled: bool | None = None
    while open_:
        node = open_.pop()
        of_keys = type(node) is dict
        if of_keys and not _TEXT.issuperset(map(type, node)):
            raise _Other
        if _TEXT.issuperset(map(type, node.values() if of_keys else node)):
            continue
        for key, value in node.items() if of_keys else enumerate(node):
            kind = type(value)
            if kind is str:
                continue
            if kind is dict or kind is list:
                open_.append(value)
            elif kind is int or kind is bool:
                if spelled is None:
                    spelled = _SPELLED.search(text) is None
                if not spelled:
                    raise _Other
                node[key] = Scalar(str(value).lower())
            else:
                raise _Other
    return root
