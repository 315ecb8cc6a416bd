"""For any states: what is planned is what comes out, nothing of others moves, and a crash changes nothing of that."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ispctl.lab.cluster import Cluster
from ispctl.plan import Resources, diff
from ispctl.radius import _rows_text
from ispctl.radius import rows as rows_module
from ispctl.radius.rows import RadiusRows, order
from tests.databases import KINDS, Place, made, template
from tests.depth import times
from tests.postgres import drop, new_database
from tests.radius import world

FULL: Resources = {
    ("login", "a0@home.example"): world.login(),
    ("login", "a1@home.example"): world.login(mac_mode="learn", owner="sub-000002/main"),
    ("group", "isp:home-0@routeros"): world.group("isp:home-0@routeros"),
    ("nas", "192.0.2.1"): world.nas(),
    ("pop", "pop-lalitpur"): {"nas": ("lalitpur-1",)},
}
OTHER: Resources = {
    ("login", "a0@home.example"): world.login(password=world.HARD, group="isp:home-1", macs=(), reply=()),
    ("login", "a2@home.example"): world.login(password=None, owner="sub-000002/main"),
    ("group", "isp:home-1@routeros"): world.group("isp:home-1@routeros"),
    ("nas", "192.0.2.1"): world.nas(secret=world.DIGESTS[1]),
    ("pop", "pop-lalitpur"): {"nas": ("kathmandu-1",)},
}
RELAXED = settings(max_examples=times(60), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


Opener = Callable[[], AbstractContextManager[Place]]


@pytest.fixture(scope="session", params=KINDS)
def another(request: pytest.FixtureRequest) -> Opener:
    """`with another() as place`: a database of each kind in turn, one for each example."""

    @contextmanager
    def file() -> Iterator[Place]:
        with tempfile.TemporaryDirectory() as folder:
            yield made(Path(folder))

    @contextmanager
    def server() -> Iterator[Place]:
        dsn = new_database(cluster, template(cluster))
        yield Place(dsn, Path())
        drop(cluster, dsn.rpartition("/")[2])

    if request.param == "sqlite":
        return file
    cluster: Cluster = request.getfixturevalue("cluster")
    return server


@RELAXED
@given(a=world.STATES, b=world.STATES)
def test_applying_the_plan_from_a_to_b_to_a_gives_b(another: Opener, a: Resources, b: Resources) -> None:
    with another() as place, world.make(place) as store:
        rows = RadiusRows(store)
        assert world.go(rows, a) == []
        assert rows.read(None) == a
        assert world.go(rows, b, a) == []
        assert rows.read(None) == b
        assert rows.read(sorted(b)) == b
        written = store.rows_written
        assert world.go(rows, b, a) == []  # the same plan once more
        assert store.rows_written == written
        assert diff("radius", b, rows.read(None)) == ()


@RELAXED
@given(states=st.lists(world.STATES, min_size=1, max_size=3))
def test_rows_of_others_stay_byte_for_byte(another: Opener, states: list[Resources]) -> None:
    with another() as place, world.make(place) as store:
        rows = RadiusRows(store)
        before = world.content(store.database)
        for state in states:
            assert world.go(rows, state) == []
            now = world.content(store.database)
            assert all(set(before[table]) <= set(now[table]) for table in world.TABLES)
        assert world.go(rows, {}) == []
        assert world.content(store.database) == before


class Killed(BaseException):
    """The process ends here: nothing of ours runs any more."""


class Fragile:
    """A link that dies at the nth statement, before or after it was run, and answers nobody after that."""

    def __init__(self, connection: Any, statements: int, *, after: bool) -> None:
        self._connection = connection
        self._left = statements
        self._after = after

    def __getattr__(self, name: str) -> Any:
        if name not in ("execute", "execute_many", "add_many", "stream"):
            return getattr(self._connection, name)
        return lambda *arguments: self._run(getattr(self._connection, name), *arguments)

    def _run(self, method: Any, *arguments: Any) -> Any:
        self._left -= 1
        if self._left > 0 or (self._after and self._left == 0):
            result = method(*arguments)
            if self._left > 0:
                return result
        if self._left == 0:
            self._connection.close()
        raise Killed


@settings(RELAXED, max_examples=12)
@example(a=FULL, b=OTHER, step=1, after=False)
@example(a=FULL, b=OTHER, step=1, after=True)
@given(a=world.STATES, b=world.STATES, step=st.integers(1, 7), after=st.booleans())
def test_killed_at_any_statement_and_run_again_it_ends_in_the_same_state(
    another: Opener, a: Resources, b: Resources, step: int, after: bool
) -> None:
    with another() as place, mock.patch.object(rows_module, "BATCH", 2):
        with world.make(place) as store:
            world.go(RadiusRows(store), a)
        statement = 0
        while True:
            statement += step
            with world.hasty(place.open()) as store:
                plan = order(diff("radius", b, RadiusRows(store).read(None)))
                whole = store.database._link
                store.database._link = Fragile(whole, statement, after=after)
                try:
                    with suppress(sqlite3.ProgrammingError):
                        list(RadiusRows(store).apply(plan, world.OPEN.__getitem__))
                        break
                except Killed:
                    pass
                finally:
                    store.database._link = whole
        with place.open() as store:
            rows = RadiusRows(store)
            found = rows.read(None)
            assert all(found.get(key) in (a.get(key), b.get(key)) for key in a.keys() | b.keys())
            assert world.go(rows, b, a) == []  # the plan from before the crash is still good
            assert rows.read(None) == b


@given(text=st.text())
@example("\\")
@example("a\\b\\\\c")
@example("raw:x")
def test_a_value_that_may_be_stored_is_read_back_as_it_was(text: str) -> None:
    with suppress(_rows_text.Unfit):
        assert _rows_text.clear(_rows_text.stored(text, "the value")) == text


@given(text=st.text(st.sampled_from("ab\\"), max_size=6))
def test_two_different_stored_texts_never_read_as_the_same_value(text: str) -> None:
    value = _rows_text.clear(text)
    with suppress(_rows_text.Unfit):
        assert _rows_text.stored(value, "the value") == text or value == f"raw:{text}"
