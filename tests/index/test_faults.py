"""A file that is damaged, of another version, or in nobody's reach costs time and never gives a wrong answer."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ispctl.index import Index, Look, Size, whole
from ispctl.index._file import File
from ispctl.index._parts import Damaged
from ispctl.model.problem import Problem
from ispctl.repo import Repository
from tests.depth import times
from tests.index.isp import NOON, Isp


@pytest.fixture
def isp(tmp_path: Path) -> Isp:
    made = Isp(tmp_path / "isp.git", random.Random(7))
    made.people["s-001"].paid = None  # something to warn about
    made.people["s-002"].address = "10.0.0.9"  # an error that stays
    made.commit()
    made.people["s-003"].tariff = "home-20"
    made.commit()
    return made


@pytest.fixture
def place(tmp_path: Path, isp: Isp) -> Path:
    place = tmp_path / "cache" / "isp.index"
    answer(isp, place)
    return place


def answer(isp: Isp, place: Path | None, folder: Path | None = None) -> Look:
    with Repository.open(folder or isp.folder) as repository:
        base, head = isp.commits[-2:]
        look = Index(repository, place, size=Size(worth=1)).look((base, head), NOON, warnings=True, slicing=True)
        for rev in (base, head):
            assert look.problems(rev) == truth(repository.git.folder, base, head)[rev]
        return look


@cache
def truth(folder: str, base: str, head: str) -> dict[str, list[Problem]]:
    """What is wrong with these commits, by reading everything: an index that is damaged changes nothing of it."""
    with Repository.open(folder) as repository:
        every = whole({rev: repository.at(rev) for rev in (base, head)}, NOON)
        return {rev: [*every.problems(rev)] for rev in (base, head)}


def partly(look: Look) -> bool:
    return sum(1 for part in look.parts.values() for _ in part.subscribers()) < 28


def test_it_lies_in_a_file_that_nobody_else_may_read_and_is_used_again(isp: Isp, place: Path) -> None:
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o777 == 0o700
    before = place.stat().st_ino
    assert partly(answer(isp, place))
    assert place.stat().st_ino == before


def test_it_holds_no_login_and_no_password(isp: Isp, place: Path) -> None:
    held = place.read_bytes()
    assert b"@home.example" not in held
    assert b"enc:k1:" not in held


@pytest.mark.parametrize("cut", [0, 1, 100, 4096, 9000])
def test_a_truncated_file_is_made_anew(isp: Isp, place: Path, cut: int) -> None:
    place.write_bytes(place.read_bytes()[:cut])
    answer(isp, place)
    assert partly(answer(isp, place))


def test_what_is_no_database_is_made_anew(isp: Isp, place: Path) -> None:
    place.write_bytes(b"not a database at all\n" * 500)
    assert partly(answer(isp, place))


@pytest.mark.parametrize("seed", range(times(20)))
def test_pages_full_of_nonsense_are_never_believed(isp: Isp, place: Path, seed: int) -> None:
    chance, data = random.Random(seed), bytearray(place.read_bytes())
    page = chance.randrange(len(data) // 4096) * 4096
    data[page : page + 4096] = chance.randbytes(4096)
    place.write_bytes(data)
    answer(isp, place)


def test_a_table_whose_own_text_is_damaged_is_not_believed(isp: Isp, place: Path) -> None:
    data = place.read_bytes()
    assert b"loses INTEGER" in data
    place.write_bytes(data.replace(b"loses INTEGER", b"\xecoses INTEGER"))
    answer(isp, place)


@given(data=st.data())
@settings(max_examples=times(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_bit_that_fell_over_costs_time_and_never_gives_a_wrong_answer(
    isp: Isp, place: Path, data: st.DataObject
) -> None:
    sound = place.read_bytes()
    damaged = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(sound) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        place.write_bytes(damaged)
        answer(isp, place)
        answer(isp, place)  # of what was left of it, or put in its place
    finally:
        place.write_bytes(sound)


@given(data=st.data())
@settings(max_examples=times(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_bit_that_fell_over_is_not_taken_along_to_another_commit(isp: Isp, place: Path, data: st.DataObject) -> None:
    sound = place.read_bytes()
    damaged = bytearray(sound)
    damaged[data.draw(st.integers(0, len(sound) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        place.write_bytes(damaged)
        with Repository.open(isp.folder) as repository:
            Index(repository, place, size=Size(worth=1)).advance(isp.commits[-1], NOON)
        answer(isp, place)
    finally:
        place.write_bytes(sound)


def test_a_row_that_is_gone_or_moved_is_missed(isp: Isp, place: Path) -> None:
    """What a look-up does not find is part of the answer too."""
    for table, said in (("claim", "hash = hash + 1"), ("span", "last = x'04'"), ("due", "at = at + 1")):
        copy = place.with_name(f"{table}.index")
        shutil.copy(place, copy)
        with sqlite3.connect(copy) as database:
            database.execute(f"UPDATE {table} SET {said}")
        file = File.open(copy)
        assert file is not None
        with closing(file), pytest.raises(Damaged):
            list(file.claiming([5])), list(file.touching((b"\x04" * 5, b"\x04" * 5))), file.due(0, 2**40)


def test_one_that_another_version_made_is_made_anew(isp: Isp, place: Path) -> None:
    with sqlite3.connect(place) as database:
        database.execute("UPDATE meta SET value = 'another' WHERE name = 'made'")
    assert File.open(place) is None
    answer(isp, place)
    assert File.open(place) is not None


def test_where_it_cannot_be_written_it_serves_from_memory(isp: Isp, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert partly(answer(isp, blocked / "isp.index"))
    assert partly(answer(isp, None))


def test_a_full_disk_is_no_obstacle(isp: Isp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ispctl.index._writing.tempfile.mkstemp", full)
    assert partly(answer(isp, tmp_path / "cache" / "isp.index"))
    monkeypatch.undo()
    monkeypatch.setattr(Path, "replace", full)
    assert partly(answer(isp, tmp_path / "cache" / "isp.index"))
    assert os.listdir(tmp_path / "cache") == [], "nothing half-made stays behind"


def test_what_was_left_by_whoever_was_killed_while_making_one_is_taken_away(isp: Isp, place: Path) -> None:
    place.unlink()
    old, new, other = (place.parent / name for name in (f".{place.name}.old", f".{place.name}.new", ".other.index.old"))
    for file in (old, new, other):
        file.write_bytes(b"half")
    for file in (old, other):
        os.utime(file, (10**9, 10**9))
    answer(isp, place)
    assert sorted(os.listdir(place.parent)) == sorted([place.name, new.name, other.name])


def test_a_disk_that_fills_up_meanwhile_spoils_neither_an_answer_nor_an_apply(
    isp: Isp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    place = tmp_path / "cache" / "isp.index"
    monkeypatch.setattr("ispctl.index._writing.Making.add", full)
    answer(isp, place)
    with Repository.open(isp.folder) as repository:
        Index(repository, place, size=Size(worth=1)).advance(isp.commits[-1], NOON)
    assert os.listdir(place.parent) == []


def test_a_commit_that_is_gone_from_git_is_no_obstacle(isp: Isp, place: Path, tmp_path: Path) -> None:
    """A branch that was pushed by force, or a shallow clone: the index stands at a commit that is not here."""
    shallow = tmp_path / "shallow.git"
    isp.people["s-004"].tariff = "home-100"
    isp.commit()
    isp.people["s-005"].tariff = "home-100"
    isp.commit()
    subprocess.run(["git", "clone", "-q", "--bare", "--depth=2", f"file://{isp.folder}", str(shallow)], check=True)
    answer(isp, place, shallow)


def test_several_may_make_it_at_once(isp: Isp, tmp_path: Path) -> None:
    place = tmp_path / "together" / "isp.index"
    wrong: list[BaseException] = []

    def one() -> None:
        try:
            answer(isp, place)
        except BaseException as error:  # noqa: BLE001
            wrong.append(error)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert os.listdir(place.parent) == [place.name]


def test_another_repository_at_the_same_place_is_not_mistaken_for_it(isp: Isp, place: Path, tmp_path: Path) -> None:
    other = Isp(tmp_path / "other.git", random.Random(8))
    other.people.clear()
    other.add("s-900")
    other.commit()
    other.add("s-901")
    other.commit()
    answer(other, place)


def test_a_moment_before_it_was_made_is_answered_by_reading_everything(isp: Isp, place: Path) -> None:
    isp.people["s-006"].terminated = "2026-11-24"
    isp.commit()
    with Repository.open(isp.folder) as repository:
        head = isp.commits[-1]
        for now in (NOON - timedelta(days=30), NOON, NOON + timedelta(days=30)):
            look = Index(repository, place, size=Size(worth=1)).look((head,), now, warnings=True, slicing=True)
            assert look.problems(head) == whole({head: repository.at(head)}, now).problems(head)


def test_a_file_that_may_only_be_read_is_read(isp: Isp, place: Path, tmp_path: Path) -> None:
    copy = tmp_path / "readonly" / "isp.index"
    copy.parent.mkdir()
    shutil.copy(place, copy)
    copy.chmod(0o400)
    copy.parent.chmod(0o500)
    try:
        assert partly(answer(isp, copy))
    finally:
        copy.parent.chmod(0o700)


MAKE = """
import sys
from datetime import datetime
from pathlib import Path
import ispctl.index
from ispctl.model.problem import Problem
from ispctl.repo import Repository
folder, head, now, place, alone = sys.argv[1:]
with Repository.open(folder) as repository:
    made = ispctl.index.Index(repository, Path(place), size=ispctl.index.Size(worth=1, alone=int(alone), chunk=3))
    made.look((head,), datetime.fromisoformat(now))
"""


def test_several_processes_remember_what_one_does(isp: Isp, tmp_path: Path) -> None:
    said = []
    for alone in (1000, 1):
        place = tmp_path / f"{alone}.index"
        words = (isp.folder, isp.commits[-1], NOON.isoformat(), place, alone)
        subprocess.run([sys.executable, "-c", MAKE, *map(str, words)], check=True)
        with sqlite3.connect(place) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            said.append({table: sorted(database.execute(f"SELECT * FROM {table}").fetchall()) for table in tables})
    assert said[0] == said[1]
    assert len(said[0]["file"]) == len(isp.people)


@pytest.mark.parametrize("octets", [300_000, 5_000_000])
def test_a_file_that_is_too_large_is_told_of_as_if_everything_was_read(
    isp: Isp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, octets: int
) -> None:
    files = isp.files()
    path = next(iter(isp.people.values())).path
    monkeypatch.setattr(isp, "files", lambda: {**files, path: f"{files[path]}# {'x' * octets}\n"})
    head = isp.commit()
    with Repository.open(isp.folder) as scratch, Repository.open(isp.folder) as repository:
        truth = [str(problem) for problem in whole({head: scratch.at(head)}, NOON).problems(head)]
        assert any(f"{path} E008 too-large: " in problem for problem in truth)
        for _ in ("made", "asked"):
            index = Index(repository, tmp_path / "an.index", size=Size(worth=1, chunk=4, alone=99))
            look = index.look((head,), NOON, warnings=True)
            assert [str(problem) for problem in look.problems(head)] == truth
