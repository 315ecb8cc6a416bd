"""Every backend keeps every promise, and a backend with a fault is caught."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from ispctl.backend import Backend, Outcome
from ispctl.lab import contract
from ispctl.lab.broken import FAULTS, FlapsUnits, Sound
from ispctl.plan import Change, Key, Resources
from ispctl.radius.rows import RadiusRows, order
from tests.databases import KINDS, Place, made, template
from tests.radius import world
from tests.radius.world import ANITA, HOME, OPEN, POP, ROUTER, TABLES, hand

BINA, NEW = ("login", "bina@home.example"), ("group", "isp:home-100@routeros")
FIRST: Resources = {
    ANITA: world.login(),
    BINA: world.login(owner="sub-000002/main", group="isp:walled", macs=(), reply=(), refuse="suspended"),
    HOME: world.group(HOME[1]),
    ROUTER: world.nas(),
    POP: {"nas": ("kathmandu-1", "lalitpur-1")},
}
SECOND: Resources = {
    ANITA: world.login(group="isp:home-100", sessions=2, reply=()),
    HOME: world.group(HOME[1], "25M/40M"),
    NEW: world.group(NEW[1], "50M/100M"),
    ROUTER: world.nas(secret=world.DIGESTS[1], require_ma=0),
    POP: {"nas": ("lalitpur-1", "lalitpur-2")},
}


class Rows(RadiusRows):
    """The backend with the secrets of these tests at hand."""

    def apply(self, changes: Sequence[Change]) -> Iterator[Outcome]:  # type: ignore[override]  # the contract's face
        return super().apply(changes, OPEN.__getitem__)


class RadiusBench:
    """The RADIUS database, with rows of others in every table."""

    target = "radius"
    states = (FIRST, SECOND)

    def __init__(self, place: Place, kind: type[Sound]) -> None:
        self.store = world.make(place)
        self.others = set(map(repr, self._everything()))
        self.backend: Backend = kind(Rows(self.store), self._trespass)

    def order(self, changes: Sequence[Change]) -> Sequence[Change]:
        return order(changes)

    def foreign(self) -> object:
        """The rows that were there before us; what is missing or altered is missing here."""
        return self.others & set(map(repr, self._everything()))

    def edit(self, key: Key) -> None:
        statements = {
            "login": "UPDATE ispctl_login SET sessions = 7 WHERE login = '{}'",
            "group": "UPDATE radgroupreply SET value = '1k/1k' WHERE groupname = '{}'",
            "nas": "UPDATE nas SET shortname = 'another' WHERE nasname = '{}'",
            "pop": "INSERT INTO ispctl_pop VALUES ('{}', 'another')",
        }
        hand(self.store, statements[key[0]].format(key[1]))

    def lose(self) -> None:
        hand(self.store, "ALTER TABLE radreply RENAME TO elsewhere")

    def _trespass(self) -> None:
        hand(self.store, "DELETE FROM radcheck WHERE username = 'old'")

    def _everything(self) -> list[object]:
        content = world.content(self.store.database)
        return [(table, row) for table in TABLES for row in content[table]]


Benches = Callable[[type[Sound]], AbstractContextManager[contract.Bench]]


@pytest.fixture(params=KINDS)
def radius(request: pytest.FixtureRequest) -> Benches:
    """A bench with a database of its own for whoever asks, of each kind in turn."""

    @contextmanager
    def bench(kind: type[Sound]) -> Iterator[contract.Bench]:
        folder = Path(tempfile.mkdtemp(prefix="bench-"))
        if request.param == "postgresql":
            tables = template(request.getfixturevalue("cluster"))
            place = Place(request.getfixturevalue("fresh_database")(tables), folder)
        else:
            place = made(folder)
        stands = RadiusBench(place, kind)
        try:
            yield stands
        finally:
            stands.store.close()
            shutil.rmtree(folder)

    return bench


@pytest.mark.parametrize("promise", contract.PROMISES)
def test_a_backend_keeps_every_promise(radius: Benches, promise: str) -> None:
    assert contract.keeps(promise, partial(radius, Sound))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_backend_with_a_fault_is_caught(fault: type[Sound], radius: Benches) -> None:
    assert not contract.keeps(FAULTS[fault], partial(radius, fault))


def test_what_is_broken_is_named(radius: Benches) -> None:
    assert contract.broken(partial(radius, FlapsUnits))[0] == "reads what it wrote"


def test_every_promise_has_a_fault_that_breaks_it() -> None:
    assert set(FAULTS.values()) == set(contract.PROMISES)
