"""What a run did stands in the journal in numbers: what was held back, paused or only observed is not among them."""

from __future__ import annotations

from collections.abc import Mapping

from ispctl.reconcile import Permission, Result
from tests.reconcile.test_pause import pause, suspend
from tests.reconcile.world import A_FILE, ANY, B_FILE, World

NOBODY = {"subscribers": 0, "services": 0, "cut_off": 0, "dropped": 0, "slower": 0}


def counts(world: World) -> Mapping[str, int]:
    """Of the newest run."""
    with world.store() as store:
        return next(store.runs(1)).counts


def people(world: World) -> Mapping[str, int]:
    return {name: count for name, count in counts(world).items() if name in NOBODY}


def rows(world: World, result: Result) -> bool:
    """Whether the journal counts the rows that were written."""
    return {action: counts(world)[action] for action in ("create", "update", "delete")} == result.written


def test_an_apply_counts_the_rows_that_it_wrote_and_the_people_whom_it_touched(world: World) -> None:
    suspend(world, A_FILE)
    result = world.apply()
    assert (result.written["update"], rows(world, result)) == (1, True)
    assert people(world) == {**NOBODY, "subscribers": 1, "services": 1, "cut_off": 1}


def test_what_a_pause_holds_is_not_counted_as_done(world: World) -> None:
    pause(world, "service", "sub-000123/main")
    suspend(world, A_FILE)
    result = world.apply()
    assert (sum(result.written.values()), rows(world, result), people(world)) == (0, True, NOBODY)
    suspend(world, B_FILE)
    world.apply()
    assert people(world) == {**NOBODY, "subscribers": 1, "services": 1, "cut_off": 1}


def test_what_a_gate_holds_is_not_counted_as_done(world: World) -> None:
    suspend(world, A_FILE)
    world.commit()
    result = world.apply(Permission({**ANY, "cut_off": 0}))
    assert (len(result.held), rows(world, result), people(world)) == (1, True, NOBODY)


def test_what_is_only_observed_is_not_counted_as_done(world: World) -> None:
    world.changed("subscribers/lalitpur/group.yaml", "name: lalitpur", "name: lalitpur\nmanaged: observe")
    world.apply()
    suspend(world, A_FILE)
    result = world.apply()
    assert (result.plan.summary["cut_off"], rows(world, result), people(world)) == (1, True, NOBODY)
