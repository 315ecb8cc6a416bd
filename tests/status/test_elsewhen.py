"""Another moment: the commit that was applied then, who was online then, and what the head says of a time to come."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ispctl.model.problem import Refusal
from ispctl.status import listing, present_profile, profile
from ispctl.status.elsewhen import elsewhen
from ispctl.status.online import Octets
from ispctl.status.present import Screen
from ispctl.status.profile import Shown
from ispctl.status.view import Then
from tests.gates import example
from tests.status.world import ANITA, NOW, World

HOUR = timedelta(hours=1)
TARIFF = "tariffs/home-50.yaml"


def _then(world: World, at: datetime) -> tuple[Shown, Then]:
    with world.view() as view:
        there = elsewhen(view, at)
        assert there.then is not None
        (shown,) = profile.show(there, ANITA)
        return shown, there.then


def _faster(text: str) -> str:
    return text.replace("down: 50M", "down: 60M")


def test_the_past_is_answered_by_the_commit_that_was_applied_then(world: World) -> None:
    first = example.git(world.folder, "rev-parse", "HEAD").strip()
    second = world.edit(TARIFF, _faster, NOW - timedelta(minutes=40))
    world.apply(NOW - timedelta(minutes=20))
    before, then = _then(world, NOW - timedelta(minutes=30))
    assert (then.commit, then.basis) == (first, "applied")
    assert before.rate is not None
    assert before.rate.down == 50_000_000
    after, then = _then(world, NOW - timedelta(minutes=10))
    assert (then.commit, after.rate and after.rate.down) == (second, 60_000_000)


def test_how_much_a_session_had_moved_by_then_is_not_told_by_what_it_moved_since(world: World) -> None:
    world.dial(ANITA, heard=600)
    before, _ = _then(world, NOW - timedelta(minutes=20))
    (session,) = before.sessions or ()
    assert (session.bytes, session.measured) == (None, None)
    text = present_profile.shown(before, Screen(ZoneInfo("Asia/Kathmandu"), NOW, None))
    assert "how much it had moved by then is unknown; expected 50M/25M" in text
    since, _ = _then(world, NOW - timedelta(minutes=5))
    assert [one.bytes for one in since.sessions or ()] == [Octets(9_000_000_000, 450_000_000)]


def test_a_commit_whose_sessions_were_not_all_told_was_applied_nevertheless(world: World) -> None:
    """The run ended as failed, as each does while one NAS is silent; its rows stand."""
    second = world.edit(TARIFF, _faster, NOW - timedelta(minutes=40))
    world.apply(NOW - timedelta(minutes=20))
    world.sql("UPDATE ispctl_journal SET outcome = 'failed' WHERE commit_id = ?", second)
    after, then = _then(world, NOW - timedelta(minutes=10))
    assert (then.commit, then.basis, then.made) == (second, "applied", NOW - timedelta(minutes=20))
    assert after.rate is not None
    assert after.rate.down == 60_000_000


def test_a_run_that_applied_nothing_answers_for_no_moment(world: World) -> None:
    """One was refused by a gate and then made good, another made NAS alone equal to a commit."""
    first = example.git(world.folder, "rev-parse", "HEAD").strip()
    second = world.edit(TARIFF, _faster, NOW - timedelta(minutes=50))
    at = int(NOW.timestamp())
    for kind, began in (("apply", 40), ("devices", 35), ("nas-rollback", 32)):
        world.sql(
            "INSERT INTO ispctl_journal (run, kind, commit_id, base_id, started, finished, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(f"r{began}", kind, second, first, at - began * 60, at - began * 60, "failed" if began == 40 else "done"),
        )
    world.apply(NOW - timedelta(minutes=20))
    assert _then(world, NOW - timedelta(minutes=30))[1].commit == first
    assert _then(world, NOW - timedelta(minutes=20))[1].commit == second


def test_a_moment_while_a_run_is_at_work_is_answered_by_what_it_found(world: World) -> None:
    first = example.git(world.folder, "rev-parse", "HEAD").strip()
    second = world.edit(TARIFF, _faster, NOW - timedelta(minutes=40))
    world.apply(NOW - timedelta(minutes=20))
    world.sql("UPDATE ispctl_journal SET finished = finished + 600 WHERE commit_id = ?", second)
    assert _then(world, NOW - timedelta(minutes=15))[1].commit == first
    assert _then(world, NOW - timedelta(minutes=10))[1].commit == second


def test_before_the_journal_the_commit_of_that_time_answers_and_says_so(world: World) -> None:
    _, then = _then(world, NOW - 2 * HOUR)
    assert (then.basis, then.run, then.made) == ("history", "", NOW - timedelta(days=1))


def test_before_git_begins_it_says_nothing_and_no_later_commit_is_taken_for_what_was_so(world: World) -> None:
    first = example.git(world.folder, "rev-parse", "HEAD").strip()
    with world.view() as view:
        with pytest.raises(Refusal, match=f"E003 .*it begins with commit {first[:12]}, of ") as raised:
            elsewhen(view, NOW - timedelta(days=2))
        assert "ispstat find ADDRESS --at TIME" in str(raised.value)


def test_an_applied_commit_that_is_not_here_is_told_and_history_answers(world: World) -> None:
    world.sql("UPDATE ispctl_journal SET commit_id = ?", "f" * 40)
    world.sql("UPDATE ispctl_meta SET value = ? WHERE key = 'applied_commit'", "f" * 40)
    with world.view() as view:
        then = elsewhen(view, NOW - timedelta(minutes=30)).then
        assert then is not None
        assert then.basis == "history"
        assert [problem.code for problem in view.problems] == ["E003"]


def test_a_time_to_come_is_answered_by_the_head_and_nobody_is_online_yet(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    shown, then = _then(world, datetime.fromisoformat("2032-02-01T00:00:00+05:45"))
    assert (then.basis, shown.state, shown.sessions, shown.rejects) == ("head", "expired", None, None)


def test_who_was_online_then_comes_from_the_accounting(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    world.sql("UPDATE radacct SET acctstoptime = ?", int((NOW - timedelta(minutes=20)).timestamp()))
    shown, _ = _then(world, NOW - timedelta(minutes=30))
    assert shown.sessions is not None
    assert [(one.ipv4, one.expected == shown.rate) for one in shown.sessions] == [("100.64.0.7", True)]
    assert _then(world, NOW - timedelta(minutes=10))[0].sessions == ()
    assert _then(world, NOW - timedelta(minutes=61))[0].sessions == ()


def test_refusals_after_that_moment_are_not_told(world: World) -> None:
    world.refused(ANITA, "mac", ago=5)
    world.refused(ANITA, "sessions", ago=45)
    shown, _ = _then(world, NOW - timedelta(minutes=30))
    assert [one.reason for one in shown.rejects or ()] == ["sessions"]


def test_the_list_of_another_moment_knows_states_and_presence_but_no_rows(world: World) -> None:
    world.dial(ANITA)
    with world.view() as view:
        found = listing.listing(elsewhen(view, NOW - timedelta(minutes=30)), listing.Wanted())
    one = next(one for one in found if one.login == ANITA)
    assert (one.online, one.applied, one.last_seen) == ("yes", "unknown", None)
