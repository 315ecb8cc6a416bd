"""--direct is refused before anything is pushed to whoever may not do that alone; proposing is everybody's."""

from __future__ import annotations

import pytest

from tests.verbs.conftest import FILE, SUB, Isp

RULES = """\
people:
  asha: {emails: [asha@example.net], gitlab: asha.g}
  binod: {emails: [binod@example.net], gitlab: binod.s}
roles:
  helpdesk: {members: [asha], direct: [suspend]}
  boss: {members: [binod], direct: [all], approve: [all]}
two_persons: [terminate]
"""
SUSPEND = ("suspend", SUB, "--reason", "abuse", "--from", "2026-11-22")


@pytest.fixture
def ruled(isp: Isp) -> Isp:
    isp.push("inventory/roles.yaml", RULES)
    return isp


def test_what_the_role_may_do_is_pushed(ruled: Isp) -> None:
    assert ruled.done(*SUSPEND, "--direct")["status"] == "committed"


def test_what_it_may_not_is_refused_with_whose_role_it_takes(ruled: Isp) -> None:
    before = ruled.log()
    said = ruled("reset-password", SUB, "--direct")
    assert said.code == 1
    assert said.err.startswith(f"{FILE}:7:5 E760 not-by-this-role: this would change (password), which whoever made it")
    assert "Without --direct it is proposed. By role: boss may do it alone; boss may approve it" in said.err
    assert ruled.log() == before


def test_it_is_refused_to_try_too(ruled: Isp) -> None:
    assert ruled("reset-password", SUB, "--direct", "--dry-run").code == 1


def test_without_direct_it_is_proposed_as_ever(ruled: Isp) -> None:
    assert ruled.done("reset-password", SUB)["status"] == "proposed"


def test_what_takes_two_is_proposed_by_the_boss_too(ruled: Isp, monkeypatch: pytest.MonkeyPatch) -> None:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "binod@example.net")
    assert ruled.done("reset-password", SUB, "--direct")["status"] == "committed"
    said = ruled("terminate", SUB, "--reason", "moved away", "--direct")
    assert (said.code, "E761 takes-two-persons: this would change (terminate)" in said.err) == (1, True)


@pytest.mark.parametrize("user, code", [("binod.s", 0), ("asha.g", 1), ("somebody.else", 1)])
def test_in_a_pipeline_whoever_started_it_has_to_be_allowed_as_well(
    ruled: Isp, monkeypatch: pytest.MonkeyPatch, user: str, code: int
) -> None:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "binod@example.net")
    monkeypatch.setenv("GITLAB_USER_LOGIN", user)
    assert ruled("reset-password", SUB, "--direct").code == code
