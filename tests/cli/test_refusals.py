"""What a command refuses before it has begun: the exact words."""

from __future__ import annotations

from typing import Any

import pytest

from ispctl.cli import plans
from ispctl.index import Look
from tests.cli.conftest import Cli
from tests.gates import example

A_FILE = "subscribers/lalitpur/3f/sub-000123.yaml"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("plan", "--target", "cpe"),
            "E607 unknown-target: there is no target cpe. There are: radius, nas (all of them), nas:HOST",
        ),
        (("nas", "render", "chitwan"), "E607 unknown-target: there is no NAS chitwan. Did you mean chitwan-2?"),
        (
            ("nas", "render", "chitwan-1"),
            "E607 unknown-target: ispctl does not configure chitwan-1: it has no device in inventory/hosts.yaml."
            " Write data: {device: …} there, see docs/nas.md. Configured are: bhaktapur-1, dhulikhel-1, dhulikhel-old,"
            " lalitpur-1",
        ),
        (
            ("pool", "bussiness"),
            "inventory/pools.yaml E323 no-such-pool: there is no pool bussiness."
            " There are: business, business6, hemja-dhcp, home, home6, home6-pd, hotspot, hotspot-ktm, offices,"
            " offices6-pd, walled, walled6",
        ),
        (
            ("plan", "--base", "HEAD", "--out", "/nowhere/plan.json"),
            "E613 cannot-write-plan: /nowhere/plan.json cannot be written (No such file or directory)."
            " Name another file with --out",
        ),
        (
            ("plan", "--at", "soon"),
            "E600 bad-time: --at is no moment that can be read. Write 2026-12-01, '2026-12-01 09:00',"
            " 2026-12-01T09:00:00+05:45, -2h, +3d or 'tomorrow 09:00'",
        ),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(cli: Cli, words: tuple[str, ...], said: str) -> None:
    answer = cli(*words)
    assert (answer.code, answer.err.strip().splitlines()[-1]) == (1, said)


@pytest.mark.parametrize(
    ("program", "words", "whose"),
    [
        ("ispctl", ("renew", "--expiring"), "ispctl renew"),
        ("ispctl", ("renew", "--direct=yes"), "ispctl renew"),
        ("ispctl", ("lab", "up", "--database"), "ispctl lab up"),
        ("ispctl", ("lab", "--unknown"), "ispctl lab"),
        ("ispctl", ("--unknown",), "ispctl"),
        ("ispctl", ("renew",), "ispctl renew"),
        ("ispstat", ("list", "--expiring"), "ispstat list"),
    ],
)
def test_a_flag_that_is_wrong_is_answered_with_the_help_of_its_command(
    cli: Cli, program: str, words: tuple[str, ...], whose: str
) -> None:
    answer = cli(*words, program=program)
    assert (answer.code, answer.err.splitlines()[-1]) == (1, f"Try: {whose} --help")


def test_no_database_is_named_anywhere(cli: Cli) -> None:
    (cli.repo / "inventory" / "targets.yaml").unlink()
    example.commit(cli.repo, "No targets")
    said = "E320 no-dsn: no RADIUS database is named. Write radius: {dsn: …} into inventory/targets.yaml, or set"
    assert cli("plan").err == f"{said} ISPCTL_RADIUS__DSN\n"
    assert cli.stat("sessions").code == 1


@pytest.mark.parametrize("words", [("apply",), ("plan",), ("plan", "--base", "HEAD~1")])
def test_a_commit_that_comes_after_the_rules_have_judged_is_not_taken_for_the_one_they_judged(
    applied: Cli, words: tuple[str, ...]
) -> None:
    applied.changed(A_FILE, "home-50", "home-100")
    first, looked = example.git(applied.repo, "rev-parse", "HEAD").strip(), plans.looked

    def slowly(*given: Any) -> Look:
        look = looked(*given)
        applied.changed(A_FILE, "home-100", "home-1000")  # which does not exist
        return look

    applied.patch.setattr(plans, "looked", slowly)
    answer = applied(*words, "--format", "json")
    assert answer.code in (0, 2)
    assert answer.json["commit"] == first


def test_a_folder_that_holds_something_is_not_laid_out(cli: Cli) -> None:
    answer = cli("init", cli.repo)
    assert (answer.code, answer.err) == (1, f"E322 folder-not-empty: {cli.repo} is not empty. Name a new folder\n")


def test_a_broken_base_is_told_from_a_broken_commit(cli: Cli) -> None:
    file = "tariffs/home-50.yaml"
    cli.changed(file, "sessions: 1", "sessions: one")
    cli.changed(file, "sessions: one", "sessions: 1")
    answer = cli("plan", "--base", "HEAD~1")
    assert answer.code == 1
    assert answer.err.startswith("E609 broken-base: the base HEAD~1 has 1 error")
    assert "ispctl validate --commit HEAD~1" in answer.err


def test_a_closed_gate_carries_its_code(applied: Cli) -> None:
    for name in (
        "lalitpur/3f/sub-000123",
        "lalitpur/3f/sub-000124",
        "kathmandu/07/sub-000201",
        "kathmandu/07/sub-000202",
    ):
        applied.edit(f"subscribers/{name}.yaml", "paid_until: 203", "paid_until: 202")
    applied.edit("subscribers/kathmandu/c2/sub-000205.yaml", "paid_until: 203", "paid_until: 202")
    example.commit(applied.repo, "Nobody has paid")
    answer = applied("apply")
    assert answer.code == 1
    assert "REFUSED, E601: more than a day may take" in answer.out
