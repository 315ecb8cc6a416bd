"""An index is made, or taken from one commit to another; whoever reads meanwhile has what was there before."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from ispctl.index._file import File, Row, fingerprint, text_of
from ispctl.index._parts import (
    CLAIM,
    DUE,
    ERROR,
    FACT,
    FILE,
    KIND,
    META,
    PARTS,
    PLACE,
    SPAN,
    TABLES,
    TURN,
    USE,
    WARNING,
    Key,
    Part,
    Parts,
    Stored,
    Table,
    cut,
    cut_again,
)
from ispctl.model.compact import compact
from ispctl.model.problem import Problem
from ispctl.repo.facts import Facts
from ispctl.structs import Struct

_PATIENCE: Final = 5.0
"""Seconds to wait for others who read."""
_LONG: Final = 24 * 3600.0
"""Seconds: nobody who makes an index writes nothing for so long."""
_RAW: Final = "CREATE TEMP TABLE raw_{0} AS SELECT * FROM {0}"
_SORT: Final = "INSERT OR IGNORE INTO {0} SELECT * FROM raw_{0} ORDER BY 1, 2"
_SORTED: Final = (PLACE, CLAIM, USE, SPAN, DUE, TURN, KIND)
"""Filled in any order first, and copied in theirs: a tree that grows at its end takes a tenth of the time."""
_FORGET: Final = "DELETE FROM {} WHERE file = ?"
_JUDGED: Final = (ERROR, WARNING)
Taken = Sequence[tuple[int, Row]]
"""Files by their numbers."""


class Told(Struct):
    """What every table remembers of some files, which have numbers from 1 on among themselves; fit to be sent."""

    rows: Mapping[str, Sequence[Stored]]
    files: int


def told(rows: Iterable[Row]) -> Told:
    """What is remembered of files, which come in the order of their paths."""
    taken = list(enumerate(rows, 1))
    return Told({name: list(remembered(taken)) for name, remembered in _REMEMBERED.items()}, len(taken))


class Making:
    """An index that is being made, beside the place where it will stand; nobody ever sees half of one. Where that place
    cannot be written it is made in memory, and serves this command alone."""

    def __init__(self, place: Path | None) -> None:
        self._place = place
        self._path: Path | None = None
        if place is not None:
            with suppress(OSError):
                place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                handle, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)  # mode 0600
                os.close(handle)
                self._path = Path(name)
                _clear(place, self._path)
        self._database = sqlite3.connect(self._path or ":memory:", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -100000", "temp_store = MEMORY"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.executescript("\n".join([*(table.create for table in TABLES), PARTS]))
        for table in _SORTED:
            self._database.execute(_RAW.format(table.name))
        self._database.execute("BEGIN")
        self._count = 0

    def add(self, told: Told) -> None:
        """Take these files in, in the order of their paths."""
        for table in (FILE, *_SORTED, *_JUDGED):
            sql = table.added.format(self._count)
            if table in _SORTED:
                sql = sql.replace(f"INTO {table.name}", f"INTO raw_{table.name}")
            self._database.executemany(sql, told.rows[table.name])
        self._count += told.files

    def finish(self, commit: str, checked: int, facts: Facts) -> File:
        """Everything is in: sort it, and sum it but for what is wrong with whom."""
        for table in _SORTED:
            self._database.execute(_SORT.format(table.name))
            self._database.execute(f"DROP TABLE raw_{table.name}")
        self._database.executemany(FACT.insert, _facts(facts))
        self._database.executemany(META.insert, _meta(commit, checked, self._count))
        cut(self._database, (table for table in TABLES if table not in _JUDGED))
        return File(self._database)

    def judged(self, problems: dict[int, Sequence[Problem]]) -> None:
        """What is wrong with these files, all things considered. The last that it is told."""
        for number, found in problems.items():
            for table in _JUDGED:
                self._database.execute(_FORGET.format(table.name), (number,))
                self._database.executemany(table.insert, _stored(table, number, Row("", problems=found)))
        cut(self._database, _JUDGED)
        self._database.execute("COMMIT")

    def publish(self) -> None:
        """Let everybody use it. A full disk, or a folder that may not be written, takes only that away."""
        if self._path is None or self._place is None:
            return
        try:
            self._path.replace(self._place)
        except OSError:
            self._path.unlink(missing_ok=True)  # whoever has it open goes on with it

    def discard(self) -> None:
        """Leave nothing behind of one that was not finished."""
        self._database.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _clear(place: Path, mine: Path) -> None:
    """Take away what was left by whoever was killed while making one."""
    now = mine.stat().st_mtime
    for other in place.parent.glob(f".{place.name}.*"):
        with suppress(OSError):
            if other.stat().st_mtime < now - _LONG:
                other.unlink()


class Moving:
    """An index that is taken from its commit to another, all of it at once; whoever reads meanwhile has the old one."""

    def __init__(self, place: Path, commit: str) -> None:
        self._database = sqlite3.connect(place, isolation_level=None, timeout=_PATIENCE)
        self._touched: dict[tuple[str, Key], tuple[Table, Part]] = {}
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._parts = Parts(self._database, keeps=True)
            if ("commit", commit) not in self._parts.rows(META):
                raise sqlite3.OperationalError("somebody moved it")
            self._files = next(int(value) for name, value in self._parts.rows(META) if name == "files")
            ((last,),) = self._database.execute("SELECT max(number) FROM file").fetchall()
            self._last = int(last or 0)
        except BaseException:
            self._database.close()
            raise

    def replace(self, old: Row, new: Row | None) -> None:
        """One file: what it said, and what it says now (None: it is gone)."""
        number = next((number for _, number in self._parts.of(PLACE, old.path)), None)
        if number is not None:
            self._forget(old, number)
            self._files -= 1
        if new is not None:
            self._files += 1
            if number is None:
                self._last = number = self._last + 1
            for table in (FILE, PLACE, CLAIM, USE, SPAN, DUE, TURN, KIND, *_JUDGED):
                self._change(table, table.insert, _stored(table, number, new))

    def _forget(self, old: Row, number: int) -> None:
        for table in (PLACE, CLAIM, USE, SPAN, DUE):
            self._drop(table, list(_stored(table, number, old)))
        for table in (FILE, *_JUDGED):
            known = list(self._parts.of(table, number))
            self._drop(table, known)
            for _, _, turns, sold in known if table is FILE else ():
                for other, firsts in ((TURN, turns), (KIND, sold)):
                    for first in json.loads(firsts):
                        self._drop(other, list(self._parts.rows(other, (first, number), (first, number))))

    def finish(self, commit: str, checked: int, facts: Facts) -> None:
        for table, rows in ((FACT, _facts(facts)), (META, _meta(commit, checked, self._files))):
            self._drop(table, list(self._parts.rows(table)))
            self._change(table, table.insert, rows)
        for table, part in self._touched.values():
            cut_again(self._database, table, part)
        self._database.execute("COMMIT")

    def close(self) -> None:
        self._database.close()

    def _drop(self, table: Table, rows: Iterable[Stored]) -> None:
        self._change(table, table.delete, rows, table.unique)

    def _change(self, table: Table, sql: str, rows: Iterable[Stored], columns: int | None = None) -> None:
        """Every part is looked at before its first row is changed: its sum is not to hide what was damaged before."""
        for row in rows:
            part = self._parts.part(table, (row[0], row[1]))
            self._touched[table.name, part.first] = (table, part)
            self._database.execute(sql, row[:columns])


def _stored(table: Table, number: int, row: Row) -> Iterable[Stored]:
    """What a table remembers of one file."""
    return _REMEMBERED[table.name]([(number, row)])


def _turns(taken: Taken) -> Iterable[Stored]:
    return [(at, number, service, int(loses)) for number, row in taken for at, service, loses in row.turns]


def _sold(taken: Taken) -> Iterable[Stored]:
    return [(one_of, number, *rest) for number, row in taken for one_of, *rest in row.sold]


def _files(taken: Taken) -> Iterable[Stored]:
    for number, row in taken:
        turns, sold = {turn.at for turn in row.turns}, {one.one_of for one in row.sold}
        yield number, row.path, compact(sorted(turns)), compact(sorted(sold))


def _wrong(severity: str, taken: Taken) -> Iterable[Stored]:
    for number, row in taken:
        if row.problems:
            said = [problem for problem in row.problems if problem.severity == severity]
            yield from ((number, place, text_of(problem)) for place, problem in enumerate(said))


_REMEMBERED: Final[dict[str, Callable[[Taken], Iterable[Stored]]]] = {
    FILE.name: _files,
    PLACE.name: lambda taken: [(row.path, number) for number, row in taken],
    CLAIM.name: lambda taken: [(one, number) for number, row in taken for one in row.claims],
    USE.name: lambda taken: [(one, number) for number, row in taken for one in row.uses],
    SPAN.name: lambda taken: [
        (first, last, number, until) for number, row in taken for first, last, until in row.spans
    ],
    DUE.name: lambda taken: [(one, number) for number, row in taken for one in row.due],
    TURN.name: _turns,
    KIND.name: _sold,
    ERROR.name: partial(_wrong, "error"),
    WARNING.name: partial(_wrong, "warning"),
}
"""What each table remembers of files."""


def _facts(facts: Facts) -> list[Stored]:
    return [(*tally, count) for tally, count in facts.counts.items()]


def _meta(commit: str, checked: int, files: int) -> list[Stored]:
    return [("commit", commit), ("checked", str(checked)), ("files", str(files)), ("made", fingerprint())]
