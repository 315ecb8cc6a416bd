"""A clone and the other side of it: real repositories, and what may become of the way between them."""

from __future__ import annotations

import os
import shutil
import socket
import time
from pathlib import Path

import pytest

from ispctl.model.problem import Refusal
from ispctl.repo.remote import Remote
from tests.gates import example

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


class Sides:
    """Somebody's work tree that pushes into `origin`, and clones of that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.origin = folder / "origin.git"
        self.work.mkdir()
        example.git(self.work, "init", "-q", "-b", "main")
        self.commit("One")
        example.git(folder, "clone", "-q", "--bare", str(self.work), str(self.origin))

    def commit(self, message: str) -> str:
        example.commit(self.work, message)
        return example.git(self.work, "rev-parse", "HEAD").strip()

    def push(self, *words: str) -> None:
        example.git(self.work, "push", "-q", *words, str(self.origin), "main")

    def clone(self, *words: str) -> Remote:
        place = self.folder / "clone"
        example.git(self.folder, "clone", "-q", *words, str(self.origin), str(place))
        return Remote(place, "main", ENV)


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    return Sides(tmp_path)


@pytest.mark.parametrize("kind", [(), ("--bare",)], ids=["work tree", "bare"])
def test_what_was_pushed_is_brought_here(sides: Sides, kind: tuple[str, ...]) -> None:
    remote = sides.clone(*kind)
    first = remote.fetch()
    second = sides.commit("Two")
    assert remote.fetch() == first, "nothing was pushed yet"
    sides.push()
    assert remote.fetch() == second == remote.here()


def test_a_work_tree_keeps_the_branch_that_is_checked_out(sides: Sides) -> None:
    remote = sides.clone()
    before = example.git(remote.folder, "rev-parse", "HEAD")
    sides.commit("Two")
    sides.push()
    remote.fetch()
    assert example.git(remote.folder, "rev-parse", "HEAD") == before
    assert example.git(remote.folder, "status", "--porcelain") == ""


def test_a_forced_push_is_brought_too_and_what_is_kept_survives_a_garbage_collection(sides: Sides) -> None:
    remote = sides.clone("--bare")
    lost = sides.commit("Two")
    sides.push()
    assert remote.fetch() == lost
    remote.keep(lost)
    example.git(sides.work, "reset", "-q", "--hard", "HEAD~1")
    forced = sides.commit("Another two")
    sides.push("--force")
    assert remote.fetch() == forced
    example.git(remote.folder, "reflog", "expire", "--expire=now", "--all")
    example.git(remote.folder, "gc", "-q", "--prune=now")
    assert example.git(remote.folder, "cat-file", "-t", lost).strip() == "commit"


def test_a_repository_without_a_remote_is_itself_what_is_pushed_to(sides: Sides) -> None:
    example.git(sides.origin, "remote", "remove", "origin")
    remote = Remote(sides.origin, "main", ENV)
    assert not remote.exists
    second = sides.commit("Two")
    sides.push()
    assert remote.fetch() == second


def test_a_remote_that_is_gone_is_silence_and_what_is_here_stays(sides: Sides) -> None:
    remote = sides.clone("--bare")
    first = remote.fetch()
    shutil.rmtree(sides.origin)
    with pytest.raises(Refusal, match="E630"):
        remote.fetch()
    assert remote.here() == first


def test_a_branch_that_is_not_there_is_named(sides: Sides) -> None:
    clone = sides.clone("--bare")
    for remote in (Remote(clone.folder, "mian", ENV), Remote(sides.origin, "mian", ENV)):
        with pytest.raises(Refusal, match="E631.*mian"):
            remote.fetch()
        assert remote.here() == ""


def test_a_repository_of_its_own_without_that_branch_says_so(sides: Sides) -> None:
    example.git(sides.origin, "remote", "remove", "origin")
    with pytest.raises(Refusal, match="E631.*in the repository"):
        Remote(sides.origin, "mian", ENV).fetch()


def test_a_password_in_the_address_of_the_remote_is_not_repeated(sides: Sides) -> None:
    remote = sides.clone("--bare")
    example.git(remote.folder, "remote", "set-url", "origin", "https://ci:canary-token@localhost:1/isp.git")
    with pytest.raises(Refusal) as refused:
        remote.fetch()
    assert refused.value.problems[0].code == "E630"
    assert "canary-token" not in str(refused.value)


@pytest.fixture
def deaf(sides: Sides) -> Remote:
    """A remote that takes the connection and says nothing."""
    return sides.clone("--bare")


@pytest.mark.parametrize("stopping", [False, True], ids=["too long", "stopped"])
def test_a_remote_that_says_nothing_is_given_up(deaf: Remote, stopping: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        example.git(deaf.folder, "remote", "set-url", "origin", f"git://127.0.0.1:{port}/isp.git")
        remote = Remote(deaf.folder, "main", ENV, timeout=30 if stopping else 0.5, stopping=lambda: stopping)
        began = time.monotonic()
        with pytest.raises(Refusal, match="it was stopped" if stopping else "it took too long"):
            remote.fetch()
        assert time.monotonic() - began < 5
