"""One YAML file as text and places: nothing is typed here, nothing is built but mappings, lists and strings.

Read from ruamel's event stream, so that no constructor ever sees a file. What the format offers beyond plain records
(anchors, tags, merge keys, several documents) is refused: each value stands where it is used, and a review shows it.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, Literal, TypeAlias

from ispctl.model.problem import Problem, Where, in_order

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


_NUMBER = re.compile(
    r"[-+]?[0-9]+ | 0o[0-7]+ | 0x[0-9a-fA-F]+"
    r"| [-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"| [-+]?\.(?:inf|Inf|INF) | \.(?:nan|NaN|NAN)",
    re.VERBOSE,
)
_BOOLEAN = frozenset({"true", "True", "TRUE", "false", "False", "FALSE"})


def resolves_to(scalar: Scalar) -> Literal["number", "boolean", "null"] | None:
    """What a YAML 1.2 reader would make of it if it were not taken as text (core schema, YAML 1.2.2 §10.3.2)."""
    if not scalar.plain:
        return None
    if scalar in NULLS:
        return "null"
    if scalar in _BOOLEAN:
        return "boolean"
    return "number" if _NUMBER.fullmatch(scalar) else None


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


def read(data: bytes, file: str, *, limit: int) -> tuple[Node | None, Marks, list[Problem]]:
    """The one mapping in `data`, its places, and everything that is wrong with it, in order.

    `limit` is in bytes and is checked first. The mapping is None where its content cannot be trusted (unreadable, or
    something had to be left out); with E011, E014 and E019 alone it is there, so that its values can be judged too.
    """
    if len(data) > limit:
        return None, Marks(), [too_large(len(data), limit, Where(file))]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, Marks(), [_not_utf8(data, file, error)]
    problems = list(islice(_hidden(text, file), MOST_PROBLEMS))
    if len(text) < 4 * text.count("\0"):
        return None, Marks(), [Problem("E009", "the file looks like UTF-16", Where(file, 1, 1), _SAVE_AS_UTF8)]
    if _LONE_CR.search(text):  # lines would not be counted as git and editors count them
        return None, Marks(), problems
    from ispctl.repo.yaml_events import Builder  # ruamel costs 60 ms: only a command that reads files pays

    builder = Builder(file, problems)
    root = builder.read(_HIDDEN.sub("\ufffd", text))
    return root, Marks(root, builder.rows, builder.nulls) if root is not None else Marks(), in_order(problems)


def too_large(size: int, limit: int, where: Where) -> Problem:
    """E008, for a file that is not read at all. Sizes in bytes."""
    advice = "Split it: one record a file is the rule"
    return Problem("E008", f"the file has {size:,} bytes; at most {limit:,} are read", where, advice)


_SAVE_AS_UTF8 = "Save the file as UTF-8"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LONE_CR = re.compile(r"\r(?!\n)")
_HIDDEN = re.compile(
    # controls but tab and line ends, a CR that ends no line, Unicode's own line ends, characters that turn the
    # reading direction, tags, byte order marks inside the text, code points that are no characters
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]|\r(?!\n)"
)


def hidden_in(text: str) -> int | None:
    """The code point of the first character of `text` that a review would not show; None where there is none."""
    found = _HIDDEN.search(text)
    return ord(found[0]) if found else None


def _hidden(text: str, file: str) -> Iterator[Problem]:
    """E019 for each line that holds such a character, at its first."""
    line, begin, last = 1, 0, 0
    for found in _HIDDEN.finditer(text):
        line += text.count("\n", begin, found.start())
        begin = found.start()
        if line > last:
            last = line
            yield hidden(ord(found[0]), Where(file, line, begin - text.rfind("\n", 0, begin)))


def hidden(code_point: int, where: Where) -> Problem:
    """E019: a character that cannot be seen in a review."""
    text = f"the character U+{code_point:04X} is invisible and may make a review show something else than is there"
    return Problem("E019", text, where, "Remove it")


def _not_utf8(data: bytes, file: str, error: UnicodeDecodeError) -> Problem:
    if data.startswith(_UTF16):
        return Problem("E009", "the file is UTF-16", Where(file, 1, 1), _SAVE_AS_UTF8)
    before = data[: error.start].decode("utf-8-sig")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    text = f"the byte 0x{data[error.start]:02x} is not UTF-8"
    return Problem("E009", text, Where(file, line, column), _SAVE_AS_UTF8)
