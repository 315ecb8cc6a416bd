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
from ispctl.cli.common import run
from ispctl.cli.main import app as ispctl
from ispctl.cli.stat import app as ispstat
from ispctl.lab.cluster import Cluster
from ispctl.model.problem import Refusal
from ispctl.reconcile import Permission
from ispctl.store._dsn import Server
from ispctl.store._postgresql import PostgresqlLink, connect
from ispctl.store._postgresql_watch import Connection
from ispctl.store.prints import Prints, Sums
from tests.postgres import FreshDatabase
from tests.reconcile.world import ANITA, ANY, World, built

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


def test_a_server_that_freezes_while_it_sums_is_waited_for_once(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Connection, "patience", 0.5)
    monkeypatch.setenv("ISPCTL_RADIUS__DSN", world.dsn)
    frozen: list[int] = []
    real = Prints.sums

    def freezing(prints: Prints) -> Sums:
        ((pid,),) = prints._database.query("SELECT pg_backend_pid()")
        frozen.append(pid)
        os.kill(pid, signal.SIGSTOP)
        return real(prints)

    monkeypatch.setattr(Prints, "sums", freezing)
    with thawed(frozen):
        code = run(ispctl, "ispctl", ["--repo", str(world.folder), "drift"])
    said = "".join(capsys.readouterr())
    assert code == 1
    assert "E327" in said
    assert "no answer in 0.5 s" in said
    assert len(frozen) == 1


@pytest.mark.parametrize("words", [["health"], ["show", ANITA], ["sessions"], ["drift"]], ids=lambda words: words[0])
def test_a_question_to_a_server_that_freezes_ends_in_time_and_in_words(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setattr(Connection, "patience", 0.5)
    monkeypatch.setenv("ISPSTAT_RADIUS__DSN", world.dsn)
    frozen: list[int] = []
    real = PostgresqlLink.stream

    def freezing(link: Any, *arguments: Any) -> Any:
        pid = link._connection.info.backend_pid
        frozen.append(pid)
        os.kill(pid, signal.SIGSTOP)
        return real(link, *arguments)

    monkeypatch.setattr(PostgresqlLink, "stream", freezing)
    began = time.monotonic()
    with thawed(frozen):
        code = run(ispstat, "ispstat", ["--repo", str(world.folder), *words])
    said = "".join(capsys.readouterr())
    assert frozen
    assert time.monotonic() - began < 10
    assert code not in (0, 2), "what was not read is neither well nor a difference"
    if words == ["show", ANITA]:  # says what git says, and what it does not know
        assert "unknown: the RADIUS database gives no answer" in said
    assert "E327" in said
    assert "no answer in 0.5 s" in said
    assert "Traceback" not in said
