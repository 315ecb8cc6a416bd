"""A database of either kind for a test, and what somebody else does to it.

The fixture `place` (known everywhere, see conftest.py) runs a test twice: on a SQLite file, and live on PostgreSQL.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ispctl.lab.cluster import Cluster
from ispctl.store import File, Store, address

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """A database that may not be there yet: `sqlite` names a file below `base`."""

    dsn: str = field(repr=False)
    base: Path

    @property
    def kind(self) -> str:
        return address(self.dsn, self.base).dialect

    @property
    def file(self) -> Path:
        """Of a SQLite database."""
        found = address(self.dsn, self.base)
        assert isinstance(found, File)
        return found.path

    def create(self, *, lab: bool = False, timeout: float = 5.0) -> Store:
        return Store.create(self.dsn, base=self.base, lab=lab, timeout=timeout)

    def open(self, *, readonly: bool = False, timeout: float = 5.0) -> Store:
        return Store.open(self.dsn, base=self.base, readonly=readonly, timeout=timeout)

    def instant(self, seconds: str = "?") -> str:
        """A moment for a column of radacct or radpostauth, from seconds since 1970."""
        return seconds if self.kind == "sqlite" else f"to_timestamp({seconds})"

    def span(self, seconds: int) -> str:
        """A length of time that can be added to such a moment."""
        return str(seconds) if self.kind == "sqlite" else f"interval '{seconds} seconds'"

    def hand(self, *statements: str, values: tuple[object, ...] = ()) -> list[Row]:
        """What somebody does by hand, or FreeRADIUS by itself: all of it in a transaction. Rows of the last one."""
        with self.stranger() as run:
            rows: list[Row] = []
            for statement in statements:
                rows = run(statement, values)
            return rows

    @contextmanager
    def stranger(self) -> Iterator[Any]:
        """`run(statement, values=())` on a connection of somebody else, in a transaction that ends with the block."""
        if self.kind == "sqlite":
            self.file.parent.mkdir(exist_ok=True)
            with closing(sqlite3.connect(self.file, isolation_level=None)) as file:
                file.execute("BEGIN")
                yield lambda statement, values=(): file.execute(statement, values).fetchall()
                file.execute("COMMIT")
            return
        with closing(psycopg2.connect(self.dsn)) as server, server, server.cursor() as cursor:

            def run(statement: str, values: tuple[object, ...] = ()) -> list[Row]:
                if values:
                    cursor.execute(statement.replace("%", "%%").replace("?", "%s"), values)
                else:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

            yield run


def made(base: Path) -> Place:
    """A SQLite database below a folder, with its tables, as a lab makes it: a copy of one that was made once."""
    place = Place("sqlite:///var/radius.db", base)
    place.file.parent.mkdir(mode=0o700, exist_ok=True)
    place.file.write_bytes(_file())
    place.file.chmod(0o600)
    return place


@cache
def _file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        place = Place("sqlite:///var/radius.db", Path(folder))
        place.create(lab=True).close()
        return place.file.read_bytes()


@cache
def template(cluster: Cluster) -> str:
    """The name of the same on a server, to copy."""
    dsn = cluster.make("with_tables")
    Place(dsn, Path()).create(lab=True).close()
    return dsn.rpartition("/")[2]


KINDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.live))


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database that is still to be made, of each kind in turn."""
    if request.param == "sqlite":
        return Place("sqlite:///var/radius.db", tmp_path)
    return Place(request.getfixturevalue("fresh_database")(), tmp_path)
