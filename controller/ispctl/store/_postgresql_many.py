"""One statement for many rows at once: a server that is asked once for each row spends its time on being asked."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from ispctl.store._link import Parameters
from ispctl.store._postgresql_watch import Cursor

TOGETHER: Final = 1000
"""Rows in one statement: a watched call, which a sound server answers in a few milliseconds."""
_INSERT: Final = re.compile(
    r"(?P<head>INSERT INTO \w+ \((?P<columns>[^)]*)\) VALUES )(?P<row>\(.*?\))"
    r"(?P<rest>( ON CONFLICT \((?P<key>[^)]*)\) DO [^?]*)?)",
    re.DOTALL,
)
_DELETE: Final = re.compile(r"DELETE FROM (?P<table>\w+) WHERE (?P<match>\w+ = \?( AND \w+ = \?)*)")


def run_each(cursor: Cursor, sql: str, rows: Iterable[Parameters]) -> int:
    """What one statement run for each of `rows` does; how many rows were changed, where the text is one of an UPDATE
    how many it was run for."""
    if found := _INSERT.fullmatch(sql):
        row, head, rest = found["row"], found["head"], found["rest"]
        rounds = _rounds(found, rows) if rest else [rows]
        return sum(_run(cursor, head, row, b",", rest, part) for turn in rounds for part in _parts(turn))
    if found := _DELETE.fullmatch(sql):
        columns = [condition.partition(" ")[0] for condition in found["match"].split(" AND ")]
        head = f"DELETE FROM {found['table']} AS t USING (VALUES "
        rest = f") AS v ({', '.join(columns)}) WHERE " + " AND ".join(f"t.{name} = v.{name}" for name in columns)
        row = f"({', '.join('?' * len(columns))})"
        return sum(_run(cursor, head, row, b",", rest, part) for part in _parts(rows))
    done = 0
    for part in _parts(rows):
        _run(cursor, "", sql, b";", "", part)
        done += len(part)
    return done


def _run(cursor: Cursor, head: str, each: str, between: bytes, rest: str, rows: Sequence[Parameters]) -> int:
    template = translated(each)
    texts: Iterator[Any] = (cursor.mogrify(template, row) for row in rows)
    cursor.execute(head.encode() + between.join(texts) + rest.encode())
    return max(cursor.rowcount, 0)


def _parts(rows: Iterable[Parameters]) -> Iterator[list[Parameters]]:
    left = iter(rows)
    while part := list(islice(left, TOGETHER)):
        yield part


def _rounds(found: re.Match[str], rows: Iterable[Parameters]) -> list[list[Parameters]]:
    """The server refuses to meet one row twice in one such statement: what is said of a key again comes later."""
    names = found["columns"].split(", ")
    places = [index for index, (name, _) in enumerate(_asked(names, found["row"])) if name in found["key"].split(", ")]
    seen: Counter[tuple[str | int | None, ...]] = Counter()
    rounds: dict[int, list[Parameters]] = defaultdict(list)
    for row in rows:
        key = tuple(row[place] for place in places)
        rounds[seen[key]].append(row)
        seen[key] += 1
    return list(rounds.values())


def _asked(names: Sequence[str], row: str) -> list[tuple[str, str]]:
    """The columns that get a parameter, in the order of the parameters."""
    return [(name, value) for name, value in zip(names, row[1:-1].split(", "), strict=True) if "?" in value]


def translated(sql: str) -> str:
    """As this driver wants its parameters. Our queries hold no literal question mark."""
    return sql.replace("%", "%%").replace("?", "%s")
