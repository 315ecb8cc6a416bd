"""One example, built once a run; every test works on a copy of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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


@pytest.fixture
def world(applied: Path, tmp_path: Path) -> Iterator[World]:
    """A copy of the applied example."""
    with World(copied(applied, tmp_path / "isp")) as world:
        yield world


@pytest.fixture
def empty(fresh: Path, tmp_path: Path) -> Iterator[World]:
    """A copy of the example to which nothing was applied."""
    with World(copied(fresh, tmp_path / "isp")) as world:
        yield world
