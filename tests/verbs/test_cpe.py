"""A router is linked to a service, and taken away from it."""

from __future__ import annotations

from tests.gates import example
from tests.verbs.conftest import SUB, Isp
from tests.verbs.test_coming import clear_text


def acs(isp: Isp) -> None:
    isp.push("inventory/targets.yaml", isp.text("inventory/targets.yaml") + "cpe: {inform: 1h}\n")


def test_a_router_is_linked_in_one_commit_and_once(isp: Isp) -> None:
    acs(isp)
    done = isp.done("cpe", "link", SUB, "A1", "--direct", "--key", "t-1")
    assert done["events"][0]["text"] == "the device A1, profile generic"
    assert done["plan"]["services"] == []
    assert "cpe: [{serial: A1, profile: generic}]" in isp.text() or "serial: A1" in isp.text()
    assert "is told the login of sub-000123/main when it calls" in done["notes"][0]
    assert isp.done("cpe", "link", SUB, "A1", "--direct", "--key", "t-1")["status"] == "already"
    assert isp.done("cpe", "link", SUB, "A1", "--direct")["status"] == "unchanged"
    isp.done("cpe", "link", SUB, "A1", "--direct", "--profile", "huawei-router")
    assert "profile: huawei-router" in isp.text()


def test_without_an_acs_it_is_said_that_nothing_comes_of_it(isp: Isp) -> None:
    assert "no device is configured" in isp.done("cpe", "link", SUB, "A1", "--direct")["notes"][0]


def test_the_router_of_somebody_else_and_an_unknown_profile_are_refused(isp: Isp) -> None:
    acs(isp)
    assert "E143" in isp("cpe", "link", SUB, "48575443A1B2C3D4", "--direct").err
    said = isp("cpe", "link", SUB, "A1", "--profile", "nothing")
    assert (said.code, "E145" in said.err, "generic, huawei-router" in said.err) == (1, True, True)
    assert "Did you mean generic?" in isp("cpe", "link", SUB, "A1", "--profile", "genric").err


def test_a_router_that_goes_knows_no_password_that_holds(isp: Isp) -> None:
    acs(isp)
    isp.done("cpe", "link", SUB, "A1", "--direct")
    before = clear_text(isp, isp.text(), "sub-000123/main")
    isp.done("reset-password", SUB, "--direct")
    done = isp.done("cpe", "unlink", SUB, "--direct")
    after = isp.text()
    clear = clear_text(isp, after, "sub-000123/main")
    assert ("cpe:" in after, "old_passwords" in after, clear == before) == (False, False, False)
    assert done["events"][0]["text"] == "the device A1, and another password"
    assert clear not in str(done) + example.git(isp.origin, "log", "-p", "-1")
    isp.done("cpe", "link", SUB, "B2", "--direct")
    assert "serial: B2" in isp.text()


def test_another_login_is_said_to_leave_the_router_behind(isp: Isp) -> None:
    assert "dials" not in str(isp.done("rename-login", SUB, "anita@home.example", "--direct")["notes"])
    acs(isp)
    isp.done("cpe", "link", SUB, "A1", "--direct")
    notes = isp.done("rename-login", SUB, "anita.rai@home.example", "--direct")["notes"]
    assert "A1 dials with the old login until it is told the new one, and is refused meanwhile" in notes[1]


def test_one_that_was_linked_by_mistake_goes_without_a_new_password(isp: Isp) -> None:
    acs(isp)
    isp.done("cpe", "link", SUB, "A1", "--direct")
    isp.done("cpe", "link", SUB, "B2", "--direct")
    before = clear_text(isp, isp.text(), "sub-000123/main")
    assert "E684" in isp("cpe", "unlink", SUB, "--direct").err
    assert "A1, B2" in isp("cpe", "unlink", SUB, "C3", "--direct").err
    isp.done("cpe", "unlink", SUB, "B2", "--direct")
    isp.done("cpe", "unlink", SUB, "A1", "--direct", "--keep-password")
    assert clear_text(isp, isp.text(), "sub-000123/main") == before
    assert "serial" not in isp.text()
