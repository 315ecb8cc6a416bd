"""`ispctl backup` and `restore` as they are typed."""

from __future__ import annotations

from tests.cli.conftest import Cli


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
