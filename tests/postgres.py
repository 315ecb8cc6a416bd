"""A real PostgreSQL for tests: one cluster for each process of a run, a database of its own for each that asks.

    from tests.postgres import fresh_database

    def test_it(fresh_database: FreshDatabase) -> None:
        dsn = fresh_database()                 # empty, ours to make tables in: Store.create(dsn)
        dsn = fresh_database("template_name")  # a copy of another, to which nobody may be connected meanwhile

The fixtures are known everywhere (see conftest.py): `cluster` is the running server, `fresh_database` makes databases
and drops them after the test. The server starts at the first use (about a second) and ends with the run. A test that
uses one is `live`. Everything can be done with the server but stopping it: whoever wants that launches one of his own
with `own_cluster`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from ispctl.lab import cluster as lab
from ispctl.lab.cluster import Cluster, launch

FreshDatabase = Callable[..., str]
_NUMBERS = itertools.count(1)
_MEMORY = "/dev/shm"
_ROOM = 4 << 30
"""Bytes that must be free in memory: a log before the data of 1 GB for each of a few servers."""


def _new_folder(*, careful: bool = False) -> Path:
    """For a server. A database made in memory costs the system a third; one that is `careful` is to feel the disk."""
    memory = not careful and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM
    # Right there: the user that PostgreSQL runs as for root cannot enter the folders of pytest.
    return Path(tempfile.mkdtemp(prefix="ispctl-test-pg-", dir=_MEMORY if memory else "/tmp"))


@contextmanager
def own_cluster(**settings: str) -> Iterator[Cluster]:
    """A server for one test alone, which may be stopped, started and broken. `settings`: of postgresql.conf."""
    folder = _new_folder(careful=settings.get("fsync") == "on")
    cluster = launch(folder, settings=settings)
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def standby(primary: Cluster) -> Iterator[Cluster]:
    """A streaming copy of a server: it reads, takes no changes, and follows."""
    folder = _new_folder()
    try:
        shutil.chown(folder, *lab._ids())
        (folder / "password").write_text(primary.password, "utf-8")
        program = str(lab._binaries() / "pg_basebackup")
        options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync", f"--dbname={primary.dsn('postgres')}"]
        subprocess.run([*lab._by(), program, f"--pgdata={folder / 'data'}", *options], check=True, cwd="/")
        second = launch(folder, settings={"hot_standby_feedback": "on"})
        try:
            yield second
        finally:
            second.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The server of this process."""
    with own_cluster() as cluster:
        yield cluster


def new_database(cluster: Cluster, template: str = "template1") -> str:
    """For fixtures that live longer than a test: a new database that is dropped with the cluster."""
    name = f"test_{next(_NUMBERS)}"
    with closing(psycopg2.connect(cluster.dsn("postgres"))) as link:
        link.autocommit = True
        by = "STRATEGY FILE_COPY" if link.server_version >= 150000 else ""  # half the work where nothing is synced
        link.cursor().execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {by}')
    return cluster.dsn(name)


@pytest.fixture
def fresh_database(cluster: Cluster) -> Iterator[FreshDatabase]:
    """`fresh_database()`: DSN of a new database, empty or a copy; gone after the test."""
    made: list[str] = []

    def make(template: str = "template1") -> str:
        made.append(new_database(cluster, template))
        return made[-1]

    yield make
    drop(cluster, *(dsn.rpartition("/")[2] for dsn in made))


def drop(cluster: Cluster, *names: str) -> None:
    with closing(psycopg2.connect(cluster.dsn("postgres"))) as link:
        link.autocommit = True
        for name in names:
            link.cursor().execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
