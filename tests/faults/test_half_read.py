"""A list that breaks off in the middle is not a shorter list: nothing is concluded from it, and nothing is written."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ispctl.backend import Unreachable
from ispctl.model.problem import Refusal
from ispctl.store._postgresql import PostgresqlLink
from ispctl.store._sqlite import SqliteLink
from tests.databases import KINDS
from tests.reconcile.world import ANITA, DSN, World, built


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    dsn = DSN if request.param == "sqlite" else request.getfixturevalue("fresh_database")()
    with World(built(tmp_path / "isp", dsn), dsn=dsn) as world:
        assert world.apply().exit_code == 0
        world.dial(ANITA)
        yield world


class _Torn:
    """A cursor of which the first rows can be read, and then the disk fails or the connection ends."""

    def __init__(self, real: Any, rows: int, fail: Callable[[], None]) -> None:
        self._real, self._rows, self._fail = real, rows, fail

    def fetchmany(self, size: int) -> list[Any]:
        if self._rows:
            found = list(self._real.fetchmany(min(size, self._rows)))
            self._rows -= len(found)
            if found:
                return found
        self._fail()
        return list(self._real.fetchmany(size))

    def close(self) -> None:
        self._real.close()


def tear(patch: pytest.MonkeyPatch, world: World, table: str, rows: int) -> None:
    """Long answers from `table` break off after so many rows."""
    for kind in (SqliteLink, PostgresqlLink):
        patch.setattr(kind, "stream", _torn(kind.stream, world, table, rows))


def _torn(real: Callable[..., Any], world: World, table: str, rows: int) -> Callable[..., Any]:
    def stream(link: Any, sql: str, parameters: Any) -> Any:
        def fail() -> None:
            if isinstance(link, SqliteLink):
                raise sqlite3.OperationalError("disk I/O error")
            world.sql("SELECT pg_terminate_backend(?)", link._connection.info.backend_pid)

        cursor = real(link, sql, parameters)
        return _Torn(cursor, rows, fail) if re.search(rf"\b(FROM|JOIN) {table}\b", sql) else cursor

    return stream


BROKE = "disk I/O error|E327"


@pytest.mark.parametrize("rows", [0, 2])
@pytest.mark.parametrize("table", ["nas", "ispctl_login", "radgroupreply", "ispctl_pop"])
def test_what_was_read_in_half_is_no_drift_and_is_not_repaired(
    world: World, monkeypatch: pytest.MonkeyPatch, table: str, rows: int
) -> None:
    world.sql("DELETE FROM ispctl_print")  # as in a database of an older version: who stands otherwise is a long answer
    before = world.content()
    tear(monkeypatch, world, table, rows)
    with pytest.raises((Unreachable, Refusal), match=BROKE):
        world.drifted()
    with pytest.raises((Unreachable, Refusal), match=BROKE):
        world.repair()
    monkeypatch.undo()
    assert world.content() == before
    assert world.drifted() == ()


@pytest.mark.parametrize("table", ["radacct", "ispctl_service"])
def test_an_apply_that_read_in_half_who_is_there_writes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    world.changed("tariffs/home-50.yaml", "down: 50M", "down: 40M")
    before = world.rows()
    tear(monkeypatch, world, table, 1)
    with pytest.raises((Unreachable, Refusal), match=BROKE):
        world.apply()
    monkeypatch.undo()
    assert world.rows() == before
