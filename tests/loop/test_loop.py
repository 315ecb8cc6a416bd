"""The loop on a virtual clock: what it does when, and what it says of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ispctl.loop import Pace
from ispctl.loop.agenda import Ending
from ispctl.model.problem import Problem, Where
from ispctl.reconcile import Ended, News
from ispctl.store import Beat
from ispctl.store.retention import Pruned
from tests.loop.hands import HEAD, NOON, OLD, World, gate, refusal

NEW = "2" * 40
OTHER = Beat("another", NOON, NOON, pid=4711, host="standby.example.net")


def test_it_begins_with_the_head() -> None:
    world = World()
    world.loop.turn()
    assert world.hands.applied_commits() == [HEAD]
    assert world.loop.seen.good == NOON


def test_an_idle_hour_asks_for_the_branch_and_says_that_it_lives_and_no_more() -> None:
    world = World(Pace(every=timedelta(seconds=60), resync=timedelta(hours=2)))
    turns = world.run(hours=1)
    assert world.hands.times("apply") == [0]
    assert len(world.hands.times("fetch")) == 60
    assert len(world.hands.times("beat")) <= 242
    assert turns <= 242
    assert world.log.events == []


def test_a_commit_is_applied_in_the_turn_that_saw_it() -> None:
    world = World(Pace(every=timedelta(seconds=1)))
    world.run(seconds=10)
    world.hands.head = NEW
    world.run(seconds=1.5)
    assert world.hands.applied_commits() == [HEAD, NEW]
    assert world.log.events == ["head-moved"]


def test_it_wakes_at_the_moment_at_which_an_entitlement_ends() -> None:
    world = World()
    world.hands.results[HEAD] = NOON + timedelta(seconds=77)
    world.run(seconds=100)
    assert world.hands.times("apply")[:2] == [0, 77]


def test_a_remote_that_is_silent_is_said_once_and_what_is_here_is_served() -> None:
    world = World()
    world.hands.head = refusal("E630")
    world.run(minutes=30)
    assert world.log.events == ["fetch-failed"]
    assert world.loop.seen.fetch_code == "E630"
    assert world.loop.seen.fetched is None
    assert set(world.hands.applied_commits()) == {HEAD}
    world.hands.head = HEAD
    world.run(minutes=1)
    assert world.log.events == ["fetch-failed", "fetch-works-again"]
    assert world.loop.seen.fetch_code == ""


def test_a_broken_head_is_refused_and_the_applied_commit_keeps_being_enforced() -> None:
    world = World()
    world.hands.wrong = (Problem("E103", "login canary belongs to two", Where("subscribers/a/sub-1.yaml", 3)),)
    world.hands.results[OLD] = NOON + timedelta(seconds=77)
    world.run(minutes=2)
    assert set(world.hands.applied_commits()) == {OLD}
    assert 77 in world.hands.times("apply"), "what ends while the head is broken ends all the same"
    assert world.log.events == ["head-refused"]
    said = world.log.lines[0][1]
    assert (said["codes"], said["first"]) == ("E103", "subscribers/a/sub-1.yaml:3")
    assert "canary" not in str(said)
    world.hands.results = {}
    world.run(seconds=5)
    world.hands.wrong, world.hands.head = (), NEW
    world.run(minutes=1)
    assert world.log.events == ["head-refused", "head-moved", "head-accepted"]
    assert world.loop.seen.refused == ()


def test_a_branch_that_was_forced_back_is_refused_and_reported() -> None:
    world = World()
    world.hands.results[HEAD] = refusal("E602")
    world.run(minutes=1)
    assert world.loop.seen.refused == ("E602",)
    assert world.hands.applied_commits() == [HEAD, OLD]
    assert world.log.events == ["head-refused"]


def test_a_head_that_is_refused_before_anything_was_applied_leaves_nothing_to_do() -> None:
    world = World()
    world.hands.before = ""
    world.hands.results[HEAD] = refusal("E603")
    world.run(minutes=1)
    assert world.hands.applied_commits() == [HEAD]
    assert world.loop.seen.good is None


def test_a_closed_gate_is_said_once_with_the_number_and_the_loop_goes_on() -> None:
    world = World()
    world.hands.results[HEAD] = (None, (gate(7),))
    world.run(hours=1)
    assert world.log.events == ["gates-closed"]
    assert "ispctl apply --allow-cut-off 7" in world.log.lines[0][1]["advice"]
    assert world.loop.seen.state().gates == {"cut_off": 7}
    world.hands.results[HEAD] = (None, (gate(8),))
    world.run(minutes=6)
    world.hands.results[HEAD] = None
    world.run(minutes=6)
    assert world.log.events == ["gates-closed", "gates-closed", "gates-open"]


def test_a_database_that_goes_away_and_comes_back_is_asked_until_it_answers() -> None:
    world = World()
    world.run(seconds=1)
    world.hands.rivals, world.hands.results[HEAD] = refusal("E301"), refusal("E301")
    world.hands.results[OLD] = refusal("E301")
    world.run(minutes=10)
    assert world.log.events == ["database-away"]
    world.hands.rivals, world.hands.results = None, {}
    before = len(world.hands.times("apply"))
    world.run(seconds=31)
    assert world.log.events == ["database-away", "database-back"]
    assert len(world.hands.times("apply")) > before
    assert world.loop.seen.good is not None


@pytest.mark.parametrize("code", ["E301", "E311", "E324", "E330"])
def test_a_database_that_is_away_is_no_reason_to_doubt_the_commit(code: str) -> None:
    world = World()
    world.hands.results[HEAD] = refusal(code)
    world.run(seconds=5)
    assert world.loop.seen.refused == ()
    assert OLD not in world.hands.applied_commits()


@pytest.mark.parametrize("code, event", [("E605", "clock-behind"), ("E614", "paused"), ("E620", "clock-leapt")])
def test_what_stops_everything_is_said_once_and_no_commit_is_blamed(code: str, event: str) -> None:
    world = World()
    world.hands.results[HEAD] = refusal(code)
    world.run(minutes=10)
    assert world.log.events == [event]
    assert (world.loop.seen.refused, world.loop.seen.stopped) == ((), code)
    assert set(world.hands.applied_commits()) == {HEAD}
    world.hands.results = {}
    world.run(seconds=16)
    assert world.log.events == [event, "goes-on"]
    assert world.loop.seen.stopped == ""


def test_another_applier_is_waited_for() -> None:
    world = World()
    world.hands.results[HEAD] = refusal("E312")
    world.run(seconds=5)
    assert world.hands.times("apply") == [0, 2, 4]
    world.hands.results[HEAD] = None
    world.run(seconds=5)
    assert world.log.events == ["somebody-else-applies", "lock-is-free"]


def test_a_second_loop_stands_by_and_takes_over() -> None:
    world = World()
    world.hands.rivals = OTHER
    world.run(minutes=10)
    assert world.hands.times("apply") == []
    assert world.log.events == ["standing-by"]
    assert world.log.lines[0][1]["holder"] == "process 4711 on standby.example.net"
    world.hands.rivals = None
    world.run(seconds=16)
    assert world.log.events == ["standing-by", "took-over"]
    assert world.hands.applied_commits() == [HEAD]


def test_a_loop_that_lost_its_place_stops_applying() -> None:
    world = World(Pace(resync=timedelta(seconds=30)))
    world.run(minutes=1)
    world.hands.rivals = OTHER
    world.run(minutes=1)
    before = len(world.hands.times("apply"))
    world.run(minutes=10)
    assert len(world.hands.times("apply")) == before


def test_accounting_that_may_prove_a_change_is_settled_when_it_comes_and_only_then() -> None:
    world = World(Pace(resync=timedelta(hours=1)))
    world.run(minutes=1)
    world.hands.news = frozenset({("session", NOON)})
    world.run(minutes=5)
    assert len(world.hands.times("apply")) == 2
    world.hands.news = frozenset({("session", NOON + timedelta(minutes=5))})
    world.run(minutes=5)
    assert len(world.hands.times("apply")) == 3


def test_a_signal_makes_it_look_at_once() -> None:
    world = World(Pace(every=timedelta(minutes=5)))
    world.run(seconds=20)
    world.hands.head = NEW
    world.loop.hurry()
    world.loop.turn()
    assert world.hands.applied_commits() == [HEAD, NEW]


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    world = World()
    world.run(minutes=1)
    world.clock.now -= timedelta(hours=5)
    world.loop.turn()
    assert world.log.events == ["clock-backwards"]
    assert len(world.hands.times("apply")) == 2


def test_what_ends_now_does_not_wait_for_a_remote() -> None:
    world = World()
    world.hands.results[HEAD] = NOON + timedelta(seconds=120)
    world.run(seconds=100)
    world.hands.slow["fetch"] = 10
    world.run(seconds=60)
    assert 120 in world.hands.times("apply")
    assert next(at for at in world.hands.times("fetch") if at >= 120) == 120, "both were due"


def test_after_a_large_apply_the_sign_of_life_is_of_its_end() -> None:
    world = World()
    world.hands.slow["apply"] = 90
    world.loop.turn()
    assert world.hands.beats[-1] == NOON + timedelta(seconds=90)


def test_leaving_gives_the_place_up() -> None:
    world = World()
    world.loop.turn()
    world.loop.leave()
    assert world.hands.left


@pytest.mark.parametrize("code", ["E201", "E206"])
def test_a_secret_that_does_not_open_refuses_the_head_and_not_the_clock(code: str) -> None:
    world = World()
    world.hands.results[HEAD] = refusal(code)
    world.run(seconds=1)
    assert world.hands.applied_commits() == [HEAD, OLD]
    assert world.loop.seen.refused == (code,)


def test_old_facts_are_pruned_part_by_part_and_then_left_alone() -> None:
    world = World()
    world.hands.pruned = [Pruned(rejects=9, done=False), Pruned(rejects=2)]
    world.run(minutes=40)
    assert [fields for event, fields in world.log.lines if event == "pruned"] == [
        {"closed": 0, "sessions": 0, "rejects": 9, "letters": 0, "nas_backups": 0, "usage": 0, "done": False},
        {"closed": 0, "sessions": 0, "rejects": 2, "letters": 0, "nas_backups": 0, "usage": 0, "done": True},
    ]
    assert len(world.hands.times("prune")) == 3


def test_nothing_is_old_by_a_clock_that_cannot_be_believed() -> None:
    world = World()
    world.hands.results[HEAD] = refusal("E620")
    world.run(minutes=10)
    assert world.hands.times("prune") == []


def test_a_refused_prune_is_tried_again_and_stops_nothing() -> None:
    world = World()
    world.hands.pruned = [refusal("E307")]
    world.run(minutes=1)
    assert world.hands.applied_commits() == [HEAD]
    assert len(world.hands.times("prune")) == 2


def test_whoever_reaches_a_limit_is_looked_at_at_once_and_once() -> None:
    world = World()
    world.run(minutes=2)
    before = len(world.hands.times("apply"))
    world.hands.over = frozenset({"sub-000123/main"})
    world.run(seconds=61)
    assert len(world.hands.times("apply")) == before + 1
    world.run(seconds=90)
    assert len(world.hands.times("apply")) == before + 1


def test_by_a_clock_that_cannot_be_believed_nothing_is_counted() -> None:
    world = World()
    world.hands.results[HEAD] = refusal("E620")
    world.run(minutes=5)
    assert len(world.hands.times("count")) == 1


def test_a_clock_that_leaps_while_usage_is_counted_stops_no_counting() -> None:
    """A machine that slept, or was told the time after it began: that was not how long the count took."""
    world = World()
    world.hands.slow["count"] = 86_400 * 365
    world.loop.turn()
    world.hands.slow.clear()
    world.run(hours=1)
    assert len(world.hands.times("count")) > 30


RUN = "20270115-120000-aa1234"


def test_what_was_done_on_nas_beside_is_taken_up_at_once_and_said() -> None:
    world = World()
    world.run(seconds=1)
    before = len(world.hands.times("apply"))
    world.hands.told = [News(True, {"lalitpur-1": world.clock.now}, RUN)]
    world.loop.turn()
    assert len(world.hands.times("apply")) == before + 1
    assert world.loop.seen.state().nas == {"lalitpur-1": world.clock.now}
    assert "configures lalitpur-1" in world.loop.seen.words(leads=True)
    world.hands.told = [News(True, {}, "", (Ended(RUN, 3, 1),))]
    world.loop.turn()
    assert world.loop.seen.state().nas == {}
    said = [(event, fields) for event, fields in world.log.lines if event.startswith("nas-")]
    assert said == [("nas-begun", {"run": RUN}), ("nas-ended", {"run": RUN, "done": 3, "failed": 1})]


def test_while_nas_are_configured_it_does_not_count_as_done_and_others_are_served() -> None:
    world = World()
    world.hands.under_way = True
    world.run(seconds=90)
    assert world.loop.seen.good is None
    assert world.loop.seen.applies == {"busy": 1}
    world.hands.head = "2" * 40
    world.run(seconds=60)
    assert world.hands.applied_commits()[-1] == "2" * 40
    world.hands.under_way = False
    world.hands.told = [News(changed=True)]
    world.run(seconds=1)
    assert world.loop.seen.good is not None


def test_how_often_something_waited_is_not_forgotten_while_nas_are_looked_at() -> None:
    world = World()
    agenda = world.loop.agenda
    endings: tuple[Ending, ...] = ("waiting", "busy", "waiting")
    for ending in endings:
        agenda.applied(ending, NOON, None)
    assert not agenda.due("apply", NOON + timedelta(seconds=29))
    assert agenda.due("apply", NOON + timedelta(seconds=30))


def test_a_fault_of_what_is_done_on_nas_ends_the_loop() -> None:
    world = World()
    world.hands.told = [RuntimeError("a fault")]
    with pytest.raises(RuntimeError):
        world.loop.turn()
