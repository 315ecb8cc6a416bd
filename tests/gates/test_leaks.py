"""The leak canary can fail: a planted value is found wherever it hides, except in the places made for secrets."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import canary
from tests.gates.leaks import ROOT, SHOWS, Marks, search_tree


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A place for planted leaks, gone before the real search begins."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def sightings(folder: Path, example: Path = ROOT) -> list[str]:
    return [str(sighting) for sighting in search_tree(folder, Marks(example))]


@pytest.mark.parametrize("kind", canary.KINDS)
def test_each_kind_of_marked_value_is_found_and_not_repeated(folder: Path, kind: str) -> None:
    value = getattr(canary, kind.upper())
    (folder / "radius.log").write_text(f"Login incorrect: [{value}]\n")
    assert sightings(folder) == [f"radius.log: a {kind} in clear"]
    assert value not in sightings(folder)[0]


def test_a_phone_is_found_in_another_grouping(folder: Path) -> None:
    (folder / "note.md").write_text("call 980-000 43 21")
    assert sightings(folder) == ["note.md: a phone in clear"]


def test_digits_inside_a_digest_are_nobodys_phone(folder: Path) -> None:
    digits = re.sub(r"\D", "", canary.PHONE)[-7:]
    (folder / "report.json").write_text(f'"fingerprint": "{digits:a<64}"')
    assert sightings(folder) == []
    (folder / "report.json").write_text(f'"fingerprint": "{digits:a<63}"')
    assert sightings(folder) == ["report.json: a phone in clear"]


def test_the_people_of_the_example_are_looked_for(folder: Path) -> None:
    source = folder / "subscribers" / "group" / "sub-1.yaml"
    source.parent.mkdir(parents=True)
    source.write_text("id: sub-1\nprofile: {name: Maya Example-Person, mobile: '+977 9811112222'}\n")
    (folder / "plan.json").write_text('{"who": "Maya Example-Person"}')
    assert sightings(folder, example=folder) == ["plan.json: a name in clear"]


def test_every_table_of_a_radius_database_is_searched_but_the_sealed_columns(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "radius.db")) as db:
        db.execute("PRAGMA journal_mode=wal")
        for table, column in (("radcheck", "value"), ("nas", "secret"), ("radpostauth", "pass")):
            db.execute(f"CREATE TABLE {table} (id INTEGER, {column} TEXT)")
            db.execute(f"INSERT INTO {table} VALUES (1, ?)", (canary.PASSWORD,))
        db.commit()
        assert sightings(folder) == ["radius.db radpostauth.pass: a password in clear"]


def test_a_broken_database_is_searched_as_bytes(folder: Path) -> None:
    (folder / "index.db").write_bytes(b"SQLite format 3\0 and no more: " + canary.NAME.encode())
    assert sightings(folder) == ["index.db: a name in clear"]


def test_what_a_test_shows_on_purpose_passes_and_nothing_else(folder: Path) -> None:
    (folder / f"1-show{SHOWS}name+phone.txt").write_text(f"{canary.NAME} {canary.PHONE} {canary.PASSWORD}")
    assert sightings(folder) == [f"1-show{SHOWS}name+phone.txt: a password in clear"]


PLANTED = {
    "print": "print(canary.PASSWORD)",
    "log": "logging.getLogger('x').info(canary.NAME)",
    "file": "(tmp_path / 'plan.json').write_text(canary.EMAIL)",
    "temporary file": "tempfile.mkstemp(); open(tempfile.mkstemp()[1], 'w').write(canary.PHONE)",
    "capsys": "print(canary.PASSWORD); capsys.readouterr()",
    "child": "subprocess.run([sys.executable, '-c', f'print({canary.PASSWORD!r}, \"ispctl\")'], capture_output=True)",
    "process": "subprocess.Popen(['sleep', '30'], start_new_session=True)",
    "socket": "keep.append(socket.socket()); keep[0].bind(('127.0.0.1', 0)); keep[0].listen()",
}


def run_suite(folder: Path, body: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A suite of one test, under this suite's own conftest."""
    suite = folder / "suite"
    suite.mkdir()
    (suite / "conftest.py").write_text("from tests.conftest import *\n")
    wants = "tmp_path, capsys" if "capsys" in body else "tmp_path"
    imports = "import logging, socket, subprocess, sys, tempfile\nfrom tests import canary\nkeep = []\n"
    (suite / "test_one.py").write_text(f"{imports}def test_one({wants}):\n    {body}\n")
    (suite / "pytest.ini").write_text("[pytest]\nlog_level = DEBUG\nmarkers = shows\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--basetemp={folder / 'base'}",
        *options,
    ]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    env = {**kept, "PYTHONPATH": f"{ROOT}:{ROOT / 'controller'}"}
    return subprocess.run(command, cwd=suite, env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("way", PLANTED)
def test_a_planted_leak_or_leftover_fails_the_run(folder: Path, way: str) -> None:
    options = ("-n", "1") if way in ("print", "file", "socket") else ()
    done = run_suite(folder, PLANTED[way], *options)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1, done.stdout
    assert "gates: found at the end of the run" in done.stdout
    assert canary.PASSWORD_MARK not in done.stdout
    for pid in re.findall(r"^process left: (\d+) sleep", done.stdout, re.MULTILINE):
        os.kill(int(pid), signal.SIGTERM)


@pytest.mark.slow
def test_a_clean_run_passes(folder: Path) -> None:
    done = run_suite(folder, "assert canary.NAME")
    assert done.returncode == 0, done.stdout + done.stderr
