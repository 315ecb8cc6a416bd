"""A server that stays connected and says nothing (a frozen machine, a disk that hangs): whoever waits is let go.

TCP does not tell: the kernel of the server goes on acknowledging. The library waits for ever and cannot be interrupted
from its own thread, so another one closes the socket under a statement that has had its time.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Condition, Thread
from typing import Any, Final, cast

from psycopg2 import OperationalError, extensions

PATIENCE: Final = 60.0
"""Seconds for one statement, or for the next thousand rows of a long answer; they take well under one."""
LONG_PATIENCE: Final = 3600.0
"""Seconds for a statement that makes a table or an index, which may have to read all that is there."""


class Connection(extensions.connection):
    """A connection that is given up when a statement on it takes longer than `patience`, in seconds."""

    patience: float = PATIENCE
    given_up = False


class Cursor(extensions.cursor):
    """Each call that waits for the server is watched. A late one raises as if the server had gone."""

    def execute(self, *arguments: Any) -> None:
        self._watched(super().execute, *arguments)

    def copy_expert(self, *arguments: Any) -> None:
        self._watched(super().copy_expert, *arguments)

    def fetchmany(self, *arguments: Any) -> list[Any]:
        rows: list[Any] = self._watched(super().fetchmany, *arguments)
        return rows

    def close(self) -> None:
        self._watched(super().close)

    def _watched(self, call: Callable[..., Any], *arguments: Any) -> Any:
        connection = cast(Connection, self.connection)
        _WATCH.begin(connection)
        try:
            return call(*arguments)
        finally:
            _WATCH.end(connection)


class _Watch:
    """Who waits since when. Its thread begins with the first statement that waits."""

    def __init__(self) -> None:
        self._change = Condition()
        self._until: dict[Connection, float] = {}
        self._thread: Thread | None = None

    def begin(self, connection: Connection) -> None:
        with self._change:
            self._until[connection] = time.monotonic() + connection.patience
            if self._thread is None or not self._thread.is_alive():  # a fork has none
                self._thread = Thread(target=self._look, name="postgresql-watch", daemon=True)
                self._thread.start()

    def end(self, connection: Connection) -> None:
        with self._change:
            self._until.pop(connection, None)

    def _look(self) -> None:
        with self._change:
            while True:
                self._change.wait(1.0)
                now = time.monotonic()
                for connection in [one for one, until in self._until.items() if until <= now]:
                    del self._until[connection]
                    _hang_up(connection)


def _hang_up(connection: Connection) -> None:
    """End what is said on a connection; the descriptor stays the library's."""
    connection.given_up = True
    with suppress(OSError, OperationalError), socket.socket(fileno=os.dup(connection.fileno())) as link:
        link.shutdown(socket.SHUT_RDWR)


_WATCH: Final = _Watch()
