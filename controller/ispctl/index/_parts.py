"""The tables of the index, cut into parts of which each has a sum. A look reads whole parts and believes none whose sum
is another: SQLite notices a page that makes no sense, but neither a bit that fell over in a value, nor that a row is
not found because of it.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import Any, Final

from ispctl.digests import blake2b
from ispctl.structs import Struct

Key = tuple[Any, Any]
Stored = tuple[Any, ...]
SIZE: Final = 64
"""Rows of a part: what a look reads for each of the few that it wants, and what is summed anew when one changes."""
_KNOWN: Final = 512
"""Parts that are kept in memory."""
_CREATE: Final = "CREATE TABLE {} ({}, PRIMARY KEY ({})) WITHOUT ROWID;"
_INSERT: Final = "INSERT OR IGNORE INTO {} VALUES ({})"
_DELETE: Final = "DELETE FROM {} WHERE {}"
_ALL: Final = "SELECT * FROM {} ORDER BY {}"
_SOME: Final = "SELECT * FROM {0} WHERE ({1}) >= (?, ?) AND ({1}) < (?, ?) ORDER BY {2}"
_LEAST: Final = {"INTEGER": -(2**63), "TEXT": "", "BLOB": b""}
_MOST: Final = {"INTEGER": 2**63 - 1, "TEXT": "\U0010ffff" * 8, "BLOB": b"\xff" * 40}


class Damaged(sqlite3.DatabaseError):
    """What was read is not what was written."""


class Table:
    """One table. `columns`: name and type; the first two are its key, by which it is cut, and `unique` of them tell
    its rows apart."""

    def __init__(self, name: str, unique: int, /, **columns: str) -> None:
        names, kinds = list(columns), list(columns.values())
        self.name, self.unique = name, unique
        self.least: Key = (_LEAST[kinds[0]], _LEAST[kinds[1]])
        self.most: Key = (_MOST[kinds[0]], _MOST[kinds[1]])
        order, typed = ", ".join(names[:unique]), ", ".join(f"{one} {kind} NOT NULL" for one, kind in columns.items())
        self.create = _CREATE.format(name, typed, order)
        self.insert = _INSERT.format(name, ", ".join("?" * len(names)))
        whose = "file" if "file" in names else "number"
        self.added = _INSERT.format(name, ", ".join("? + {}" if one == whose else "?" for one in names))
        self.delete = _DELETE.format(name, " AND ".join(f"{one} = ?" for one in names[:unique]))
        self.all = _ALL.format(name, order)
        self.part = _SOME.format(name, ", ".join(names[:2]), order)


META: Final = Table("meta", 1, name="TEXT", value="TEXT")
FILE: Final = Table("file", 1, number="INTEGER", path="TEXT", turns="TEXT", sold="TEXT")
PLACE: Final = Table("place", 1, path="TEXT", number="INTEGER")
CLAIM: Final = Table("claim", 2, hash="INTEGER", file="INTEGER")
USE: Final = Table("use", 2, hash="INTEGER", file="INTEGER")
SPAN: Final = Table("span", 3, first="BLOB", last="BLOB", file="INTEGER", until="INTEGER")
DUE: Final = Table("due", 2, at="INTEGER", file="INTEGER")
TURN: Final = Table("turn", 3, at="INTEGER", file="INTEGER", service="INTEGER", loses="INTEGER")
KIND: Final = Table(
    "kind", 3, one_of="INTEGER", file="INTEGER", service="INTEGER", kind="INTEGER", owner="TEXT", login="INTEGER"
)
ERROR: Final = Table("error", 2, file="INTEGER", number="INTEGER", text="TEXT")
WARNING: Final = Table("warning", 2, file="INTEGER", number="INTEGER", text="TEXT")
FACT: Final = Table("fact", 3, kind="TEXT", value="TEXT", until="INTEGER", count="INTEGER")
TABLES: Final = (META, FILE, PLACE, CLAIM, USE, SPAN, DUE, TURN, KIND, ERROR, WARNING, FACT)
PARTS: Final = (
    "CREATE TABLE part (name TEXT, first, second, next_first, next_second, sum BLOB,"
    " PRIMARY KEY (name, first, second)) WITHOUT ROWID;"
)
_FIND: Final = (
    "SELECT first, second, next_first, next_second, sum FROM part WHERE name = ? AND (first, second) <= (?, ?)"
    " ORDER BY first DESC, second DESC LIMIT 1"
)
_PUT: Final = "INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)"
_DROP: Final = "DELETE FROM part WHERE name = ? AND first = ? AND second = ?"


class Part(Struct):
    """The rows from `first` up to `next`, without that."""

    first: Key
    next: Key
    rows: Sequence[Stored]


class Parts:
    """The tables of one database, read part by part. Raises sqlite3.Error, Damaged where a sum is wrong. `keeps`:
    whether what was read once is answered as it was then, whatever is written meanwhile."""

    def __init__(self, database: sqlite3.Connection, *, keeps: bool = False) -> None:
        self._database = database
        self._keeps = keeps
        self._known: dict[tuple[str, Key], Part] = {}

    def rows(self, table: Table, low: Key | None = None, high: Key | None = None) -> Iterator[Stored]:
        """The rows with keys from `low` to `high`, both included, in order; all without them."""
        low, high = low or table.least, high or table.most
        part = self.part(table, low)
        while True:
            yield from _within(part, low, high)
            if part.next > high or part.next == table.most:
                return
            part = self.part(table, part.next)

    def of(self, table: Table, *firsts: Any) -> Iterator[Stored]:
        """The rows that have one of these in their first column, in order."""
        part = None
        for first in sorted(set(firsts)):
            low, high = (first, table.least[1]), (first, table.most[1])
            if part is None or not part.first <= low < part.next:
                part = self.part(table, low)
            if high < part.next:
                yield from _within(part, low, high)
            else:
                yield from self.rows(table, low, high)

    def part(self, table: Table, key: Key) -> Part:
        """The part in which a key stands, or would stand."""
        try:
            return self._part(table, key)
        except UnicodeDecodeError:  # of a text in it, or of what SQLite says of a table whose text it cannot read
            raise Damaged("a part of the index is no text") from None

    def _part(self, table: Table, key: Key) -> Part:
        found = self._database.execute(_FIND, (table.name, *key)).fetchone()
        if found is None:
            raise Damaged("a part of the index is missing")
        *edges, said = found
        first, after = (edges[0], edges[1]), (edges[2], edges[3])
        known = self._known.get((table.name, first))
        if known is not None and first == known.first and after == known.next:
            return known
        part = Part(first, after, self._database.execute(table.part, edges).fetchall())
        if _sum(table, part) != said or not first <= key < after:
            raise Damaged("a part of the index is not as it was written")
        if len(self._known) >= _KNOWN and not self._keeps:
            self._known.clear()
        self._known[table.name, first] = part
        return part


def _within(part: Part, low: Key, high: Key) -> Iterator[Stored]:
    return takewhile(lambda row: row[:2] <= high, islice(part.rows, bisect_left(part.rows, low), None))


def cut(database: sqlite3.Connection, tables: Iterable[Table]) -> None:
    """Sum whole tables, part by part."""
    for table in tables:
        _write(database, table, table.least, table.most, database.execute(table.all))


def cut_again(database: sqlite3.Connection, table: Table, part: Part) -> None:
    """Sum a part of which rows have changed; of one that has grown, make several."""
    database.execute(_DROP, (table.name, *part.first))
    _write(database, table, part.first, part.next, database.execute(table.part, (*part.first, *part.next)))


def _write(database: sqlite3.Connection, table: Table, first: Key, after: Key, rows: Iterable[Stored]) -> None:
    left = iter(rows)
    waiting = list(islice(left, SIZE))
    for row in left:
        if row[:2] == waiting[-1][:2]:
            waiting.append(row)
            continue
        key: Key = (row[0], row[1])
        _put(database, table, Part(first, key, waiting))
        first, waiting = key, [row, *islice(left, SIZE - 1)]
    _put(database, table, Part(first, after, waiting))


def _put(database: sqlite3.Connection, table: Table, part: Part) -> None:
    database.execute(_PUT, (table.name, *part.first, *part.next, _sum(table, part)))


def _sum(table: Table, part: Part) -> bytes:
    said = repr((table.name, part.first, part.next, part.rows)).encode("utf-8", "surrogatepass")
    return blake2b(said, digest_size=16).digest()
