"""One NAS that is put back to what stood there before a run: what holds an apply of it holds this as well."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from ispctl import reconcile
from ispctl.nas import closed_until
from ispctl.reconcile import Permission, Result, guards, plan_restore, restorable, restore
from ispctl.reconcile.devices import Gated
from ispctl.report import outcome
from ispctl.store import Pause
from ispctl.structs import replace
from tests.reconcile.routers import HOST, POOLS, Routers, said
from tests.reconcile.test_moves import moving, there
from tests.reconcile.world import ANITA, BIKASH, EKRAJ

__all__ = ["moving"]
POLICY = "inventory/policy.yaml"
OLD_PORT, NEW_PORT = (("/interface pppoe-server server", f"ether{number}") for number in (2, 3))


@contextmanager
def asked(routers: Routers, by: str) -> Iterator[tuple[reconcile.World, str, Gated]]:
    with routers.world.opened() as opened:
        world = replace(opened, actor=by)
        run, before = restorable(world, HOST, None)
        snapshot = world.repository.part("HEAD", ())
        yield world, run, plan_restore(world, snapshot, HOST, run, before, {})


def back(routers: Routers, drops: int | None = None, by: str = "") -> Result:
    with asked(routers, by) as (world, run, _):
        before = restorable(world, HOST, run)[1]
        snapshot = world.repository.part("HEAD", ())
        return restore(world, snapshot, HOST, run, before, Permission({"dropped": drops}))


def paused(routers: Routers) -> list[str]:
    with routers.world.store() as store:
        return [one.reason for one in store.pauses(routers.world.now) if one.kind == "target"]


@pytest.fixture
def moved(routers: Routers) -> Routers:
    """A run has moved people to another port, which ended their sessions; they are back. A day may end two."""
    world = routers.world
    world.edit(POLICY, "  window: ", "  # ")
    world.changed("inventory/hosts.yaml", "interface: ether2", "interface: ether3")
    routers.box().online = 0
    assert routers.apply() == {HOST: ("applied", "")}
    assert NEW_PORT in routers.box().held
    world.tick(days=2)
    world.changed(POLICY, "dropped: {share: 10%, floor: 20}", "dropped: {share: 0%, floor: 2}")
    for login in (ANITA, BIKASH, EKRAJ):
        world.dial(login)
    routers.box().online = 5
    return routers


def test_what_ends_more_sessions_than_a_day_may_take_waits_until_it_is_said(moved: Routers) -> None:
    result = back(moved)
    assert [(one.gate, one.wanted, one.limit) for one in result.closed] == [("dropped", 5, 2)]
    assert (result.run, result.exit_code, result.devices) == ("", 1, ())
    assert NEW_PORT in moved.box().held
    assert paused(moved) == [], "nothing was done, so that nothing is left alone"
    text = outcome.text(result, verdict="It was not put back.", again="ispctl nas rollback lalitpur-1")
    assert text.startswith("It was not put back.\n")
    assert "To allow: --allow-drop 5" in text
    assert text.endswith("\nNext: ispctl nas rollback lalitpur-1\n")
    assert back(moved, 4).closed
    assert said(back(moved, 5)) == {HOST: ("applied", "")}
    assert OLD_PORT in moved.box().held
    with moved.world.opened() as world:
        assert len(guards.taken(world)["dropped"]) == 3, "they count for the commits of that day as well"


def test_what_a_gate_holds_of_it_holds_all_of_it(routers: Routers) -> None:
    """A part of it would be neither the one nor the other."""
    world = routers.world
    world.changed(POLICY, "198.51.100.53/32", "198.51.100.99/32")
    assert routers.apply()[HOST] == ("applied", "")
    world.tick(days=2)
    world.changed(POLICY, "delete: {share: 5%, floor: 5}", "delete: {share: 0%, floor: 0}")
    with asked(routers, "") as (_, _, gated):
        assert {one.action for one in gated.plan.changes} == {"create", "delete"}
        assert gated.held == {one.id for one in gated.plan.changes}
    result = back(routers)
    assert (result.run, set(result.held)) == ("", {one.id for one in result.plan.changes})


def test_what_ends_sessions_waits_for_the_window_and_the_plan_says_so(
    moved: Routers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here as outside of a lab, where windows hold."""
    monkeypatch.setattr(
        "ispctl.reconcile.holds.closed_until", lambda *at, disruptive: closed_until(*at, disruptive=True)
    )
    moved.world.changed(POLICY, "  # {", "  window: {")
    with asked(moved, "") as (_, _, gated):
        assert "it ends sessions, which is done from 02:00 to 05:00" in {one.reason for one in gated.plan.stops}
        assert gated.waits == {one.id for one in gated.plan.changes}
    result = back(moved, 5)
    assert (result.run, result.exit_code) == ("", 1)
    assert NEW_PORT in moved.box().held


def test_in_a_freeze_nothing_is_put_back(routers: Routers) -> None:
    routers.narrowed()
    routers.apply()
    routers.world.changed(POLICY, "freezes: [", "freezes: [{from: 2027-01-15, until: 2027-01-16, reason: a feast}, ")
    result = back(routers)
    assert {one.reason for one in result.plan.stops} == {"frozen: a feast"}
    assert (result.run, result.exit_code) == ("", 1)
    assert routers.pool() == "100.64.0.1-100.64.1.254"
    assert paused(routers) == []


def test_a_pause_by_somebody_else_holds_it_and_is_named(routers: Routers) -> None:
    routers.narrowed()
    routers.apply()
    now = routers.world.now
    pause = Pause("p1", "target", f"nas:{HOST}", now, now + timedelta(hours=2), "a visit", "ops")
    with routers.world.store() as store, store.transaction():
        store.put_pause(pause)
    for somebody in ("", "night"):
        result = back(routers, by=somebody)
        assert (result.run, result.exit_code) == ("", 1)
        assert "PAUSED: target nas:lalitpur-1 until 2027-01-15 09:15 by ops: a visit." in outcome.text(result)
    assert said(back(routers, by="ops")) == {HOST: ("applied", "")}, "whoever paused it may go back"


def test_whoever_put_it_back_may_put_it_back_further(routers: Routers) -> None:
    routers.narrowed()
    routers.apply()
    assert said(back(routers, by="ops")) == {HOST: ("applied", "")}
    assert len(paused(routers)) == 1
    assert back(routers, by="night").exit_code == 1
    assert back(routers, by="ops").exit_code == 0


def test_a_router_that_is_not_well_when_it_was_put_back_stays_as_it_was(routers: Routers) -> None:
    routers.narrowed()
    routers.apply()
    routers.box().drops = 60
    assert said(back(routers)) == {HOST: ("taken-back", "E815")}
    assert routers.pool() == "100.64.0.1-100.64.1.254"
    assert paused(routers) == []


def test_addresses_that_went_to_another_pool_go_back_while_nobody_has_them(moving: Routers) -> None:
    moving.apply()
    session = moving.world.dial(ANITA, ipv4="100.64.81.9")
    result = back(moving)
    assert "1 of them are in use" in "".join(one.reason for one in result.plan.stops)
    assert there(moving) == {"night"}
    moving.world.stop(session)
    assert said(back(moving)) == {HOST: ("applied", "")}
    assert there(moving) == {"evening"}


def alone(routers: Routers) -> None:
    """A run on NAS of which no run on rows is the other half, as those that `ispctl run` makes beside the rows."""
    with routers.world.opened() as world:
        assert said(reconcile.apply_devices(world, "HEAD", Permission(), [HOST])) == {HOST: ("applied", "")}


@pytest.mark.parametrize("fails", [False, True], ids=["at once", "after a run that failed"])
def test_of_a_run_on_nas_alone_the_secret_of_that_time_is_found(routers: Routers, fails: bool) -> None:
    world, key = routers.world, ("/radius", "198.51.100.10 1812")
    before = routers.box().clear[key]
    if fails:
        routers.narrowed()
        routers.box().refuses = "/ip pool"
        with world.opened() as opened:
            reconcile.apply_devices(opened, "HEAD", Permission(), [HOST])
        routers.box().refuses = ""
        world.tick(minutes=1)
    old = next(line for line in world.read("inventory/hosts.yaml").splitlines() if "secret:" in line).split('"')[1]
    world.changed("inventory/hosts.yaml", old, world.sealed("nas/lalitpur-1/radius.secret", "canary-secret-2"))
    alone(routers)
    assert routers.box().clear[key] == "canary-secret-2"
    assert said(back(routers)) == {HOST: ("applied", "")}
    assert routers.box().clear[key] == before


def test_of_a_run_on_nas_alone_addresses_go_back_while_nobody_has_them(moving: Routers) -> None:
    alone(moving)
    session = moving.world.dial(ANITA, ipv4="100.64.81.9")
    assert "1 of them are in use" in "".join(one.reason for one in back(moving).plan.stops)
    assert there(moving) == {"night"}
    moving.world.stop(session)
    assert said(back(moving)) == {HOST: ("applied", "")}
    assert there(moving) == {"evening"}


def test_what_an_older_version_kept_is_gone_back_to(routers: Routers) -> None:
    """It wrote down what was held, and not the commit that said so."""
    routers.narrowed()
    routers.apply()
    ((run, kept),) = routers.world.sql(
        "SELECT run, slice FROM ispctl_nas_backup WHERE host = ? ORDER BY at DESC LIMIT 1", HOST
    )
    held = json.dumps(json.loads(kept)["held"])
    routers.world.sql("UPDATE ispctl_nas_backup SET slice = ? WHERE host = ? AND run = ?", held, HOST, run)
    assert said(back(routers)) == {HOST: ("applied", "")}
    assert routers.pool() == "100.64.0.1-100.64.3.254"


def test_what_a_router_is_put_back_to_is_looked_for_by_its_run(routers: Routers) -> None:
    routers.world.changed(POOLS, "lalitpur-1: [100.64.0.0/22]", "lalitpur-1: [100.64.0.0/23]")
    routers.apply()
    with asked(routers, "") as (_, _, gated):
        assert [one.key for one in gated.plan.changes] == [("/ip pool", "home")]
        assert (gated.closed, gated.waits) == ((), frozenset())
