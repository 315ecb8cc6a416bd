"""What the store remembers of pauses and of runs that were taken back, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ispctl.store import Pause, Store, Undone
from ispctl.structs import replace
from tests.databases import Place

NOON = datetime(2027, 1, 15, 6, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.create() as store:
        yield store


def pause(name: str, hours: float = 1, **changed: object) -> Pause:
    made = Pause(f"p-{name}", "service", name, NOON, NOON + hours * HOUR, "a reason", "ekraj")
    return replace(made, **changed)


@pytest.mark.parametrize(("seconds", "on"), [(-1, False), (0, True), (3599, True), (3600, False)])
def test_a_pause_is_on_from_its_beginning_to_its_end(store: Store, seconds: int, on: bool) -> None:
    store.put_pause(pause("sub-000001/main"))
    assert (store.pauses(NOON + timedelta(seconds=seconds)) == (pause("sub-000001/main"),)) == on


def test_who_resumed_is_remembered_and_the_pause_is_over(store: Store) -> None:
    store.put_pause(pause("sub-000001/main"))
    store.put_pause(pause("sub-000001/main", resumed=NOON, resumed_by="bikash"))
    assert store.pauses(NOON) == ()
    assert store.database.query("SELECT actor, resumed_by FROM ispctl_pause") == [("ekraj", "bikash")]


def test_the_widest_pause_comes_first(store: Store) -> None:
    for one in (pause("b"), pause("a"), pause("g", kind="group"), pause("", kind="everything")):
        store.put_pause(one)
    assert [one.what for one in store.pauses(NOON)] == ["everything", "group g", "service a", "service b"]


def test_a_run_that_was_taken_back_is_remembered_until_it_is_dealt_with(store: Store) -> None:
    one = Undone("r1", "c" * 40, "b" * 40, "r2", NOON, "ekraj")
    store.put_undone(one)
    assert store.undone() == (one,)
    store.forget_undone("r1", NOON)
    assert store.undone() == ()
    store.put_undone(replace(one, undone_by="r3"))
    assert [again.undone_by for again in store.undone()] == ["r3"]


def test_runs_that_applied_something_are_told_from_those_that_found_nothing(store: Store) -> None:
    for number, (kind, commit) in enumerate([("apply", "b"), ("repair", "a"), ("apply", "a"), ("rollback", "b")]):
        store.begin_run(kind, NOON + number * HOUR, commit=commit, base="a")
    assert [run.kind for run in store.runs(applying=True)] == ["rollback", "apply"]
    assert [run.kind for run in store.runs()] == ["rollback", "apply", "repair", "apply"]
