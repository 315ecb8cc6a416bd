"""A database for each test of the rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ispctl.plan import Fields, Key
from ispctl.radius.rows import RadiusRows
from ispctl.store import Store
from tests.databases import Place
from tests.radius import world
from tests.radius.world import ANITA, HOME, POP, ROUTER


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
