"""How full the pools are, whoever serves them, and what rests."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from ispctl.model.problem import Refusal
from ispctl.model.subscriber import Service
from ispctl.status.slices import Filled, Part, pools
from tests.gates import example
from tests.status.world import ANITA, EKRAJ, KATHMANDU, NOW, World

BUSINESS = ip_network("203.0.113.0/26")


def _pool(world: World, name: str, free: int = 0) -> Filled:
    with world.view() as view:
        (found,) = pools(view, name, free)
        return found


def _part(world: World, name: str, nas: str = "") -> Part:
    return next(part for part in _pool(world, name).parts if part.nas == nas)


def test_a_pool_of_the_nas_is_counted_by_open_sessions_in_each_slice(world: World) -> None:
    world.dial(ANITA)
    world.dial("gita.karki@home.example", nas=KATHMANDU, session="s2")
    world.sql("UPDATE radacct SET framedipaddress = '100.64.4.9' WHERE username LIKE 'gita%'")
    parts = {part.nas: part.used for part in _pool(world, "home").parts}
    assert (parts["lalitpur-1"], parts["kathmandu-1"], parts["pokhara-1"]) == (1, 1, 0)
    assert _part(world, "home", "lalitpur-1").total == 1024


def test_an_address_that_two_sessions_name_is_one(world: World) -> None:
    world.dial(ANITA)
    world.dial(EKRAJ, session="s2")
    assert _part(world, "home", "lalitpur-1").used == 1


def test_a_pool_whose_addresses_are_written_nowhere_has_no_end(world: World) -> None:
    world.edit("inventory/pools.yaml", lambda text: text + "elsewhere: {family: 4, served_by: nas}\n")
    found = _pool(world, "elsewhere")
    assert [(part.total, part.percent, part.left, part.alarm) for part in found.parts] == [(0, None, None, False)]


def test_prefixes_are_counted_in_the_length_that_is_delegated(world: World) -> None:
    world.dial(ANITA)
    world.sql("UPDATE radacct SET delegatedipv6prefix = '2001:db8:2000:100::/56'")
    found = _pool(world, "home6-pd")
    assert (found.unit, _part(world, "home6-pd", "lalitpur-1").used) == (56, 1)
    assert _part(world, "home6-pd", "lalitpur-1").total == 2**16


def test_a_pool_of_the_server_is_counted_by_its_leases_in_each_slice(world: World) -> None:
    slices = '{lalitpur-1: ["2001:db8:7000::/55"], kathmandu-1: ["2001:db8:7100::/55"]}'
    line = f'guests6: {{family: 6, served_by: radius, length: 56, slices: {slices}, gateway: "2001:db8:7000::1"}}\n'
    world.edit("inventory/pools.yaml", lambda text: text + line)
    insert = "INSERT INTO radippool (pool_name, framedipaddress, expiry_time) VALUES"
    world.sql(f"{insert} ('guests6@lalitpur-1', '2001:db8:7000:100::/56', '2099-01-01 00:00:00')")
    found = _pool(world, "guests6")
    assert (found.unit, found.basis) == (56, "leases of the server")
    assert {part.nas: (part.total, part.used, part.alarm) for part in found.parts} == {
        "lalitpur-1": (1, 1, True),
        "kathmandu-1": (2, 0, False),
    }


def test_a_static_pool_is_counted_by_git_without_what_nobody_is_given(world: World) -> None:
    with world.view() as view:
        held = [
            prefix for prefix, _ in view.head.prefixes() if prefix.version == 4 and prefix.network_address in BUSINESS
        ]
    found = _pool(world, "business", 2)
    (part,) = found.parts
    assert (found.basis, found.reserved) == ("git", 4)
    assert (part.total, part.used, part.resting) == (60, sum(one.num_addresses for one in held), 0)
    assert not set(found.free) & {"203.0.113.0", "203.0.113.1", "203.0.113.2", "203.0.113.63"}
    assert len(found.free) == 2


def test_an_address_rests_after_it_was_freed(world: World) -> None:
    with world.view() as view:
        held = ((one.document.path, one.service.ipv4.static) for one in view.head.services() if one.service.ipv4)
        file, address = next((path, str(address)) for path, address in held if address and address in BUSINESS)
    before = _part(world, "business")
    world.edit(file, lambda text: text.replace(address, str(_unused(world))))
    part = _part(world, "business")
    assert (part.used, part.resting) == (before.used, 1)
    assert part.left == (before.left or 0) - 1
    assert address not in _pool(world, "business", 60).free


def _unused(world: World) -> str:
    return _pool(world, "business", 1).free[0]


def test_what_was_freed_before_the_quarantine_rests_no_more(world: World) -> None:
    with world.view(NOW + timedelta(days=400)) as view:
        (found,) = pools(view, "business")
    assert [part.resting for part in found.parts] == [0]


def _ended(world: World, ago: timedelta) -> str:
    """An address of the pool whose contract has been over for so long."""
    with world.view() as view:
        held = ((one.document.path, one.service) for one in view.head.services() if one.service.ipv4)
        file, address = next((path, str(one.ipv4.static)) for path, one in held if one.ipv4 and _of_business(one))
    day = (NOW - ago).date()
    world.edit(file, lambda text: text.replace("    ipv4:", f"    terminated: {day}\n    ipv4:", 1))
    return address


def _of_business(service: Service) -> bool:
    alone = service.terminated is None and service.ipv4 is not None and service.ipv4.static is not None
    return alone and service.ipv4 is not None and service.ipv4.static in BUSINESS


def test_an_address_of_a_contract_that_is_over_rests_and_is_free(world: World) -> None:
    before = _part(world, "business")
    address = _ended(world, timedelta(days=2))
    part = _part(world, "business")
    assert (part.used, part.resting, part.left) == ((before.used or 0) - 1, 1, before.left)
    assert address not in _pool(world, "business", 60).free


def test_an_address_of_a_contract_that_has_long_been_over_is_free(world: World) -> None:
    before = _part(world, "business")
    address = _ended(world, timedelta(days=20))
    part = _part(world, "business")
    assert (part.used, part.resting, part.left) == ((before.used or 0) - 1, 0, (before.left or 0) + 1)
    assert address in _pool(world, "business", 60).free


def test_where_history_is_cut_off_what_rests_is_unknown(world: World) -> None:
    world.edit("subscribers/lalitpur/3f/sub-000123.yaml", lambda text: text + "# more\n")
    shallow = world.folder.parent / "shallow"
    example.git(world.folder.parent, "clone", "-q", "--depth", "1", f"file://{world.folder}", str(shallow))
    (part,) = _pool(World(shallow), "business").parts
    assert (part.resting, part.used is not None) == (None, True)


@pytest.mark.parametrize("taken, alarm", [(243, False), (244, True)])
def test_a_slice_that_is_95_per_cent_full_is_an_alarm(world: World, taken: int, alarm: bool) -> None:
    first = int(ip_address("100.64.32.0"))
    at = int(NOW.timestamp())
    for number in range(taken):
        world.sql(
            "INSERT INTO radacct (acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime, framedipaddress)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            *(f"u{number}", f"l{number}", KATHMANDU, at - 60, at - 60, str(ip_address(first + number))),
        )
    assert _pool(world, "hotspot-ktm").alarm is alarm


def test_a_name_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(Refusal) as caught:
        _pool(world, "bussiness")
    assert caught.value.problems[0].advice == "Did you mean business?"


def test_without_a_database_only_git_counts(world: World) -> None:
    world.database.unlink()
    assert _part(world, "business").used is not None
    assert _part(world, "home", "lalitpur-1").used is None
