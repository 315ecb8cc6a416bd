"""The commands as they are typed, in this process: exit code, stdout, stderr; a traceback fails the test by itself."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ispctl.cli.common import run
from ispctl.store import Store
from tests import copies
from tests.gates import example

DSN = "sqlite:///var/radius.db"


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def both(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Cli:
    """Runs commands on one repository."""

    repo: Path
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch = field(repr=False)

    def __call__(self, *words: object, program: str = "ispctl", repo: Path | None = None) -> Said:
        from ispctl.cli.main import app as ispctl
        from ispctl.cli.stat import app as ispstat

        app: Callable[..., Any] = ispctl if program == "ispctl" else ispstat
        self.capture.readouterr()
        code = run(app, program, ["--repo", str(repo or self.repo), *map(str, words)])
        out, err = self.capture.readouterr()
        assert "Traceback" not in out + err
        return Said(code, out, err)

    def stat(self, *words: object) -> Said:
        return self(*words, program="ispstat")

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.repo / path
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")

    def changed(self, path: str, old: str, new: str) -> None:
        self.edit(path, old, new)
        example.commit(self.repo, "A change")


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with an empty lab database."""
    folder = example.copy(tmp_path_factory.mktemp("cli") / "isp")
    (folder / ".gitignore").write_text("var/\n", "utf-8")
    example.commit(folder, "Leave the database out")
    Store.create(DSN, base=folder, lab=True).close()
    return example.packed(folder)


@pytest.fixture(scope="session")
def once_applied(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, applied."""
    folder = copies.tree(fresh, tmp_path_factory.mktemp("cli") / "isp")
    process("ispctl", "--repo", folder, "apply").check_returncode()
    return folder


@pytest.fixture
def cli(request: pytest.FixtureRequest, tmp_path: Path) -> Cli:
    """A copy of the example to which nothing was applied."""
    return _on(request, "fresh", tmp_path / "isp")


@pytest.fixture
def applied(request: pytest.FixtureRequest, tmp_path: Path) -> Cli:
    """The example, applied."""
    return _on(request, "once_applied", tmp_path / "isp")


def _on(request: pytest.FixtureRequest, template: str, folder: Path) -> Cli:
    patch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    for name in [name for name in os.environ if name.startswith(("ISPCTL_", "ISPSTAT_", "GIT_"))]:
        if name != "ISPCTL_TEST_RUN":
            patch.delenv(name)
    copy = copies.tree(request.getfixturevalue(template), folder)
    return Cli(copy, request.getfixturevalue("capsys"), patch)


def process(*words: object, env: dict[str, str] | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """A command as a process of its own."""
    kept = {"PATH": example.path_with_commands(), "HOME": "/nonexistent", **(env or {})}
    command = list(map(str, words))
    return subprocess.run(
        command, env=kept, capture_output=True, text=True, encoding="utf-8", check=False, timeout=60, **options
    )
