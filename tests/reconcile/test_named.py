"""Rows that name what a NAS has to hold: they wait for it, and it waits for them. The devices live in memory."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ispctl.plan import Plan
from ispctl.store import Pause
from tests.reconcile.routers import HOST, POOLS, Routers
from tests.reconcile.world import A_FILE, ANITA, BIKASH, World, proposal

FRESH = """
fresh:
  family: 4
  served_by: nas
  slices: {lalitpur-1: [100.64.80.0/24], bhaktapur-1: [100.64.81.0/24]}
"""
ELSEWHERE = ("kathmandu-1", "pokhara-1", "dhulikhel-1", "dhulikhel-2", "chitwan-1", "chitwan-2")
TARIFF = "tariffs/home-50.yaml"
GROUP = ("group", "isp:home-50@routeros")


@pytest.fixture
def named(routers: Routers) -> Routers:
    """Anita's own rows name a new pool of her router; so does a tariff of hers, which others have too."""
    world = routers.world
    world.write(POOLS, world.read(POOLS) + FRESH)
    assert "tariff: home-50" in world.read(A_FILE)
    world.edit(A_FILE, "    tariff: home-50", "    ipv4: {pool: fresh}\n    tariff: home-50")
    world.commit("A pool of her own")
    return routers


def reply(world: World, login: str = ANITA) -> object:
    return world.rows()["login", login]["reply"]


def waiting(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {stop.what: stop.services for stop in plan.stops}


def test_a_plan_says_which_rows_need_what_is_made_on_a_router(named: Routers) -> None:
    world = named.world
    for plan in (world.plan(), proposal(world.repository, "HEAD~1", "HEAD", world.now)):
        made = {c.id for c in plan.changes if c.target == f"nas:{HOST}" and c.key == ("/ip pool", "fresh")}
        assert made
        assert [set(c.needs) for c in plan.changes if c.key == ("login", ANITA)] == [made]


def test_rows_wait_for_a_router_that_refuses_what_they_name_and_others_go_on(named: Routers) -> None:
    world = named.world
    world.changed("subscribers/lalitpur/3f/sub-000124.yaml", "tariff: home-50", "tariff: home-100")
    named.box().refuses = "/ip pool"
    result = world.apply()
    assert {one.host: one.status for one in result.devices} == {HOST: "refused", "bhaktapur-1": "applied"}
    assert reply(world) == ()
    assert world.rows()["login", BIKASH]["group"] == "isp:home-100"
    assert waiting(result.plan) == {f"target nas:{HOST}": ("sub-000123/main",)}
    assert "lacks" in result.plan.stops[0].reason
    named.box().refuses = ""
    assert named.apply() == {HOST: ("applied", "")}
    assert "fresh" in str(reply(world))
    assert world.plan().empty


@pytest.mark.parametrize("why", ["paused", "away"])
def test_rows_wait_for_a_router_that_is_left_alone_or_gives_no_answer(named: Routers, why: str) -> None:
    world = named.world
    if why == "paused":
        with world.store() as store, store.transaction():
            until = world.now + timedelta(hours=2)
            store.put_pause(Pause("p1", "target", f"nas:{HOST}", world.now, until, "engineers are there", "ops"))
    else:
        named.box().away = 2
    assert "sub-000123/main" in world.plan().still
    world.apply()
    assert reply(world) == ()
    world.tick(hours=3)
    world.apply()
    assert "fresh" in str(reply(world))


def test_what_a_whole_platform_shares_waits_for_each_router_on_which_somebody_needs_it(routers: Routers) -> None:
    world = routers.world
    more = "".join(f", {host}: [100.64.{number}.0/24]" for number, host in enumerate(ELSEWHERE, 82))
    world.write(POOLS, world.read(POOLS) + FRESH.replace("]}", f"]{more}}}"))
    world.changed(TARIFF, "ipv4: {pool: home}", "ipv4: {pool: fresh}")
    routers.box().refuses = "/ip pool"
    result = world.apply()
    assert "fresh" not in str(world.rows()[GROUP]["reply"])
    assert "fresh" in str(world.rows()["group", "isp:home-50@ios-xe"]["reply"])
    assert "sub-000123/main" in result.plan.still
    routers.box().refuses = ""
    world.apply()
    assert "fresh" in str(world.rows()[GROUP]["reply"])
    assert world.plan().empty


def test_a_new_service_waits_where_none_of_its_routers_has_what_it_names(named: Routers) -> None:
    world = named.world
    world.subscriber(900, ipv4="{pool: fresh}", nas="[lalitpur-1]")
    world.subscriber(901, nas="[lalitpur-1]")
    world.commit("Two more")
    named.box().refuses = "/ip pool"
    world.apply()
    assert ("login", "l900@home.example") not in world.rows()
    assert ("login", "l901@home.example") in world.rows()
    named.box().refuses = ""
    world.apply()
    assert ("login", "l900@home.example") in world.rows()


def test_what_rows_still_name_stays_on_a_router_until_they_are_written(named: Routers) -> None:
    world = named.world
    world.apply()
    before = world.read(POOLS)
    world.edit(A_FILE, "    ipv4: {pool: fresh}\n", "")
    world.write(POOLS, before.replace(FRESH, ""))
    world.commit("No pool of her own")
    with world.store() as store, store.transaction():
        until = world.now + timedelta(hours=2)
        store.put_pause(Pause("p1", "service", "sub-000123/main", world.now, until, "a visit", "ops"))
    world.apply()
    assert "fresh" in str(reply(world))
    assert ("/ip pool", "fresh") in named.box().held
    world.tick(hours=3)
    world.apply()
    assert reply(world) == ()
    assert ("/ip pool", "fresh") not in named.box().held
