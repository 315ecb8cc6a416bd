"""Where each value of a record of every day begins and ends, found without ruamel. Only for text that `yaml_quick`
takes: each of its lines has one of a few shapes, and another parser has read what they say.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from ispctl.repo.yaml_nodes import Marks, Node, Shape
from ispctl.repo.yaml_quick import IN_FLOW, KEY, QUOTED, plain, quick

Kind = Literal["dash", "key", "open", "close", "scalar"]
_LINE: Final = re.compile(rf"(?P<indent> *)(?P<dash>- +)?(?:(?P<key>{KEY}):(?= *\n| +))? *(?P<value>[^\s#].*)?")
_WHOLE: Final = re.compile(rf"(?P<scalar>{QUOTED}|{plain('')}) *(?:#.*)?")
_IN_LINE: Final = re.compile(
    rf" +|,|(?P<key>{KEY})(?=: ):|(?P<open>[\[{{])|(?P<close>[\]}}])|(?P<scalar>{QUOTED}|{plain(IN_FLOW)})"
)


class _Token(NamedTuple):
    """A sign of the text that begins or ends something. `line` and `column` count from 1, `start` and `end` from 0."""

    kind: Kind
    line: int
    column: int
    start: int = 0
    end: int = 0
    text: str = ""

    def shape(self) -> Shape:
        return Shape("scalar", self.start, self.column - 1, self.end, text=self.text)


class _Other(Exception):
    """The signs are not those that the parser must have seen."""


def places(data: bytes) -> Marks | None:
    """The places of all values, as `yaml.read` gives them; None where that is not certain."""
    root = quick(data)
    found = _walked(data.decode("utf-8"), root) if root is not None else None
    return Marks(root, found[0].rows, {}) if found else None


def shape(text: str, root: Node) -> Shape | None:
    """What stands where in the text that `quick` read as `root`; None where that is not certain."""
    found = _walked(text, root)
    return found[1] if found and not found[0].bare else None


def _walked(text: str, root: Node) -> tuple[_Finder, Shape] | None:
    try:
        finder = _Finder(text)
        return finder, finder.walk(root, None)
    except (_Other, StopIteration):
        return None


class _Finder:
    """Goes through the text and what was read from it side by side, and makes the five numbers of each value."""

    def __init__(self, text: str) -> None:
        self.rows = array("I")
        self.bare = False
        """Whether a mapping stands in brackets that are not its own, `[a: b]`: where it ends nothing says."""
        self._tokens = _tokens(text)
        self._next = next(self._tokens)
        self._inside = 0

    def walk(self, node: Node, key: _Token | None) -> Shape:
        """The value that begins here. `key`: the key before it, if it has one."""
        first = self._next
        row = len(self.rows)
        self.rows.extend((first.line, first.column, *(key or first)[1:3], 0))
        found = self._take("scalar").shape() if isinstance(node, str) else self._collection(node, first)
        self.rows[row + 4] = len(self.rows) // 5
        return found

    def _collection(self, node: Node, first: _Token) -> Shape:
        bracket = first.kind == "open"
        if bracket:
            self._take("open")
            self._inside += 1
        elif self._inside:
            self.bare = True
        below = tuple(self._children(node))
        if bracket:
            self._inside -= 1
            end = self._take("close").end
        else:
            end = below[-1][1].end
        kind: Literal["mapping", "sequence"] = "mapping" if isinstance(node, dict) else "sequence"
        return Shape(kind, first.start, first.column - 1, end, bracket, "", below)

    def _children(self, node: Node) -> Iterator[tuple[Shape, Shape]]:
        if isinstance(node, dict):
            for name, below in node.items():
                key = self._take("key")
                if key.text != name:
                    raise _Other
                yield key.shape(), self.walk(below, key)
        elif isinstance(node, list):
            for below in node:
                if self._next.kind == "dash":
                    self._take("dash")
                found = self.walk(below, None)
                yield found, found

    def _take(self, kind: Kind) -> _Token:
        found = self._next
        if found.kind != kind:
            raise _Other
        self._next = next(self._tokens, _END)
        return found


_END: Final = _Token("close", 0, 0)


def _tokens(text: str) -> Iterator[_Token]:
    begin = 0
    for number, line in enumerate(text.split("\n"), 1):
        found = _LINE.match(line + "\n")
        if found is None:
            raise _Other
        if found["dash"]:
            at = found.end("indent")
            yield _Token("dash", number, at + 1, begin + at, begin + at + 1)
        if found["key"]:
            at = found.start("key")
            yield _Token("key", number, at + 1, begin + at, begin + found.end("key"), found["key"])
        if found["value"]:
            yield from _values(line, number, found.start("value"), begin)
        begin += len(line) + 1


def _values(line: str, number: int, at: int, begin: int) -> Iterator[_Token]:
    """What stands in a line after its key: one scalar, or collections in brackets; then perhaps a comment. `begin`: of
    the line in the text."""
    if line[at] not in "[{":
        whole = _WHOLE.fullmatch(line, at)
        if whole is None:
            raise _Other
        yield _Token("scalar", number, at + 1, begin + at, begin + whole.end("scalar"))
        return
    depth = 0
    while True:
        found = _IN_LINE.match(line, at)
        if found is None:
            raise _Other
        if kind := found.lastgroup:
            depth += {"open": 1, "close": -1}.get(kind, 0)
            text = found[kind] if kind == "key" else ""
            yield _Token(kind, number, at + 1, begin + at, begin + found.end(kind), text)  # type: ignore[arg-type]  # names of groups
        at = found.end()
        if not depth:
            return
