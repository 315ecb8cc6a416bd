"""What a YAML file becomes: text in mappings and lists, and where each value stands. Nothing is typed here."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

from ispctl.structs import Struct

MOST_PROBLEMS: Final = 100
"""More than this in one file are not collected: somebody sent us something else than records."""

MOST_VALUES: Final = 250_000
"""A list of 10,000 hosts has less; ruamel takes about 15 µs a value, so this bounds the time as `limit` cannot."""

DEEPEST: Final = 32
"""A record of the contract has eight levels."""

NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})

Loc: TypeAlias = tuple[str | int, ...]
Node: TypeAlias = "dict[str, Node] | list[Node] | Scalar | None"


class Scalar(str):
    """The text of one value as written, after unquoting. `plain`: it stood without quotes."""

    __slots__ = ("plain",)
    plain: bool

    def __new__(cls, text: str, plain: bool = True) -> Scalar:
        self = super().__new__(cls, text)
        self.plain = plain
        return self

    def __getnewargs__(self) -> tuple[str, bool]:  # type: ignore[override]  # two arguments, so that a copy keeps `plain`
        return str(self), self.plain


class Shape(Struct):
    """What stands where in the text of a file: a value with all that is below it. Signs are counted from 0."""

    kind: Literal["scalar", "mapping", "sequence"]
    start: int
    column: int
    end: int
    """Behind its last sign; a block ends with its last leaf, not with the comments after it."""
    flow: bool = False
    """A collection in brackets."""
    text: str = ""
    """Of a key."""
    below: tuple[tuple[Shape, Shape], ...] = ()
    """Key and value of a mapping; of a list each item twice."""


class Marks:
    """Where each value of one file stands; lines and columns count from 1. A path that is not there gives its nearest
    ancestor that is. Holds five small numbers a value, in document order, beside the values themselves."""

    __slots__ = ("_nulls", "_root", "_rows", "_steps")

    def __init__(
        self, root: Node = None, rows: array[int] | None = None, nulls: Mapping[int, str] | None = None
    ) -> None:
        self._root = root
        self._rows = rows or array("I", (1, 1, 1, 1, 1))
        self._nulls = nulls or {}
        self._steps: dict[int, dict[str | int, int]] = {}

    def value(self, loc: Loc) -> tuple[int, int]:
        """(line, column) of the first character of the value at `loc`."""
        at = self._find(loc)[0] * 5
        return self._rows[at], self._rows[at + 1]

    def key(self, loc: Loc) -> tuple[int, int]:
        """(line, column) of the key that leads to `loc`; a list item and the file itself have their value's place."""
        at = self._find(loc)[0] * 5
        return self._rows[at + 2], self._rows[at + 3]

    def text(self, loc: Loc) -> str | None:
        """What was written for a value that was read as None: "", "~", "null", …; None for any other value."""
        row, found = self._find(loc)
        return self._nulls.get(row) if found else None

    def _find(self, loc: Loc) -> tuple[int, bool]:
        """The row of the nearest existing ancestor of `loc`, and whether it is `loc` itself."""
        row, node = 0, self._root
        for part in loc:
            if isinstance(node, dict) and isinstance(part, str) and part in node:
                row, node = self._inside(row, node)[part], node[part]
            elif isinstance(node, list) and isinstance(part, int) and 0 <= part < len(node):
                row, node = self._inside(row, range(len(node)))[part], node[part]
            else:
                return row, False
        return row, True

    def _inside(self, row: int, parts: Iterable[str | int]) -> dict[str | int, int]:
        """The row of each child of the collection at `row`. Remembered: a host list has thousands of children."""
        if row not in self._steps:
            steps: dict[str | int, int] = {}
            child = row + 1
            for part in parts:
                steps[part] = child
                child = self._rows[child * 5 + 4]
            self._steps[row] = steps
        return self._steps[row]
