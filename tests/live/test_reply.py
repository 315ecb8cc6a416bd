"""What an accepted login is told: its own rows, its group's, and never both where only one can be meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.canary import PASSWORD
from tests.live.rig import HOME, MAC, OTHER_MAC, Rig, online, refused

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A server as `ispctl radius config` renders it by default."""
    rig = Rig(tmp_path_factory.mktemp("quiet"), log_accepts=False)
    try:
        yield rig
    finally:
        rig.close()


def test_a_row_of_the_login_takes_the_place_of_its_groups(rig: Rig) -> None:
    rig.group("isp:own@routeros")
    for attribute, value in (("Framed-Pool", "home"), ("Session-Timeout", "600")):
        rig.insert("radgroupreply", groupname="isp:own@routeros", attribute=attribute, op="=", value=value)
    login = rig.login(group="isp:own")
    for attribute, value in (("Framed-Pool", "business"), ("Session-Timeout", "900")):
        rig.insert("radreply", username=login, attribute=attribute, op=":=", value=value)
    session = online(rig.routeros.dial(login, PASSWORD))
    assert (session.granted.pool, session.timeout) == ("business", 900)


def test_values_that_add_up_are_all_sent(rig: Rig) -> None:
    rig.group("isp:many@routeros")
    rig.insert("radgroupreply", groupname="isp:many@routeros", attribute="Framed-Route", op="+=", value="192.0.2.64/29")
    login = rig.login(
        group="isp:many", reply=(("Framed-Route", "203.0.113.64/29"), ("Framed-Route", "203.0.113.72/29"))
    )
    session = online(rig.routeros.dial(login, PASSWORD))
    assert set(session.granted.routes) == {"203.0.113.64/29", "203.0.113.72/29", "192.0.2.64/29"}


def test_a_login_that_is_not_ours_gets_a_group_of_ours_once(rig: Rig) -> None:
    rig.group("isp:once@routeros")
    rig.insert("radgroupreply", groupname="isp:once@routeros", attribute="Framed-Route", op="+=", value="192.0.2.64/29")
    session = online(rig.routeros.dial(rig.login(ours=False, group="isp:once"), PASSWORD))
    assert session.granted.routes == ("192.0.2.64/29",)


def test_no_time_limit_is_sent_for_what_ends_by_the_calendar(rig: Rig) -> None:
    assert online(rig.routeros.dial(rig.login(expires=2_000_000_000), PASSWORD)).timeout is None


def test_what_everybody_gets_needs_no_line_and_everything_else_has_one(quiet: Rig) -> None:
    plain, strict = quiet.login(), quiet.login(mac_mode="fixed", macs=(MAC,), on_mismatch="wall")
    for login in (plain, strict):
        online(quiet.routeros.dial(login, PASSWORD, mac=MAC))
        assert quiet.log(login) == ("", "")
    refused(quiet.routeros.dial(plain, PASSWORD + "x"))
    assert quiet.log(plain) == ("Access-Reject", "bad-password")
    online(quiet.routeros.dial(strict, PASSWORD, mac=OTHER_MAC))
    assert quiet.log(strict) == ("Access-Accept", "wall:mac")


def test_a_group_that_lost_its_rows_on_the_way_is_not_an_open_door(rig: Rig) -> None:
    login = rig.login()
    rig.run("DELETE FROM radgroupcheck WHERE groupname = ?", f"{HOME}@wispr")
    try:
        refused(rig.wispr.dial(login, PASSWORD))
        assert rig.log(login) == ("Access-Reject", "no-profile")
    finally:
        for attribute in ("ISP-Profile", "ISP-Rendering"):
            name = f"{HOME}@wispr"
            rig.insert("radgroupcheck", groupname=name, attribute=attribute, op=":=", value=name)


def test_what_a_login_has_of_its_own_takes_the_place_of_its_groups(rig: Rig) -> None:
    rig.group("isp:own@routeros", ("Idle-Timeout", "5"))
    rig.run("UPDATE radgroupreply SET op = '=' WHERE groupname = 'isp:own@routeros'")
    rig.insert("radgroupreply", groupname="isp:own@routeros", attribute="Framed-Pool", op="=", value="home")
    login = rig.login(group="isp:own", reply=(("Framed-Pool", "hotspot"),))
    reply = rig.routeros.authenticate(login, PASSWORD)
    assert isinstance(reply, dict)
    assert (reply["Framed-Pool"], reply["Idle-Timeout"]) == (["hotspot"], [5])


SIX = (("Framed-IPv6-Prefix", "2001:db8:1::/64"), ("Delegated-IPv6-Prefix", "2001:db8:100::/56"))


def test_the_walls_of_the_server_and_of_the_controller_leave_no_way_round_by_ipv6(rig: Rig) -> None:
    rig.group("isp:dual@routeros", ("Framed-IPv6-Pool", "home6"), ("Delegated-IPv6-Prefix-Pool", "home6-pd"))
    strict: dict[str, Any] = {"mac_mode": "fixed", "macs": (MAC,), "on_mismatch": "wall"}
    by_server = [
        (rig.login(group="isp:dual", reply=SIX, **strict), OTHER_MAC),
        (rig.login(group="isp:dual", **strict), OTHER_MAC),
        (rig.login(group="isp:dual", reply=SIX, expires=1, on_expiry="wall"), MAC),
        (rig.login(group="isp:walled"), MAC),
    ]
    for login, mac in by_server:
        session = online(rig.routeros.dial(login, PASSWORD, mac=mac))
        assert session.address_list == "walled"
        assert (session.prefix, session.delegated) == (None, None)
        assert (session.granted.prefix_pool, session.granted.delegated_pool) == (None, None)


def test_ipv6_and_several_routes_are_sent_and_kept_with_the_session(rig: Rig) -> None:
    routes = (("Framed-Route", "203.0.113.64/29"), ("Framed-Route", "203.0.113.72/29"))
    login = rig.login(reply=(*SIX, *routes, ("Framed-IPv6-Address", "2001:db8:1::7")))
    session = online(rig.routeros.dial(login, PASSWORD))
    assert (session.prefix, session.delegated) == ("2001:db8:1::/64", "2001:db8:100::/56")
    assert set(session.granted.routes) == {"203.0.113.64/29", "203.0.113.72/29"}
    assert rig.account(session)["delegatedipv6prefix"] == "2001:db8:100::/56"
