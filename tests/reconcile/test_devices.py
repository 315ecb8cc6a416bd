"""NAS in an apply: what is kept of them, what waits for them, what they wait for. The devices live in memory."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from ispctl import reconcile
from ispctl.intent import intent_of
from ispctl.model.problem import Refusal
from ispctl.reconcile import Permission, guards
from ispctl.report import plan_json, plan_markdown, plan_text
from ispctl.report.gist import gather
from ispctl.store import Holder, Pause
from tests.nas.conftest import Box
from tests.reconcile.routers import HOST, POOLS, Routers, said
from tests.reconcile.world import ANITA, BIKASH, EKRAJ, Killed, proposal

BOUND = "      serves: [{type: pppoe, interface: ether2}, {type: ipoe, interface: ether3}]\n      bindings: true"


def test_of_an_apply_that_was_killed_what_stood_on_a_router_before_is_kept(routers: Routers) -> None:
    before = routers.pool()
    routers.world.changed(POOLS, "lalitpur-1: [100.64.0.0/22]", "lalitpur-1: [100.64.0.0/23]")
    routers.fleet.dies.append(True)
    with pytest.raises(Killed):
        routers.apply()
    routers.fleet.dies.clear()
    assert routers.pool() != before
    assert routers.back() == {HOST: ("applied", "")}
    assert routers.pool() == before


def test_of_a_router_that_breaks_off_what_stood_there_before_is_kept(routers: Routers) -> None:
    before = routers.pool()
    routers.world.changed(POOLS, "lalitpur-1: [100.64.0.0/22]", "lalitpur-1: [100.64.0.0/23]")
    routers.box().breaks = True
    assert routers.apply() == {HOST: ("unreachable", "E810")}
    routers.box().breaks = False
    assert routers.back() == {HOST: ("applied", "")}
    assert routers.pool() == before


def test_what_a_run_left_unconfirmed_is_confirmed_by_the_next_one_and_believed_by_the_one_after_that(
    routers: Routers,
) -> None:
    """Else the router goes back by itself, behind the back of whoever found it equal."""
    routers.world.changed(POOLS, "lalitpur-1: [100.64.0.0/22]", "lalitpur-1: [100.64.0.0/23]")
    box = routers.box()
    box.breaks = True
    assert routers.apply() == {HOST: ("unreachable", "E810")}
    box.breaks, confirmed, wide = False, box.confirmed, dict(box.held)
    assert routers.apply() == {HOST: ("applied", "")}
    assert box.confirmed == confirmed + 1
    assert len(routers.kept()) == 2, "that run changed nothing"
    box.held = {key: {**said, "by": "itself"} for key, said in box.held.items()}
    assert routers.apply() == {HOST: ("applied", "")}, "it had gone back before it was confirmed"
    assert (box.held, routers.apply(), box.confirmed) == (wide, {}, confirmed + 2)


def test_what_a_killed_run_left_unconfirmed_is_confirmed_by_the_next_one(routers: Routers) -> None:
    routers.world.changed(POOLS, "lalitpur-1: [100.64.0.0/22]", "lalitpur-1: [100.64.0.0/23]")
    routers.fleet.dies.append(True)
    with pytest.raises(Killed):
        routers.apply()
    routers.fleet.dies.clear()
    confirmed = routers.box().confirmed
    assert (routers.apply(), routers.box().confirmed) == ({HOST: ("applied", "")}, confirmed + 1)
    opened = routers.box().opened
    assert (routers.apply(), routers.box().opened) == ({}, opened + 1)
    assert (routers.apply(), routers.box().opened) == ({}, opened + 1)


def test_what_a_killed_run_left_unconfirmed_is_confirmed_before_something_else_is_written(
    routers: Routers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a device takes nothing else before."""
    monkeypatch.setattr(type(routers.boxes), "one_trial", True)
    routers.world.changed(POOLS, "lalitpur-1: [100.64.0.0/22]", "lalitpur-1: [100.64.0.0/23]")
    routers.fleet.dies.append(True)
    with pytest.raises(Killed):
        routers.apply()
    routers.fleet.dies.clear()
    confirmed = routers.box().confirmed
    routers.world.changed(POOLS, "lalitpur-1: [100.64.0.0/23]", "lalitpur-1: [100.64.0.0/24]")
    assert (routers.apply(), routers.box().confirmed) == ({HOST: ("applied", "")}, confirmed + 2)
    routers.world.changed(POOLS, "lalitpur-1: [100.64.0.0/24]", "lalitpur-1: [100.64.0.0/23]")
    assert (routers.apply(), routers.box().confirmed) == ({HOST: ("applied", "")}, confirmed + 3)


@pytest.mark.parametrize(
    "old, new", [("7f1d2c3b", "00000000"), ("hostname: 192.0.2.11 ", "hostname: 192.0.2.91 ")], ids=["key", "address"]
)
def test_a_router_in_the_place_of_another_is_given_all_that_this_one_had(routers: Routers, old: str, new: str) -> None:
    held, empty = dict(routers.box().held), Box()
    routers.boxes.devices |= {"192.0.2.11": empty, "192.0.2.91": empty}
    routers.world.changed("inventory/hosts.yaml", old, new)
    assert routers.apply() == {HOST: ("applied", "")}
    assert empty.held == held
    assert routers.apply() == {}


def test_what_a_run_did_not_get_to_is_nothing_to_go_back_to(routers: Routers) -> None:
    routers.world.changed(POOLS, "lalitpur-1: [100.64.0.0/22]", "lalitpur-1: [100.64.0.0/23]")
    routers.box().hand = 2
    assert routers.apply() == {HOST: ("changed", "E811")}
    assert len(routers.kept()) == 1


def test_while_another_one_configures_routers_the_rows_are_written_and_routers_are_left_alone(routers: Routers) -> None:
    before = routers.pool()
    routers.narrowed()
    with routers.world.store() as other, other.lock(Holder("", routers.world.now, "the loop"), "nas"):
        result = routers.world.apply()
        with (
            pytest.raises(Refusal, match="E312 .*NAS are being configured by the loop"),
            routers.world.opened() as world,
        ):
            reconcile.apply_devices(world, "HEAD", Permission(), None)
    assert {one.target: one.code for one in result.unread} == {f"nas:{HOST}": "E312", "nas:bhaktapur-1": "E312"}
    assert (result.exit_code, result.devices, routers.pool()) == (3, (), before)
    assert set(routers.apply().values()) == {("applied", "")}


@pytest.fixture
def busy(routers: Routers, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """On the first router, which goes first, are people of whom RADIUS hears every minute. Nobody waits."""
    world = routers.world
    world.edit("inventory/policy.yaml", "waves: [{hosts: [pop-dhulikhel]}", "waves: [{hosts: [lalitpur-1]}")
    world.commit("The first router goes first")
    time = itertools.count(step=60)
    monkeypatch.setattr("ispctl.reconcile.hearing.monotonic", lambda: next(time))
    monkeypatch.setattr("ispctl.reconcile.hearing.sleep", lambda _: None)
    return [world.dial(ANITA, id=f"s{number}") for number in range(6)]


def test_the_next_wave_waits_for_a_router_that_radius_does_not_hear_any_more(routers: Routers, busy: list[str]) -> None:
    world = routers.world
    routers.narrowed()
    held = {HOST: ("silent", "E818"), "bhaktapur-1": ("held", "E816")}
    assert routers.apply() == held
    assert routers.pool() == "100.64.0.1-100.64.1.254", "it stays"
    world.tick(minutes=10)
    assert routers.apply() == held, "still nothing"
    world.tick(minutes=10)
    world.report(busy[0])
    assert routers.apply() == {"bhaktapur-1": ("applied", "")}
    assert routers.apply() == {}


def test_a_router_that_takes_changes_for_another_is_not_heard_as_that_one(routers: Routers, busy: list[str]) -> None:
    world = routers.world
    world.edit("inventory/hosts.yaml", "coa: {address: 192.0.2.4, port: 1700", "coa: {address: 192.0.2.1, port: 3799")
    world.edit("inventory/policy.yaml", "waves: [{hosts: [lalitpur-1]}", "waves: [{hosts: [bhaktapur-1]}")
    routers.narrowed()
    assert routers.apply() == {"bhaktapur-1": ("applied", ""), HOST: ("silent", "E818")}, "the people are at the other"


def test_a_router_of_which_radius_hears_as_before_holds_up_nobody(routers: Routers, busy: list[str]) -> None:
    routers.fleet.afterwards.append(lambda: routers.world.report(busy[3]))
    routers.narrowed()
    assert routers.apply() == {HOST: ("applied", ""), "bhaktapur-1": ("applied", "")}


def test_a_router_of_which_radius_hardly_heard_is_not_blamed(routers: Routers, busy: list[str]) -> None:
    for unique in busy[2:]:
        routers.world.sql("DELETE FROM radacct WHERE acctuniqueid = ?", unique)
    routers.narrowed()
    assert routers.apply() == {HOST: ("applied", ""), "bhaktapur-1": ("applied", "")}


def test_what_mends_a_router_that_is_not_heard_goes_there_all_the_same(routers: Routers, busy: list[str]) -> None:
    routers.narrowed()
    assert routers.apply()[HOST] == ("silent", "E818")
    routers.world.tick(minutes=10)
    routers.world.changed(POOLS, "lalitpur-1: [100.64.0.0/23]", "lalitpur-1: [100.64.0.0/22]")
    routers.fleet.afterwards.append(lambda: routers.world.report(busy[0]))
    assert routers.apply() == {HOST: ("applied", ""), "bhaktapur-1": ("applied", "")}


def test_a_router_that_is_not_heard_and_is_paused_holds_up_nobody(routers: Routers, busy: list[str]) -> None:
    routers.narrowed()
    assert routers.apply()[HOST] == ("silent", "E818")
    now = routers.world.now
    with routers.world.store() as store, store.transaction():
        store.put_pause(Pause("p1", "target", f"nas:{HOST}", now, now + timedelta(hours=2), "it is taken down", "ops"))
    assert routers.apply() == {"bhaktapur-1": ("applied", "")}


def test_a_refused_login_is_heard_as_well(routers: Routers, busy: list[str]) -> None:
    at = int(routers.world.now.timestamp())
    said = "INSERT INTO radpostauth (username, reply, authdate, nas) VALUES (?, 'Access-Reject', ?, ?)"
    routers.fleet.afterwards.append(lambda: routers.world.sql(said, "nobody", at, HOST))
    routers.narrowed()
    assert routers.apply() == {HOST: ("applied", ""), "bhaktapur-1": ("applied", "")}


@pytest.fixture
def ending(routers: Routers, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is asked ends all sessions of two routers; three people are online on the first, and two more whom nobody
    knows. A day may take two. Returns how long was waited."""
    world = routers.world
    world.edit("inventory/policy.yaml", "dropped: {share: 10%, floor: 20}", "dropped: {share: 0%, floor: 2}")
    world.edit("inventory/policy.yaml", "drops_per_minute: 3000", "drops_per_minute: 5")
    world.edit("inventory/policy.yaml", "  window: ", "  # ")
    world.edit("inventory/hosts.yaml", "interface: ether2", "interface: ether3")
    world.changed("inventory/hosts.yaml", "interface: GigabitEthernet0/0/1", "interface: GigabitEthernet0/0/2")
    for login in (ANITA, BIKASH, EKRAJ):
        world.dial(login)
    routers.box().online, routers.box("bhaktapur-1").online = 5, 0
    waited: list[float] = []
    monkeypatch.setattr("ispctl.reconcile.configure.monotonic", lambda: 1000.0)
    monkeypatch.setattr("ispctl.reconcile.configure.sleep", waited.append)
    return waited


def test_a_plan_says_how_many_sessions_end_since_a_router_is_configured(routers: Routers, ending: list[float]) -> None:
    plan = routers.world.plan()
    found = {one.target: (one.sessions, len(one.owners), one.others) for one in plan.endings}
    assert found == {f"nas:{HOST}": (5, 3, 2), "nas:bhaktapur-1": (0, 0, 0)}
    assert plan.summary["dropped"] == 5
    text = plan_text.render(gather(plan))
    assert "5 dropped sessions" in text
    assert f"ENDS SESSIONS: nas:{HOST}: 5 sessions, all that are there now" in text


def test_a_proposed_plan_says_how_many_sessions_would_end_at_most(routers: Routers, ending: list[float]) -> None:
    """As many as git has services there that are not over, whether they name the host or a group of hosts."""
    world = routers.world
    there = list(intent_of(world.repository.at("HEAD"), world.now).entitlements)
    many = sum(HOST in one.nas and one.state != "terminated" for one in there)
    assert 2 < many < len(there)
    plan = proposal(world.repository, "HEAD~1", "HEAD", world.now)
    assert {(one.target, one.sessions) for one in plan.endings} == {(f"nas:{HOST}", None), ("nas:bhaktapur-1", None)}
    assert plan_json.document(plan)["ends"][1]["at_most"] == many
    text = plan_markdown.render(gather(plan))
    assert "### ispctl plan: sessions end on 2 NAS" in text
    assert f"ENDS SESSIONS: nas:{HOST}: at most those of {many} services, as many as git has there" in text


def test_more_sessions_than_a_day_may_take_end_on_no_router_unsaid(routers: Routers, ending: list[float]) -> None:
    with routers.world.opened() as world:
        result = reconcile.apply(world, "HEAD", Permission())
    assert [(one.gate, one.wanted, one.limit) for one in result.closed] == [("dropped", 5, 2)]
    assert said(result) == {}
    assert ("/interface pppoe-server server", "ether2") in routers.box().held
    with routers.world.opened() as world:
        assert reconcile.apply(world, "HEAD", Permission({"dropped": 4})).closed
        result = reconcile.apply(world, "HEAD", Permission({"dropped": 5}))
    assert said(result) == {HOST: ("applied", ""), "bhaktapur-1": ("applied", "")}
    with routers.world.opened() as world:
        assert len(guards.taken(world)["dropped"]) == 3, "they count tomorrow as well"


def test_the_next_router_waits_until_the_sessions_of_the_last_may_be_back(
    routers: Routers, ending: list[float]
) -> None:
    """Five a minute may end: a minute for five."""
    routers.world.edit("inventory/policy.yaml", "waves: [{hosts: [pop-dhulikhel]}", "waves: [{hosts: [lalitpur-1]}")
    routers.world.commit("The first router goes first")
    assert routers.apply() == {HOST: ("applied", ""), "bhaktapur-1": ("applied", "")}
    assert max(ending) == 60.0


def test_what_a_repair_ends_on_a_router_counts_as_well(routers: Routers, ending: list[float]) -> None:
    world = routers.world
    routers.apply()
    world.tick(days=2)
    box = routers.box()
    box.held = {key: {**fields, "disabled": "yes"} if "pppoe" in key[0] else fields for key, fields in box.held.items()}
    found = world.repair(Permission())
    assert [(one.gate, one.wanted) for one in found.closed] == [("dropped", 5)]
    assert not found.devices
    assert not world.repair().closed
    assert world.drifted() == ()


def test_a_share_is_one_of_all_services_also_where_routers_alone_are_looked_at(
    routers: Routers, ending: list[float]
) -> None:
    """Five end, and five are a third of all or less."""
    world = routers.world
    world.changed("inventory/policy.yaml", "dropped: {share: 0%, floor: 2}", "dropped: {share: 33%, floor: 2}")
    with world.opened() as opened:
        assert opened.store.services >= 15
        assert not reconcile.live_devices(opened, "HEAD", None)[1]
        result = reconcile.apply_devices(opened, "HEAD", Permission(), None)
    assert said(result) == {HOST: ("applied", ""), "bhaktapur-1": ("applied", "")}
    routers.apply()
    world.tick(days=2)
    box = routers.box()
    box.held = {key: {**fields, "disabled": "yes"} if "pppoe" in key[0] else fields for key, fields in box.held.items()}
    assert not world.repair(Permission()).closed
    assert world.drifted() == ()


def by_hand(routers: Routers, host: str = HOST) -> None:
    held = routers.box(host).held
    routers.box(host).held = {key: {**said, "by": "a hand"} if key[1] == "home" else said for key, said in held.items()}


def test_drift_looks_at_a_router_that_alone_was_made_equal_to_a_newer_commit(routers: Routers) -> None:
    world = routers.world
    routers.narrowed()
    with world.opened() as opened:
        result = reconcile.apply_devices(opened, "HEAD", Permission(), [HOST])
    assert said(result) == {HOST: ("applied", "")}
    assert world.drifted() == (), "it stands as that commit says, and the other one as the applied one does"
    by_hand(routers)
    by_hand(routers, "bhaktapur-1")
    assert {one.target for one in world.drifted()} == {f"nas:{HOST}", "nas:bhaktapur-1"}
    assert said(world.repair())[HOST] == ("applied", "")
    assert routers.pool() == "100.64.0.1-100.64.1.254", "as the newer commit says"
    assert world.drifted() == ()
    assert routers.apply() == {"bhaktapur-1": ("applied", "")}, "and the next apply has nothing to do there"


def test_drift_looks_at_a_router_that_is_behind(routers: Routers) -> None:
    """It is paused, and stands as the commit before says, with its secret of that time."""
    world, now = routers.world, routers.world.now
    with world.store() as store, store.transaction():
        store.put_pause(Pause("p1", "target", f"nas:{HOST}", now, now + timedelta(hours=2), "a visit", "ops"))
    routers.narrowed()
    assert routers.apply() == {"bhaktapur-1": ("applied", "")}
    assert world.drifted() == ()
    by_hand(routers)
    assert {one.target for one in world.drifted()} == {f"nas:{HOST}"}
    world.tick(hours=3)
    assert said(world.repair()) == {HOST: ("applied", "")}
    assert routers.pool() == "100.64.0.1-100.64.3.254"


def test_drift_leaves_alone_what_is_given_up_and_looks_at_what_is_new(routers: Routers) -> None:
    world, hosts = routers.world, "inventory/hosts.yaml"
    said_of_it = world.read(hosts)
    start = said_of_it.index("    device:", said_of_it.index("\nbhaktapur-1:"))
    end = said_of_it.index("\n\n", start)
    world.write(hosts, said_of_it[:start].rstrip() + said_of_it[end:])
    world.commit("Bhaktapur is configured by hand again")
    routers.apply()
    by_hand(routers, "bhaktapur-1")
    assert world.drifted() == ()
    world.write(hosts, said_of_it.replace("GigabitEthernet0/0/1", "GigabitEthernet0/0/2"))
    world.commit("It is not")
    routers.box("bhaktapur-1").online = 0
    with world.opened() as opened:
        result = reconcile.apply_devices(opened, "HEAD", Permission(), ["bhaktapur-1"])
    assert said(result) == {"bhaktapur-1": ("applied", "")}
    by_hand(routers, "bhaktapur-1")
    assert {one.target for one in world.drifted()} == {"nas:bhaktapur-1"}


def test_a_live_plan_of_routers_alone_says_what_a_closed_gate_would_hold(routers: Routers, ending: list[float]) -> None:
    with routers.world.opened(readonly=True) as world:
        plan, closed, held = reconcile.live_devices(world, "HEAD", None)
    assert [(one.gate, one.wanted) for one in closed] == [("dropped", 5)]
    assert held == {change.id for change in plan.changes}


def test_a_router_that_knows_people_of_an_observed_group_is_left_alone(routers: Routers) -> None:
    """Also where nothing changes for any of them."""
    world = routers.world
    device = "[{mac: '00:00:5e:00:53:c1', label: router}]"
    world.subscriber(900, ipv4="{static: 203.0.113.40}", nas=f"[{HOST}]", mac=f"{{mode: fixed, addresses: {device}}}")
    world.edit("inventory/hosts.yaml", "      serves: [{type: pppoe, interface: ether2}]", BOUND)
    world.commit("It knows somebody")
    routers.apply()
    world.write("subscribers/lalitpur/group.yaml", world.read("subscribers/lalitpur/group.yaml") + "managed: observe\n")
    world.commit("Only look at them")
    world.apply()
    routers.narrowed()
    plan = world.plan()
    assert not plan.services
    assert routers.apply() == {"bhaktapur-1": ("applied", "")}
    assert "group lalitpur" in {stop.what for stop in plan.stops if stop.kind == "observed"}
