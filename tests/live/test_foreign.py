"""Logins that somebody else's rows describe: what those rows may say, and what becomes of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

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
