"""A new password: strong, sealed, and seen by nobody who did not ask for it."""

from __future__ import annotations

import io
import re

import pytest

from tests.gates import example
from tests.verbs.conftest import SUB, Isp
from tests.verbs.test_coming import clear_text

RESET = ("reset-password", SUB, "--direct")


def test_a_password_is_replaced_and_stands_nowhere_in_the_clear(isp: Isp) -> None:
    before = isp.text()
    done = isp.done(*RESET)
    after = isp.text()
    sealed = re.compile('password: ".*"')
    assert sealed.sub("", after) == sealed.sub("", before)
    clear = clear_text(isp, after, "sub-000123/main")
    assert re.fullmatch("([a-z2-9]{4}-){3}[a-z2-9]{4}", clear)
    assert clear not in str(done) + example.git(isp.origin, "log", "-p", "-1")
    assert isp.log()[0] == "reset-password sub-000123/main: another password"
    assert done["plan"]["services"][0]["if_online"] == "kept"


def test_it_is_shown_to_whoever_asks_after_it_was_pushed(isp: Isp) -> None:
    said = isp(*RESET, "--show")
    assert said.out.endswith(f"\nPassword: {clear_text(isp, isp.text(), 'sub-000123/main')}\n")
    assert "Password" not in isp(*RESET, "--show", "--dry-run").both
    assert "leave --format out" in isp(*RESET, "--show", "--format", "json").err
    isp.hook("pre-receive", "exit 1")
    assert "Password" not in isp(*RESET, "--show").both


def test_one_of_ones_own_comes_from_standard_input(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-pw-own\n"))
    isp.done(*RESET, "--password-stdin")
    assert clear_text(isp, isp.text(), "sub-000123/main") == "canary-pw-own"
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert "E209 unfit-secret" in isp(*RESET, "--password-stdin").err


def test_who_is_known_by_the_line_has_none(isp: Isp) -> None:
    assert "E684 not-in-that-state" in isp("reset-password", "sub-000303").err


def managed(isp: Isp, policy: str = "") -> None:
    """The ISP has an ACS, and the subscriber a router of it."""
    isp.push("inventory/targets.yaml", isp.text("inventory/targets.yaml") + "cpe: {inform: 1h}\n")
    if policy:
        isp.push("inventory/policy.yaml", isp.text("inventory/policy.yaml") + policy)
    isp.done("cpe", "link", SUB, "A1", "--direct")


def olds(isp: Isp) -> list[str]:
    return re.findall(r'password: "?(\S+?)"?, replaced', isp.text())


def password(isp: Isp) -> str:
    return str(re.findall(r'\n    password: "?([^"\n]+)', isp.text())[0])


def test_the_old_one_of_a_router_stays_beside_the_new_one_for_a_week(isp: Isp) -> None:
    managed(isp)
    before = password(isp)
    done = isp.done(*RESET)
    assert olds(isp) == [before]
    assert "the old one holds until the device has it, at most until " in done["events"][0]["text"]
    assert done["plan"]["services"] == []
    assert any("the old one holds" in one for one in done["plan"]["assumes"])
    second = password(isp)
    isp.done(*RESET)
    assert olds(isp) == [before, second]


@pytest.mark.parametrize("policy, words", [("", ("--at-once",)), ("cpe: {keep_password: 0s}\n", ())])
def test_it_holds_at_once_where_that_is_said(isp: Isp, policy: str, words: tuple[str, ...]) -> None:
    managed(isp, policy)
    isp.done(*RESET)
    assert len(isp.done(*RESET, *words)["plan"]["services"]) == 1
    assert olds(isp) == []


def test_after_eight_that_no_router_took_there_is_no_ninth(isp: Isp) -> None:
    managed(isp)
    for _ in range(8):
        isp.done(*RESET)
    assert "E684" in isp(*RESET).err
