"""The lock of a PostgreSQL database: an advisory lock of a connection of its own, given back when that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import psycopg2

from ispctl.model.problem import Problem, Refusal
from ispctl.store._dsn import Server
from ispctl.store._lock import Holder, Lock, Part, taken
from ispctl.store._postgresql import connect
from ispctl.store._postgresql_errors import refusal

if TYPE_CHECKING:
    from ispctl.store._database import Database

_KEY: Final = 115949411066988
"""Ours, in every database; advisory locks of two databases are strangers."""
_LOCKS: Final[dict[Part, tuple[int, str]]] = {"rows": (_KEY, "applier"), "nas": (_KEY + 1, "applier_nas")}
"""Of each lock its key, and the key in ispctl_meta of who holds it, or held it when the connection broke."""
_FAREWELL: Final = 5.0
"""Seconds for taking that back: whoever gives up a server that hangs has waited long enough."""


@contextmanager
def held_server(address: Server, holder: Holder, part: Part) -> Iterator[Lock]:
    """Hold one lock of a database. Refuses E312, naming the holder, and whatever keeps it from being taken: a server
    that is not there, hangs, is full or takes no changes.

    The connection has to be direct: behind a pooler that lends connections the lock would be somebody else's.
    """
    key, name = _LOCKS[part]
    connection = connect(address, application_name=f"ispctl {holder.what}")
    cursor = connection.cursor()

    def ask(sql: str, *values: str) -> str:
        cursor.execute(sql, values)
        rows = cursor.fetchall() if cursor.description else []
        return str(rows[0][0]) if rows else ""

    def check() -> None:
        # The lock lives and dies with this session: if it still answers, it still holds it.
        try:
            ask("SELECT 1")
        except psycopg2.Error:
            raise _lost(address.place) from None

    try:
        try:
            if ask(f"SELECT pg_try_advisory_lock({key})") != "True":
                other = Holder.from_text(ask("SELECT value FROM ispctl_meta WHERE key = %s", name))
                raise taken(address.place, other, part)
            ask(
                "INSERT INTO ispctl_meta (key, value) VALUES (%s, %s)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                name,
                holder.as_text(),
            )
        except psycopg2.Error as error:
            silent = connection.patience if connection.given_up else None
            closed = bool(connection.closed)
            raise refusal(error, address.place, readonly=False, closed=closed, silent=silent) from None
        try:
            yield Lock(check, connection.info.backend_pid)
        finally:
            connection.patience = min(connection.patience, _FAREWELL)
            with suppress(psycopg2.Error):
                ask("DELETE FROM ispctl_meta WHERE key = %s", name)
    finally:
        connection.close()


def still_held(database: Database, session: int) -> None:
    """Asked by another process that writes under this lock: refuses E330 unless that session still holds it."""
    sql = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = ?"
        " AND classid = ? AND objid = ? AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    if database.query(sql, (session, _KEY >> 32, _KEY & 0xFFFFFFFF)) != [(1,)]:
        raise _lost(database.place)


def _lost(place: str) -> Refusal:
    text = f"{place}: the connection that held the lock of this run broke, so that another run may have begun"
    return Refusal(Problem("E330", text, advice="Nothing more is written. Run the command again"))
