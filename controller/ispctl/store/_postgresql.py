"""PostgreSQL: the connection, and what its errors mean to a person."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import psycopg2
from psycopg2 import extensions

from ispctl.model.problem import Refusal
from ispctl.store._dialect import POSTGRESQL, Dialect
from ispctl.store._dsn import Server
from ispctl.store._link import Parameters
from ispctl.store._postgresql_copy import Text, add_text, text_of
from ispctl.store._postgresql_errors import refusal, unreachable
from ispctl.store._postgresql_many import run_each, translated
from ispctl.store._postgresql_watch import LONG_PATIENCE, Connection, Cursor

_TIMESTAMPTZ: Final = 1184
_PATIENCE: Final = {
    # A dead machine is noticed within half a minute, also by the kernel of the server: nobody waits for minutes.
    "connect_timeout": "10",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
    "application_name": "ispctl",
}


class PostgresqlLink:
    """A connection to a database of a server. Refuses E324 to E326 when there is none to be had."""

    failures: tuple[type[Exception], ...] = (psycopg2.Error, ValueError, OverflowError)

    def __init__(self, address: Server, *, readonly: bool, timeout: float, make: bool) -> None:
        self.dialect: Dialect = POSTGRESQL
        self.place = address.place
        self._readonly = readonly
        self._streams = 0
        self._connection = connect(address)
        mode = "SET default_transaction_read_only = on" if readonly else "SET synchronous_commit = on"
        try:
            # No question of ours is asked so often that the server should make machine code of it for a second first.
            # And what is streamed is read to its end: not the first rows are to come soon, but the last.
            waits = f"SET lock_timeout = {int(timeout * 1000)}; SET jit = off; SET cursor_tuple_fraction = 1"
            self.execute(f"{waits}; SET timezone = 'UTC'; {mode}", ())
        except self.failures as error:
            self._connection.close()
            raise self.refusal(error) from None
        if make:
            self._connection.patience = LONG_PATIENCE

    def close(self) -> None:
        self._connection.close()

    def execute(self, sql: str, parameters: Parameters) -> Cursor:
        return self._run(self._connection.cursor(cursor_factory=Cursor), sql, parameters)

    def stream(self, sql: str, parameters: Parameters) -> Cursor:
        self._streams += 1  # the server keeps the rows, so that the reader may write meanwhile
        return self._run(
            self._connection.cursor(f"ispctl_{self._streams}", cursor_factory=Cursor, withhold=True), sql, parameters
        )

    def execute_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        return run_each(self._connection.cursor(cursor_factory=Cursor), sql, rows)

    def ready(self, sql: str, rows: Sequence[Parameters]) -> Text | Sequence[Parameters]:
        return text_of(sql, rows) or rows

    def add_many(self, sql: str, ready: Text | Sequence[Parameters]) -> int:
        if isinstance(ready, Text):
            return add_text(self._connection.cursor(cursor_factory=Cursor), ready)
        return self.execute_many(sql, ready)

    @property
    def in_transaction(self) -> bool:
        began = (extensions.TRANSACTION_STATUS_INTRANS, extensions.TRANSACTION_STATUS_INERROR)
        return not self._connection.closed and self._connection.info.transaction_status in began

    def conflict(self, _error: Exception) -> bool:
        return False  # the server waits by itself, up to lock_timeout

    def refusal(self, error: Exception) -> Refusal:
        link = self._connection
        silent = link.patience if link.given_up else None
        return refusal(error, self.place, readonly=self._readonly, closed=bool(link.closed), silent=silent)

    def _run(self, cursor: Cursor, sql: str, parameters: Parameters) -> Cursor:
        if parameters:
            cursor.execute(_translated(sql), parameters)
        else:
            cursor.execute(sql)
        if sql == "COMMIT" and cursor.statusmessage != "COMMIT":
            raise psycopg2.OperationalError("a statement of the transaction had failed")
        return cursor


def connect(address: Server, **more: str) -> Connection:
    """A direct connection, each statement of which stands for itself; times are read as whole seconds since 1970."""
    wanted = {**_PATIENCE, **extensions.parse_dsn(address.dsn), **more, "client_encoding": "UTF8"}
    try:
        connection = psycopg2.connect(
            extensions.make_dsn(**wanted), connection_factory=Connection, cursor_factory=Cursor
        )
        connection.autocommit = True
        if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
            _show_broken_bytes()
            connection.set_client_encoding("SQL_ASCII")
    except (psycopg2.Error, ValueError) as error:
        raise unreachable(error, address.place) from None
    extensions.register_type(extensions.new_type((_TIMESTAMPTZ,), "SECONDS", _seconds), connection)
    return connection


_translated = cache(translated)


def _seconds(text: str | bytes | None, _cursor: Any) -> int | None:
    """A timestamptz as whole seconds; what is before 1 AD or infinite is no moment."""
    try:
        return None if text is None else int(datetime.fromisoformat(str(text)).timestamp() // 1)
    except ValueError:
        return None


@cache
def _show_broken_bytes() -> None:
    r"""A database without an encoding may hold any bytes: broken ones show as \xff and meet no wanted value."""

    def find(name: str) -> codecs.CodecInfo | None:
        if name != "utf8_shown":
            return None
        return codecs.CodecInfo(
            codecs.utf_8_encode, lambda data, _="": codecs.utf_8_decode(data, "backslashreplace", True)
        )

    codecs.register(find)
    extensions.encodings["SQLASCII"] = "utf8_shown"  # the library looks without the underscore
