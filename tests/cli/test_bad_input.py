"""Whatever is wrong with the repository or the database: what, where, what to do; exit 1; never a traceback."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.broken.test_cases import CASES, edit
from tests.cli.conftest import Cli
from tests.gates import example

READING: Sequence[tuple[str, ...]] = (
    ("validate",),
    ("validate", "--format", "json"),
    ("validate", "--format", "codequality"),
    ("validate", "--commit", "HEAD"),
    ("plan",),
    ("plan", "--base", "HEAD~1"),
    ("plan", "--base", "HEAD", "--commit", "HEAD~1"),
    ("drift",),
    ("drift", "--repair"),
    ("pool",),
    ("pool", "business", "--free", "3"),
    ("schema", "policy"),
    ("lab", "status"),
)
LOOKING: Sequence[tuple[str, ...]] = (
    ("list",),
    ("show", "sub-000123"),
    ("show", "sub-000201", "--format", "json"),
    ("sessions",),
    ("drift",),
    ("health",),
    ("nas",),
    ("rejects",),
    ("rejects", "sub-000123"),
    ("why", "sub-000123"),
    ("pools", "--free", "2"),
)


def everything(cli: Cli) -> dict[str, tuple[int, str]]:
    """Every command that reads, and its answer; the fixture fails on a traceback."""
    said = {f"ispctl {' '.join(words)}": cli(*words) for words in READING}
    said |= {f"ispstat {' '.join(words)}": cli.stat(*words) for words in LOOKING}
    said["ispctl apply"] = cli("apply")
    return {name: (one.code, one.both) for name, one in said.items()}


def test_everything_works_on_the_example(applied: Cli) -> None:
    applied.changed("tariffs/home-50.yaml", "rate: {down: 50M", "rate: {down: 60M")
    codes = {name: code for name, (code, _) in everything(applied).items()}
    assert codes == {
        **dict.fromkeys(codes, 0),
        "ispctl lab status": 1,
        "ispctl plan": 2,
        "ispctl plan --base HEAD~1": 2,
        "ispctl plan --base HEAD --commit HEAD~1": 2,
    }


# Where shared files are unreadable every command has to do without; a broken record is one of the others' tests.
SHARED = ("x-", "e010-tab", "e016", "e022", "e023", "e034", "e100-tariff", "e113-slice", "e118", "e128", "e133")


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in CASES if p.stem.startswith(SHARED)], ids=lambda path: path.stem)
def test_no_command_stumbles_over_a_broken_file(path: Path, applied: Cli) -> None:
    case = YAML(typ="safe", pure=True).load(path)
    for change in case["edits"]:
        edit(applied.repo, change)
    example.commit(applied.repo, "Break it")
    bad = any(" E" in line for line in case["says"])
    for name, (code, text) in everything(applied).items():
        assert code in (0, 1, 2), (name, text)
        if bad and name in ("ispctl validate", "ispctl validate --commit HEAD", "ispctl plan", "ispctl apply"):
            assert code == 1, (name, text)
            assert " E" in text, (name, text)


OWN_TABLES = (
    "ispctl_login",
    "ispctl_pop",
    "ispctl_object",
    "ispctl_service",
    "ispctl_journal",
    "ispctl_journal_service",
    "ispctl_journal_change",
    "ispctl_session",
    "ispctl_meta",
    "ispctl_secret",
    "ispctl_mac",
    "radacct",
    "nas",
    "radgroupcheck",
    "radgroupreply",
    "radusergroup",
)
GARBAGE = ("x", '{"a": 1}', 10**18, b"\xff\xfe", None)


def columns(database: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]


@pytest.mark.slow
@pytest.mark.parametrize("table", OWN_TABLES)
def test_no_command_stumbles_over_what_somebody_wrote_into_a_table(table: str, applied: Cli) -> None:
    applied.changed("tariffs/home-50.yaml", "rate: {down: 50M", "rate: {down: 60M")
    path = applied.repo / "var" / "radius.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            " framedipaddress, class) VALUES ('s', 'u', 'anita.rai@home.example', '198.51.100.1', 1, 2, '', 'x')"
        )
        database.execute(
            "INSERT INTO ispctl_session (acctuniqueid, login, nas, kind, class_to, answer, acked)"
            " VALUES ('u', 'anita.rai@home.example', 'lalitpur-1', 'coa', 'x', 'ack', 5)"
        )
        database.commit()
        names = columns(database, table)
    shutil.copy(path, path.with_suffix(".kept"))
    for number, name in enumerate(names):
        for value in (GARBAGE[number % 5], GARBAGE[(number + 3) % 5]):
            shutil.copy(path.with_suffix(".kept"), path)
            for ending in ("-wal", "-shm"):
                Path(f"{path}{ending}").unlink(missing_ok=True)
            with closing(sqlite3.connect(path)) as database:
                try:
                    database.execute(f"UPDATE OR REPLACE {table} SET {name} = ?", (value,))
                except sqlite3.IntegrityError:
                    continue
                database.commit()
            for words in (("drift",), ("apply",)):
                assert applied(*words).code in (0, 1, 2), (name, value, words)
            assert applied.stat("sessions").code in (0, 1, 2), (name, value)


@pytest.mark.slow
@pytest.mark.parametrize("table", ["radcheck", "radacct", "nas", "ispctl_login", "ispctl_meta", "ispctl_secret"])
@pytest.mark.parametrize("how", ["DROP TABLE", "DELETE FROM"])
def test_a_missing_or_emptied_table_is_told(table: str, how: str, applied: Cli) -> None:
    applied.changed("tariffs/home-50.yaml", "rate: {down: 50M", "rate: {down: 60M")
    with closing(sqlite3.connect(applied.repo / "var" / "radius.db")) as database:
        database.execute(f"{how} {table}")
        database.commit()
    for name, (code, text) in everything(applied).items():
        assert code in (0, 1, 2), (name, text)
    assert applied("radius", "init").code in (0, 1)


def test_no_database_is_told_with_the_command_that_makes_it(cli: Cli) -> None:
    shutil.rmtree(cli.repo / "var")
    for words in (("plan",), ("apply",), ("drift",)):
        said = cli(*words)
        assert said.code == 1
        assert "ispctl radius init" in said.err


def test_a_database_without_tables_is_told(cli: Cli) -> None:
    (cli.repo / "var" / "radius.db").unlink()
    with closing(sqlite3.connect(cli.repo / "var" / "radius.db")) as database:
        database.execute("CREATE TABLE x (y)")
    said = cli("apply")
    assert said.code == 1
    assert "ispctl radius init" in said.err


def test_a_file_that_is_no_database_is_told(cli: Cli) -> None:
    (cli.repo / "var" / "radius.db").write_bytes(b"nothing of the kind" * 1000)
    said = cli("plan")
    assert said.code == 1
    assert "E302" in said.err


@pytest.mark.slow
def test_a_locked_database_is_told(applied: Cli) -> None:
    applied.changed("tariffs/home-50.yaml", "rate: {down: 50M", "rate: {down: 60M")
    with closing(sqlite3.connect(applied.repo / "var" / "radius.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert applied("plan").code == 2, "reading waits for nobody"
        said = applied("apply")
        other.execute("ROLLBACK")
    assert said.code == 1
    assert "E307" in said.err
    assert applied("apply").code == 0


def test_a_wrong_dsn_is_told(cli: Cli) -> None:
    for dsn in ("postgresql://db/radius", "sqlite:radius.db", "nonsense", "sqlite:////nonexistent/x/y.db"):
        cli.patch.setenv("ISPCTL_RADIUS__DSN", dsn)
        said = cli("plan")
        assert said.code == 1
        assert "E3" in said.err


def test_a_folder_without_a_repository_is_told(cli: Cli, tmp_path: Path) -> None:
    for name, make in (("none", False), ("empty", True)):
        folder = tmp_path / name
        if make:
            folder.mkdir()
        said = cli("validate", repo=folder)
        assert said.code == 1
        assert " E0" in f" {said.err}"


def test_a_repository_without_a_commit_is_told(cli: Cli, tmp_path: Path) -> None:
    example.git(tmp_path, "init", "-q", str(tmp_path / "new"))
    for words in (("plan",), ("apply",), ("drift",), ("pool",)):
        said = cli(*words, repo=tmp_path / "new")
        assert said.code == 1
        assert " E0" in f" {said.err}"


def test_a_bare_repository_serves_as_well(applied: Cli, tmp_path: Path) -> None:
    bare = tmp_path / "isp.git"
    example.git(tmp_path, "clone", "-q", "--bare", str(applied.repo), str(bare))
    applied.patch.setenv("ISPCTL_RADIUS__DSN", f"sqlite:///{applied.repo}/var/radius.db")
    assert applied("validate", repo=bare).code == 0
    assert applied("plan", repo=bare).code == 0
    assert applied("apply", repo=bare).code == 0
    assert applied("list", repo=bare, program="ispstat").code == 0


@pytest.mark.parametrize("name", ["a b", "-x", "नेपाल"], ids=ascii)
def test_a_repository_may_have_any_name(cli: Cli, tmp_path: Path, name: str) -> None:
    moved = tmp_path / name
    os.rename(cli.repo, moved)
    assert cli("validate", repo=moved).code == 0
    assert cli("apply", repo=moved).code == 0
    assert cli("radius", "config", "--out", moved / "conf", repo=moved).code in (0, 1)


@pytest.mark.parametrize("rev", ["nowhere", "", "--help", "HEAD~99", "HEAD:tariffs", "a\nb", "@{u}"], ids=ascii)
def test_a_commit_that_is_not_there_is_told(applied: Cli, rev: str) -> None:
    for words in (("plan", f"--commit={rev}"), ("plan", f"--base={rev}"), ("apply", f"--commit={rev}")):
        said = applied(*words)
        assert said.code == 1, words
        assert " E0" in f" {said.err}" or not rev


@pytest.mark.parametrize(
    "time",
    [
        *(
            "0001-01-01T00:00:00+05:45",
            "0001-01-01T00:00:00+00:00",
            "9999-12-31T23:59:59-12:00",
            "1969-12-31T00:00:00Z",
        ),
        *("9999-12-31T23:59:59+00:00", "2026-12-1", "noon", "", "2026-13-01T00:00:00Z", "2026-12-01T25:00:00"),
        *("2h", "-2", "+2y", "-999999w", "tomorrow 9", "tomorrow 25:00", "next week", "9999-12-31"),
        *("٢٠٢٦-12-01T00:00:00Z", "2026-12-01T00:00:00+99:99"),
    ],
    ids=ascii,
)
def test_a_time_that_is_none_is_told(applied: Cli, time: str) -> None:
    for words in (("plan", "--at", time), ("plan", "--base", "HEAD", "--at", time)):
        said = applied(*words)
        assert said.code == 1
        assert "E600" in said.err


@pytest.mark.parametrize("time", ["2001-01-01T00:00:00Z", "2099-12-31T00:00:00+05:45", "2026-W05-1T00:00:00Z"])
def test_a_far_time_is_only_far(applied: Cli, time: str) -> None:
    assert applied("plan", "--at", time).code in (0, 2)


def test_a_saved_plan_may_be_anything(applied: Cli, tmp_path: Path) -> None:
    for content in (b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"version": 9}', b'{"version": 1, "changes": 5}'):
        file = tmp_path / "plan.json"
        file.write_bytes(content)
        said = applied("apply", "--plan", file)
        assert said.code == 1, content
        assert " E6" in f" {said.err}"
    assert applied("apply", "--plan", tmp_path / "none.json").code == 1
    assert applied("apply", "--plan", tmp_path).code == 1


def test_an_age_key_file_may_be_anything(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff" * 100)
    for name in (tmp_path / "none", tmp_path, tmp_path / "key", "/dev/null"):
        cli.patch.setenv("ISPCTL_AGE_KEY_FILE", str(name))
        said = cli("apply")
        assert said.code == 1
        assert " E20" in f" {said.err}"
