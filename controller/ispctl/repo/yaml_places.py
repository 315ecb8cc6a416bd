"""Where each value of a record of every day stands, found without ruamel. Only for text that `yaml_quick` takes: each
of its lines has one of a few shapes, and another parser has read what they say.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from ispctl.repo.yaml_nodes import Marks, Node
from ispctl.repo.yaml_quick import IN_FLOW, KEY, QUOTED, plain, quick

Kind = Literal["dash", "key", "open", "close", "scalar"]
_LINE: Final = re.compile(rf"(?P<indent> *)(?P<dash>- +)?(?:(?P<key>{KEY}):(?= *\n| +))? *(?P<value>[^\s#].*)?")
_WHOLE: Final = re.compile(rf"{QUOTED}|{plain('')}")
_IN_LINE: Final = re.compile(
    rf" +|,|(?P<key>{KEY})(?=: ):|(?P<open>[\[{{])|(?P<close>[\]}}])|(?P<scalar>{QUOTED}|{plain(IN_FLOW)})"
)


class _Token(NamedTuple):
    """A sign of the text that begins or ends something. `line` and `column` count from 1."""

    kind: Kind
    line: int
    column: int
    text: str = ""


class _Other(Exception):
    """The signs are not those that the parser must have seen."""


def places(data: bytes) -> Marks | None:
    """The places of all values, as `yaml.read` gives them; None where that is not certain."""
    root = quick(data)
    if root is None:
        return None
    finder = _Finder(data.decode("utf-8"))
    try:
        finder.walk(root, None)
    except (_Other, StopIteration):
        return None
    return Marks(root, finder.rows, {})


class _Finder:
    """Goes through the text and what was read from it side by side, and makes the five numbers of each value."""

    def __init__(self, text: str) -> None:
        self.rows = array("I")
        self._tokens = _tokens(text)
        self._next = next(self._tokens)

    def walk(self, node: Node, key: _Token | None) -> None:
        """The value that begins here. `key`: the key before it, if it has one."""
        first = self._next
        row = len(self.rows)
        self.rows.extend((first.line, first.column, *(key or first)[1:3], 0))
        if isinstance(node, str):
            self._take("scalar")
        else:
            bracket = first.kind == "open"
            if bracket:
                self._take("open")
            self._children(node)
            if bracket:
                self._take("close")
        self.rows[row + 4] = len(self.rows) // 5

    def _children(self, node: Node) -> None:
        if isinstance(node, dict):
            for name, below in node.items():
                key = self._take("key")
                if key.text != name:
                    raise _Other
                self.walk(below, key)
        elif isinstance(node, list):
            for below in node:
                if self._next.kind == "dash":
                    self._take("dash")
                self.walk(below, None)

    def _take(self, kind: Kind) -> _Token:
        found = self._next
        if found.kind != kind:
            raise _Other
        self._next = next(self._tokens, _END)
        return found


_END: Final = _Token("close", 0, 0)


def _tokens(text: str) -> Iterator[_Token]:
    for number, line in enumerate(text.split("\n"), 1):
        found = _LINE.match(line + "\n")
        if found is None:
            raise _Other
        if found["dash"]:
            yield _Token("dash", number, found.end("indent") + 1)
        if found["key"]:
            yield _Token("key", number, found.start("key") + 1, found["key"])
        if found["value"]:
            yield from _values(line, number, found.start("value"))


def _values(line: str, number: int, at: int) -> Iterator[_Token]:
    """What stands in a line after its key: one scalar, or collections in brackets; then perhaps a comment."""
    if line[at] not in "[{":
        if _WHOLE.match(line, at) is None:
            raise _Other
        yield _Token("scalar", number, at + 1)
        return
    depth = 0
    while True:
        found = _IN_LINE.match(line, at)
        if found is None:
            raise _Other
        if kind := found.lastgroup:
            depth += {"open": 1, "close": -1}.get(kind, 0)
            yield _Token(kind, number, at + 1, found[kind])  # type: ignore[arg-type]  # the names of the groups
        at = found.end()
        if not depth:
            return
