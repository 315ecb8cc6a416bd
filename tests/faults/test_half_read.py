"""A list that breaks off in the middle is not a shorter list: nothing is concluded from it, and nothing is written."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ispctl.backend import Unreachable
from ispctl.model.problem import Refusal
from ispctl.store._sqlite import SqliteLink
from tests.reconcile.world import ANITA, World, built


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(built(tmp_path / "isp")) as world:
        assert world.apply().exit_code == 0
        world.dial(ANITA)
        yield world


class _Torn:
    """A cursor of which the first rows can be read, and then the disk fails."""

    def __init__(self, real: sqlite3.Cursor, rows: int) -> None:
        self._real, self._rows = real, rows

    def fetchmany(self, size: int) -> list[Any]:
        found = self._real.fetchmany(min(size, self._rows))
        self._rows -= len(found)
        if not found:
            raise sqlite3.OperationalError("disk I/O error")
        return found

    def close(self) -> None:
        self._real.close()


def tear(patch: pytest.MonkeyPatch, table: str, rows: int) -> None:
    """Long answers from `table` break off after so many rows."""
    real = SqliteLink.execute

    def stream(link: SqliteLink, sql: str, parameters: Any) -> Any:
        cursor = real(link, sql, parameters)
        return _Torn(cursor, rows) if re.search(rf"\b(FROM|JOIN) {table}\b", sql) else cursor

    patch.setattr(SqliteLink, "stream", stream)


@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize("table", ["nas", "ispctl_login", "radgroupreply", "ispctl_pop"])
def test_what_was_read_in_half_is_no_drift_and_is_not_repaired(
    world: World, monkeypatch: pytest.MonkeyPatch, table: str, rows: int
) -> None:
    before = world.content()
    tear(monkeypatch, table, rows)
    with pytest.raises((Unreachable, Refusal), match="disk I/O error"):
        world.drifted()
    with pytest.raises((Unreachable, Refusal), match="disk I/O error"):
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
    tear(monkeypatch, table, 1)
    with pytest.raises((Unreachable, Refusal), match="disk I/O error"):
        world.apply()
    monkeypatch.undo()
    assert world.rows() == before
