"""SQLite: the file, its connection, and what its errors mean to a person."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ispctl.digests import blake2b
from ispctl.model.problem import Problem, Refusal
from ispctl.store import _errors
from ispctl.store._dialect import SQLITE, Dialect
from ispctl.store._dsn import File
from ispctl.store._link import Parameters, Row
from ispctl.store._lock_file import holder_of

BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DENIED: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH})
_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_looked: set[tuple[int, int]] = set()
"""Files that this process has looked at, by device and number. Whoever closes a file lets go of all locks that his
process has on it, also of those of another connection (fcntl(2)): each is looked at before there is one, once."""


class SqliteLink:
    """A connection to a file. Refuses E301, E302, E308."""

    failures: tuple[type[Exception], ...] = (sqlite3.Error, UnicodeEncodeError, OverflowError)

    def __init__(self, address: File, *, readonly: bool, timeout: float, make: bool) -> None:
        """`make`: an empty file where there is none."""
        if make:
            _make_file(address.path)
        _look(address.path)
        self.dialect: Dialect = SQLITE
        self.place = address.place
        self._path = address.path
        try:
            self._connection = _connect(address.path, readonly=readonly, timeout=timeout)
        except self.failures as error:
            raise self.refusal(error) from None

    def close(self) -> None:
        self._connection.close()

    def execute(self, sql: str, parameters: Parameters) -> sqlite3.Cursor:
        return self._connection.execute(sql, parameters)

    stream = execute

    def execute_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        return self._connection.executemany(sql, rows).rowcount

    add_many = execute_many

    def ready(self, _: str, rows: Sequence[Parameters]) -> Sequence[Parameters]:
        return rows

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def conflict(self, error: Exception) -> bool:
        return _primary(error) in BUSY

    def refusal(self, error: Exception) -> Refusal:
        """The refusal that tells a person about `error` (https://www.sqlite.org/rescode.html)."""
        code = _primary(error)
        if code in BUSY:
            return Refusal(_locked(self._path))
        if code in _DENIED:
            return Refusal(_denied(self._path, "cannot be opened or written"))
        if code in _BROKEN:
            return Refusal(_broken(self._path))
        if code == sqlite3.SQLITE_FULL:
            return _errors.full(self.place)
        name = getattr(error, "sqlite_errorname", None) or type(error).__name__
        # Its own words name tables and columns; those about a parameter would quote it.
        return _errors.failed(self.place, name, str(error) if isinstance(error, sqlite3.Error) else "")


def _make_file(path: Path) -> None:
    """An empty file, mode 0660: FreeRADIUS writes accounting there, mostly as another user of the same group."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o660)
        os.fchmod(handle, 0o660)
        os.close(handle)
    except FileExistsError:
        return
    except OSError as error:
        raise Refusal(_denied(path, f"cannot be made ({error.strerror})")) from None


def _look(path: Path) -> None:
    """Refuse what no driver should be let loose on: nothing there (E301), not a file or another format (E302)."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise Refusal(_broken(path))
        if (found.st_dev, found.st_ino) in _looked and os.access(path, os.R_OK):
            return
        with path.open("rb") as file:
            head = file.read(16)
    except (FileNotFoundError, NotADirectoryError):
        advice = "Make its tables with: ispctl radius init"
        raise Refusal(Problem("E301", f"{path} does not exist", advice=advice)) from None
    except OSError as error:
        raise Refusal(_denied(path, f"cannot be read ({error.strerror})")) from None
    if head not in (b"", b"SQLite format 3\0"):
        raise Refusal(_broken(path))
    _looked.add((found.st_dev, found.st_ino))


_text = partial(str, encoding="utf-8", errors="backslashreplace")


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=6).digest())


def _row(_: sqlite3.Cursor, row: Row) -> Row:
    """A row as it is; a blob, which no column of ours and of FreeRADIUS holds, as text."""
    return (
        tuple(_text(value) if isinstance(value, bytes) else value for value in row) if bytes in map(type, row) else row
    )


def _connect(path: Path, *, readonly: bool, timeout: float) -> sqlite3.Connection:
    # mode=rw and mode=ro never create a file; transactions are ours to begin, hence isolation_level=None.
    uri = f"file:{quote(os.fsencode(path.absolute()))}?mode={'ro' if readonly else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=timeout, cached_statements=256)
    # Somebody's broken bytes in a row must not stop everything: they show as \xff and meet no wanted value.
    connection.text_factory = _text
    connection.row_factory = _row
    connection.create_function("ispctl_hash", 1, _hash, deterministic=True)
    try:
        if readonly:
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _primary(error: Exception) -> int:
    """SQLite's result code without its extended half; 0 when the error did not come from SQLite itself."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _broken(path: Path) -> Problem:
    advice = "Restore the file from a backup, or move it away and make a new one: ispctl radius init, ispctl apply"
    return Problem("E302", f"{path} is not a sound SQLite database", advice=advice)


def _denied(path: Path, what: str) -> Problem:
    advice = "Look at owner and mode of the file and of its folder (both are written to); is the disk read-only?"
    return Problem("E308", f"{path} {what}", advice=advice)


def _locked(path: Path) -> Problem:
    holder = holder_of(path)
    by = f"by {holder}" if holder else "by another program"
    advice = "Wait until it is done and run the command again; `fuser` names the programs that have the file open"
    return Problem("E307", f"{path} is locked {by}", advice=advice)
