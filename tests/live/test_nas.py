"""Who may ask: NAS that come, change and go while the server runs, in both families."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ispctl.lab.nas import Nas, Silent
from ispctl.lab.process import wait_for
from ispctl.lab.session import Session
from tests.canary import PASSWORD
from tests.live.rig import SECRET, Rig, online, radclient, refused

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def rig6(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A server that listens on IPv6."""
    rig = Rig(tmp_path_factory.mktemp("radius6"), listen="::1")
    try:
        yield rig
    finally:
        rig.close()


def dials(nas: Nas, login: str) -> bool:
    return isinstance(nas.dial(login, PASSWORD), Session)


def test_a_nas_that_is_added_is_heard_at_once(rig: Rig) -> None:
    nas = rig.nas("new-1", "192.0.2.51", "routeros", listed=False, timeout=0.3, tries=1)
    login = rig.login()
    assert isinstance(nas.dial(login, PASSWORD), Silent)
    rig.insert("nas", nasname=nas._source, shortname="new-1", type="routeros", secret=SECRET, require_ma=0)
    online(nas.dial(login, PASSWORD))


def test_another_secret_takes_effect_without_a_restart_and_the_old_one_ends(rig: Rig) -> None:
    old = rig.nas("turn-1", "192.0.2.52", "routeros", timeout=0.3, tries=1)
    login = rig.login()
    online(old.dial(login, PASSWORD))
    fresh = rig.nas("turn-1", "192.0.2.52", "routeros", listed=False, secret="fresh-secret", timeout=0.3, tries=1)
    fresh._source = old._source
    rig.run("UPDATE nas SET secret = 'fresh-secret' WHERE nasname = ?", old._source)
    assert wait_for(lambda: dials(fresh, login), 10)
    assert isinstance(old.dial(login, PASSWORD), Silent)


def test_a_nas_that_is_removed_meets_silence(rig: Rig) -> None:
    nas = rig.nas("gone-1", "192.0.2.53", "routeros", timeout=0.3, tries=1)
    login = rig.login()
    online(nas.dial(login, PASSWORD))
    rig.run("DELETE FROM nas WHERE nasname = ?", nas._source)
    assert wait_for(lambda: isinstance(nas.dial(login, PASSWORD), Silent), 10)


@pytest.mark.parametrize("secret", ["%{User-Name}", "a'b\"c`d", "$ENV{HOME}", "`id`", "नेपाल", "x" * 48, "#{}[] ;="])
def test_a_nasty_secret_is_taken_literally(rig: Rig, secret: str) -> None:
    nas = rig.nas(f"nasty-{len(secret)}", "192.0.2.54", "routeros", secret=secret)
    rig.run("UPDATE nas SET secret = ? WHERE nasname = ?", secret, nas._source)
    online(nas.dial(rig.login(), PASSWORD))


def test_a_nas_may_come_by_ipv6(rig6: Rig) -> None:
    rig6.insert("nas", nasname="::1", shortname="six-1", type="routeros", secret=SECRET, require_ma=1)
    place = (("::1", rig6.server.settings.auth_port), ("::1", rig6.server.settings.acct_port))
    nas = Nas(
        "six-1", address="192.0.2.55", platform="routeros", secret=SECRET, auth=place[0], acct=place[1], source="::1"
    )
    login = rig6.login(pop="six", on_roam="reject")
    rig6.insert("ispctl_pop", pop="six", nas="six-1")
    session = online(nas.dial(login, PASSWORD))
    assert nas.hangup(session)
    assert rig6.account(session)["acctstoptime"] is not None
    refused(nas.dial(login, PASSWORD + "x"))
    unsigned = radclient(("[::1]", rig6.server.settings.auth_port), "auth", SECRET, "User-Name = nobody")
    assert "No reply" in unsigned
    assert rig6.log("nobody") == ("", "")


def test_a_stranger_by_ipv6_meets_silence_and_is_remembered(rig6: Rig) -> None:
    rig6.run("DELETE FROM nas WHERE nasname = '::1'")
    assert wait_for(
        lambda: "No reply" in radclient(("[::1]", rig6.server.settings.auth_port), "auth", SECRET, "User-Name = a"), 10
    )
    assert wait_for(lambda: bool(rig6.rows("SELECT 1 FROM ispctl_stranger WHERE address = '::1'")), 5)


# Realms


def test_a_login_of_another_realm_is_refused_and_passed_on_to_nobody(rig: Rig) -> None:
    names = {
        "unknown-realm": ["guest@elsewhere.example", "guest@h\u043eme.example", "guest@", "a@b@elsewhere.example"],
        "unknown-login": ["guest@home.example", "guest@HOME.example", "guest"],
    }
    rig.insert("ispctl_object", kind="realm", key="home.example", value="local")
    try:
        for reason, logins in names.items():
            for login in logins:
                refused(rig.routeros.dial(login, PASSWORD))
                assert rig.log(login) == ("Access-Reject", reason), login
    finally:
        rig.run("DELETE FROM ispctl_object WHERE kind = 'realm'")


def test_without_realms_in_the_policy_every_unknown_login_is_just_that(rig: Rig) -> None:
    refused(rig.routeros.dial("guest@elsewhere.example", PASSWORD))
    assert rig.log("guest@elsewhere.example") == ("Access-Reject", "unknown-login")
