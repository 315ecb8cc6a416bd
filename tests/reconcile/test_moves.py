"""Ranges that go from one pool of a NAS to another in one commit. The device refuses two pools that overlap."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ispctl.store import Pause
from tests.reconcile.routers import HOST, POOLS, Routers
from tests.reconcile.world import A_FILE, ANITA

OLD = "\nevening:\n  family: 4\n  served_by: nas\n  slices: {lalitpur-1: [100.64.80.0/23]}\n"
NEW = OLD.replace("evening", "night").replace("80.0/23", "81.0/24")


@pytest.fixture
def moving(routers: Routers) -> Routers:
    """Half of the pool that Anita's rows name becomes another pool, which they name instead."""
    world, kept = routers.world, routers.world.read(POOLS)
    world.write(POOLS, kept + OLD)
    world.edit(A_FILE, "    tariff: home-50", "    ipv4: {pool: evening}\n    tariff: home-50")
    world.commit("A pool for the evening")
    assert routers.apply() == {HOST: ("applied", "")}
    world.write(POOLS, kept + NEW)
    world.changed(A_FILE, "pool: evening", "pool: night")
    routers.box().overlaps = True
    return routers


def there(routers: Routers) -> set[str]:
    return {name for kind, name in routers.box().held if kind == "/ip pool"} & {"evening", "night"}


def test_what_gives_up_addresses_goes_with_what_takes_them(moving: Routers) -> None:
    assert moving.apply() == {HOST: ("applied", "")}
    assert there(moving) == {"night"}
    assert "night" in str(moving.world.rows()["login", ANITA]["reply"])
    assert moving.world.plan().empty


def test_addresses_that_are_in_use_go_to_no_other_pool(moving: Routers) -> None:
    world = moving.world
    session = world.dial(ANITA, ipv4="100.64.81.9")
    reasons = [stop.reason for stop in world.plan().stops if stop.what == f"target nas:{HOST}"]
    assert "1 of them are in use" in reasons[0]
    world.apply()
    assert there(moving) == {"evening"}
    assert "evening" in str(world.rows()["login", ANITA]["reply"])
    world.stop(session)
    assert moving.apply() == {HOST: ("applied", "")}
    assert there(moving) == {"night"}


def test_addresses_stay_where_rows_that_wait_still_name_their_pool(moving: Routers) -> None:
    world = moving.world
    with world.store() as store, store.transaction():
        until = world.now + timedelta(hours=2)
        store.put_pause(Pause("p1", "service", "sub-000123/main", world.now, until, "a visit", "ops"))
    world.apply()
    assert there(moving) == {"evening"}
    assert "evening" in str(world.rows()["login", ANITA]["reply"])
    world.tick(hours=3)
    world.apply()
    assert there(moving) == {"night"}
