"""Logins that somebody else's rows describe: what those rows may say, and what becomes of it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from ispctl.radius import mschap
from tests.canary import PASSWORD
from tests.live.rig import Rig, online, refused

pytestmark = pytest.mark.live


def foreign(rig: Rig, *, group: str | None = None, check: tuple[tuple[str, str], ...] = ()) -> str:
    return rig.login(ours=False, group=group, check=check, reply=(("Framed-IP-Address", "203.0.113.9"),))


def ends(rig: Rig, written: str) -> tuple[str, str]:
    """What becomes of a login whose `Expiration` is written like this: reply and reason."""
    login = foreign(rig, check=(("Expiration", written),))
    rig.routeros.authenticate(login, PASSWORD)
    return rig.log(login)


@pytest.mark.parametrize("ours", [False, True], ids=["of somebody else", "of ours, by hand"])
def test_a_row_that_rejects_is_the_reason_whatever_the_password(rig: Rig, ours: bool) -> None:
    login = rig.login(ours=ours, check=(("Auth-Type", "Reject"),))
    for password in (PASSWORD, PASSWORD + "x"):
        assert refused(rig.routeros.dial(login, password)).attributes.keys() <= {"Message-Authenticator"}
        assert rig.log(login) == ("Access-Reject", "refused")


def test_a_group_that_rejects_is_the_reason_too(rig: Rig) -> None:
    rig.insert("radgroupcheck", groupname="off", attribute="Auth-Type", op=":=", value="Reject")
    login = foreign(rig, group="off")
    refused(rig.routeros.dial(login, PASSWORD, method="chap"))
    assert rig.log(login) == ("Access-Reject", "refused")


@pytest.mark.parametrize("written", ["31 Dec 2036", "31 Dec 2036 23:59:59", "2114380799"])
def test_an_end_to_come_is_understood_and_sends_no_time_limit(rig: Rig, written: str) -> None:
    login = foreign(rig, check=(("Expiration", written),))
    assert online(rig.routeros.dial(login, PASSWORD)).timeout is None
    assert rig.log(login) == ("Access-Accept", "ok")


@pytest.mark.parametrize("written", ["31 Dec 2020", "31 Dec 2020 23:59:59", "1609459199"])
def test_an_end_that_is_past_is_the_reason_whatever_its_spelling(rig: Rig, written: str) -> None:
    assert ends(rig, written) == ("Access-Reject", "expired")


def test_an_end_counts_to_the_second_in_the_servers_own_time(rig: Rig) -> None:
    now = datetime.now().astimezone()
    for late, expected in ((-60, "expired"), (60, "ok")):
        at = now + timedelta(seconds=late)
        assert ends(rig, at.strftime("%d %b %Y %H:%M:%S"))[1] == expected
        assert ends(rig, str(int(at.timestamp())))[1] == expected


@pytest.mark.parametrize(
    "written", ["2036-12-31", "2036-12-31T23:59:59", "2036-12-31 23:59:59", "2036-12-31T23:59:59Z", "31/12/2036"]
)
def test_an_end_that_the_server_cannot_read_is_a_bad_row_and_no_open_door(rig: Rig, written: str) -> None:
    assert ends(rig, written) == ("Access-Reject", "bad-row")


def test_an_end_that_is_compared_holds_as_long_as_it_is_to_come(rig: Rig) -> None:
    """FreeRADIUS compares an Expiration with the clock, and says nothing of why there is no match."""
    for end, expected in (("31 Dec 2036", "Access-Accept"), ("31 Dec 2020", "Access-Reject")):
        login = foreign(rig)
        rig.insert("radcheck", username=login, attribute="Expiration", op="==", value=end)
        rig.routeros.authenticate(login, PASSWORD)
        assert rig.log(login)[0] == expected


@pytest.mark.parametrize(
    ("attribute", "stored"),
    [
        ("NT-Password", lambda clear: mschap.md4(clear.encode("utf-16-le")).hex().upper()),
        ("MD5-Password", lambda clear: hashlib.md5(clear.encode(), usedforsecurity=False).hexdigest()),
        (
            "SHA-Password",
            lambda clear: base64.b64encode(hashlib.sha1(clear.encode(), usedforsecurity=False).digest()).decode(),
        ),
        (
            "SSHA-Password",
            lambda clear: (hashlib.sha1(clear.encode() + b"salt", usedforsecurity=False).digest() + b"salt").hex(),
        ),
    ],
    ids=["nt", "md5", "sha", "ssha"],
)
def test_a_hash_that_is_written_as_hex_or_base64_opens_the_door_as_it_did(
    rig: Rig, attribute: str, stored: Callable[[str], str]
) -> None:
    login = rig.login(ours=False, password=None, check=((attribute, stored(PASSWORD)),))
    for method in ("pap", "mschapv2") if attribute == "NT-Password" else ("pap",):
        rig.routeros.authenticate(login, PASSWORD, method=method)
        assert rig.log(login) == ("Access-Accept", "ok")
        rig.routeros.authenticate(login, PASSWORD + "x", method=method)
        assert rig.log(login) == ("Access-Reject", "bad-password")


def test_hours_in_which_somebody_may_dial_in_hold_on(rig: Rig) -> None:
    login = foreign(rig, check=(("Login-Time", "Al0000-2400"),))
    online(rig.routeros.dial(login, PASSWORD))
    day = "Su" if datetime.now().astimezone().isoweekday() == 3 else "We"
    login = foreign(rig, check=(("Login-Time", f"{day}0000-0001"),))
    refused(rig.routeros.dial(login, PASSWORD))
    assert rig.log(login) == ("Access-Reject", "refused")


@pytest.mark.parametrize("spelt", ["02-00-5E-10-00-77", "0200.5e10.0077", "02005E100077"])
def test_a_device_that_is_a_login_is_found_in_the_spelling_that_its_row_has(rig: Rig, spelt: str) -> None:
    rig.insert("radcheck", username=spelt, attribute="Cleartext-Password", op=":=", value=PASSWORD)
    rig.routeros.authenticate(spelt, PASSWORD)
    assert rig.rows("SELECT reply FROM radpostauth WHERE username = ?", spelt) == [("Access-Accept",)]
