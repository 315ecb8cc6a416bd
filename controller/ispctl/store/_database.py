"""One connection: statements, transactions, counters. Written on the plain drivers, since this is a hot path."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, ParamSpec, TypeVar

from ispctl.store._dialect import Dialect
from ispctl.store._dsn import Address, File
from ispctl.store._link import Cursor, Link, Parameters, Row

P = ParamSpec("P")
T = TypeVar("T")
_PAUSE: Final = 0.01
_MANY: Final = 200
"""Keys that cost more than to ask first whether there is any row."""
_FIRST: Final = re.compile(r"FROM \w+")
_ORDER: Final = ("DELETE", "UPDATE", "INSERT")
Statement = tuple[str, Parameters]
"""A text with `?` for its parameters."""


class Database:
    """A connection whose errors are refusals, and which counts the rows it reads and writes.

    `timeout` is in seconds: how long a statement waits for another program's transaction. `make`: for whoever is going
    to make tables there.
    """

    def __init__(self, address: Address, *, readonly: bool, timeout: float, make: bool = False) -> None:
        self.address = address
        self.readonly = readonly
        self.rows_read = 0
        self.rows_written = 0
        self._timeout = timeout
        self._depth = 0
        self._told: list[Statement] | None = None
        self._link = _connect(address, readonly=readonly, timeout=timeout, make=make)
        if make and self.dialect.prepare:
            self._patiently(self.dialect.prepare, time.monotonic() + timeout)

    @property
    def place(self) -> str:
        """What messages call it: a path, or a server and a name."""
        return self.address.place

    @property
    def dialect(self) -> Dialect:
        return self._link.dialect

    def close(self) -> None:
        self._link.close()

    def query(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of an answer that is known to be short."""
        try:
            rows = self._link.execute(sql, parameters).fetchall()
        except self._link.failures as error:
            raise self._link.refusal(error) from None
        self.rows_read += len(rows)
        return rows

    def stream(self, sql: str, parameters: Parameters = ()) -> Generator[Row, None, None]:
        """The rows of an answer that may be long, a thousand at a time."""
        cursor: Cursor | None = None
        try:
            cursor = self._link.stream(sql, parameters)
            while rows := cursor.fetchmany(1000):
                self.rows_read += len(rows)
                yield from rows
        except self._link.failures as error:
            raise self._link.refusal(error) from None
        finally:
            if cursor is not None:
                self._close(cursor)

    def among(self, sql: str, keys: Sequence[str], more: Parameters = ()) -> Iterator[Row]:
        """Rows of a query with a condition `IN (…)`, written `IN ({})`, for any number of keys; `more` comes after.
        Where its first table is empty, as before the first apply, nobody is asked for thousands."""
        if len(keys) >= _MANY:
            first = _FIRST.search(sql)
            if first is not None and not self.query(f"SELECT 1 {first[0]} LIMIT 1"):
                return
        for start in range(0, len(keys), self.dialect.chunk):
            part = keys[start : start + self.dialect.chunk]
            yield from self.query(sql.format(",".join("?" * len(part))), (*part, *more))

    def write(self, sql: str, parameters: Parameters = ()) -> int:
        """Run a statement that changes rows; how many it changed."""
        if self._told is not None:
            self._told.append((sql, parameters))
            return 0
        changed = max(self._execute(sql, parameters).rowcount, 0)
        self.rows_written += changed
        return changed

    def write_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run one statement for each of `rows`."""
        if self._told is not None:
            self._told.extend((sql, row) for row in rows)
            return 0
        changed = max(self._tried(self._link.execute_many, sql, rows), 0)
        self.rows_written += changed
        return changed

    @contextmanager
    def telling(self) -> Iterator[list[Statement]]:
        """What the body would write is told instead of done, for `together`; it reads what was there before."""
        self._told = told = list[Statement]()
        try:
            yield told
        finally:
            self._told = None

    def together(self, statements: Iterable[Statement], *, new: bool = False) -> Callable[[], None]:
        """Does what was told once it is called, each text once for all of its rows: first deletions, then changes, then
        insertions. So what is told of one row has to come in that order, and what is told of two must not hang
        together. `new`: all that is inserted is expected to be new, which costs less, and most of that before anything
        is locked; where something is not, it may be refused (E311) though the text has an answer to it: take it back,
        and do it without."""
        rows: dict[str, list[Parameters]] = {}
        for sql, parameters in statements:
            rows.setdefault(sql, []).append(parameters)
        steps: list[Callable[[], int]] = []
        for sql in sorted(rows, key=lambda sql: _ORDER.index(sql[:6])):
            if new and sql.startswith("INSERT"):
                steps.append(partial(self._link.add_many, sql, self._tried(self._link.ready, sql, rows[sql])))
            else:
                steps.append(partial(self._link.execute_many, sql, rows[sql]))

        def run() -> None:
            for step in steps:
                self.rows_written += max(self._tried(step), 0)

        return run

    def may_read(self, table: str) -> bool:
        """Whether this role may read every column of a table of ours."""
        sql = self.dialect.may_read
        return not sql or bool(self._execute(sql, (table,)).fetchall()[0][0])

    def tables(self) -> frozenset[str]:
        return frozenset(str(name) for (name,) in self._execute(self.dialect.tables).fetchall())

    def columns(self, table: str) -> frozenset[str]:
        """Names of a table's columns; `table` is never data."""
        return frozenset(column[0] for column in self._execute(f"SELECT * FROM {table} WHERE 1 = 0").description)

    @property
    def in_transaction(self) -> bool:
        """False inside `transaction()` only after the database has taken everything back by itself (a full disk)."""
        return self._link.in_transaction

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
            if self._link.in_transaction:
                self._execute("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read inside is of one moment, while others write."""
        self._execute(self.dialect.snapshot)
        self._depth = 1
        try:
            yield
        finally:
            self._depth = 0
            if self._link.in_transaction:
                self._execute("ROLLBACK")

    def hold(self, *tables: str) -> None:
        """Inside a transaction: what is read from these tables stays so until it ends, whoever else may write. It is
        for a batch: what is read in it is looked up by keys."""
        if self.dialect.hold:
            self._execute(self.dialect.hold.format(", ".join(tables)))

    def alone(self) -> None:
        """Inside a transaction: nobody else changes tables until it ends."""
        if self.dialect.alone:
            self._execute(self.dialect.alone)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction that is taken back alone when its body raises."""
        self._execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._link.in_transaction:
                self._execute("ROLLBACK TO SAVEPOINT part")
                self._execute("RELEASE SAVEPOINT part")
            raise
        self._execute("RELEASE SAVEPOINT part")

    def _tried(self, run: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        try:
            return run(*arguments, **named)
        except self._link.failures as error:
            raise self._link.refusal(error) from None

    def _patiently(self, sql: str, deadline: float) -> None:
        """SQLite answers some conflicts at once instead of waiting; ask again until the deadline."""
        while True:
            try:
                self._link.execute(sql, ())
                return
            except self._link.failures as error:
                if not self._link.conflict(error) or time.monotonic() >= deadline:
                    raise self._link.refusal(error) from None
            time.sleep(_PAUSE)

    def _execute(self, sql: str, parameters: Parameters = ()) -> Cursor:
        try:
            return self._link.execute(sql, parameters)
        except self._link.failures as error:
            raise self._link.refusal(error) from None

    def _close(self, cursor: Cursor) -> None:
        """A reader that stops early leaves the connection fit for the next question."""
        try:
            cursor.close()
        except self._link.failures:
            return


def _connect(address: Address, *, readonly: bool, timeout: float, make: bool) -> Link:
    if isinstance(address, File):
        from ispctl.store._sqlite import SqliteLink

        return SqliteLink(address, readonly=readonly, timeout=timeout, make=make)
    from ispctl.store._postgresql import PostgresqlLink

    return PostgresqlLink(address, readonly=readonly, timeout=timeout, make=make)  # the database is there already
