"""Devices that the server itself put behind the wall, since their login is bound to others."""

from __future__ import annotations

import pytest

from ispctl.radius.rendering import rendering
from ispctl.store import proofs
from tests.radius.dae import Dae
from tests.reconcile.test_sessions import dae, dial, slower, told
from tests.reconcile.world import A_FILE, ANITA, BOTH, World

__all__ = ["dae"]
BOUND = "mac: {mode: fixed, max: 2, on_mismatch: wall, addresses: [{mac: 02:00:5e:10:00:01}]}\n    activated:"
OTHER_MAC = "02:00:5e:10:00:02"


def walled(world: World, dae: Dae) -> str:
    """Anita's second device is online, put behind the wall by the server."""
    world.changed(A_FILE, "activated:", BOUND)
    world.apply()
    rows = world.rows()
    klass = f"{rows['login', ANITA]['class']}-{rendering(rows['group', 'isp:walled@routeros'])}/wall:mac"
    unique = dial(world, dae, ANITA, klass=klass)
    world.sql("UPDATE radacct SET callingstationid = ? WHERE acctuniqueid = ?", OTHER_MAC, unique)
    return unique


def test_a_device_behind_the_wall_for_its_mac_stays_there(world: World, dae: Dae) -> None:
    walled(world, dae)
    slower(world)
    assert told(world.apply()) == []
    assert world.plan().empty


@BOTH
@pytest.mark.parametrize(
    "old, new",
    [
        ("{mac: 02:00:5e:10:00:01}", f"{{mac: 02:00:5e:10:00:01}}, {{mac: {OTHER_MAC}}}"),
        ("on_mismatch: wall", "on_mismatch: alert"),
        ("mode: fixed, max: 2, on_mismatch: wall, addresses: [{mac: 02:00:5e:10:00:01}]", "mode: off"),
    ],
    ids=["bound", "alert", "off"],
)
def test_a_device_that_may_come_in_now_leaves_the_wall(world: World, dae: Dae, old: str, new: str) -> None:
    unique = walled(world, dae)
    world.changed(A_FILE, old, new)
    assert told(world.apply()) == [("sub-000123/main", "disconnect", "ack", "")]
    world.stop(unique)
    dial(world, dae, ANITA, id="again")
    assert told(world.apply()) == []
    assert world.plan().empty


def test_a_device_that_would_be_refused_now_stays_behind_the_wall(world: World, dae: Dae) -> None:
    walled(world, dae)
    world.changed(A_FILE, "on_mismatch: wall", "on_mismatch: reject")
    assert told(world.apply()) == []
    assert world.plan().empty


def test_a_device_behind_the_wall_has_to_keep_to_the_rate_of_the_wall(world: World, dae: Dae) -> None:
    walled(world, dae)
    world.changed("inventory/policy.yaml", "rate: {down: 1M, up: 1M}", "rate: {down: 2M, up: 2M}")
    assert told(world.apply()) == [("sub-000123/main", "coa", "ack", "")]
    with world.store(readonly=True) as store:
        (proof,) = proofs.read(store)
    assert (proof.down, proof.up) == (2_000_000, 2_000_000)
