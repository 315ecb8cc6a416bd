"""What a vendor can do decides what happens to people: which changes keep a session, and what is said to it."""

from __future__ import annotations

import pytest

from ispctl.model import network, scalars
from ispctl.model.policy import Policy
from ispctl.model.problem import Where
from ispctl.model.reading import read, value_of
from ispctl.platforms import nas_platforms, platform, platforms
from ispctl.platforms.device import nas_platform
from ispctl.platforms.rendering import render as rendered_nas
from ispctl.radius._rows_text import rows
from ispctl.radius.rendering import Intent, needed, needs_new_session, render, session_class
from ispctl.structs import replace
from tests.platforms.contract import terms
from tests.platforms.slices import usual
from tests.report.sample import entitlement

IN_PLACE = {"routeros", "wispr", "ios-xe", "junos", "huawei-vrp", "accel-ppp", "vyos"}


def policy(**wall: object) -> Policy:
    said = {"format": "1", "timezone": "UTC", "currency": "NPR", "wall": {"pool": "walled"} | wall}
    return read(Policy, said)


def intent(name: str, wall: Policy | None = None) -> Intent:
    client = network.Radius(sources=(), identifier=None, secret="")
    place = Where("inventory/hosts.yaml", 1, 1)
    nas = network.Nas("one", name, frozenset(), client, None, network.Accounting(), place)
    return Intent(wall or policy(), {"home-50": terms()}, {"one": nas}, [])


@pytest.mark.parametrize("name", platforms())
def test_another_speed_keeps_the_session_where_a_coa_can_change_it(name: str) -> None:
    was = entitlement(terms=terms())
    faster = replace(was, terms=terms(100_000_000, 50_000_000))
    pair = [session_class(one, intent(name), name) for one in (was, faster)]
    assert pair[0] != pair[1]
    assert needs_new_session(*pair) == (name not in IN_PLACE)


@pytest.mark.parametrize("name", platforms())
def test_another_pool_and_the_wall_need_a_new_session_everywhere(name: str) -> None:
    was = entitlement(terms=terms())
    for other in (replace(was, terms=replace(was.terms, ipv4="pool:other")), replace(was, access="walled")):
        assert needs_new_session(*(session_class(one, intent(name), name) for one in (was, other)))


@pytest.mark.parametrize("name", platforms())
def test_a_wall_that_cannot_be_told_has_no_group_rather_than_an_open_one(name: str) -> None:
    """The server refuses a login without a group (no-profile); E136 says so before."""
    rendered = render(intent(name, policy(pool=None)))
    marked = name not in ("accel-ppp", "vyos", "linux")
    assert (("group", f"isp:walled@{name}") in rendered) == marked
    assert ("group", f"isp:home-50@{name}") in rendered


@pytest.mark.parametrize("name", nas_platforms())
def test_what_a_router_would_not_hold_is_known_to_validation(name: str) -> None:
    """Bindings, pools that its DHCP server should hand out, and interfaces at which subscribers are."""
    nas, want = nas_platform(name), replace(usual(name), bindings=())
    assert nas is not None
    assert bool(nas.taken(usual(name)).bindings) == platform(name).binds
    without = replace(want, pools=tuple(one for one in want.pools if one.served_by != "dhcp"))
    assert (rendered_nas(nas, want, {}) != rendered_nas(nas, without, {})) == (4 in platform(name).leases)
    for kind in ("pppoe", "ipoe"):
        without = replace(want, ports=tuple(port for port in want.ports if port.kind != kind))
        opens = rendered_nas(nas, want, {}) != rendered_nas(nas, without, {})
        assert opens == (kind in platform(name).serves), kind


def test_where_a_vendor_listens() -> None:
    assert {name: platform(name).coa_port for name in platforms() if platform(name).coa_port != 3799} == {
        "ios-xe": 1700,
        "vyos": 1700,
    }


def test_several_values_of_one_attribute_are_all_sent() -> None:
    """The server lets "=" stand aside for what is there already: the second policy would be lost."""
    reply = rows(render(intent("ios-xe"))["group", "isp:home-50@ios-xe"]["reply"])
    assert [operator for name, operator, _ in reply if name == "Cisco-AVPair"] == ["+=", "+="]
    assert [operator for name, operator, _ in reply if name == "Framed-Pool"] == ["="]


def test_what_a_router_has_to_know_by_name() -> None:
    names = {name: sorted(thing for _, thing in needed(intent(name))) for name in platforms()}
    pools = ["pool home", "pool home6", "pool home6-pd", "pool walled"]
    assert names["routeros"] == names["wispr"] == names["accel-ppp"] == names["vyos"] == names["linux"] == pools
    policies = ["isp-down-1M", "isp-down-50M", "isp-up-1M", "isp-up-25M"]
    assert names["ios-xe"] == ["access-list isp-walled", *sorted([*(f"policy-map {one}" for one in policies), *pools])]
    assert names["junos"] == ["dynamic-profile isp-rate", "dynamic-profile isp-walled", *pools]
    assert names["huawei-vrp"] == [*pools, "user-group isp-walled"]


def test_the_longest_name_of_a_tariff_fits_with_the_longest_platform() -> None:
    """radusergroup.groupname has 64 characters; a group is called isp:<tariff>@<platform>."""
    longest = value_of(scalars.Name, "x" * 48)
    assert max(len(f"isp:{longest}@{name}") for name in platforms()) <= 64
