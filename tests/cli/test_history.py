"""`ispctl runs` and `rollback`: what is shown before, what is asked, and what git still needs."""

from __future__ import annotations

from tests.cli.conftest import Cli

A_FILE = "subscribers/lalitpur/3f/sub-000123.yaml"


def bad(applied: Cli) -> str:
    """A run that somebody will want to take back."""
    applied.changed(A_FILE, "home-50", "home-100")
    run: str = applied("apply", "--format", "json").json["run"]
    return run


def test_runs_are_listed_with_what_they_did(applied: Cli) -> None:
    applied.patch.setenv("SUDO_USER", "ekraj")
    run = bad(applied)
    applied("drift", "--repair")
    items = applied("runs", "--format", "json").json["items"]
    assert {one["kind"] for one in items} == {"apply", "repair"}
    mine = next(one for one in items if one["run"] == run)
    assert (mine["by"], mine["outcome"], mine["undone_by"]) == ("ekraj", "done", "")
    assert mine["base"] != mine["commit"]
    assert len(applied("runs", "--limit", "1").out.splitlines()) == 1
    assert "by ekraj" in applied("runs").out


def test_a_rollback_shows_what_it_would_do(applied: Cli) -> None:
    run = bad(applied)
    said = applied("rollback", run, "--dry-run")
    assert said.code == 2
    assert "sub-000123/main: slower" in said.out
    assert f"Next: ispctl rollback {run}" in said.out
    assert applied("rollback", run, "--dry-run", "--format", "json").json["summary"]["slower"] == 1
    assert applied("plan").code == 0, "nothing was done"


def test_where_nobody_can_be_asked_it_has_to_be_said(applied: Cli) -> None:
    said = applied("rollback", bad(applied))
    assert said.code == 1
    assert "WHO LOSES" in said.err
    assert "--yes" in said.err


def test_after_a_rollback_git_is_told_of_and_guarded(applied: Cli) -> None:
    run = bad(applied)
    said = applied("rollback", run, "--yes")
    assert said.code == 0
    assert "git revert --no-edit " in said.err
    assert "An apply would be refused: E619" in applied("plan").err
    again = applied("apply")
    assert again.code == 1
    assert again.err.startswith("E619 rolled-back: ")
    taken = next(one for one in applied("runs", "--format", "json").json["items"] if one["run"] == run)
    assert taken["undone_by"]
    assert "taken back by" in applied("runs").out
    assert applied("apply", "--allow-rolled-back").code == 0
    assert applied("apply").code == 0


def test_a_run_that_is_not_there_is_refused(applied: Cli) -> None:
    said = applied("rollback", "yesterday", "--yes")
    assert said.code == 1
    assert said.err == (
        "E618 cannot-roll-back: there is no run yesterday that has applied a commit. ispctl runs says which there are\n"
    )
