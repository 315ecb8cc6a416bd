"""ispstat as it is typed: exit codes, streams, formats, and a database that stays as it was."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ispctl.cli.common import run
from ispctl.cli.stat import app
from ispctl.model.problem import Refusal
from ispctl.store import Store
from tests.gates import example
from tests.status.world import ANITA, DSN, EKRAJ, World

VERBS = (
    *(["list"], ["show", ANITA], ["sessions"], ["drift"], ["health"]),
    *(
        ["nas"],
        ["rejects"],
        ["rejects", ANITA],
        ["why", ANITA],
        ["pools"],
        ["usage", ANITA],
        ["usage", "--top", "3"],
        ["list", "--at", "+2h"],
        ["show", ANITA, "--at", "+400d"],
    ),
)
MOMENTS = frozenset(
    "as_of at ends until started updated last_seen date last last_login last_accounting sent proved".split()
)
MORE = ("now", "summary", "then")
"""What an answer may have beside the envelope."""
BY_GIT = ("list",)
"""Verbs that answer without a database."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:45")


class Said(NamedTuple):
    code: int
    out: str
    err: str


Ispstat = Callable[..., Said]


@pytest.fixture
def ispstat(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ispstat:
    """Runs a command on the world's repository."""
    for name in [name for name in os.environ if name.startswith(("ISPCTL_", "ISPSTAT_"))]:
        if "TEST_RUN" not in name:
            monkeypatch.delenv(name)

    def call(*words: str, repo: Path | None = None) -> Said:
        code = run(app, "ispstat", ["--repo", str(repo or world.folder), *words])
        return Said(code, *capsys.readouterr())

    return call


def _moments(value: Any, name: str = "") -> list[str]:
    """Every text in a JSON answer that stands where a moment should."""
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in _moments(item, key)]
    if isinstance(value, list):
        return [text for item in value for text in _moments(item, name)]
    named = name in MOMENTS
    return [value] if named and isinstance(value, str) else []


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_json_answer_begins_alike(world: World, ispstat: Ispstat, verb: list[str]) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    head = example.git(world.folder, "rev-parse", "HEAD").strip()
    said = json.loads(ispstat(*verb, "--format", "json").out)
    assert [name for name in said if name not in MORE] == [
        *("version", "as_of", "commit_applied", "commit_head", "sources", "items")
    ]
    assert (said["version"], said["commit_applied"], said["commit_head"]) == (1, head, head)
    assert [source["name"] for source in said["sources"]] == ["git", "radius", "accounting"]
    assert all(source["ok"] for source in said["sources"])
    assert [text for text in _moments(said) if not MOMENT.fullmatch(text)] == []


def test_rates_and_volumes_in_json_are_whole_numbers(world: World, ispstat: Ispstat) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    (item,) = json.loads(ispstat("sessions", "--format", "json").out)["items"]
    assert item["expected"] == {"down": 50_000_000, "up": 25_000_000}
    assert item["bytes"] == {"down": 9_000_000_000, "up": 450_000_000}
    assert item["class"] == world.class_of(ANITA)
    (found,) = json.loads(ispstat("show", ANITA, "--format", "json").out)["items"]
    assert found["rate"] == {"down": 50_000_000, "up": 25_000_000}
    assert found["declared"]["author"] == "Reader"


def test_no_answer_holds_a_password_or_its_digest(ispstat: Ispstat) -> None:
    for verb in VERBS:
        for format in ("text", "json"):
            said = ispstat(*verb, "--format", format)
            assert "enc:" not in said.out
            assert "sha256:" not in said.out


def test_csv_has_a_heading_and_a_line_a_service(ispstat: Ispstat) -> None:
    rows = list(csv.DictReader(io.StringIO(ispstat("list", "--format", "csv", "--columns", "service,login,ends").out)))
    assert len(rows) == 65
    assert rows[1] == {"service": "sub-000123/main", "login": ANITA, "ends": "2032-01-01T00:27:27+05:45"}


def test_filters_combine_as_on_call_types_them(ispstat: Ispstat) -> None:
    assert ispstat("list", "--expiring", "3d", "--in-grace", "--overdue").code == 0
    assert ispstat("list", "--overdue", "--overdue-for", "3", "--format", "json").code == 0


def test_accounts_are_columns(ispstat: Ispstat) -> None:
    words = ("list", "--tariff", "business", "--columns", "id,balance,overdue,due")
    rows = list(csv.DictReader(io.StringIO(ispstat(*words, "--format", "csv").out)))
    assert rows[1] == {"id": "sub-000206", "balance": "0.00", "overdue": "0.00", "due": ""}
    assert ispstat(*words).out.splitlines()[0].split() == ["ID", "BALANCE", "OVERDUE", "DUE"]
    items = {one["id"]: one for one in json.loads(ispstat(*words, "--format", "json").out)["items"]}
    assert items["sub-000206"]["balance"] == "0.00"
    assert {one["balance"] for one in json.loads(ispstat("list", "--format", "json").out)["items"]} == {None}


@pytest.mark.shows("name")
def test_names_are_shown_to_whoever_asks_for_them(ispstat: Ispstat) -> None:
    assert "NAME" in ispstat("list", "--columns", "login,name").out.splitlines()[0]


@pytest.mark.parametrize("named", ["ISPSTAT_RADIUS__DSN", "ISPCTL_RADIUS__DSN"])
def test_the_environment_names_another_database(
    world: World, ispstat: Ispstat, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv(named, "sqlite:///var/other.db")
    said = ispstat("health")
    assert said.code == 1
    assert "other.db does not exist" in said.out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["lost"],
        ["list", "--nope"],
        ["list", "--state", "sleepy"],
        ["list", "--format", "xml"],
        ["list", "--expiring", "soon"],
        ["list", "--overdue-for", "long"],
        ["list", "--columns", "age"],
        ["list", "--tariff", "home-5"],
        ["show"],
        ["show", "nobody"],
        ["sessions", "extra"],
        ["why", "nobody"],
        ["why", ANITA, "colour"],
        ["show", ANITA, "--at", "soon"],
        ["list", "--drifted", "--at", "-1h"],
        ["nas", "lalitpur-9"],
        ["pools", "hoem"],
        ["rejects", "--nas", "lalitpur-9"],
        ["rejects", "--reason", "password"],
        ["rejects", "nobody"],
        ["sessions", "--login", "nobody"],
        ["sessions", "--nas", "lalitpur-9"],
        ["rejects", "--since", "soon"],
        ["rejects", "--limit", "0"],
    ],
)
def test_a_wrong_word_is_exit_1_with_a_sentence_on_stderr(ispstat: Ispstat, words: list[str]) -> None:
    said = ispstat(*words)
    assert said.code == 1
    assert said.out == ""
    assert said.err
    assert "Traceback" not in said.err


def test_of_a_misspelt_login_no_answer_is_given_but_who_was_meant(ispstat: Ispstat) -> None:
    for words in (["sessions", "--login"], ["rejects"], ["show"]):
        said = ispstat(*words, "anita.ray@home.example")
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith("E321 no-such-service: ")
        assert said.err.endswith(f" Did you mean {ANITA}?\n")


def test_columns_and_days_that_do_not_exist_have_codes(ispstat: Ispstat) -> None:
    assert "E624 unknown-column" in ispstat("list", "--columns", "logn").err
    assert "Did you mean login?" in ispstat("list", "--columns", "logn").err
    assert "E625 not-days" in ispstat("list", "--no-session", "x").err


def test_several_states_may_be_asked_for_at_once(ispstat: Ispstat) -> None:
    apart = ispstat("list", "--state", "expired", "--state", "suspended").out
    assert apart == ispstat("list", "--state", "expired,suspended").out
    assert "6 services" in apart


def test_drift_is_exit_2_and_none_is_exit_0(world: World, ispstat: Ispstat) -> None:
    assert ispstat("drift").code == 0
    world.sql("DELETE FROM radusergroup WHERE username = ?", ANITA)
    said = ispstat("drift")
    assert said.code == 2
    assert "ispctl drift --repair" in said.out
    assert ANITA not in said.out


def test_health_is_exit_1_when_a_session_is_behind(world: World, ispstat: Ispstat) -> None:
    world.dial(EKRAJ, "0" * 16 + "-" + "0" * 16)
    said = ispstat("health")
    assert (said.code, said.out.splitlines()[-1]) == (1, "Not healthy: sessions.")


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize("broken", ["gone", "rubbish", "empty", "torn"])
def test_unknown_is_never_empty(world: World, ispstat: Ispstat, verb: list[str], broken: str) -> None:
    _break(world, broken)
    said = ispstat(*verb)
    assert said.code == (0 if verb[0] in BY_GIT else 1)
    assert "nknown: " in said.out
    assert re.search(r"E3\d\d ", said.err + said.out)
    parsed = json.loads(ispstat(*verb, "--format", "json").out)
    assert [source["ok"] for source in parsed["sources"]] == [True, False, False]


def _break(world: World, how: str) -> None:
    if how == "gone":
        world.database.unlink()
    elif how == "torn":
        whole = world.database.read_bytes()
        world.database.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    else:
        world.database.write_bytes(b"rubbish" * 100 if how == "rubbish" else b"")


def test_a_folder_that_is_no_repository_is_a_sentence(ispstat: Ispstat, tmp_path: Path) -> None:
    for verb in VERBS:
        said = ispstat(*verb, repo=tmp_path)
        assert (said.code, said.out) == (1, "")
        assert "E001" in said.err


def test_a_bare_repository_will_do(world: World, ispstat: Ispstat, tmp_path: Path, monkeypatch: Any) -> None:
    bare = tmp_path / "isp.git"
    example.git(tmp_path, "clone", "-q", "--bare", str(world.folder), str(bare))
    monkeypatch.setenv("ISPSTAT_RADIUS__DSN", f"sqlite:///{world.database}")
    assert ispstat("drift", repo=bare).code == 0
    assert "65 services" in ispstat("list", repo=bare).out


# read only


def test_the_database_is_the_same_to_the_byte_afterwards(world: World, ispstat: Ispstat) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    before, tree = world.database.read_bytes(), _tracked(world)
    for verb in VERBS:
        ispstat(*verb)
        ispstat(*verb, "--format", "json")
    assert world.database.read_bytes() == before
    assert _tracked(world) == tree


def _tracked(world: World) -> str:
    return example.git(world.folder, "status", "--porcelain", "--untracked-files=no")


def test_the_connection_of_a_view_cannot_write(world: World) -> None:
    with world.view() as view, pytest.raises(Refusal) as caught:
        view.ask(lambda store: True)
        assert view.readable
        with Store.open(DSN, base=world.folder, readonly=True) as store:
            store.meta.set("owner", "somebody")
    assert [problem.code for problem in caught.value.problems] == ["E308"]


def test_a_writer_in_the_middle_of_its_work_is_not_waited_for(world: World, ispstat: Ispstat) -> None:
    writer = sqlite3.connect(world.database, isolation_level=None)
    try:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM radusergroup")
        assert ispstat("drift").code == 0
    finally:
        writer.close()


def test_an_account_that_cannot_be_read_is_no_answer_without_a_fault(world: World, ispstat: Ispstat) -> None:
    path = "subscribers/kathmandu/07/sub-000206.ledger.yaml"
    world.edit(path, lambda text: text.replace("type: payment", "type: gift"))
    said = ispstat("show", "sub-000206", "--format", "json")
    (item,) = json.loads(said.out)["items"]
    assert (said.code, item["account"], item["state"]) == (1, None, None)
    assert f"{path}:4:63 E032" in item["account_fault"]
