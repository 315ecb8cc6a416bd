"""The processes that help one another read."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Self

from ispctl.lab.process import wait_for
from ispctl.repo import Entry, Repository
from ispctl.repo.scratch import Scratch
from ispctl.workers import each, kept
from tests.index.isp import Isp

PARENT = """
import sys
from functools import partial
from pathlib import Path
from ispctl.repo import Repository, chunks
from ispctl.workers import each
from tests.index.test_workers import hang

if __name__ == "__main__":
    with Repository.open(sys.argv[1]) as repository:
        parts = chunks(repository.subscribers(repository.resolve("main")), 2)
        for _ in each(repository, repository.reopen, parts, partial(hang, Path(sys.argv[2])), 0):
            pass
"""


def hang(folder: Path, _repository: Repository, _entries: list[Entry]) -> None:
    """Work that does not end."""
    (folder / str(os.getpid())).touch()
    threading.Event().wait()


class Opened:
    """Something that a process has open while it works."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / str(os.getpid())

    def __enter__(self) -> Self:
        self.file.touch()
        return self

    def __exit__(self, *_: object) -> None:
        self.file.unlink()


def opened(folder: Path) -> Opened:
    return Opened(folder).__enter__()


def who(opened: Opened, part: int) -> tuple[int, int, bool]:
    time.sleep(0.01)  # so that another one gets the next
    return part, os.getpid(), opened.file.exists()


def die(_: Opened, part: int) -> int:
    if multiprocessing.parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    return part


def lives(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_they_end_with_whoever_was_killed_that_had_them(tmp_path: Path) -> None:
    isp = Isp(tmp_path / "isp.git", random.Random(1))
    isp.commit()
    working = tmp_path / "working"
    working.mkdir()
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen([sys.executable, script, isp.folder, working], env=env)
    try:
        assert wait_for(lambda: len([*working.iterdir()]) == len(os.sched_getaffinity(0)), 60)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    pids = [int(file.name) for file in working.iterdir()]
    assert wait_for(lambda: not any(map(lives, pids)), 30)


def test_they_read_what_is_in_no_repository_yet(tmp_path: Path) -> None:
    """The commit that a verb draws up, and the files of a work tree, lie beside the objects that there are."""
    isp = Isp(tmp_path / "isp.git", random.Random(1))
    isp.commit()
    who = {f"GIT_{role}_{what}": "a@example.net" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {"PATH": os.environ["PATH"], **who}
    with Repository.open(isp.folder, env) as repository, Scratch(repository.git, env) as scratch:
        commit = scratch.commit(repository.resolve("main"), {"tariffs/new.yaml": b"# nothing\n"}, "Drawn up")
        with repository.reopen() as other:
            assert other.resolve(commit) == commit
    subprocess.run(["git", "clone", "-q", str(isp.folder), str(tmp_path / "clone")], check=True)
    (tmp_path / "clone" / "tariffs" / "new.yaml").write_text("# nothing\n")
    with Repository.open(tmp_path / "clone", env) as repository:
        tree = repository.git.worktree()
        assert tree is not None
        with repository.reopen() as other:
            assert "tariffs/new.yaml" in {entry.path for entry in other.git.tree(tree)}


def test_whoever_is_kept_helps_again_and_has_closed_what_was_open(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        mine, again = here.file.name, partial(opened, tmp_path)
        with kept():
            first = list(each(here, again, range(20), who, 0))
            assert [one.name for one in tmp_path.iterdir()] == [mine]
            second = list(each(here, again, range(20), who, 0))
            assert [one.name for one in tmp_path.iterdir()] == [mine]
        third = list(each(here, again, range(20), who, 0))
    for found in (first, second, third):
        assert [part for part, _, _ in found] == list(range(20))
        assert all(was_open for _, _, was_open in found)
    helped = {pid for _, pid, _ in first}
    assert {pid for _, pid, _ in second} <= helped
    assert not helped & {pid for _, pid, _ in third}
    assert not any(map(lives, helped))


def test_where_one_of_those_that_are_kept_dies_others_take_their_place(tmp_path: Path) -> None:
    with opened(tmp_path) as here, kept():
        again = partial(opened, tmp_path)
        before = list(each(here, again, range(8), who, 0))
        assert list(each(here, again, range(8), die, 0)) == list(range(8))
        after = list(each(here, again, range(8), who, 0))
    assert not {pid for _, pid, _ in before} & {pid for _, pid, _ in after}
    assert [part for part, _, _ in after] == list(range(8))


def test_whoever_waits_helps_with_what_is_little(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        again = partial(opened, tmp_path)
        assert {pid for _, pid, _ in each(here, again, range(3), who, 3)} == {os.getpid()}
        with kept():
            assert os.getpid() not in {pid for _, pid, _ in each(here, again, range(4), who, 3)}
            few = list(each(here, again, range(3), who, 3))
    assert [part for part, _, _ in few] == [0, 1, 2]
    assert os.getpid() not in {pid for _, pid, _ in few}


def test_what_nobody_else_may_do_is_done_here_whoever_waits(tmp_path: Path) -> None:
    with opened(tmp_path) as here, kept():
        again = partial(opened, tmp_path)
        assert os.getpid() not in {pid for _, pid, _ in each(here, again, range(4), who, 0)}
        assert {pid for _, pid, _ in each(here, again, range(4), who, None)} == {os.getpid()}
