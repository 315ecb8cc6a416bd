"""Every verb as a row is the same verb as a command."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import time_machine
import typer

from ispctl.cli.main import app
from ispctl.store import Store
from ispctl.verbs.batch import REQUESTS, Batch, World
from tests.gates import example
from tests.gates.tracked import ROOT
from tests.verbs.conftest import SUB, Isp
from tests.verbs.test_coming import clear_text
from tests.verbs.test_mac import BOUND, LEARNER, THIRD, _known, learned

__all__ = ["learned"]
NOW: Final = datetime(2026, 11, 26, 6, tzinfo=UTC)
NEW = "new@home.example"
SERIAL = "48575443A1B2C3D9"
WHY = ("--reason", "asked for")
ADD = ("lalitpur", "--login", NEW, "--name", "Canary Birdsong", "--tariff", "home-20", "--nas", "pop-lalitpur")
ADDED = {"group": "lalitpur", "login": NEW, "name": "Canary Birdsong", "tariff": "home-20", "nas": "pop-lalitpur"}
Case = tuple[str, list[tuple[str, ...]], tuple[str, ...], dict[str, str]]
"""The verb; what is done before; the command, and the row."""
CASES: Final[list[Case]] = [
    ("suspend", [], (SUB, "--from", "2026-12-01", *WHY), {"sub": SUB, "from": "2026-12-01", "reason": "asked for"}),
    ("resume", [], ("sub-000127",), {"sub": "sub-000127"}),
    ("edit", [], (SUB, "profile.mobile=+977 9841000999"), {"sub": SUB, "profile.mobile": "+977 9841000999"}),
    ("rename-login", [], (SUB, NEW), {"sub": SUB, "login": NEW}),
    ("move", [], (SUB, "--group", "kathmandu"), {"sub": SUB, "group": "kathmandu"}),
    ("add", [], ADD, ADDED),
    ("terminate", [], (SUB, "--on", "2027-01-01", *WHY), {"sub": SUB, "on": "2027-01-01", "reason": "asked for"}),
    ("terminate", [("terminate", SUB, *WHY)], (SUB, "--cancel"), {"sub": SUB, "cancel": "yes"}),
    ("archive", [], ("sub-000204",), {"sub": "sub-000204"}),
    (
        "hold",
        [],
        (SUB, "--from", "2026-12-01", "--until", "2026-12-09", "--extend"),
        {"sub": SUB, "from": "2026-12-01", "until": "2026-12-09", "extend": "yes"},
    ),
    ("hold", [], ("sub-000128", "--end"), {"sub": "sub-000128", "end": "yes"}),
    (
        "schedule",
        [],
        (SUB, "tariff=home-100", "--at", "2026-12-01"),
        {"sub": SUB, "tariff": "home-100", "at": "2026-12-01"},
    ),
    ("schedule", [], ("sub-000136", "--cancel", "1"), {"sub": "sub-000136", "cancel": "1"}),
    (
        "mac-bind",
        [],
        (SUB, "00-00-5E-00-53-77", "--label", "router"),
        {"sub": SUB, "mac": "00-00-5E-00-53-77", "label": "router"},
    ),
    ("mac-clear", [], ("sub-000124",), {"sub": "sub-000124"}),
    ("mac-clear", [], ("sub-000124", "00:00:5e:00:53:02"), {"sub": "sub-000124", "mac": "0000.5e00.5302"}),
    ("mac-promote", [], ("sub-000401",), {"sub": "sub-000401"}),
    (
        "mac-mode",
        [],
        (SUB, "learn", "--max", "3", "--on-mismatch", "alert"),
        {"sub": SUB, "mode": "learn", "max": "3", "on_mismatch": "alert"},
    ),
    ("ip-set", [], (SUB, "--static", "203.0.113.40"), {"sub": SUB, "ipv4": "203.0.113.40"}),
    ("reset-password", [], (SUB,), {"sub": SUB}),
    (
        "cpe-link",
        [],
        (SUB, SERIAL, "--profile", "huawei-router"),
        {"sub": SUB, "serial": SERIAL, "profile": "huawei-router"},
    ),
    ("cpe-unlink", [("cpe", "link", SUB, SERIAL)], (SUB,), {"sub": SUB}),
    (
        "cpe-unlink",
        [("cpe", "link", SUB, SERIAL)],
        (SUB, SERIAL, "--keep-password"),
        {"sub": SUB, "serial": SERIAL, "keep_password": "yes"},
    ),
    ("invoice", [], (SUB, "10.00", "--reference", "R-1"), {"sub": SUB, "amount": "10.00", "reference": "R-1"}),
    ("pay", [], (SUB, "10.00", "--reference", "R-1"), {"sub": SUB, "amount": "10.00", "reference": "R-1"}),
    ("credit", [], (SUB, "10.00", *WHY), {"sub": SUB, "amount": "10.00", "reason": "asked for"}),
    ("adjust", [], (SUB, "10.00", *WHY), {"sub": SUB, "amount": "10.00", "reason": "asked for"}),
    ("refund", [("pay", SUB, "10.00")], (SUB, "4.00", *WHY), {"sub": SUB, "amount": "4.00", "reason": "asked for"}),
    ("renew", [], (SUB, "--periods", "2", "--payment", "R-2"), {"sub": SUB, "periods": "2", "payment": "R-2"}),
    ("activate", [("add", *ADD)], (NEW, "--payment", "R-3"), {"sub": NEW, "payment": "R-3"}),
    ("grace", [], ("sub-000126", "--days", "2", *WHY), {"sub": "sub-000126", "days": "2", "reason": "asked for"}),
    ("change-tariff", [], (SUB, "home-100", "--when", "now"), {"sub": SUB, "tariff": "home-100", "when": "now"}),
    (
        "topup",
        [("change-tariff", SUB, "home-100", "--when", "now")],
        (SUB, "50GB", "--window", "cycle", "--payment", "R-5", "--amount", "150.00"),
        {"sub": SUB, "volume": "50GB", "window": "cycle", "payment": "R-5", "amount": "150.00"},
    ),
    (
        "revert",
        [("pay", SUB, "10.00", "--key", "k-1")],
        (SUB, "k-1", *WHY),
        {"sub": SUB, "event": "k-1", "reason": "asked for"},
    ),
]
NO_ROWS: Final = {"batch": "it is what reads rows"}
DEEPER: Final = ("mac-bind", "mac-clear", "mac-promote", "mac-mode", "ip-set", "cpe-link", "cpe-unlink")
COMMANDS: Final = {name: name.split("-") for name in DEEPER}


def _verbs() -> set[str]:
    """Every command that takes what all verbs take."""

    def walk(command: Any, path: tuple[str, ...]) -> list[tuple[str, Any]]:
        if not hasattr(command, "commands"):
            return [("-".join(path), command)]
        return [one for name, sub in command.commands.items() for one in walk(sub, (*path, name))]

    every = walk(typer.main.get_command(app), ())
    return {name for name, one in every if {"key", "direct", "dry_run"} <= {p.name for p in one.params}}


def test_every_verb_has_a_row_that_is_tried_here_or_a_reason_not_to() -> None:
    assert {name for name, *_ in CASES} | set(NO_ROWS) == _verbs()
    assert {name for name, *_ in CASES} >= set(REQUESTS)


def test_the_contract_lists_the_rows_and_their_fields() -> None:
    page = (ROOT / "docs/contract.md").read_text("utf-8").partition("#### Rows")[2].partition("A TIME is")[0]
    listed = {
        name: re.findall("`([^`]+)`", rest)
        for name, rest in re.findall(r"^\| `([^`]+)` \| (.*) \|$", page, re.MULTILINE)
    }
    known = Batch([], "", World(_nothing, _nothing, _nothing, _nothing, direct=False)).requests
    assert listed == {name: [*(["sub"] if name != "add" else []), *one.fields] for name, one in known.items()}


def _nothing(*_: object) -> Any:
    raise AssertionError("nobody is asked")


def _tree(isp: Isp, branch: str) -> dict[str, str]:
    """What differs from main, by path: without what is sealed, since no two seals are the same."""
    names = example.git(isp.origin, "diff", "--name-only", "--no-renames", "main", branch).splitlines()
    there = set(example.git(isp.origin, "ls-tree", "-r", "--name-only", branch).splitlines())
    return {name: re.sub('"enc:[^"]*"', "sealed", isp.text(name, branch)) if name in there else "" for name in names}


@pytest.mark.parametrize(
    ("name", "before", "words", "row"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)]
)
def test_a_verb_by_a_row_is_the_commit_of_the_same_verb_by_a_command(
    isp: Isp, learned: Store, tmp_path: Path, name: str, before: list[tuple[str, ...]], words: Any, row: dict[str, str]
) -> None:
    with time_machine.travel(NOW, tick=False):
        for command in before:
            isp.done(*command, "--direct")
        file = tmp_path / "rows"
        file.write_text(json.dumps({"verb": name, **row}))
        by_row = isp.done("batch", file, "--branch", "by-row")
        by_command = isp.done(*COMMANDS.get(name, [name]), *words, "--branch", "by-command")
    assert [one["outcome"] for one in by_row["rows"]] == ["done"]
    assert _tree(isp, "by-row") == _tree(isp, "by-command") != {}
    assert isp.log("by-row", "%B")[:6] == isp.log("by-command", "%B")[:6]
    assert by_row["events"] == by_command["events"]


def _batch(isp: Isp, tmp_path: Path, *rows: dict[str, str], words: tuple[str, ...] = ("--direct",)) -> Any:
    file = tmp_path / "rows"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return isp("batch", file, *words, "--format", "json").json


def test_a_password_that_was_made_is_in_no_answer_which_says_how_to_read_it(isp: Isp, tmp_path: Path) -> None:
    rows = ({"verb": "reset-password", "sub": SUB}, {"verb": "add", **ADDED})
    done = _batch(isp, tmp_path, *rows)
    reset, added = done["rows"]
    assert reset["read"] == f"ispctl secrets show service/{SUB}/main/password"
    clear = clear_text(isp, isp.text(), f"{SUB}/main")
    assert clear not in json.dumps(done) + example.git(isp.origin, "log", "-p", "-1")
    assert isp(*reset["read"].split()[1:]).out.strip() == clear
    assert added["read"] == f"ispctl secrets show service/{added['owner']}/main/password"


def test_a_password_that_was_not_kept_is_not_to_be_read(isp: Isp, tmp_path: Path) -> None:
    (row,) = _batch(isp, tmp_path, {"verb": "reset-password", "sub": SUB}, words=("--dry-run",))["rows"]
    assert (row["outcome"], row["read"]) == ("done", None)


def test_what_the_server_learned_is_forgotten_by_a_row_and_stays_in_a_dry_run(
    isp: Isp, learned: Store, tmp_path: Path
) -> None:
    row = {"verb": "mac-clear", "sub": "sub-000401"}
    _batch(isp, tmp_path, row, words=("--dry-run",))
    assert _known(isp) == [THIRD]
    (said,) = _batch(isp, tmp_path, row)["rows"]
    assert (said["outcome"], said["owner"], _known(isp)) == ("done", "sub-000401/main", [])


def test_a_row_of_a_request_that_is_only_proposed_takes_no_learned_device(
    isp: Isp, learned: Store, tmp_path: Path
) -> None:
    isp.done("mac", "bind", "sub-000401", "00:00:5e:00:53:0a", "--direct")
    row = {"verb": "mac-clear", "sub": "sub-000401"}
    answer = _batch(isp, tmp_path, row, words=("--branch", "proposed"))
    assert (answer["status"], answer["rows"][0]["outcome"], _known(isp)) == ("proposed", "done", [THIRD])
    _batch(isp, tmp_path, row, words=("--direct",))
    assert _known(isp) == []


def test_a_row_that_was_left_out_lets_nothing_be_forgotten(isp: Isp, learned: Store, tmp_path: Path) -> None:
    (said,) = _batch(isp, tmp_path, {"verb": "mac-clear", "sub": "sub-000401", "mac": "no device"})["rows"]
    assert (said["outcome"], _known(isp)) == ("refused", [THIRD])


def test_without_a_database_a_row_that_asks_it_is_refused_and_the_others_are_done(isp: Isp, tmp_path: Path) -> None:
    rows = ({"verb": "mac-promote", "sub": Path(LEARNER).stem}, {"verb": "mac-clear", "sub": Path(BOUND).stem})
    assert [one["outcome"] for one in _batch(isp, tmp_path, *rows)["rows"]] == ["refused", "done"]


def test_newcomers_get_an_id_each_and_one_who_is_there_already_gets_none(isp: Isp, tmp_path: Path) -> None:
    rows = ({"verb": "add", **ADDED}, {"verb": "add", **ADDED, "login": "b@home.example"})
    first, second = _batch(isp, tmp_path, *rows)["rows"]
    assert (first["outcome"], second["outcome"], first["owner"] != second["owner"]) == ("done", "done", True)
    (again,) = _batch(isp, tmp_path, {"verb": "add", **ADDED})["rows"]
    assert again["outcome"] == "unchanged"


def test_of_two_newcomers_with_one_login_neither_is_guessed_to_be_meant(isp: Isp, tmp_path: Path) -> None:
    rows = (
        {"verb": "add", **ADDED},
        {"verb": "add", **ADDED, "name": "Another"},
        {"verb": "reset-password", "sub": SUB},
    )
    said = _batch(isp, tmp_path, *rows)["rows"]
    assert [one["outcome"] for one in said] == ["refused", "refused", "done"]
    assert "duplicate-login" in said[0]["problems"][0]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"verb": "add", **ADDED, "sub": SUB}, "sub is who is there already; id names a new subscriber"),
        ({"verb": "add", "group": "lalitpur", "login": NEW}, "name is missing"),
        ({"verb": "add", **ADDED, "password": "canary-pw-1"}, "password is no field of it"),
        ({"verb": "add", **ADDED, "ipoe": "mac"}, "mac goes with ipoe mac"),
        ({"verb": "add", **ADDED, "vlan": "5000"}, "vlan is not a number from 1 to 4094"),
        ({"verb": "add", **ADDED, "group": "lalitpr"}, "E616"),
        ({"verb": "reset-password", "sub": SUB, "show": "yes"}, "show is no field of it"),
        ({"verb": "mac-clear"}, "sub is missing"),
        ({"verb": "mac-clear", "sub": "nobody"}, "E321"),
        ({"verb": "mac-mode", "sub": SUB, "mode": "some"}, "mode is one of off, learn, fixed"),
        ({"verb": "mac-mode", "sub": SUB, "mode": "off", "max": "many"}, "max is not a whole number from 1 on"),
        ({"verb": "hold", "sub": SUB, "end": "yes", "until": "2026-12-01"}, "end stands alone"),
        ({"verb": "hold", "sub": SUB, "end": "maybe"}, "end is neither yes nor no"),
        ({"verb": "schedule", "sub": SUB, "cancel": "1", "at": "2026-12-01"}, "cancel stands alone"),
        ({"verb": "terminate", "sub": SUB, "cancel": "yes", "on": "2026-12-01"}, "take one"),
    ],
)
def test_a_slip_in_a_row_is_refused_with_what_is_wrong(
    isp: Isp, tmp_path: Path, row: dict[str, str], told: str
) -> None:
    (said,) = _batch(isp, tmp_path, row)["rows"]
    assert said["outcome"] == "refused"
    assert told in said["problems"][0]
    assert "canary" not in json.dumps(said)
