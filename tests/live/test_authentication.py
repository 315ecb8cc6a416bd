"""Who gets in, with what, and why not: against a real FreeRADIUS."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ispctl.lab.nas import Nas, Rejected, Silent
from ispctl.lab.session import Session
from ispctl.radius.server import marker
from tests.canary import OTHER_PASSWORD, PASSWORD, PASSWORD_MARK
from tests.live.rig import CLASS, HOME, MAC, OTHER_MAC, RENDERING, SECRET, THIRD_MAC, Rig, online, radclient, refused

pytestmark = pytest.mark.live
FULL_CLASS = f"{CLASS}-{RENDERING}".encode()


@pytest.mark.parametrize("method", ["pap", "chap", "mschapv2"])
def test_each_method_is_accepted_with_address_rate_and_class(rig: Rig, method: str) -> None:
    login = rig.login(reply=(("Framed-IP-Address", "203.0.113.7"), ("Framed-Route", "203.0.113.64/29")))
    session = online(rig.routeros.dial(login, PASSWORD, method=method, mac=MAC))
    assert session.address == "203.0.113.7"
    assert session.granted.routes == ("203.0.113.64/29",)
    assert (session.up.way.rate, session.down.way.rate) == (25_000_000, 50_000_000)
    assert session.granted.classes == (FULL_CLASS,)
    assert rig.log(login) == ("Access-Accept", "ok")


@pytest.mark.parametrize("method", ["pap", "chap", "mschapv2"])
def test_a_wrong_password_is_refused_and_logged_as_that(rig: Rig, method: str) -> None:
    login = rig.login()
    refused(rig.routeros.dial(login, PASSWORD + "x", method=method))
    assert rig.log(login) == ("Access-Reject", "bad-password")


def test_a_refusal_carries_nothing_but_its_authenticator(rig: Rig) -> None:
    login = rig.login(refuse="suspended", reply=(("Framed-IP-Address", "203.0.113.8"),))
    assert refused(rig.routeros.dial(login, PASSWORD)).attributes.keys() == {"Message-Authenticator"}


def test_an_unknown_login_is_refused_and_logged_as_that(rig: Rig) -> None:
    refused(rig.routeros.dial("nobody@home.example", PASSWORD))
    assert rig.log("nobody@home.example") == ("Access-Reject", "unknown-login")


def test_a_refuse_word_is_the_reason_once_the_password_was_right(rig: Rig) -> None:
    login = rig.login(refuse="suspended")
    refused(rig.routeros.dial(login, PASSWORD + "x"))
    assert rig.log(login) == ("Access-Reject", "bad-password")
    refused(rig.routeros.dial(login, PASSWORD))
    assert rig.log(login) == ("Access-Reject", "suspended")


def test_a_refuse_word_that_sounds_like_an_accept_still_refuses(rig: Rig) -> None:
    login = rig.login(refuse="ok")
    refused(rig.routeros.dial(login, PASSWORD))
    assert rig.log(login) == ("Access-Reject", "ok")


def test_a_refused_login_without_a_group_is_refused_for_its_own_reason(rig: Rig) -> None:
    login = rig.login(refuse="terminated", group=None)
    refused(rig.routeros.dial(login, PASSWORD))
    assert rig.log(login) == ("Access-Reject", "terminated")


def test_the_two_platforms_never_see_each_others_attributes(rig: Rig) -> None:
    login = rig.login()
    for nas, other in ((rig.routeros, "WISPr"), (rig.wispr, "Mikrotik")):
        session = online(nas.dial(login, PASSWORD))
        assert session.down.way.rate == 50_000_000
        assert not [name for name in session.granted.ignored if name.startswith(other)]


def test_a_platform_without_rows_refuses_instead_of_granting_no_limit(rig: Rig) -> None:
    login = rig.login()
    refused(rig.nas("core-1", "192.0.2.9", "junos").dial(login, PASSWORD))
    assert rig.log(login) == ("Access-Reject", "no-profile")


def test_a_login_that_is_not_ours_keeps_its_group_and_gets_no_class(rig: Rig) -> None:
    rig.insert("radgroupreply", groupname="gold", attribute="Session-Timeout", op=":=", value="600")
    login = rig.login(ours=False, group="gold", reply=(("Framed-IP-Address", "203.0.113.9"),))
    session = online(rig.routeros.dial(login, PASSWORD))
    assert (session.timeout, session.granted.classes) == (600, ())


def test_a_login_walled_by_the_controller_gets_the_walls_rows(rig: Rig) -> None:
    session = online(rig.routeros.dial(rig.login(group="isp:walled"), PASSWORD))
    assert (session.address_list, session.granted.pool) == ("walled", "walled")
    assert session.granted.classes == (FULL_CLASS,)


# MAC addresses


@pytest.mark.parametrize("mac", ["02:00:5e:10:00:01", "02-00-5E-10-00-01", "0200.5e10.0001", "02005E100001"])
def test_a_bound_mac_is_known_in_every_spelling(rig: Rig, mac: str) -> None:
    online(rig.routeros.dial(rig.login(mac_mode="fixed", macs=(MAC,)), PASSWORD, mac=mac))


def test_a_wrong_mac_is_refused_and_the_reason_is_logged(rig: Rig) -> None:
    login = rig.login(mac_mode="fixed", macs=(MAC,))
    for mac in (OTHER_MAC, ""):
        refused(rig.routeros.dial(login, PASSWORD, mac=mac))
        assert rig.log(login) == ("Access-Reject", "mac")


def test_a_wrong_mac_can_be_walled_without_its_static_address(rig: Rig) -> None:
    login = rig.login(mac_mode="fixed", macs=(MAC,), on_mismatch="wall", reply=(("Framed-IP-Address", "203.0.113.10"),))
    session = online(rig.routeros.dial(login, PASSWORD, mac=OTHER_MAC))
    assert (session.address_list, session.granted.address, session.rate_text) == ("walled", None, "")
    assert session.granted.classes == (FULL_CLASS + b"/wall:mac",)
    assert rig.log(login) == ("Access-Accept", "wall:mac")


def test_a_wrong_mac_can_raise_an_alert_only(rig: Rig) -> None:
    login = rig.login(mac_mode="fixed", macs=(MAC,), on_mismatch="alert", pop="pop", on_roam="alert")
    session = online(rig.routeros.dial(login, PASSWORD, mac=OTHER_MAC))
    assert (session.rate_text, session.granted.classes) == ("25M/50M", (FULL_CLASS,))
    assert rig.log(login) == ("Access-Accept", "alert:mac")


def test_an_alert_does_not_lift_the_limit_of_sessions(rig: Rig) -> None:
    login = rig.login(mac_mode="fixed", macs=(MAC,), on_mismatch="alert", sessions=1)
    online(rig.routeros.dial(login, PASSWORD, mac=MAC))
    refused(rig.routeros.dial(login, PASSWORD, mac=OTHER_MAC))
    assert rig.log(login) == ("Access-Reject", "sessions")


def test_macs_are_learned_up_to_the_limit_and_only_with_the_right_password(rig: Rig) -> None:
    login = rig.login(mac_mode="learn", mac_max=2)
    refused(rig.routeros.dial(login, PASSWORD + "x", mac=THIRD_MAC))
    for mac in (MAC, OTHER_MAC):
        online(rig.routeros.dial(login, PASSWORD, mac=mac))
        assert rig.log(login) == ("Access-Accept", "learned")
    refused(rig.routeros.dial(login, PASSWORD, mac=THIRD_MAC))
    assert rig.log(login) == ("Access-Reject", "mac")
    learned = rig.rows("SELECT mac, slot FROM ispctl_mac WHERE login = ? ORDER BY slot", login)
    assert learned == [(MAC, 1), (OTHER_MAC, 2)]


def test_a_full_list_of_learned_macs_can_raise_an_alert_only(rig: Rig) -> None:
    login = rig.login(mac_mode="learn", macs=(MAC,), on_mismatch="alert")
    online(rig.routeros.dial(login, PASSWORD, mac=OTHER_MAC))
    assert rig.log(login) == ("Access-Accept", "alert:mac")


# Where and until when


def test_a_login_away_from_its_nas_is_refused_or_reported_as_its_row_says(rig: Rig) -> None:
    rig.insert("ispctl_pop", pop="pop-lalitpur", nas="lalitpur-1")
    strict, watched = (rig.login(pop="pop-lalitpur", on_roam=word) for word in ("reject", "alert"))
    online(rig.routeros.dial(strict, PASSWORD))
    refused(rig.wispr.dial(strict, PASSWORD))
    assert rig.log(strict) == ("Access-Reject", "roaming")
    online(rig.wispr.dial(watched, PASSWORD))
    assert rig.log(watched) == ("Access-Accept", "roam")


def test_a_login_that_is_planned_nowhere_is_never_away(rig: Rig) -> None:
    online(rig.wispr.dial(rig.login(on_roam="reject"), PASSWORD))


def test_the_backstop_walls_or_refuses_an_expired_login(rig: Rig) -> None:
    walled, out = (rig.login(expires=1, on_expiry=word) for word in ("wall", "reject"))
    assert online(rig.routeros.dial(walled, PASSWORD)).granted.classes == (FULL_CLASS + b"/wall:expired",)
    refused(rig.routeros.dial(out, PASSWORD))
    assert (rig.log(walled)[1], rig.log(out)[1]) == ("wall:expired", "expired")


# Addresses and pools


def test_a_static_address_drops_the_pool_of_the_tariff(rig: Rig) -> None:
    assert online(rig.routeros.dial(rig.login(), PASSWORD)).granted.pool == "home"
    session = online(rig.routeros.dial(rig.login(reply=(("Framed-IP-Address", "203.0.113.11"),)), PASSWORD))
    assert (session.granted.pool, session.granted.address) == (None, "203.0.113.11")


def test_fixed_prefixes_drop_the_pools_of_their_kind(rig: Rig) -> None:
    pools = (
        ("Framed-IPv6-Pool", "home6"),
        ("Delegated-IPv6-Prefix-Pool", "home6-pd"),
        ("Mikrotik-Delegated-IPv6-Pool", "home6-pd"),
    )
    rig.group("isp:six@routeros", *pools)
    pooled = online(
        rig.routeros.dial(rig.login(group="isp:six", reply=(("Framed-IP-Address", "203.0.113.12"),)), PASSWORD)
    )
    assert (pooled.granted.prefix_pool, pooled.granted.delegated_pool) == ("home6", "home6-pd")
    fixed = (
        ("Framed-IP-Address", "203.0.113.13"),
        ("Framed-IPv6-Prefix", "2001:db8:1::/64"),
        ("Delegated-IPv6-Prefix", "2001:db8:100::/56"),
    )
    session = online(rig.routeros.dial(rig.login(group="isp:six", reply=fixed), PASSWORD))
    assert (session.granted.prefix_pool, session.granted.delegated_pool) == (None, None)
    assert (session.prefix, session.delegated) == ("2001:db8:1::/64", "2001:db8:100::/56")


def test_a_static_address_takes_nothing_from_the_servers_pool(rig: Rig) -> None:
    rig.insert("radippool", pool_name="main", framedipaddress="100.70.0.1")
    in_pool = (("Pool-Name", "main"),)
    login = rig.login(check=in_pool, reply=(("Framed-IP-Address", "203.0.113.14"),))
    assert online(rig.routeros.dial(login, PASSWORD)).address == "203.0.113.14"
    assert online(rig.routeros.dial(rig.login(check=in_pool), PASSWORD)).address == "100.70.0.1"
    last = rig.login(check=in_pool)
    refused(rig.routeros.dial(last, PASSWORD))
    assert rig.log(last) == ("Access-Reject", "pool-full")


# Hostile values


def stored(value: str) -> str:
    """How a value is written to SQL so that the server reads it literally."""
    text = value.replace("\\", "\\\\")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'`":
        quote = "'" if value[0] == '"' else '"'
        return quote + text + quote
    return text


@pytest.mark.parametrize(
    "password",
    [
        OTHER_PASSWORD,
        *(
            PASSWORD_MARK + text
            for text in ("%{User-Name}", "`id`", "a\\b", "tail\\", "$ENV{PATH}", "अ", " blank ", "&User-Name")
        ),
        f"`{PASSWORD_MARK}%{{User-Name}}`",
        f'"{PASSWORD_MARK}"',
        f"'{PASSWORD_MARK}'",
    ],
    ids=range(12),
)
def test_a_hostile_password_is_taken_literally(rig: Rig, password: str) -> None:
    login = rig.login(password=stored(password))
    online(rig.routeros.dial(login, password))


@pytest.mark.parametrize("login", ["' OR 1=1 --", "%{sql:SELECT 1}", "`id`", "a\\b", "x=2By", "sub-1@home.example "])
def test_a_hostile_login_finds_nobody(rig: Rig, login: str) -> None:
    refused(rig.routeros.dial(login, PASSWORD))


@pytest.mark.parametrize("row", [("Mikrotik-Rate-Limmit", "1M"), ("Session-Timeout", "soon")])
def test_a_row_that_cannot_be_read_refuses_with_what_is_wrong(rig: Rig, row: tuple[str, str]) -> None:
    login = rig.login(reply=(row,))
    refused(rig.routeros.dial(login, PASSWORD))
    assert rig.log(login) == ("Access-Reject", "bad-row")


# Who asks


def test_a_nas_that_is_not_listed_meets_silence_and_is_remembered(rig: Rig) -> None:
    stranger = rig.nas("stranger", "192.0.2.77", "routeros", listed=False, timeout=0.4)
    assert isinstance(stranger.dial(rig.login(), PASSWORD), Silent)
    assert rig.rows("SELECT reason FROM ispctl_rejects WHERE reason = 'unknown-client'")


def test_a_nas_with_the_wrong_secret_meets_silence(rig: Rig) -> None:
    wrong = rig.nas("typo-1", "192.0.2.78", "routeros", secret="another-secret", timeout=0.4)
    assert isinstance(wrong.dial(rig.login(), PASSWORD), Silent)


def test_a_nas_that_must_sign_is_not_heard_without_a_signature(rig: Rig) -> None:
    nas = rig.nas("strict-1", "192.0.2.79", "routeros", require_ma=1)
    online(nas.dial(rig.login(), PASSWORD))
    rig.here()
    unsigned = radclient(rig.auth, "auth", SECRET, "User-Name = nobody")
    assert "No reply" in unsigned
    signed = radclient(rig.auth, "auth", SECRET, "User-Name = nobody", "Message-Authenticator = 0x00")
    assert "Access-Reject" in signed


def test_the_server_tells_which_configuration_it_runs(rig: Rig) -> None:
    rig.here()
    answer = radclient(rig.auth, "status", SECRET, "Message-Authenticator = 0x00")
    assert f"ispctl-config {marker(rig.server.settings)} 750" in answer


# What is kept


def test_no_password_is_logged_or_stored_beside_radcheck(rig: Rig) -> None:
    login = rig.login()
    for nas, password in ((rig.routeros, PASSWORD), (rig.wispr, PASSWORD + "x")):
        assert isinstance(nas.dial(login, password), Session | Rejected)
    assert rig.rows("SELECT DISTINCT pass FROM radpostauth") == [("",)]
    log = rig.server.log.read_text("utf-8")
    assert PASSWORD_MARK not in log
    assert (rig.server.settings.database_password or "nothing secret") not in log
    tables = sorted(rig.store.database.tables() - {"radcheck"})
    assert {"radpostauth", "ispctl_login"} <= set(tables)
    assert PASSWORD_MARK not in repr([rig.rows(f"SELECT * FROM {table}") for table in tables])


def test_the_stand_in_tells_silence_from_refusal(rig: Rig, tmp_path: Path) -> None:
    nowhere = Nas(
        "away", address="192.0.2.80", secret=SECRET, auth=("127.0.0.1", 9), acct=("127.0.0.1", 9), timeout=0.1
    )
    assert isinstance(nowhere.dial("nobody", PASSWORD), Silent)


def test_a_login_is_accepted_by_the_group_of_its_tariff_alone(rig: Rig) -> None:
    login = rig.login()
    online(rig.routeros.dial(login, PASSWORD))
    profile = rig.rows("SELECT profile FROM radpostauth WHERE username = ?", login)
    assert profile == [(f"{HOME}@routeros",)]


def test_strangers_at_once_never_learn_more_than_the_limit(rig: Rig) -> None:
    nas = rig.nas("crowd-1", "192.0.2.81", "routeros", timeout=10.0)
    for _ in range(5):
        login = rig.login(mac_mode="learn", mac_max=2)
        with ThreadPoolExecutor(8) as crowd:
            dials = [crowd.submit(nas.dial, login, PASSWORD, mac=f"02:00:5e:20:00:{n:02x}") for n in range(8)]
            found = {f"02:00:5e:20:00:{n:02x}": dial.result() for n, dial in enumerate(dials)}
        # Silence is for a race that was not decided when the server looked; a NAS asks again.
        again = {mac: nas.dial(login, PASSWORD, mac=mac) for mac, met in found.items() if isinstance(met, Silent)}
        outcomes = [type(met).__name__ for met in {**found, **again}.values()]
        assert sorted(outcomes) == ["Rejected"] * 6 + ["Session"] * 2
        assert rig.rows("SELECT count(*) FROM ispctl_mac WHERE login = ?", login) == [(2,)]
