"""Verbs as they are typed, on a clone of a bare repository that plays the forge."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ispctl.repo import Repository
from tests import copies
from tests.builders import copy_of_example
from tests.cli.conftest import Cli, Said
from tests.gates import example
from tests.verbs import post as office

SUB = "sub-000123"
FILE = "subscribers/lalitpur/3f/sub-000123.yaml"
post = office.post


@dataclass(frozen=True)
class Isp:
    """`origin`: what everybody pushes to; `clone`: where verbs are typed."""

    origin: Path
    cli: Cli

    @property
    def clone(self) -> Path:
        return self.cli.repo

    def __call__(self, *words: object) -> Said:
        return self.cli(*words)

    def done(self, *words: object) -> Any:
        """A verb that goes well, as JSON."""
        said = self(*words, "--format", "json")
        assert said.code == 0, said.both
        return said.json

    def text(self, path: str = FILE, rev: str = "main") -> str:
        """A file as everybody has it."""
        with Repository.open(self.origin, {"PATH": os.environ["PATH"]}) as repository:
            (entry,) = repository.git.entries(repository.resolve(rev), [path])
            return repository.git.blob(entry.blob).decode()

    def log(self, rev: str = "main", form: str = "%s") -> list[str]:
        return example.git(self.origin, "log", f"--format={form}", rev).splitlines()

    def branches(self) -> set[str]:
        return set(example.git(self.origin, "for-each-ref", "--format=%(refname:short)", "refs/heads").split())

    def push(self, path: str, text: str, message: str = "Somebody else") -> str:
        """What somebody else does meanwhile."""
        other = self.origin.parent / "other"
        if not other.exists():
            example.git(self.origin.parent, "clone", "-q", str(self.origin), str(other))
        example.git(other, "pull", "-q")
        (other / path).parent.mkdir(parents=True, exist_ok=True)
        (other / path).write_text(text, "utf-8")
        example.commit(other, message)
        example.git(other, "push", "-q", "origin", "main")
        return example.git(other, "rev-parse", "HEAD").strip()

    def hook(self, name: str, script: str) -> None:
        """What the forge does on a push."""
        path = self.origin / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        path.chmod(0o755)


def at_home(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Asha types, and what is remembered lies in a folder of the test."""
    for name, value in {
        "GIT_AUTHOR_NAME": "Asha Gurung",
        "GIT_AUTHOR_EMAIL": "asha@example.net",
        "GIT_COMMITTER_NAME": "Asha Gurung",
        "GIT_COMMITTER_EMAIL": "asha@example.net",
        "ISPCTL_CACHE": str(folder / "cache"),
        "HOME": str(folder),
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an origin and a clone of it; every test works on a copy."""
    folder = tmp_path_factory.mktemp("forge")
    first = copy_of_example(tmp_path_factory.getbasetemp(), folder / "first")
    origin, clone = folder / "origin.git", folder / "clone"
    example.git(folder, "clone", "-q", "--bare", "--template=", f"file://{first}", str(origin))
    example.git(origin, "remote", "remove", "origin")
    example.git(origin, "config", "receive.advertisePushOptions", "true")
    example.git(folder, "clone", "-q", "--template=", f"file://{origin}", str(clone))
    return folder


def copied(forge: Path, folder: Path) -> tuple[Path, Path]:
    """The origin and the clone, below another folder."""
    origin = copies.tree(forge / "origin.git", folder / "origin.git")
    clone = copies.tree(forge / "clone", folder / "clone")
    config = clone / ".git" / "config"
    config.write_text(config.read_text("utf-8").replace(f"file://{forge / 'origin.git'}", str(origin)), "utf-8")
    example.git(clone, "update-index", "-q", "--refresh")
    return origin, clone


@pytest.fixture
def isp(forge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Isp:
    origin, clone = copied(forge, tmp_path)
    for name in [name for name in os.environ if name.startswith(("ISPCTL_", "GIT_"))]:
        monkeypatch.delenv(name)
    at_home(monkeypatch, tmp_path)
    return Isp(origin, Cli(clone, capsys, monkeypatch))
