"""A database for each test of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ispctl.lab.cluster import Cluster
from ispctl.plan import Fields, Key
from ispctl.radius.rows import RadiusRows
from ispctl.store import Store
from tests import databases
from tests.databases import Place
from tests.postgres import FreshDatabase
from tests.radius import world
from tests.radius.world import ANITA, HOME, POP, ROUTER


@pytest.fixture
def fresh_database(cluster: Cluster, fresh_database: FreshDatabase) -> FreshDatabase:
    """The same, with tables."""
    return lambda template="": fresh_database(template or databases.template(cluster))


@pytest.fixture(params=databases.KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database with tables, of each kind in turn."""
    if request.param == "sqlite":
        return databases.made(tmp_path)
    return Place(request.getfixturevalue("fresh_database")(), tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with world.make(place, foreign=False) as made:
        yield made


@pytest.fixture
def rows(store: Store) -> RadiusRows:
    return RadiusRows(store)


@pytest.fixture
def full(rows: RadiusRows) -> RadiusRows:
    wanted: dict[Key, Fields] = {
        ANITA: world.login(),
        HOME: world.group(HOME[1]),
        ROUTER: world.nas(),
        POP: {"nas": ("kathmandu-1", "lalitpur-1")},
    }
    assert world.go(rows, wanted) == []
    return rows
