"""`ispctl backup` and `restore` as they are typed."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

from tests.cli.conftest import Cli
from tests.gates import example

FASTER = ("tariffs/home-50.yaml", "rate: {down: 50M", "rate: {down: 60M")
OLDER = "This database is an older copy"


def test_facts_are_listed_written_and_put_back(applied: Cli) -> None:
    applied("pause", "--group", "lalitpur", "--reason", "works")
    listed = applied("backup")
    assert listed.code == 0
    assert "1  pauses (ispctl_pause)" in listed.out
    assert "Nothing was written" in listed.out
    file = applied.repo / "var" / "facts.gz"
    written = applied("backup", "--out", file, "--format", "json").json
    assert (written["version"], written["rows"]["ispctl_pause"], written["database"]) == (1, 1, "sqlite")
    assert applied("restore", file, "--dry-run", "--format", "json").json == written
    for part in (applied.repo / "var").glob("radius.db*"):
        part.unlink()
    assert applied("radius", "init").code == 0
    said = applied("restore", file)
    assert said.code == 0
    assert "ispctl apply" in said.err
    assert "group lalitpur" in applied("pause", "--list").out


def test_a_file_that_is_none_is_refused(applied: Cli) -> None:
    said = applied("restore", applied.repo / "tariffs" / "home-50.yaml")
    assert said.code == 1
    assert "E640 not-a-backup" in said.err


def test_an_older_copy_in_place_of_the_database_is_recognised_and_an_apply_makes_it_right(applied: Cli) -> None:
    file = applied.repo / "var" / "radius.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("VACUUM INTO ?", (str(applied.repo / "var" / "copy.db"),))
    applied.changed(*FASTER)
    assert applied("apply").code == 0
    for part in file.parent.glob("radius.db*"):
        part.unlink()
    shutil.move(applied.repo / "var" / "copy.db", file)
    said = applied("plan")
    assert said.code == 2
    assert OLDER in said.err
    assert "learned devices" in said.err
    assert OLDER in " ".join(applied.stat("health").out.split())
    assert OLDER in applied("apply").err
    said = applied("plan")
    assert (said.code, OLDER in said.err) == (0, False)


def test_a_rollback_is_no_older_copy(applied: Cli) -> None:
    applied.changed(*FASTER)
    assert applied("apply").code == 0
    run = applied("runs", "--format", "json").json["items"][0]["run"]
    assert applied("rollback", run, "--yes").code == 0
    example.git(applied.repo, "update-ref", "refs/ispctl/applied", "HEAD")
    assert OLDER not in applied("plan", "--commit", "HEAD~1").err
    assert OLDER not in " ".join(applied.stat("health").out.split())
