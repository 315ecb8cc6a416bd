"""Databases as other people left them, and what the commands make of them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import ispctl.store
from ispctl.adopt.old import OldGroup, Person, Row
from ispctl.adopt.reading import OldDatabase
from tests.databases import Place
from tests.gates.tracked import ROOT

NOW = datetime(2027, 1, 15, 6, 15, tzinfo=UTC)
"""Noon in Kathmandu."""
ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    **{f"GIT_{who}_NAME": "Reader" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "reader@example.net" for who in ("AUTHOR", "COMMITTER")},
}
STOCK = ("radcheck", "radreply", "radgroupcheck", "radgroupreply", "radusergroup", "radacct", "radpostauth", "nas")


def old_isp(path: Path) -> Path:
    """The ISP of old_isp.sql in a database of its own."""
    return made(path, (ROOT / "tests" / "adopt" / "old_isp.sql").read_text("utf-8"))


def made(path: Path, sql: str) -> Path:
    """FreeRADIUS's tables with these rows."""
    schema = (resources.files(ispctl.store) / "freeradius.sqlite.sql").read_text("utf-8")
    with closing(sqlite3.connect(path)) as database:
        database.executescript(schema + sql)
    return path


def made_in(place: Place, sql: str) -> None:
    """The same in a database of either kind."""
    if place.kind == "sqlite":
        made(place.file, sql)
        return
    schema = (resources.files(ispctl.store) / "freeradius.postgresql.sql").read_text("utf-8")
    place.hand(schema, sql)


@contextmanager
def opened(path: Path) -> Iterator[OldDatabase]:
    with closing(ispctl.store.reading(f"sqlite:///{path}")) as database:
        yield OldDatabase(database)


def row(attribute: str, value: str, op: str = ":=", table: str = "radcheck", id: int = 1) -> Row:
    return Row(table, id, attribute, op, value)


def person(*rows: Row, groups: Iterable[str] = (), login: str = "anita@home.example") -> Person:
    """A login; one without a password gets one."""
    check = [one for one in rows if one.table == "radcheck"]
    if not any("Password" in one.attribute for one in check):
        check.insert(0, row("Cleartext-Password", "canary-pw-1"))
    return Person(login, tuple(check), tuple(one for one in rows if one.table == "radreply"), tuple(groups))


def group(name: str, *rows: Row) -> OldGroup:
    check = tuple(one for one in rows if one.table == "radgroupcheck")
    return OldGroup(name, check, tuple(one for one in rows if one.table == "radgroupreply"))
