"""A tariff edit reaches a running session behind each vendor's router, in that vendor's words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ispctl.platforms import platforms
from ispctl.reconcile.people import TOLD
from tests.radius.dae import Dae
from tests.reconcile.test_sessions import dial, naks, point, slower, told
from tests.reconcile.world import ANITA, World, proposal

CHITWAN = "192.0.2.6"
HOME_50 = "tariffs/home-50.yaml"
ROUTERS = {
    "routeros": ("192.0.2.1", {"Mikrotik-Rate-Limit": ["20M/40M"]}),
    "wispr": ("192.0.2.3", {"WISPr-Bandwidth-Max-Down": [40_000_000], "WISPr-Bandwidth-Max-Up": [20_000_000]}),
    "ios-xe": (
        "192.0.2.4",
        {"Cisco-AVPair": ["ip:sub-qos-policy-in=isp-up-20M", "ip:sub-qos-policy-out=isp-down-40M"]},
    ),
    "accel-ppp": ("192.0.2.5", {"Filter-Id": ["40000/20000"]}),
    "junos": (
        CHITWAN,
        {"ERX-Service-Deactivate": ["isp-rate(50m,25m)"], "ERX-Service-Activate": ["isp-rate(40m,20m)"]},
    ),
    "huawei-vrp": (
        "192.0.2.7",
        {
            "Huawei-Input-Average-Rate": [20_000_000],
            "Huawei-Input-Peak-Rate": [20_000_000],
            "Huawei-Output-Average-Rate": [40_000_000],
            "Huawei-Output-Peak-Rate": [40_000_000],
        },
    ),
}
"""Platform -> the example's router of that kind, and what it is told."""
ENVELOPE = {"Message-Authenticator", "NAS-IP-Address", "NAS-Identifier", "Acct-Session-Id", "User-Name"}
CHANGED = ("sub-000123/main", "coa", "ack", "")
ENDED = ("sub-000123/main", "disconnect", "ack", "")


@pytest.fixture
def dae(world: World) -> Iterator[Dae]:
    with Dae(secret="stand-in") as dae:
        point(world, dae.door().port)
        yield dae


def at(world: World, dae: Dae, name: str) -> str:
    return dial(world, dae, ANITA, klass=world.class_of(ANITA, name), nas=ROUTERS[name][0])


def said(dae: Dae) -> dict[str, list[object]]:
    """What the last request said beside naming the session."""
    packet = dae.seen[-1].packet
    return {name: packet[name] for name in packet.keys() if name not in {*ENVELOPE, "Framed-IP-Address"}}  # noqa: SIM118


@pytest.mark.parametrize("name", ROUTERS)
def test_another_speed_is_said_in_the_words_of_the_router(world: World, dae: Dae, name: str) -> None:
    at(world, dae, name)
    slower(world)
    assert [s.session for s in world.plan().services if s.owner == "sub-000123/main"] == ["kept"]
    assert told(world.apply()) == [CHANGED]
    assert said(dae) == ROUTERS[name][1]
    assert world.plan().empty


def test_the_example_has_a_router_of_most_kinds() -> None:
    assert set(platforms()) - ROUTERS.keys() == {"linux", "vyos"}


def test_a_router_that_changes_nothing_in_place_is_asked_to_end_the_session(world: World, dae: Dae) -> None:
    world.changed("inventory/hosts.yaml", "platform: accel-ppp", "platform: linux")
    world.apply()
    dial(world, dae, ANITA, klass=world.class_of(ANITA, "linux"), nas="192.0.2.5", ipv4="")
    slower(world)
    assert [s.session for s in world.plan().services if s.owner == "sub-000123/main"] == ["dropped"]
    assert told(world.apply()) == [ENDED]
    assert "Framed-IP-Address" not in dae.seen[-1].packet


def test_each_change_takes_back_what_the_one_before_it_said(world: World, dae: Dae) -> None:
    """The NAS goes on sending the Class of the login; what it runs is what it acknowledged."""
    at(world, dae, "junos")
    slower(world)
    world.apply()
    world.changed(HOME_50, "rate: {down: 40M, up: 20M}", "rate: {down: 30M, up: 10M}")
    assert told(world.apply()) == [CHANGED]
    assert said(dae) == {
        "ERX-Service-Deactivate": ["isp-rate(40m,20m)"],
        "ERX-Service-Activate": ["isp-rate(30m,10m)"],
    }


def test_a_session_that_began_while_the_rows_were_written_is_known_too(world: World, dae: Dae) -> None:
    klass = world.class_of(ANITA, "junos")
    slower(world)
    world.apply()
    dial(world, dae, ANITA, klass=klass, nas=CHITWAN)
    assert told(world.apply()) == [CHANGED]
    assert said(dae) == ROUTERS["junos"][1]


def test_a_session_from_before_our_time_is_ended(world: World, dae: Dae) -> None:
    klass = world.class_of(ANITA, "junos").partition("-")[0]
    grade = world.class_of(ANITA, "junos").partition("-")[2]
    dial(world, dae, ANITA, klass=f"{klass}-{grade[:8]}00000000", nas=CHITWAN)
    assert told(world.apply()) == [ENDED]


def test_what_no_session_can_run_any_more_is_forgotten(world: World, dae: Dae) -> None:
    """Kept: what groups grant, what they granted until now, and what the open session began with."""
    at(world, dae, "junos")
    for old, new in ((50, 40), (40, 30), (30, 60), (60, 70)):
        world.changed(HOME_50, f"rate: {{down: {old}M, up: 25M}}", f"rate: {{down: {new}M, up: 25M}}")
        assert world.apply().exit_code == 0
    with world.store(readonly=True) as store:
        kept = [
            value
            for attributes in store.objects(TOLD).values()
            for name, value in attributes["attributes"]
            if name.startswith("ERX-Service") and value.endswith(",25m)")
        ]
    assert sorted(kept) == ["isp-rate(50m,25m)", "isp-rate(60m,25m)", "isp-rate(70m,25m)"]


def test_a_service_that_the_router_refuses_to_end_ends_the_session(world: World, dae: Dae) -> None:
    at(world, dae, "junos")
    slower(world)
    dae.script = naks(404, 43)
    assert told(world.apply())[-1] == ENDED


def test_a_merge_request_says_what_routers_have_to_know_first(world: World) -> None:
    slower(world)
    found = proposal(world.repository, "HEAD~1", "HEAD", world.now)
    (said,) = [line for line in found.assumes if "have to know" in line]
    before, _, names = said.partition(": ")
    assert before == "Routers of platform ios-xe have to know before this is applied"
    assert names == "policy-map isp-down-40M, policy-map isp-up-20M"
