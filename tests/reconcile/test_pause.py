"""What is paused stays as it is, and everything says so; the rest goes on, and so does all of it when it is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from ispctl.model.problem import Refusal
from ispctl.plan import Plan
from ispctl.reconcile import Permission
from ispctl.store import Pause
from tests.reconcile.world import A_FILE, ANITA, B_FILE, BIKASH, World

NOTHING = Permission()
ANITA_IS, BIKASH_IS = "sub-000123/main", "sub-000124/main"
Kind = Literal["everything", "target", "group", "service"]


def pause(world: World, kind: Kind, name: str = "", hours: float = 4) -> Pause:
    made = Pause(f"p-{kind}-{name}", kind, name, world.now, world.now + timedelta(hours=hours), "a reason", "ekraj")
    with world.store() as store:
        store.put_pause(made)
    return made


def group_of(world: World, login: str) -> object:
    return world.rows()["login", login]["group"]


def held(plan: Plan) -> set[str]:
    return {change.owner for change in plan.changes if change.id in plan.stopped}


def suspend(world: World, file: str) -> None:
    world.changed(
        file, "services:\n  - key: main", "services:\n  - key: main\n    suspended: {since: 2027-01-10, reason: x}"
    )


@pytest.mark.parametrize(("kind", "name"), [("everything", ""), ("target", "radius")])
def test_nothing_is_applied_while_everything_is_paused(world: World, kind: Kind, name: str) -> None:
    pause(world, kind, name)
    world.changed(A_FILE, "home-50", "home-100")
    before = world.content()
    with pytest.raises(Refusal, match=r"E614 paused: .* is paused until 2027-01-15 16:00 by ekraj: a reason"):
        world.apply()
    with pytest.raises(Refusal, match="E614"):
        world.repair()
    assert world.content() == before
    plan = world.plan()
    assert plan.stopped == {change.id for change in plan.changes}
    world.tick(hours=4)
    assert world.apply(NOTHING).exit_code == 0
    assert world.plan().empty


@pytest.mark.parametrize(("kind", "name"), [("service", ANITA_IS), ("group", "lalitpur")])
def test_who_is_paused_keeps_what_he_has_and_the_others_do_not_wait(world: World, kind: Kind, name: str) -> None:
    pause(world, kind, name)
    world.edit(A_FILE, "home-50", "home-100")
    world.changed("subscribers/kathmandu/07/sub-000201.yaml", "tariff: home-100", "tariff: home-50")
    result = world.apply(NOTHING)
    assert result.exit_code == 0
    assert held(result.plan) == {ANITA_IS}
    assert result.held == ()  # by no gate
    assert group_of(world, ANITA) == "isp:home-50"
    assert world.drifted() == ()
    waiting = world.plan()
    assert [(s.owner, s.cause) for s in waiting.services] == [(ANITA_IS, "commit")]
    world.tick(hours=4)
    assert world.plan().stops == ()
    assert world.apply(NOTHING).exit_code == 0
    assert group_of(world, ANITA) == "isp:home-100"
    assert world.plan().empty


def test_a_pause_hides_no_loss_from_the_gates_of_the_day_it_ends(world: World) -> None:
    """Held when the commit was applied; what it takes counts when it is taken."""
    pause(world, "service", ANITA_IS)
    suspend(world, A_FILE)
    assert world.apply(Permission({"cut_off": 0})).exit_code == 0
    world.tick(hours=5)
    assert [closed.gate for closed in world.apply(Permission({"cut_off": 0})).closed] == ["cut_off"]
    assert world.apply(Permission({"cut_off": 1})).exit_code == 0
    assert world.sql("SELECT * FROM ispctl_object WHERE kind = 'stopped'") == []
    assert world.plan().empty


def test_a_paused_login_does_not_expire_by_the_clock(world: World) -> None:
    world.changed(A_FILE, "paid_until: 203", "paid_until: 2027-01-15 #")
    assert world.apply(NOTHING).exit_code == 0
    pause(world, "service", ANITA_IS, hours=20)
    world.tick(hours=15)
    plan = world.plan()
    assert [(s.owner, s.cause, s.effects) for s in plan.services] == [(ANITA_IS, "clock", ("walled",))]
    assert held(plan) == {ANITA_IS}
    assert world.apply(NOTHING).exit_code == 0
    assert group_of(world, ANITA) == "isp:home-50"
    world.tick(hours=6)
    assert world.apply(Permission({"cut_off": 0})).exit_code == 0  # it is the clock's, and counts at no gate
    assert group_of(world, ANITA) == "isp:walled"


def test_a_live_session_of_who_is_paused_is_not_told(world: World) -> None:
    """A tariff is everybody's: its rows change, and reach who is paused at the next login."""
    pause(world, "service", ANITA_IS)
    for login in (ANITA, BIKASH):
        world.dial(login)
    world.changed("tariffs/home-50.yaml", "rate: {down: 50M", "rate: {down: 60M")
    result = world.apply(NOTHING)
    assert {outcome.owner for outcome in result.sessions} == {BIKASH_IS}
    assert held(result.plan) == {ANITA_IS}
    assert "60M" in str(world.rows()["group", "isp:home-50@routeros"]["reply"])


def test_sessions_on_a_paused_nas_are_not_told_and_rows_go_on(world: World) -> None:
    pause(world, "target", "nas:lalitpur-1")
    world.dial(ANITA)
    world.changed(A_FILE, "home-50", "home-100")
    result = world.apply(NOTHING)
    assert result.sessions == ()
    assert group_of(world, ANITA) == "isp:home-100"
    world.tick(hours=4)
    assert [outcome.owner for outcome in world.apply(NOTHING).sessions] == [ANITA_IS]


def test_who_leaves_or_enters_a_paused_group_waits(world: World) -> None:
    pause(world, "group", "lalitpur")
    moved = "subscribers/kathmandu/3f/sub-000123.yaml"
    world.write(moved, world.read(A_FILE).replace("home-50", "home-100"))
    world.remove(A_FILE)
    world.remove(B_FILE)
    world.commit()
    assert held(world.plan()) == {ANITA_IS, BIKASH_IS}
    world.apply(NOTHING)
    assert held(world.plan()) == {ANITA_IS, BIKASH_IS}
    assert group_of(world, BIKASH) == "isp:home-50"


def test_a_tariff_that_goes_stays_for_who_is_paused_on_it(world: World) -> None:
    on_it = "l900@home.example"
    world.write("tariffs/home-51.yaml", world.read("tariffs/home-50.yaml").replace("home-50", "home-51"))
    path = world.subscriber(900, tariff="home-51")
    world.commit()
    world.apply(NOTHING)
    pause(world, "service", "sub-000900/main")
    world.edit(path, "home-51", "home-50")
    world.remove("tariffs/home-51.yaml")
    world.commit()
    assert world.apply().exit_code == 0
    rows = world.rows()
    assert rows["login", on_it]["group"] == "isp:home-51"
    assert ("group", "isp:home-51@routeros") in rows
    world.tick(hours=4)
    assert world.apply().exit_code == 0
    assert ("group", "isp:home-51@routeros") not in world.rows()
    assert world.plan().empty


def test_a_repair_leaves_who_is_paused(world: World) -> None:
    pause(world, "service", ANITA_IS)
    world.sql("UPDATE radusergroup SET groupname = 'isp:home-100' WHERE username IN (?, ?)", ANITA, BIKASH)
    found = world.repair()
    assert held(found.plan) == {ANITA_IS}
    assert [outcome.change.owner for outcome in found.outcomes] == [BIKASH_IS]
    assert group_of(world, ANITA) == "isp:home-100"


def test_pauses_that_overlap_both_hold(world: World) -> None:
    pause(world, "group", "lalitpur", hours=2)
    pause(world, "service", ANITA_IS, hours=4)
    world.changed(A_FILE, "home-50", "home-100")
    world.tick(hours=3)
    plan = world.plan()
    assert [stop.what for stop in plan.stops] == [f"service {ANITA_IS}"]
    assert held(plan) == {ANITA_IS}


@pytest.mark.parametrize(("seconds", "holds"), [(-1, True), (0, False)])
def test_a_pause_ends_at_its_end(world: World, seconds: int, holds: bool) -> None:
    pause(world, "service", ANITA_IS)
    world.tick(hours=4, seconds=seconds)
    assert bool(world.plan().stops) == holds


# a repair meets the gates


def let_in(world: World, count: int) -> None:
    """So many people behind the wall, let in by somebody's hand."""
    for number in range(900, 900 + count):
        world.subscriber(number, paid_until="2027-01-10")
    world.commit()
    world.apply(NOTHING)
    world.sql("UPDATE radusergroup SET groupname = 'isp:home-50' WHERE username LIKE 'l9%'")


def test_a_repair_may_cut_off_as_many_as_a_commit(world: World) -> None:
    let_in(world, 5)
    found = world.repair(NOTHING)
    assert (found.closed, len(found.outcomes)) == ((), 5)
    assert world.drifted() == ()


def test_a_repair_that_would_cut_off_more_is_refused_until_it_is_said(world: World) -> None:
    let_in(world, 6)
    world.sql("UPDATE radusergroup SET groupname = 'isp:walled' WHERE username = ?", ANITA)
    found = world.repair(NOTHING)
    assert [(one.gate, one.wanted, one.limit) for one in found.closed] == [("cut_off", 6, 5)]
    assert [outcome.change.owner for outcome in found.outcomes] == [ANITA_IS]  # who gains does not wait
    assert world.repair(Permission({"cut_off": 6})).closed == ()
    assert world.drifted() == ()


def test_what_a_repair_took_counts_for_the_commit_of_the_same_day(world: World) -> None:
    let_in(world, 5)
    world.repair(NOTHING)
    suspend(world, A_FILE)
    assert [(one.wanted, one.recent) for one in world.apply(NOTHING).closed] == [(1, 5)]
