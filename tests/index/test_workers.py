"""The processes that help one another read."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

from ispctl.lab.process import wait_for
from ispctl.repo import Entry, Repository
from ispctl.repo.scratch import Scratch
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
