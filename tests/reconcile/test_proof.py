"""Proof between two applies: what the accounting shows of sessions that acknowledged a change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ispctl.model.problem import Refusal
from ispctl.reconcile import Settled, settle
from ispctl.store import Holder
from tests.radius.dae import Dae
from tests.reconcile.test_sessions import HOME_50, dial, point, slower, told
from tests.reconcile.world import ANITA, BOTH, World

BURST = "rate: {down: 50M, up: 25M, burst: {down: 80M, up: 40M, threshold: {down: 40M, up: 20M}, seconds: 10}}"


@pytest.fixture
def dae(world: World) -> Iterator[Dae]:
    with Dae(secret="stand-in") as dae:
        point(world, dae.door().port)
        yield dae


def settled(world: World) -> Settled:
    with world.opened() as opened:
        return settle(opened)


def test_the_accounting_is_looked_at_between_two_applies(world: World, dae: Dae) -> None:
    unique = dial(world, dae, ANITA)
    slower(world)
    world.apply()
    assert settled(world) == Settled(waiting=1)
    world.tick(seconds=300)
    world.report(unique, down=40_000_000 // 8 * 290)
    assert settled(world) == Settled(proved=1)
    assert settled(world) == Settled(), "what is proved is not looked at again"
    world.stop(unique)
    assert settled(world) == Settled(ended=1)


def test_a_session_that_did_not_keep_to_it_is_in_the_next_plan(world: World, dae: Dae) -> None:
    unique = dial(world, dae, ANITA)
    slower(world)
    world.apply()
    world.tick(seconds=300)
    world.report(unique, down=50_000_000 // 8 * 300)
    assert settled(world).contradicted == 0, "part of it may have been before the change"
    world.tick(seconds=300)
    world.report(unique, down=50_000_000 // 8 * 300)
    assert settled(world) == Settled(contradicted=1)
    plan = world.plan()
    assert [(c.action, c.because[0].text) for c in plan.changes] == [
        ("delete", "lalitpur-1 acknowledged a change and did not keep to it")
    ]
    assert told(world.apply()) == [("sub-000123/main", "disconnect", "ack", "")]
    assert world.plan().empty


@BOTH
def test_one_report_is_no_proof_however_often_it_is_looked_at(world: World, dae: Dae) -> None:
    unique = dial(world, dae, ANITA)
    slower(world)
    world.apply()
    world.tick(seconds=300)
    world.report(unique, down=50_000_000 // 8 * 300)
    for _ in range(3):
        assert settled(world) == Settled(waiting=1), "part of it may have been before the change"
        assert world.apply().sessions == ()
    world.tick(seconds=300)
    world.report(unique, down=50_000_000 // 8 * 300)
    assert settled(world) == Settled(contradicted=1)


def test_nobody_settles_while_somebody_applies(world: World) -> None:
    with world.opened() as opened, opened.store.lock(Holder("", world.now)), pytest.raises(Refusal, match="E312"):
        settled(world)


def test_what_a_burst_may_add_is_reckoned_once_and_not_as_a_rate(world: World, dae: Dae) -> None:
    """50M with bursts of 80M for 10 s: 300 s at 80M are no burst."""
    unique = dial(world, dae, ANITA)
    world.changed(HOME_50, "rate: {down: 50M, up: 25M}", BURST)
    world.apply()
    world.tick(seconds=300)
    world.report(unique, down=(50_000_000 * 300 + 30_000_000 * 10) // 8)
    assert settled(world).proved == 1
    world.changed(HOME_50, "down: 50M, up: 25M,", "down: 45M, up: 25M,")
    world.apply()
    world.tick(seconds=300)
    world.report(unique, down=80_000_000 * 300 // 8)
    assert settled(world).contradicted == 1


def much_slower_by_a_fast_clock(world: World, dae: Dae) -> str:
    """A change one minute after a report, of a NAS whose clock is two minutes ahead."""
    unique = dial(world, dae, ANITA)
    world.sql(f"UPDATE radacct SET acctupdatetime = {world.place.instant()}", int(world.now.timestamp()) + 60)
    world.changed(HOME_50, "rate: {down: 50M, up: 25M}", "rate: {down: 5M, up: 5M}")
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]
    return unique


def reported(world: World, unique: str, down: int) -> None:
    """A report of that NAS, so many octets after the last one."""
    world.report(unique, down=down)
    ahead = world.place.span(120)
    world.sql(f"UPDATE radacct SET acctupdatetime = acctupdatetime + {ahead} WHERE acctuniqueid = ?", unique)


@BOTH
def test_a_nas_whose_clock_is_ahead_is_not_blamed_for_what_was_before_the_change(world: World, dae: Dae) -> None:
    unique = much_slower_by_a_fast_clock(world, dae)
    world.tick(seconds=240)
    reported(world, unique, (50_000_000 * 60 + 5_000_000 * 240) // 8)
    assert settled(world) == Settled(waiting=1)
    world.tick(seconds=300)
    reported(world, unique, 5_000_000 * 300 // 8)
    assert settled(world) == Settled(proved=1)


def test_a_nas_whose_clock_is_ahead_is_found_not_to_keep_to_a_change(world: World, dae: Dae) -> None:
    unique = much_slower_by_a_fast_clock(world, dae)
    for seconds, found in ((240, Settled(waiting=1)), (300, Settled(contradicted=1))):
        world.tick(seconds=seconds)
        reported(world, unique, 50_000_000 * 300 // 8)
        assert settled(world) == found


def test_counters_of_32_bits_that_go_round_contradict_nothing(world: World, dae: Dae) -> None:
    world.edit("inventory/hosts.yaml", "gigawords: true", "gigawords: false")
    world.commit()
    world.apply()
    unique = dial(world, dae, ANITA)
    world.sql("UPDATE radacct SET acctoutputoctets = 4294000000")
    slower(world)
    world.apply()
    world.tick(seconds=300)
    world.sql("UPDATE radacct SET acctoutputoctets = 100000, acctupdatetime = ? WHERE acctuniqueid = ?",
              int(world.now.timestamp()), unique)  # fmt: skip
    assert settled(world) == Settled(proved=1)


def test_a_nas_that_began_anew_has_nobody_to_tell(world: World, dae: Dae) -> None:
    unique = dial(world, dae, ANITA)
    slower(world)
    world.apply()
    world.sql("UPDATE radacct SET acctstoptime = acctupdatetime, acctterminatecause = 'NAS-Reboot'")
    again = dial(world, dae, ANITA, id="anew")
    world.report(unique, down=10**12)  # a late report of a session that is over
    assert settled(world) == Settled(ended=1)
    assert world.plan().empty
    assert told(world.apply()) == []
    assert again != unique


def reused(world: World, dae: Dae, unique: str) -> None:
    """The NAS boots and gives the same Acct-Session-Id to the next session: the row of the former one makes room."""
    world.tick(hours=2)
    world.sql(
        "UPDATE radacct SET acctuniqueid = 'former', acctstoptime = acctupdatetime,"
        " acctterminatecause = 'NAS-Reboot' WHERE acctuniqueid = ?",
        unique,
    )
    fresh = dial(world, dae, ANITA, id=unique[:8])
    world.sql("UPDATE radacct SET acctuniqueid = ? WHERE acctuniqueid = ?", unique, fresh)


@BOTH
def test_a_later_session_under_the_same_id_proves_nothing_of_the_former_one(world: World, dae: Dae) -> None:
    unique = dial(world, dae, ANITA)
    slower(world)
    world.apply()
    reused(world, dae, unique)
    world.report(unique, down=10**12)
    assert settled(world) == Settled(ended=1)
    assert world.plan().empty
    assert told(world.apply()) == []


def test_what_a_former_session_did_not_keep_to_is_not_held_against_a_later_one(world: World, dae: Dae) -> None:
    unique = dial(world, dae, ANITA)
    slower(world)
    world.apply()
    for _ in range(2):
        world.tick(seconds=300)
        world.report(unique, down=50_000_000 // 8 * 300)
        settled(world)
    assert not world.plan().empty
    reused(world, dae, unique)
    assert world.plan().empty, "a plan forgets nothing, and is not misled either"
    assert settled(world) == Settled(ended=1)
