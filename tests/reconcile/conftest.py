"""One example, built once a run; every test works on a copy of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ispctl.lab.cluster import Cluster
from tests.postgres import FreshDatabase, new_database
from tests.reconcile.routers import routers  # noqa: F401  a fixture
from tests.reconcile.world import World, built, copied


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example and an empty database."""
    return built(tmp_path_factory.mktemp("reconcile") / "isp")


@pytest.fixture(scope="session")
def applied(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, applied."""
    folder = copied(fresh, tmp_path_factory.mktemp("reconcile") / "isp")
    with World(folder) as world:
        assert world.apply().exit_code == 0
    return folder


@pytest.fixture(scope="session")
def applied_on_server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The example, applied on PostgreSQL, and the DSN to copy."""
    dsn = new_database(cluster)
    folder = built(tmp_path_factory.mktemp("reconcile") / "isp", dsn)
    with World(folder, dsn=dsn) as world:
        assert world.apply().exit_code == 0
    return folder, dsn


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A copy of the applied example; on SQLite, unless the test is marked BOTH."""
    if getattr(request, "param", "sqlite") == "sqlite":
        with World(copied(request.getfixturevalue("applied"), tmp_path / "isp")) as world:
            yield world
        return
    folder, dsn = request.getfixturevalue("applied_on_server")
    fresh: FreshDatabase = request.getfixturevalue("fresh_database")
    with World(copied(folder, tmp_path / "isp"), dsn=fresh(dsn.rpartition("/")[2])) as world:
        yield world


@pytest.fixture
def empty(fresh: Path, tmp_path: Path) -> Iterator[World]:
    """A copy of the example to which nothing was applied."""
    with World(copied(fresh, tmp_path / "isp")) as world:
        yield world
