"""Who needs no password, because the network says who it is, and who does not get in that way (IPoE)."""

from __future__ import annotations

from typing import Any

import pytest

from ispctl.lab.session import Session
from tests.canary import PASSWORD
from tests.live.rig import CLASS, MAC, OTHER_MAC, THIRD_MAC, Rig, online, refused

pytestmark = pytest.mark.live
CIRCUIT, REMOTE = "hemja-2 eth 0/7:120", "ont-0001"


def line(rig: Rig, *identities: str, **fields: Any) -> str:
    """A login that the network knows by these names."""
    login = rig.login(method="line", password=None, **fields)
    for identity in identities:
        rig.insert("ispctl_identity", identity=identity, login=login)
    return login


def circuit(text: str, remote: str = "") -> str:
    return f"circuit:{text.encode().hex()}" + (f"/{remote.encode().hex()}" if remote else "")


def option82(circuit: str, remote: str = "") -> dict[str, Any]:
    return {"ADSL-Agent-Circuit-Id": circuit.encode(), "ADSL-Agent-Remote-Id": remote.encode() or None}


def accepted(rig: Rig, login: str, user: str, **dial: Any) -> Session:
    """Online as `login` although the NAS said `user`."""
    session = online(rig.routeros.dial(user, method="none", **dial))
    assert rig.log(login) == ("Access-Accept", "ok")
    row = rig.account(session)
    assert (row["username"], row["sentname"]) == (login, user)
    return session


@pytest.mark.parametrize("mac", ["02:00:5e:40:00:01", "02-00-5E-40-00-01", "0200.5e40.0001", "02005E400001"])
def test_a_device_is_known_by_its_mac_in_every_spelling(rig: Rig, mac: str) -> None:
    rig.run("DELETE FROM ispctl_identity")
    login = line(rig, "mac:02:00:5e:40:00:01", reply=(("Framed-IP-Address", "203.0.113.30"),))
    session = accepted(rig, login, mac, mac=mac)
    assert (session.address, session.granted.pool) == ("203.0.113.30", None)
    assert session.down.way.rate == 50_000_000
    assert session.granted.classes[0].startswith(CLASS.encode())


@pytest.mark.parametrize(
    ("user", "port"),
    [
        (MAC, option82(CIRCUIT)),
        (MAC, option82(CIRCUIT, "any")),
        (CIRCUIT, {}),
        (MAC, {"NAS-Port-Id": CIRCUIT}),
        (MAC, {"NAS-Port-Id": CIRCUIT, "Service-Type": "Call-Check"}),
        (MAC, {"NAS-Port-Id": CIRCUIT, "Service-Type": None}),
    ],
    ids=["option 82", "with a remote id", "as User-Name", "as NAS-Port-Id", "call check", "no service type"],
)
def test_a_line_is_known_wherever_the_nas_names_it(rig: Rig, user: str, port: dict[str, Any]) -> None:
    rig.run("DELETE FROM ispctl_identity")
    accepted(rig, line(rig, circuit(CIRCUIT)), user, mac=MAC, port=port)


def test_a_line_may_be_called_by_any_octets(rig: Rig) -> None:
    for octets in (b"\x00\x04\x00\x7b\x01\x07", b"' OR 1=1 --", b"%{User-Name}", b'"`id`\\'):
        login = line(rig, f"circuit:{octets.hex()}")
        accepted(rig, login, MAC, mac=MAC, port={"ADSL-Agent-Circuit-Id": octets})


def test_the_line_counts_more_than_the_device_and_both_ids_more_than_one(rig: Rig) -> None:
    rig.run("DELETE FROM ispctl_identity")
    device, port, exact = line(rig, f"mac:{MAC}"), line(rig, circuit(CIRCUIT)), line(rig, circuit(CIRCUIT, REMOTE))
    accepted(rig, device, MAC, mac=MAC, port=option82("another line"))
    accepted(rig, port, MAC, mac=MAC, port=option82(CIRCUIT))
    accepted(rig, exact, MAC, mac=MAC, port=option82(CIRCUIT, REMOTE))


def test_a_line_that_nobody_has_is_an_unknown_login(rig: Rig) -> None:
    refused(rig.routeros.dial("02:00:5e:40:00:99", method="none", port=option82("no such line")))
    assert rig.log("02:00:5e:40:00:99") == ("Access-Reject", "unknown-login")


@pytest.mark.parametrize(
    "port",
    [
        {"Framed-Protocol": "PPP"},
        {"Service-Type": "Login-User"},
        {"Service-Type": "Administrative-User"},
    ],
    ids=["PPP", "a login page", "the console"],
)
def test_what_a_subscriber_can_type_is_no_line(rig: Rig, port: dict[str, Any]) -> None:
    rig.run("DELETE FROM ispctl_identity")
    line(rig, f"mac:{MAC}", circuit(CIRCUIT))
    for user in (MAC, CIRCUIT):
        refused(rig.routeros.dial(user, method="none", mac=MAC, port=option82(CIRCUIT) | port))


@pytest.mark.parametrize("method", ["pap", "chap", "mschapv2"])
def test_whoever_dials_gets_no_other_login_by_the_line_they_dial_from(rig: Rig, method: str) -> None:
    rig.run("DELETE FROM ispctl_identity")
    owner, guest = line(rig, circuit(CIRCUIT)), rig.login()
    session = online(rig.routeros.dial(guest, PASSWORD, method=method, mac=MAC, port=option82(CIRCUIT)))
    row = rig.account(session)
    assert (row["username"], row["sentname"]) == (guest, "")
    assert rig.log(owner) == ("", "")


def test_a_password_is_asked_where_there_is_one_even_without_ppp(rig: Rig) -> None:
    rig.run("DELETE FROM ispctl_identity")
    line(rig, circuit(CIRCUIT))
    login = rig.login()
    port = option82(CIRCUIT) | {"Framed-Protocol": None}
    online(rig.routeros.dial(login, PASSWORD, port=port))
    refused(rig.routeros.dial(login, PASSWORD + "x", port=port))
    assert rig.log(login) == ("Access-Reject", "bad-password")
    refused(rig.routeros.dial(login, method="none", port=option82(CIRCUIT)))
    assert rig.log(login) == ("Access-Reject", "bad-password")


def test_no_password_opens_the_login_of_a_line(rig: Rig) -> None:
    login = line(rig, circuit(CIRCUIT))
    rig.insert("radcheck", username=login, attribute="Cleartext-Password", op=":=", value=PASSWORD)
    refused(rig.routeros.dial(login, PASSWORD))
    assert rig.log(login) == ("Access-Reject", "method")


def test_a_line_obeys_the_same_rules_as_every_login(rig: Rig) -> None:
    rig.run("DELETE FROM ispctl_identity")
    cases = {
        "suspended": line(rig, circuit("one"), refuse="suspended"),
        "mac": line(rig, circuit("two"), mac_mode="fixed", macs=(MAC,)),
        "roaming": line(rig, circuit("three"), pop="nowhere", on_roam="reject"),
    }
    for (reason, login), name in zip(cases.items(), ("one", "two", "three"), strict=True):
        refused(rig.routeros.dial(OTHER_MAC, method="none", mac=OTHER_MAC, port=option82(name)))
        assert rig.log(login) == ("Access-Reject", reason)
    walled = line(rig, circuit("four"), group="isp:walled")
    assert online(rig.routeros.dial(MAC, method="none", port=option82("four"))).address_list == "walled"
    assert rig.log(walled) == ("Access-Accept", "ok")


def test_one_session_at_a_time_counts_for_lines_as_well(rig: Rig) -> None:
    rig.run("DELETE FROM ispctl_identity")
    login = line(rig, circuit(CIRCUIT), sessions=1)
    accepted(rig, login, MAC, mac=MAC, port=option82(CIRCUIT))
    refused(rig.routeros.dial(THIRD_MAC, method="none", mac=THIRD_MAC, port=option82(CIRCUIT)))
    assert rig.log(login) == ("Access-Reject", "sessions")


def test_a_store_tells_what_the_nas_said_octet_for_octet(rig: Rig) -> None:
    rig.run("DELETE FROM ispctl_identity")
    name = 'Gi0/1 "नेपाल" a=b'
    login = line(rig, circuit(name))
    online(rig.routeros.dial(name, method="none", mac=MAC))
    (session,) = rig.store.sessions(logins=[login])
    assert (session.login, session.sent) == (login, name)
