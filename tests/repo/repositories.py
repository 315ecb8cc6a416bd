"""Real repositories for tests, made by git itself in a temporary folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ispctl.model.problem import Refusal
from ispctl.repo.git import Git

ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Canary Committer",
    "GIT_AUTHOR_EMAIL": "committer@example.net",
    "GIT_COMMITTER_NAME": "Canary Committer",
    "GIT_COMMITTER_EMAIL": "committer@example.net",
    "GIT_AUTHOR_DATE": "2026-10-20T06:00:00+05:45",
    "GIT_COMMITTER_DATE": "2026-10-20T06:00:00+05:45",
    "GIT_ALLOW_PROTOCOL": "file",
}


def git(folder: Path, *arguments: str, given: bytes = b"") -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, env=ENV, input=given, capture_output=True, check=True)
    return done.stdout.decode().strip()


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def commit(folder: Path, files: dict[str, str | bytes], message: str = "Change") -> str:
    write(folder, files)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


FILES: dict[str, str | bytes] = {
    "README.md": "not ours\n",
    "inventory/policy.yaml": "format: 1\n",
    "subscribers/a/sub-1.yaml": "id: sub-1\n",
    "subscribers/a/sub-2.yaml": "id: sub-2\n",
    "tariffs/home.yaml": "name: home\n",
    "templates/nas/linux/x.j2": "x\n",
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, FILES, "Begin")
    return folder


@pytest.fixture
def opened(repo: Path) -> Iterator[Git]:
    with Git.open(repo, ENV) as found:
        yield found


def refusal(act: Callable[[], object]) -> str:
    """What a person reads."""
    with pytest.raises(Refusal) as caught:
        act()
    (problem,) = caught.value.problems
    assert problem.advice
    return str(problem)


def paths(found: Git, rev: str = "HEAD") -> list[str]:
    return [entry.path for entry in found.tree(found.resolve(rev))]


def contents(found: Git, tree: str) -> dict[str, bytes]:
    return {entry.path: found.blob(entry.blob) for entry in found.tree(tree)}
