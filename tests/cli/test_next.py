"""What a plan says of itself is what an apply of it does: refusals, what goes ahead, and what to type next."""

from __future__ import annotations

import json
from pathlib import Path

from ispctl.report._people import session_words
from ispctl.store import Store
from tests.cli.conftest import DSN, Cli
from tests.gates.example import commit, git
from tests.plans import breaches

A_FILE = "subscribers/lalitpur/3f/sub-000123.yaml"


def last(text: str) -> str:
    return text.rstrip().splitlines()[-1]


def test_where_all_that_is_left_is_only_observed_there_is_nothing_to_apply(applied: Cli) -> None:
    said = applied("plan")
    assert (said.code, last(said.out)) == (0, "Next: ispctl drift")
    assert "OBSERVED: group timal" in said.out
    run = applied("apply", "--format", "json").json["run"]
    assert run


def test_a_rollback_to_what_is_there_already_is_no_change_though_somebody_is_observed(applied: Cli) -> None:
    applied.changed(A_FILE, "Anita Rai", "Anita Rai Karki")
    run = applied("apply", "--format", "json").json["run"]
    assert applied("rollback", run, "--dry-run").code == 0


def test_what_is_only_observed_does_not_go_ahead_of_closed_gates(applied: Cli) -> None:
    git(applied.repo, "rm", "-q", "-r", "subscribers/kathmandu")
    commit(applied.repo, "Clean up")
    said = applied("plan")
    assert "Held back: " in said.out
    assert "Goes ahead" not in said.out
    assert "sub-000501/main: new" in said.out


def test_a_plan_that_loses_an_account_says_that_it_would_be_refused(applied: Cli) -> None:
    assert applied("renew", "sub-000131", "--direct").code == 0
    assert applied("apply").code == 0
    git(applied.repo, "rm", "-q", "subscribers/lalitpur/3f/sub-000131.ledger.yaml")
    commit(applied.repo, "Clean up")
    said = applied("plan")
    assert "An apply would be refused: subscribers/lalitpur/3f/sub-000131.ledger.yaml E741" in said.err
    assert "ispctl apply" not in last(said.out), "which is refused, whatever else is said"
    note = applied("plan", "--format", "markdown").out
    assert last(note).startswith("An apply would be refused: subscribers/lalitpur/3f/sub-000131.ledger.yaml E741")
    assert "ispctl apply" not in note


def test_a_plan_as_json_holds_why_it_would_be_refused_in_the_same_words(applied: Cli, tmp_path: Path) -> None:
    git(applied.repo, "rm", "-q", "-r", "subscribers")
    commit(applied.repo, "Clean up")
    said = applied("plan", "--format", "json", "--out", tmp_path / "plan.json")
    (told,) = said.json["refused"]
    words = f"{told['code']} {told['slug']}: {told['text']}. {told['advice']}"
    assert said.err.splitlines()[-1] == f"An apply would be refused: {words}"
    assert (told["code"], told["severity"], told["file"], told["line"]) == ("E603", "error", "", 0)
    assert json.loads((tmp_path / "plan.json").read_text("utf-8")) == said.json
    assert breaches(said.json) == []


def test_a_plan_that_did_not_ask_whether_it_would_be_refused_holds_that_it_is_unknown(applied: Cli) -> None:
    assert applied("plan", "--format", "json").json["refused"] == []
    for words in (("--base", "HEAD"), ("--at", "tomorrow")):
        assert applied("plan", *words, "--format", "json").json["refused"] is None


def test_a_plan_of_an_older_commit_says_that_it_would_be_refused(applied: Cli) -> None:
    applied.changed(A_FILE, "home-50", "home-100")
    assert applied("apply").code == 0
    said = applied("plan", "--commit", "HEAD~1")
    assert "An apply would be refused: E602" in said.err
    run = applied("runs", "--format", "json").json["items"][0]["run"]
    assert "E602" not in applied("rollback", run, "--dry-run").both, "which is how one goes back"


def test_a_plan_of_nobody_says_that_it_would_be_refused(applied: Cli) -> None:
    git(applied.repo, "rm", "-q", "-r", "subscribers")
    commit(applied.repo, "Clean up")
    assert "An apply would be refused: E603" in applied("plan").err


def test_who_is_online_in_a_database_that_was_restored_is_not_said_to_have_no_session(cli: Cli) -> None:
    with Store.open(DSN, base=cli.repo) as store:
        store.database.write(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime)"
            " VALUES ('s', 'u', 'anita.rai@home.example', '192.0.2.1', 1795500000, 1795500000)"
        )
    (anita,) = (one for one in cli("plan", "--format", "json").json["services"] if one["id"] == "sub-000123")
    assert (anita["effects"], anita["session"]) == (["new"], "kept")
    assert session_words(anita) == "stays online"
