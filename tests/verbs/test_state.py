"""Out of use by hand, and back."""

from __future__ import annotations

from tests.verbs.conftest import FILE, SUB, Isp

SUSPEND = ("suspend", SUB, "--reason", "abuse", "--from", "2026-11-22", "--direct")


def test_a_service_comes_back_as_it_was(isp: Isp) -> None:
    before = isp.text()
    isp.done(*SUSPEND)
    assert isp.text() == before + "    suspended: {since: 2026-11-22, reason: abuse}\n"
    done = isp.done("resume", SUB, "--direct")
    assert done["events"][0]["text"] == "was suspended since 2026-11-22"
    assert isp.text() == before


def test_a_login_names_a_service_as_its_id_does(isp: Isp) -> None:
    by_id = isp.done(*SUSPEND, "--dry-run")
    by_login = isp.done("suspend", "anita.rai@home.example", *SUSPEND[2:], "--dry-run")
    assert by_login["events"] == by_id["events"]
    assert by_login["plan"]["digest"] == by_id["plan"]["digest"]
    assert isp.done("renew", "Anita.Rai@HOME.example", "--dry-run")["events"][0]["id"] == SUB


def test_who_is_suspended_is_not_suspended_again(isp: Isp) -> None:
    isp.done(*SUSPEND)
    said = isp(*SUSPEND)
    assert (said.code, f"{FILE}:11:16 E684 not-in-that-state" in said.err) == (1, True)


def test_who_is_not_suspended_need_not_come_back(isp: Isp) -> None:
    said = isp("resume", SUB, "--direct")
    assert (said.code, said.out) == (0, "It is so already; nothing changed.\n")


def test_a_pause_is_named_by_its_id_and_a_service_by_its_own(isp: Isp) -> None:
    said = isp("resume", SUB, "--group", "lalitpur")
    assert (said.code, "a service is named alone" in said.err) == (1, True)
