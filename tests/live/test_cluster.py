"""PostgreSQL as an ordinary process of a lab."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from ispctl.lab import cluster, process
from ispctl.lab.cluster import launch
from ispctl.lab.process import Process
from ispctl.model.problem import Refusal
from tests.postgres import own_cluster

pytestmark = pytest.mark.live


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ispctl-test-pg-", dir="/tmp"))
    yield made
    shutil.rmtree(made)


def test_a_stopped_cluster_starts_again_with_its_databases_and_its_password() -> None:
    with own_cluster() as first:
        dsn = first.make("radius")
        assert "password" in repr(first.folder / "password")
        assert first.password not in repr(first)
        assert first.stop()
        assert not first.stop()
        second = launch(first.folder, port=first.port)
        try:
            assert second.make("radius") == dsn
            psycopg2.connect(dsn).close()
            # another command ends it, who knows it by what is written down
            assert Process.from_json(second.process.as_json()).running
        finally:
            second.stop(signal.SIGQUIT)


def test_nobody_gets_in_without_the_password_nor_from_outside() -> None:
    with own_cluster() as made:
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(made.dsn("postgres", password="canary-pw-wrong"))
        with psycopg2.connect(made.dsn("postgres")) as link, link.cursor() as cursor:
            cursor.execute("SHOW listen_addresses")
            assert cursor.fetchall() == [("127.0.0.1",)]
            # 4,096 rounds for a password of chance would be 13 ms for whoever connects
            cursor.execute(
                "SELECT rolpassword LIKE 'SCRAM-SHA-256$1:%%' FROM pg_authid WHERE rolname = %s", (cluster.USER,)
            )
            assert cursor.fetchall() == [(True,)]
        link.close()
        assert made.folder.stat().st_mode & 0o77 == 0
        assert {file.name for file in made.folder.iterdir()} == {"data", "password", "server.log"}


def test_a_cluster_that_does_not_start_says_why(folder: Path) -> None:
    with pytest.raises(Refusal, match="E333 postgresql-missing: .*nonsense.*server.log"):
        launch(folder, settings={"nonsense": "1"})


def test_a_machine_without_postgresql_is_told_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_places", list)
    with pytest.raises(Refusal, match="E333 .*apt-get install"):
        launch(folder)


def test_a_program_that_becomes_another_is_known_by_what_it_became(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine it is looked at while it has no command yet, and while it has that of the first."""
    first, then = ("/usr/bin/env",), ("/bin/sleep", "60")
    seen, real = [(), first + then, first + then], process._command
    monkeypatch.setattr(process, "_command", lambda of: seen.pop(0) if seen else real(of))
    started = process.start(then, tmp_path / "log", by=first)
    try:
        assert started.running
    finally:
        monkeypatch.undo()
        started.stop()


def test_one_that_does_not_even_begin_is_not_waited_for(tmp_path: Path) -> None:
    started = process.start(("/nonexistent",), tmp_path / "log", by=("/usr/bin/env",))
    assert not started.running
