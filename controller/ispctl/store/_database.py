"""One connection: statements, transactions, counters. Written on the standard driver, since this is a hot path."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ispctl.store import _errors
from ispctl.store._dialect import SQLITE, Dialect

Row = tuple[Any, ...]
Parameters = Sequence[str | int | None]
CHUNK: Final = 500
"""How many keys stand in one IN list: SQLite takes 32,766 parameters at most, older ones 999."""
_PAUSE: Final = 0.01


class Database:
    """A connection whose errors are refusals, and which counts the rows it reads and writes.

    `timeout` is in seconds: how long a statement waits for another program's transaction.
    """

    def __init__(self, path: Path, *, readonly: bool, timeout: float) -> None:
        self.path = path
        self.readonly = readonly
        self.dialect: Dialect = SQLITE
        self.rows_read = 0
        self.rows_written = 0
        self._timeout = timeout
        self._depth = 0
        try:
            self._connection = _connect(path, readonly=readonly, timeout=timeout)
        except _errors.FAILURES as error:
            raise _errors.refusal(error, path) from None

    def close(self) -> None:
        self._connection.close()

    def write_ahead(self) -> None:
        """Readers and the one writer do not wait for each other; stays with the file. Ten times the logins."""
        self._patiently("PRAGMA journal_mode = WAL", time.monotonic() + self._timeout)

    def query(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of an answer that is known to be short."""
        rows: list[Row] = self._execute(sql, parameters).fetchall()
        self.rows_read += len(rows)
        return rows

    def stream(self, sql: str, parameters: Parameters = ()) -> Iterator[Row]:
        """The rows of an answer that may be long, a thousand at a time."""
        cursor = self._execute(sql, parameters)
        try:
            while rows := cursor.fetchmany(1000):
                self.rows_read += len(rows)
                yield from rows
        except _errors.FAILURES as error:
            raise _errors.refusal(error, self.path) from None
        finally:
            cursor.close()

    def among(self, sql: str, keys: Sequence[str]) -> Iterator[Row]:
        """Rows of a query that ends its condition with `IN (…)`, written `IN ({})`, for any number of keys."""
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            yield from self.query(sql.format(",".join("?" * len(part))), part)

    def write(self, sql: str, parameters: Parameters = ()) -> int:
        """Run a statement that changes rows; how many it changed."""
        changed = max(self._execute(sql, parameters).rowcount, 0)
        self.rows_written += changed
        return changed

    def write_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run one statement for each of `rows`."""
        try:
            changed = max(self._connection.executemany(self.dialect.sql(sql), rows).rowcount, 0)
        except _errors.FAILURES as error:
            raise _errors.refusal(error, self.path) from None
        self.rows_written += changed
        return changed

    def tables(self) -> frozenset[str]:
        return frozenset(str(name) for (name,) in self._execute(self.dialect.tables).fetchall())

    def columns(self, table: str) -> frozenset[str]:
        """Names of a table's columns; `table` is never data."""
        return frozenset(column[0] for column in self._execute(f"SELECT * FROM {table} WHERE 1 = 0").description)

    @property
    def in_transaction(self) -> bool:
        """False inside `transaction()` only after the database has taken everything back by itself (a full disk)."""
        return self._connection.in_transaction

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Waits for another writer until the deadline, then E307. Inside another one it joins it."""
        if self._depth:
            yield
            return
        deadline = time.monotonic() + self._timeout
        self._patiently(self.dialect.begin, deadline)
        self._depth = 1
        try:
            yield
            self._patiently("COMMIT", deadline + self._timeout)
        finally:
            self._depth = 0
            # Still open: the body or the COMMIT failed. A full disk has already taken everything back by itself.
            if self._connection.in_transaction:
                self._execute("ROLLBACK")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction that is taken back alone when its body raises."""
        self._execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self._execute("ROLLBACK TO SAVEPOINT part")
                self._execute("RELEASE SAVEPOINT part")
            raise
        self._execute("RELEASE SAVEPOINT part")

    def _patiently(self, sql: str, deadline: float) -> None:
        """SQLite answers some conflicts at once instead of waiting; ask again until the deadline."""
        while True:
            try:
                self._connection.execute(sql)
                return
            except _errors.FAILURES as error:
                if _errors.primary(error) not in _errors.BUSY or time.monotonic() >= deadline:
                    raise _errors.refusal(error, self.path) from None
            time.sleep(_PAUSE)

    def _execute(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(self.dialect.sql(sql), parameters)
        except _errors.FAILURES as error:
            raise _errors.refusal(error, self.path) from None


_text = partial(str, encoding="utf-8", errors="backslashreplace")


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
    try:
        if readonly:
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
