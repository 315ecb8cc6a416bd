"""A PostgreSQL that hangs instead of refusing: who asks it is told so in time, and the next apply ends it well."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ispctl import reconcile
from ispctl.lab.cluster import Cluster
from ispctl.model.problem import Refusal
from ispctl.reconcile import Permission
from ispctl.store._dsn import Server
from ispctl.store._postgresql import connect
from ispctl.store._postgresql_watch import Connection
from tests.postgres import FreshDatabase
from tests.reconcile.world import ANY, World, built

pytestmark = pytest.mark.live


@pytest.fixture
def world(fresh_database: FreshDatabase, tmp_path: Path) -> Iterator[World]:
    """The example, applied on PostgreSQL, and a commit that changes rows of many."""
    dsn = fresh_database()
    with World(built(tmp_path / "isp", dsn), dsn=dsn) as world:
        assert world.apply().exit_code == 0
        world.changed("tariffs/home-50.yaml", "{down: 50M, up: 25M}", "{down: 40M, up: 20M}")
        world.subscriber(900)
        world.commit()
        yield world


@contextmanager
def thawed(pids: list[int]) -> Iterator[None]:
    """Whoever is frozen inside goes on afterwards."""
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("number", [1, 4, 9])
def test_a_server_that_freezes_during_an_apply_is_given_up_and_the_next_apply_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(Connection, "patience", 0.5)
    frozen: list[int] = []
    began = 0.0
    with thawed(frozen), pytest.raises(Refusal, match="E327 .* no answer in 0.5 s"), world.opened() as opened:
        database, left = opened.store.database, number
        ((pid,),) = database.query("SELECT pg_backend_pid()")
        write = database.write

        def freezing(*arguments: Any) -> int:
            nonlocal left, began
            left -= 1
            if left == 0:
                began = time.monotonic()
                frozen.append(pid)
                os.kill(pid, signal.SIGSTOP)
            return write(*arguments)

        monkeypatch.setattr(database, "write", freezing)
        reconcile.apply(opened, "HEAD", Permission(ANY))
    assert time.monotonic() - began < 10
    monkeypatch.undo()
    assert world.apply().exit_code == 0
    assert world.rows() == world.desired()
    assert world.plan().empty


def test_a_server_that_freezes_while_the_lock_is_taken_is_given_up_as_one_that_is_silent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "patience", 0.5)
    frozen: list[int] = []

    def freezing(address: Server, **more: str) -> Connection:
        connection = connect(address, **more)
        frozen.append(connection.info.backend_pid)
        os.kill(frozen[-1], signal.SIGSTOP)
        return connection

    monkeypatch.setattr("ispctl.store._lock_server.connect", freezing)
    with thawed(frozen), pytest.raises(Refusal, match="E327 .* no answer in 0.5 s"):
        world.apply()
    assert frozen
    monkeypatch.undo()
    assert world.apply().exit_code == 0


def test_a_server_that_takes_connections_and_says_nothing_is_named(world: World, cluster: Cluster) -> None:
    world.dsn += "?connect_timeout=2"
    pid = cluster.process.pid
    os.kill(pid, signal.SIGSTOP)
    with thawed([pid]):
        for question in (world.apply, world.plan):
            with pytest.raises(Refusal, match="E326 .*nobody answered in time"):
                question()
    assert world.apply().exit_code == 0
    assert world.plan().empty
