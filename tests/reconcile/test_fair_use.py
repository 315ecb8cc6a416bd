"""Whoever is over a tier of fair use is slowed down, online or not, and has his speed again when the window is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ispctl.reconcile import Permission
from ispctl.store import Beat, Heartbeat, meters, usage
from tests.radius.dae import Dae
from tests.reconcile.test_sessions import dae, dial
from tests.reconcile.world import BOTH, World, proposal

__all__ = ["dae"]  # a fixture

GB = 10**9
LOGIN, OWNER = "l900@home.example", "sub-000900/main"
RATE = "Mikrotik-Rate-Limit"
PAID = {"activated": "2026-10-10", "paid_until": "2027-03-09"}


@pytest.fixture
def online(world: World, dae: Dae) -> tuple[World, str]:
    """Somebody on home-100 (800 GB a cycle, then 20M/10M) is online, and applied."""
    path = world.subscriber(900, tariff="home-100", **PAID)
    assert "home-100" in world.read(path)
    world.commit()
    assert world.apply().exit_code == 0
    return world, dial(world, dae, LOGIN)


def uses(online: tuple[World, str], octets: int) -> World:
    world, unique = online
    world.tick(minutes=5)
    world.report(unique, down=octets)
    return world


def state(world: World) -> str:
    ((said,),) = world.sql("SELECT entitlement FROM ispctl_service WHERE id = 'sub-000900'")
    return str(json.loads(said)["state"])


@BOTH
def test_whoever_crosses_a_limit_is_slowed_by_coa_and_new_logins_by_rows(online: tuple[World, str], dae: Dae) -> None:
    world = uses(online, 700 * GB)
    world.apply()
    assert (world.plan().empty, dae.seen) == (True, [])
    uses(online, 101 * GB)
    result = world.apply()
    (change,) = result.plan.services
    assert (change.cause, change.effects, change.session) == ("facts", ("slower",), "kept")
    assert change.because[0].text == "fair use: 801 GB in this cycle, 800 GB at full speed; anew on 2027-02-10"
    assert str(change.because[0].where).startswith("tariffs/home-100.yaml:11:")
    (seen,) = dae.seen
    assert seen.packet[RATE] == ["10M/20M"]
    assert [one.answer for one in result.sessions] == ["ack"]
    assert (state(world), world.rows()["login", LOGIN]["group"]) == ("throttled", "isp:home-100:fup-1-1")
    assert world.plan().empty


@BOTH
def test_the_next_window_gives_the_speed_back(online: tuple[World, str], dae: Dae) -> None:
    world = uses(online, 801 * GB)
    result = world.apply()
    assert result.plan.until is not None
    assert world.plan().until is not None
    world.now = datetime(2027, 2, 9, 18, 15, tzinfo=UTC)  # midnight in Kathmandu
    (change,) = world.plan().services
    assert (change.cause, change.effects) == ("facts", ("faster",))
    world.apply()
    assert (state(world), dae.seen[-1].packet[RATE]) == ("active", ["50M/100M"])
    assert world.rows()["login", LOGIN]["group"] == "isp:home-100"


def test_only_whose_tier_changes_is_looked_at(online: tuple[World, str]) -> None:
    world = uses(online, 700 * GB)
    world.apply()
    with world.store() as store:
        assert meters.to_look_at(store, world.now) == frozenset()
        (mark,) = meters.known(store, [OWNER])[OWNER]
        assert (mark.used, mark.next, mark.until) == (0, 800 * GB, None) or mark.used >= 700 * GB
    uses(online, 101 * GB)
    world.apply()
    with world.store() as store:
        (mark,) = meters.known(store, [OWNER])[OWNER]
        assert (mark.next, mark.until) == (None, datetime(2027, 2, 9, 18, 15, tzinfo=UTC))
        assert meters.to_look_at(store, world.now) == frozenset()
        assert mark.until is not None
        assert meters.to_look_at(store, mark.until) == {OWNER}
        assert meters.next_reset(store, world.now) == mark.until


def test_two_policies_and_the_one_that_is_stricter(world: World, dae: Dae) -> None:
    """home-200: 300 GB a day, 3 and 5 TB a month."""
    world.subscriber(900, tariff="home-200", **PAID)
    world.commit()
    world.apply()
    unique = dial(world, dae, LOGIN)
    uses((world, unique), 301 * GB)
    world.apply()
    assert world.rows()["login", LOGIN]["group"] == "isp:home-200:fup-1-1"
    world.tick(days=1)
    world.apply()
    assert world.rows()["login", LOGIN]["group"] == "isp:home-200"


def test_what_is_used_up_stands_behind_the_wall_and_no_gate_holds_that_back(world: World, dae: Dae) -> None:
    """night-owl: 400 GB, and nothing after that; what is used before six in the morning does not count."""
    world.subscriber(900, tariff="night-owl", **PAID)
    world.commit()
    world.apply()
    unique = dial(world, dae, LOGIN)
    uses((world, unique), 500 * GB)
    result = world.apply(Permission({"cut_off": 0, "slower": 0}))
    assert result.closed == ()
    (change,) = result.plan.services
    assert (change.cause, change.effects) == ("facts", ("walled",))
    assert (state(world), world.rows()["login", LOGIN]["group"]) == ("blocked", "isp:walled")


def test_what_is_used_in_free_hours_does_not_count(world: World, dae: Dae) -> None:
    world.subscriber(900, tariff="night-owl", **PAID)
    world.commit()
    world.apply()
    world.now = datetime(2027, 1, 15, 21, tzinfo=UTC)  # a quarter to three in the morning
    unique = dial(world, dae, LOGIN)
    uses((world, unique), 500 * GB)
    world.apply()
    assert state(world) == "active"
    with world.store() as store:
        (day,) = usage.by_day(store, [OWNER], datetime(2027, 1, 1, tzinfo=UTC).date())[OWNER]
        assert day.down == 500 * GB + 1000


def test_a_lower_limit_is_a_matter_of_the_commit_and_of_its_gate(online: tuple[World, str]) -> None:
    world = uses(online, 700 * GB)
    world.apply()
    world.changed("tariffs/home-100.yaml", "800GB", "600GB")
    (change,) = [one for one in world.plan().services if one.owner == OWNER]
    assert (change.cause, change.effects) == ("commit", ("slower",))
    result = world.apply(Permission({"slower": 0}))
    assert [gate.gate for gate in result.closed] == ["slower"]
    assert state(world) == "active"


def test_a_proposed_plan_says_that_it_does_not_know_usage(online: tuple[World, str]) -> None:
    world = uses(online, 900 * GB)
    world.apply()
    base = world.head
    head = world.changed("tariffs/home-100.yaml", "100M", "90M")
    plan = proposal(world.repository, base, head, world.now)
    assert any(one.startswith("Usage is not asked here") for one in plan.assumes)


def test_a_higher_limit_gives_the_speed_back(online: tuple[World, str], dae: Dae) -> None:
    world = uses(online, 801 * GB)
    world.apply()
    world.changed("tariffs/home-100.yaml", "800GB", "900GB")
    world.apply()
    assert (state(world), dae.seen[-1].packet[RATE]) == ("active", ["50M/100M"])


def test_who_is_paused_is_slowed_down_when_he_is_let_go(online: tuple[World, str]) -> None:
    from datetime import timedelta

    from ispctl.store import Pause

    world = uses(online, 801 * GB)
    with world.store() as store:
        until = world.now + timedelta(hours=1)
        store.put_pause(Pause("p", "service", OWNER, world.now, until, "works", "noc"))
    world.apply()
    assert state(world) == "active"
    world.tick(hours=2)
    world.apply()
    assert state(world) == "throttled"


def test_a_service_that_goes_leaves_no_mark(online: tuple[World, str]) -> None:
    world, _ = online
    world.remove("subscribers/lalitpur/aa/sub-000900.yaml")
    world.commit()
    world.apply()
    with world.store() as store:
        assert meters.known(store, [OWNER]) == {}


@BOTH
def test_a_topup_gives_the_speed_back_in_one_pass(online: tuple[World, str], dae: Dae) -> None:
    world = uses(online, 801 * GB)
    world.apply()
    path = "subscribers/lalitpur/aa/sub-000900.yaml"
    line = '    allowance: [{window: cycle, from: 2027-01-15, more: 50GB, reason: "a present"}]\n'
    world.write(path, world.read(path) + line)
    world.commit()
    (change,) = world.plan().services
    assert (change.effects, change.session) == (("faster",), "kept")
    world.apply()
    assert (state(world), dae.seen[-1].packet[RATE]) == ("active", ["50M/100M"])
    uses(online, 60 * GB)
    world.apply()
    assert state(world) == "throttled"


def test_an_apply_leaves_the_counting_to_a_loop_that_lives(online: tuple[World, str]) -> None:
    """It may take long where many are online, and whoever pays would wait for it."""
    world = uses(online, GB)
    beat = Beat("loop", world.now, world.now)
    for lives in (True, False):
        with world.store() as store:
            before = usage.last_count(store)
            if lives:
                assert Heartbeat(store.database).take(beat) is None
            else:
                Heartbeat(store.database).leave("loop")
        world.apply()
        with world.store() as store:
            assert (usage.last_count(store) == before) is lives
