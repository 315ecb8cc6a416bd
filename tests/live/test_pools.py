"""Addresses that the server hands out: to whom, for how long, and what becomes of those that leave their pool."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from ispctl.lab.process import wait_for
from ispctl.plan import Change, Fields, Key, Resources, diff
from ispctl.radius.rows import RadiusRows, order
from tests.canary import PASSWORD
from tests.live.rig import MAC, OTHER_MAC, THIRD_MAC, Rig, online, refused

pytestmark = pytest.mark.live
NAMES = (f"pool-{number}" for number in count())
_TOLD = (("Framed-Pool", "home"), ("Framed-IPv6-Pool", "home6"), ("Delegated-IPv6-Prefix-Pool", "home6-pd"))


class Pool:
    """A pool of its own for each test: ranges as an apply writes them, and a group whose logins draw from it."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.name = next(NAMES)
        self.rows = RadiusRows(rig.store)
        self.have: Resources = {}
        for platform in ("routeros", "wispr"):
            rig.group(f"isp:{self.name}@{platform}", ("ISP-Pool", self.name), ("Framed-Pool", "home"))
            for kind in ("IPv6", "Delegated"):
                named = (f"ISP-{kind}-Pool", f"{self.name}-{kind.lower()}")
                rig.group(f"isp:{named[1]}@{platform}", named, ("Framed-Pool", "home"))
                rig.group(f"isp:{self.name}-all@{platform}", named)
            rig.group(f"isp:{self.name}-all@{platform}", ("ISP-Pool", self.name), *_TOLD)

    def apply(self, *ranges: tuple[str, str], part: str = "", without: tuple[str, ...] = (), rest: int = 0) -> None:
        """Make the pool of these (range, reserved) and see that nothing is left to do."""
        pool = self.name + part
        self.make(
            {
                ("range", net): {"pool": pool, "without": tuple(sorted(filter(None, (*without, kept)))), "rest": rest}
                for net, kept in ranges
            }
        )

    def cut(self, net: str, length: int, kind: str = "delegated", without: tuple[str, ...] = (), rest: int = 0) -> None:
        """The same for a pool of prefixes, `kind`: "ipv6" or "delegated"."""
        fields: Fields = {"pool": f"{self.name}-{kind}", "length": length, "without": without, "rest": rest}
        self.make({**self.have, ("range", net): fields})

    def make(self, want: Resources) -> None:
        changes = order(diff("radius", want, self.have))
        assert [(outcome.code, outcome.error) for outcome in self.rows.apply(changes) if outcome.error] == []
        have = self.rows.read(None)
        assert {key: fields for key, fields in have.items() if key[0] == "range"} == want
        self.have = want

    def login(self, kind: str = "", **fields: object) -> str:
        return self.rig.login(group=f"isp:{self.name}{kind and '-' + kind}", **fields)  # type: ignore[arg-type]  # columns of a row

    def state(self, address: str) -> list[tuple[str, str]]:
        """The pool and the holder of an address."""
        sql = "SELECT pool_name, username FROM radippool WHERE framedipaddress = ?"
        return [(str(pool), str(user)) for pool, user in self.rig.rows(sql, address)]


@pytest.fixture
def pool(rig: Rig) -> Iterator[Pool]:
    pool = Pool(rig)
    yield pool
    pool.apply()
    rig.run("DELETE FROM radippool")


def test_addresses_come_from_the_range_without_gateway_and_exclusions(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/29", "100.70.0.1"), without=("100.70.0.2", "100.70.0.3"))
    given = {online(rig.routeros.dial(pool.login(), PASSWORD)).address for _ in range(3)}
    assert given == {"100.70.0.4", "100.70.0.5", "100.70.0.6"}
    last = pool.login()
    refused(rig.routeros.dial(last, PASSWORD))
    assert rig.log(last) == ("Access-Reject", "pool-full")


def test_the_nas_is_not_told_of_another_pool(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/29", ""))
    session = online(rig.routeros.dial(pool.login(), PASSWORD))
    assert session.granted.pool is None
    assert session.granted.address is not None


def test_a_device_keeps_its_address_and_gives_it_back_with_its_session(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/31", ""))
    first, second, third = (pool.login() for _ in range(3))
    held = online(rig.routeros.dial(first, PASSWORD, mac=MAC))
    assert online(rig.routeros.dial(first, PASSWORD, mac=MAC)).address == held.address
    online(rig.routeros.dial(second, PASSWORD, mac=OTHER_MAC))
    refused(rig.routeros.dial(third, PASSWORD, mac=THIRD_MAC))
    for session in rig.routeros.sessions:
        if session.login == first:
            rig.routeros.hangup(session)
    back(rig)
    assert online(rig.routeros.dial(third, PASSWORD, mac=THIRD_MAC)).address == held.address


def test_the_late_end_of_a_former_session_frees_nothing_of_the_one_that_came_after(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/32", ""))
    holder = pool.login()
    former = online(rig.routeros.dial(holder, PASSWORD, mac=MAC))
    later = online(rig.routeros.dial(holder, PASSWORD, mac=MAC))
    assert later.address == former.address
    assert rig.routeros.hangup(former)
    back(rig)
    refused(rig.routeros.dial(pool.login(), PASSWORD, mac=OTHER_MAC))
    assert rig.routeros.hangup(later)
    back(rig)
    online(rig.routeros.dial(pool.login(), PASSWORD, mac=OTHER_MAC))


def test_whoever_gets_an_address_of_another_pool_does_not_keep_the_old_one(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/32", ""))
    mover = pool.login()
    rig.routeros.hangup(online(rig.routeros.dial(mover, PASSWORD, mac=MAC)))
    back(rig)
    rig.insert("radreply", username=mover, attribute="Framed-IP-Address", op=":=", value="203.0.113.90")
    moved = online(rig.routeros.dial(mover, PASSWORD, mac=MAC))
    assert moved.address == "203.0.113.90"
    assert rig.routeros.update(moved)
    back(rig)
    online(rig.routeros.dial(pool.login(), PASSWORD, mac=OTHER_MAC))


def test_a_nas_that_boots_gives_all_its_addresses_back(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/32", ""))
    nas = rig.nas("boots-1", "192.0.2.41", "routeros")
    online(nas.dial(pool.login(), PASSWORD))
    assert nas.boot()
    back(rig)
    online(nas.dial(pool.login(), PASSWORD))


def test_a_nas_without_an_ipv4_address_that_boots_ends_no_lease_of_another(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/32", ""))
    one, other = (rig.nas(f"only-6{n}", f"2001:db8:9::{n}", "routeros") for n in (1, 2))
    session = online(one.dial(pool.login(), PASSWORD, mac=MAC))
    assert other.boot()
    back(rig)
    refused(other.dial(pool.login(), PASSWORD, mac=OTHER_MAC))
    assert one.hangup(session)
    back(rig)
    online(other.dial(pool.login(), PASSWORD, mac=OTHER_MAC))


def test_an_address_rests_before_somebody_else_gets_it(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/32", ""), rest=3600)
    first, second = pool.login(), pool.login()
    session = online(rig.routeros.dial(first, PASSWORD, mac=MAC))
    rig.routeros.hangup(session)
    back(rig)
    refused(rig.routeros.dial(second, PASSWORD, mac=OTHER_MAC))
    assert rig.log(second) == ("Access-Reject", "pool-full")
    online(rig.routeros.dial(first, PASSWORD, mac=MAC))
    rig.routeros.hangup(rig.routeros.sessions[-1])
    back(rig, 3700)
    online(rig.routeros.dial(second, PASSWORD, mac=OTHER_MAC))


def test_what_leaves_the_pool_drains(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/30", ""))
    holder = pool.login()
    session = online(rig.routeros.dial(holder, PASSWORD, mac=MAC))
    left, other = min({"100.70.0.1", "100.70.0.2"} - {session.address}), session.address
    pool.apply(("100.70.0.0/30", left), without=(other,))
    assert pool.state(left) == []
    assert pool.state(other) == [("-", holder)]
    assert rig.routeros.update(session)
    refused(rig.routeros.dial(pool.login(), PASSWORD, mac=OTHER_MAC))
    assert pool.state(other) == [("-", holder)]
    rig.routeros.hangup(session)
    back(rig)
    next_one = pool.login()

    def gone() -> bool:
        """The server looks once a second, when somebody wants an address; nobody gets this one."""
        refused(rig.routeros.dial(next_one, PASSWORD, mac=OTHER_MAC))
        return pool.state(other) == []

    assert wait_for(gone, 10)


def test_what_comes_back_is_not_given_away_while_it_is_held(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/32", ""))
    holder = pool.login()
    session = online(rig.routeros.dial(holder, PASSWORD, mac=MAC))
    pool.apply()
    pool.apply(("100.70.0.0/32", ""))
    refused(rig.routeros.dial(pool.login(), PASSWORD, mac=OTHER_MAC))
    assert online(rig.routeros.dial(holder, PASSWORD, mac=MAC)).address == session.address


def test_a_range_may_be_cut_grow_and_change_hands_without_losing_a_lease(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/29", ""))
    holder = pool.login()
    session = online(rig.routeros.dial(holder, PASSWORD, mac=MAC))
    pool.apply(("100.70.0.0/30", ""), ("100.70.0.4/30", ""))
    pool.apply(("100.70.0.0/28", ""))
    pool.apply(("100.70.0.0/28", ""), part="@lalitpur-1")
    assert pool.state(session.address) == [(f"{pool.name}@lalitpur-1", holder)]
    assert online(rig.routeros.dial(holder, PASSWORD, mac=MAC)).address == session.address


def test_a_slice_is_for_its_nas_alone(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/29", ""), part="@lalitpur-1")
    online(rig.routeros.dial(pool.login(), PASSWORD))
    elsewhere = pool.login()
    refused(rig.wispr.dial(elsewhere, PASSWORD))
    assert rig.log(elsewhere) == ("Access-Reject", "pool-full")


def test_a_row_that_somebody_took_away_is_drift_and_comes_back(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/29", ""))
    rig.run("DELETE FROM radippool WHERE framedipaddress = ?", "100.70.0.3")
    ((key, found),) = [item for item in pool.rows.read(None).items() if item[0][0] == "range"]
    assert found["without"] == ("altered",)
    pool.have = {key: found}
    pool.apply(("100.70.0.0/29", ""))


def test_a_login_of_another_pool_or_with_a_fixed_address_takes_none(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/32", ""))
    fixed = pool.login(reply=(("Framed-IP-Address", "203.0.113.90"),))
    assert online(rig.routeros.dial(fixed, PASSWORD)).address == "203.0.113.90"
    other = pool.login()
    for attribute, value in (("ISP-Pool", "-"), ("Framed-Pool", "business")):
        rig.insert("radreply", username=other, attribute=attribute, op=":=", value=value)
    assert online(rig.routeros.dial(other, PASSWORD)).granted.pool == "business"
    assert pool.state("100.70.0.0") == [(pool.name, "")]


def test_a_login_gets_an_address_a_prefix_for_the_link_and_one_to_delegate_in_one_answer(rig: Rig, pool: Pool) -> None:
    pool.apply(("100.70.0.0/32", ""))
    pool.cut("2001:db8:7000::/63", 64, "ipv6", without=("2001:db8:7000::/64",))
    pool.cut("2001:db8:7100::/56", 56)
    holder = pool.login("all")
    session = online(rig.routeros.dial(holder, PASSWORD, mac=MAC))
    given = (session.address, session.prefix, session.delegated)
    assert given == ("100.70.0.0", "2001:db8:7000:1::/64", "2001:db8:7100::/56")
    told = session.granted
    assert (told.pool, told.prefix_pool, told.delegated_pool) == (None, None, None)
    assert all(pool.state(one) != [] and pool.state(one)[0][1] == holder for one in given)


def test_a_prefix_stays_with_its_device_and_comes_back_with_its_session(rig: Rig, pool: Pool) -> None:
    pool.cut("2001:db8:7100::/55", 56)
    first, second, third = (pool.login("delegated") for _ in range(3))
    held = online(rig.routeros.dial(first, PASSWORD, mac=MAC))
    assert online(rig.routeros.dial(first, PASSWORD, mac=MAC)).delegated == held.delegated
    other = online(rig.routeros.dial(second, PASSWORD, mac=OTHER_MAC))
    assert {held.delegated, other.delegated} == {"2001:db8:7100::/56", "2001:db8:7100:100::/56"}
    refused(rig.routeros.dial(third, PASSWORD, mac=THIRD_MAC))
    assert rig.log(third) == ("Access-Reject", "pool-full")
    for session in rig.routeros.sessions:
        if session.login == first:
            rig.routeros.hangup(session)
    back(rig)
    assert online(rig.routeros.dial(third, PASSWORD, mac=THIRD_MAC)).delegated == held.delegated


def test_a_nas_that_boots_gives_all_its_prefixes_back(rig: Rig, pool: Pool) -> None:
    pool.cut("2001:db8:7000::/64", 64, "ipv6")
    nas = rig.nas("boots-6", "192.0.2.46", "routeros")
    assert online(nas.dial(pool.login("ipv6"), PASSWORD)).prefix == "2001:db8:7000::/64"
    refused(nas.dial(pool.login("ipv6"), PASSWORD, mac=OTHER_MAC))
    assert nas.boot()
    back(rig)
    online(nas.dial(pool.login("ipv6"), PASSWORD))


def test_a_prefix_that_leaves_its_pool_drains_and_one_that_was_freed_rests(rig: Rig, pool: Pool) -> None:
    pool.cut("2001:db8:7100::/56", 56, rest=3600)
    holder, other = pool.login("delegated"), pool.login("delegated")
    session = online(rig.routeros.dial(holder, PASSWORD, mac=MAC))
    pool.make({})
    assert pool.state("2001:db8:7100::/56") == [("-", holder)]
    assert rig.routeros.update(session)
    pool.cut("2001:db8:7100::/56", 56, rest=3600)
    rig.routeros.hangup(session)
    back(rig)
    refused(rig.routeros.dial(other, PASSWORD, mac=OTHER_MAC))
    back(rig, 3700)
    online(rig.routeros.dial(other, PASSWORD, mac=OTHER_MAC))


def test_a_pool_is_not_cut_otherwise_while_somebody_holds_a_part_of_it(rig: Rig, pool: Pool) -> None:
    pool.cut("2001:db8:7100::/55", 56)
    session = online(rig.routeros.dial(pool.login("delegated"), PASSWORD, mac=MAC))
    before = pool.have
    key: Key = ("range", "2001:db8:7100::/55")
    (outcome,) = pool.rows.apply([Change("radius", key, before[key], {**before[key], "length": 60})])
    assert outcome.code == "E349"
    assert {one: fields for one, fields in pool.rows.read(None).items() if one[0] == "range"} == before
    rig.routeros.hangup(session)
    back(rig)
    pool.cut("2001:db8:7100::/55", 60)
    assert str(online(rig.routeros.dial(pool.login("delegated"), PASSWORD, mac=OTHER_MAC)).delegated).endswith("/60")


def test_a_fixed_prefix_or_none_of_the_servers_takes_none(rig: Rig, pool: Pool) -> None:
    pool.cut("2001:db8:7100::/56", 56)
    fixed = pool.login("delegated", reply=(("Delegated-IPv6-Prefix", "2001:db8:100::/56"),))
    assert online(rig.routeros.dial(fixed, PASSWORD)).delegated == "2001:db8:100::/56"
    other = pool.login("delegated")
    for attribute, value in (("ISP-Delegated-Pool", "-"), ("Mikrotik-Delegated-IPv6-Pool", "business6")):
        rig.insert("radreply", username=other, attribute=attribute, op=":=", value=value)
    assert online(rig.routeros.dial(other, PASSWORD)).granted.delegated_pool == "business6"
    assert pool.state("2001:db8:7100::/56") == [(f"{pool.name}-delegated", "")]


def back(rig: Rig, seconds: int = 60) -> None:
    """Let every lease that has ended have ended so much earlier."""
    if rig.place.kind == "sqlite":
        earlier = f"datetime(expiry_time, '-{seconds} seconds')"
        rig.run(f"UPDATE radippool SET expiry_time = {earlier} WHERE expiry_time <= datetime('now')")
    else:
        rig.run(
            f"UPDATE radippool SET expiry_time = expiry_time - interval '{seconds} seconds' WHERE expiry_time <= now()"
        )
