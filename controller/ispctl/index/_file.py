"""The index as a file: derived data, keyed by what made it. Whatever is wrong with it, it is made anew."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import ispctl
from ispctl.model.problem import Problem, Where
from ispctl.repo.facts import Facts, Tally
from ispctl.repo.traits import hashed

Span = tuple[bytes, bytes]
_MADE_BY: Final = ("model", "repo", "desired", "index", "states.py")
_TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE file (number INTEGER PRIMARY KEY, path TEXT NOT NULL);
CREATE TABLE claim (hash INTEGER, file INTEGER, PRIMARY KEY (hash, file)) WITHOUT ROWID;
CREATE TABLE use (hash INTEGER, file INTEGER, PRIMARY KEY (hash, file)) WITHOUT ROWID;
CREATE TABLE span (first BLOB, last BLOB, file INTEGER, PRIMARY KEY (first, last, file)) WITHOUT ROWID;
CREATE TABLE due (at INTEGER, file INTEGER, PRIMARY KEY (at, file)) WITHOUT ROWID;
CREATE TABLE turn
    (at INTEGER, file INTEGER, service INTEGER, loses INTEGER, PRIMARY KEY (at, file, service)) WITHOUT ROWID;
CREATE TABLE problem (file INTEGER, severity TEXT, text TEXT);
CREATE TABLE fact
    (kind TEXT, value TEXT, until INTEGER, count INTEGER, PRIMARY KEY (kind, value, until)) WITHOUT ROWID;
"""
_INDEXES: Final = """
CREATE UNIQUE INDEX file_path ON file (path);
CREATE INDEX turn_file ON turn (file);
CREATE INDEX problem_file ON problem (file);
CREATE INDEX problem_error ON problem (severity) WHERE severity = 'error';
"""
_FORGET: Final = "DELETE FROM {0} WHERE file = ?"
_PATIENCE: Final = 5.0
"""Seconds to wait for others who read."""
_RAW: Final = "CREATE TEMP TABLE raw_{0} AS SELECT * FROM {0}"
_SORT: Final = "INSERT OR IGNORE INTO {0} SELECT * FROM raw_{0} ORDER BY 1, 2"
_SORTED: Final = ("claim", "use", "span", "due", "turn")
"""Filled in any order first, and copied in theirs: a tree that grows at its end takes a tenth of the time."""


class Turning(NamedTuple):
    """A moment (seconds) at which time changes service `number` of a file, and whether it loses something then."""

    at: int
    number: int
    loses: bool


@dataclass
class Row:
    """What is remembered of one file."""

    path: str
    claims: Sequence[int] = ()
    uses: Sequence[int] = ()
    spans: Sequence[Span] = ()
    due: Sequence[int] = ()
    turns: Sequence[Turning] = ()
    problems: Sequence[Problem] = ()
    tallies: Sequence[Tally] = ()


class File:
    """One opened index: what it says of the commit at which it stands. Raises sqlite3.Error where it is damaged."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        meta = dict(database.execute("SELECT name, value FROM meta"))
        self.commit = str(meta["commit"])
        self.checked = int(meta["checked"])
        """The moment (seconds) at which the rules judged."""

    def close(self) -> None:
        self._database.close()

    @classmethod
    def open(cls, path: Path) -> File | None:
        """None where there is none that this version made, or none that can be read."""
        try:
            database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        except sqlite3.Error:
            return None
        try:
            if not path.stat().st_size:
                raise sqlite3.DatabaseError
            ((made,),) = database.execute("SELECT value FROM meta WHERE name = 'made'").fetchall()
            if made != fingerprint():
                raise sqlite3.DatabaseError
            database.execute("BEGIN")  # one state, whoever moves it meanwhile
            return cls(database)
        except (sqlite3.Error, OSError, ValueError, KeyError):
            database.close()
            return None

    # what it says

    def facts(self) -> Facts:
        rows = self._database.execute("SELECT kind, value, until, count FROM fact")
        return Facts({Tally(kind, value, until): count for kind, value, until, count in rows})

    def paths(self, numbers: Iterable[int]) -> Iterator[str]:
        return (path for (path,) in self._among("SELECT path FROM file WHERE number IN ({})", numbers))

    def numbers(self, paths: Iterable[str]) -> Iterator[int]:
        return (number for (number,) in self._among("SELECT number FROM file WHERE path IN ({})", paths))

    def below(self, folder: str) -> Iterator[str]:
        """Every file in a folder."""
        rows = self._database.execute("SELECT path FROM file WHERE path > ? AND path < ?", (f"{folder}/", f"{folder}0"))
        return (path for (path,) in rows)

    def claiming(self, hashes: Iterable[int]) -> set[int]:
        """The files that claim one of these."""
        return {number for (number,) in self._among("SELECT file FROM claim WHERE hash IN ({})", hashes)}

    def using(self, hashes: Iterable[int]) -> set[int]:
        return {number for (number,) in self._among("SELECT file FROM use WHERE hash IN ({})", hashes)}

    def touching(self, span: Span) -> Iterator[int]:
        """The files that hold an address inside these, or around them. Prefixes are nested or apart."""
        first, last = span
        inside = "SELECT file FROM span WHERE first BETWEEN ? AND ?"
        yield from (number for (number,) in self._database.execute(inside, (first, last)))
        around = "SELECT file FROM span WHERE first = ? AND last = ?"
        for wider in _wider(first):
            yield from (number for (number,) in self._database.execute(around, wider))

    @property
    def count(self) -> int:
        """Files."""
        return int(self._database.execute("SELECT count(*) FROM file").fetchone()[0])

    def unlike(self, given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Of (service, login) those that no file has together; a service is "sub-000123/main"."""
        hashes = [(hashed("id", o.partition("/")[0]), hashed("login", login.casefold())) for o, login in given]
        holders: dict[int, set[int]] = defaultdict(set)
        sql = "SELECT hash, file FROM claim WHERE hash IN ({})"
        for hash_, number in self._among(sql, (one for pair in hashes for one in pair)):
            holders[hash_].add(number)
        return [one for one, (id, login) in zip(given, hashes, strict=True) if not holders[id] & holders[login]]

    def due(self, since: int, until: int) -> set[int]:
        """The files that the rules may judge otherwise since."""
        rows = self._database.execute("SELECT file FROM due WHERE at > ? AND at <= ?", (since, until))
        return {number for (number,) in rows}

    def turned(self, since: int, until: int) -> set[int]:
        """The files of which time has changed a service meanwhile."""
        rows = self._database.execute("SELECT file FROM turn WHERE at > ? AND at <= ?", (since, until))
        return {number for (number,) in rows}

    def errors(self, without: Collection[int]) -> Iterator[Problem]:
        """The errors of all files but these."""
        rows = self._database.execute("SELECT file, text FROM problem WHERE severity = 'error'")
        return (_problem(text) for number, text in rows if number not in without)

    def failing(self) -> Iterator[str]:
        """The files with errors."""
        return self.paths(n for (n,) in self._database.execute("SELECT file FROM problem WHERE severity = 'error'"))

    def unread(self) -> Iterator[str]:
        """The files among which those are that cannot be read."""
        sql = "SELECT file FROM problem WHERE severity = 'error' AND text LIKE '[\"E0%'"
        return self.paths(number for (number,) in self._database.execute(sql))

    def problems(self, without: Collection[int]) -> Iterator[Problem]:
        rows = self._database.execute("SELECT file, text FROM problem")
        return (_problem(text) for number, text in rows if number not in without)

    def next_turn(self, now: int, without: Collection[int]) -> int | None:
        """The first moment after `now` at which time changes a service of any file but these."""
        rows = self._database.execute("SELECT at, file FROM turn WHERE at > ? ORDER BY at", (now,))
        return next((at for at, number in rows if number not in without), None)

    def losing(self, since: int, until: int, without: Collection[int]) -> int:
        """How many services lose something at a moment after `since`, up to `until`; not of these files."""
        rows = self._database.execute(
            "SELECT DISTINCT file, service FROM turn WHERE at > ? AND at <= ? AND loses", (since, until)
        )
        return sum(number not in without for number, _ in rows)

    def shared(self) -> set[int]:
        """The files that claim what another one claims too, or hold addresses inside those of another."""
        rows = self._database.execute(
            "SELECT DISTINCT file FROM claim WHERE hash IN (SELECT hash FROM claim GROUP BY hash HAVING count(*) > 1)"
        )
        found = {number for (number,) in rows}
        above: list[tuple[bytes, int]] = []
        for first, last, number in self._database.execute(
            "SELECT first, last, file FROM span ORDER BY first, last DESC"
        ):
            while above and above[-1][0] < first:
                above.pop()
            found |= {other for _, other in above} | {number} if above else set()
            above.append((last, number))
        return found

    def _among(self, sql: str, values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        """The rows of a query with a condition `IN ({})`, for any number of values."""
        wanted = sorted(set(values))
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            yield from self._database.execute(sql.format(",".join("?" * len(part))), part)


class Moving:
    """An index that is taken from its commit to another, all of it at once; whoever reads meanwhile has the old one."""

    def __init__(self, place: Path, commit: str) -> None:
        self._database = sqlite3.connect(place, isolation_level=None, timeout=_PATIENCE)
        try:
            self._database.execute("BEGIN IMMEDIATE")
            ((stands,),) = self._database.execute("SELECT value FROM meta WHERE name = 'commit'").fetchall()
            if stands != commit:
                raise sqlite3.OperationalError("somebody moved it")
        except BaseException:
            self._database.close()
            raise

    def replace(self, old: Row, new: Row | None) -> None:
        """One file: what it said, and what it says now (None: it is gone)."""
        found = self._database.execute("SELECT number FROM file WHERE path = ?", (old.path,)).fetchone()
        if found is not None:
            self._forget(old, found[0])
        if new is not None:
            self._database.execute("INSERT INTO file VALUES (?, ?)", (found[0] if found else None, new.path))
            ((number,),) = self._database.execute("SELECT number FROM file WHERE path = ?", (new.path,)).fetchall()
            self._remember(new, number)

    def _forget(self, old: Row, number: int) -> None:
        run = self._database.executemany
        run("DELETE FROM claim WHERE hash = ? AND file = ?", [(hash_, number) for hash_ in old.claims])
        run("DELETE FROM use WHERE hash = ? AND file = ?", [(hash_, number) for hash_ in old.uses])
        run("DELETE FROM span WHERE first = ? AND last = ? AND file = ?", [(*span, number) for span in old.spans])
        run("DELETE FROM due WHERE at = ? AND file = ?", [(at, number) for at in old.due])
        for table in ("turn", "problem"):
            self._database.execute(_FORGET.format(table), (number,))
        self._database.execute("DELETE FROM file WHERE number = ?", (number,))

    def _remember(self, new: Row, number: int) -> None:
        run = self._database.executemany
        turns = [(turn.at, number, turn.number, turn.loses) for turn in new.turns]
        run("INSERT OR IGNORE INTO claim VALUES (?, ?)", [(hash_, number) for hash_ in new.claims])
        run("INSERT OR IGNORE INTO use VALUES (?, ?)", [(hash_, number) for hash_ in new.uses])
        run("INSERT OR IGNORE INTO span VALUES (?, ?, ?)", [(*span, number) for span in new.spans])
        run("INSERT OR IGNORE INTO due VALUES (?, ?)", [(at, number) for at in new.due])
        run("INSERT OR IGNORE INTO turn VALUES (?, ?, ?, ?)", turns)
        run("INSERT INTO problem VALUES (?, ?, ?)", [(number, one.severity, _text(one)) for one in new.problems])

    def finish(self, commit: str, checked: int, facts: Facts) -> None:
        self._database.execute("DELETE FROM fact")
        counts = [(*tally, count) for tally, count in facts.counts.items()]
        self._database.executemany("INSERT INTO fact VALUES (?, ?, ?, ?)", counts)
        values = ((commit, "commit"), (str(checked), "checked"))
        self._database.executemany("UPDATE meta SET value = ? WHERE name = ?", values)
        self._database.execute("COMMIT")

    def close(self) -> None:
        self._database.close()


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
        self._database = sqlite3.connect(self._path or ":memory:", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -100000", "temp_store = MEMORY"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.executescript(_TABLES)
        for name in _SORTED:
            self._database.execute(_RAW.format(name))
        self._database.execute("BEGIN")
        self._count = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Take these files in, in the order of their paths."""
        taken = list(enumerate(rows, self._count + 1))
        self._count += len(taken)
        run = self._database.executemany
        run("INSERT INTO file VALUES (?, ?)", ((n, row.path) for n, row in taken))
        run("INSERT INTO raw_claim VALUES (?, ?)", ((hash_, n) for n, row in taken for hash_ in row.claims))
        run("INSERT INTO raw_use VALUES (?, ?)", ((hash_, n) for n, row in taken for hash_ in row.uses))
        run("INSERT INTO raw_span VALUES (?, ?, ?)", ((*span, n) for n, row in taken for span in row.spans))
        run("INSERT INTO raw_due VALUES (?, ?)", ((at, n) for n, row in taken for at in row.due))
        turns = ((turn.at, n, turn.number, turn.loses) for n, row in taken for turn in row.turns)
        run("INSERT INTO raw_turn VALUES (?, ?, ?, ?)", turns)
        for number, row in taken:
            if row.problems:
                self._problems(number, row.problems)

    def finish(self, commit: str, checked: int, facts: Facts) -> File:
        """Everything is in: sort it."""
        for name in _SORTED:
            self._database.execute(_SORT.format(name))
            self._database.execute(f"DROP TABLE raw_{name}")
        counts = [(*tally, count) for tally, count in facts.counts.items()]
        self._database.executemany("INSERT INTO fact VALUES (?, ?, ?, ?)", counts)
        meta = (("commit", commit), ("checked", str(checked)), ("made", fingerprint()))
        self._database.executemany("INSERT INTO meta VALUES (?, ?)", meta)
        self._database.execute("COMMIT")
        self._database.executescript(_INDEXES)
        return File(self._database)

    def judged(self, problems: dict[int, Sequence[Problem]]) -> None:
        """What is wrong with these files, all things considered."""
        self._database.execute("BEGIN")
        for number, found in problems.items():
            self._database.execute("DELETE FROM problem WHERE file = ?", (number,))
            self._problems(number, found)
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

    def _problems(self, number: int, problems: Sequence[Problem]) -> None:
        rows = [(number, one.severity, _text(one)) for one in problems]
        self._database.executemany("INSERT INTO problem VALUES (?, ?, ?)", rows)


def fingerprint() -> str:
    """What an index is made by: another version reads, judges or remembers otherwise."""
    folder = Path(ispctl.__file__).parent
    made = sha256()
    for part in _MADE_BY:
        files = sorted((folder / part).rglob("*.py")) if (folder / part).is_dir() else [folder / part]
        for file in files:
            made.update(file.read_bytes())
    return made.hexdigest()


def _wider(first: bytes) -> Iterator[Span]:
    """The prefixes around an address, as spans."""
    family, packed = first[:1], first[1:]
    bits, number = len(packed) * 8, int.from_bytes(packed)
    for host in range(1, bits + 1):
        low = number >> host << host
        high = low | ((1 << host) - 1)
        yield family + low.to_bytes(len(packed)), family + high.to_bytes(len(packed))


def _text(problem: Problem) -> str:
    return json.dumps([problem.code, problem.text, asdict(problem.where) if problem.where else None, problem.advice])


def _problem(text: str) -> Problem:
    try:
        code, said, where, advice = json.loads(text)
        return Problem(code, said, Where(**where) if where else None, advice)
    except (ValueError, TypeError) as error:
        raise sqlite3.DatabaseError from error
