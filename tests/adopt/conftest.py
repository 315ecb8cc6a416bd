"""The commands as they are typed, by somebody at a certain moment, on a database of somebody else's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer import Typer

from ispctl.cli import common, main, stat
from ispctl.cli.common import run
from tests.adopt import world
from tests.databases import Place


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Isp:
    """A folder for a repository, an old database beside it, and the commands."""

    folder: Path
    capture: pytest.CaptureFixture[str] = field(repr=False)
    env: dict[str, str] = field(default_factory=lambda: dict(world.ENV))
    place: Place | None = None
    """Another database than the file `old.db`."""

    @property
    def database(self) -> Path:
        return self.folder / "old.db"

    @property
    def repo(self) -> Path:
        return self.folder / "isp"

    @property
    def dsn(self) -> str:
        return self.place.dsn if self.place else f"sqlite:///{self.database}"

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What somebody does by hand."""
        place = self.place or Place(self.dsn, self.folder)
        return place.hand(statement, values=values)

    def __call__(self, *words: object) -> Said:
        return self._run(main.app, "ispctl", words)

    def stat(self, *words: object) -> Said:
        """`ispstat`"""
        return self._run(stat.app, "ispstat", words)

    def _run(self, app: Typer, program: str, words: Sequence[object]) -> Said:
        self.capture.readouterr()
        place = ["--repo", str(self.repo)] if self.repo.exists() else []
        code = run(app, program, [*place, *map(str, words)])
        out, err = self.capture.readouterr()
        assert "Traceback" not in out + err
        return Said(code, out, err)

    def imported(self, *words: object) -> Said:
        """`ispctl import freeradius` into a new repository."""
        said = self("import", "freeradius", "--dsn", self.dsn, "--out", self.repo, "--timezone", "Asia/Kathmandu",
                    "--currency", "NPR", *words)  # fmt: skip
        self.env["ISPCTL_AGE_KEY_FILE"] = str(self.folder / "isp.key")
        return said

    def read(self, path: str) -> str:
        return (self.repo / path).read_text("utf-8")


@pytest.fixture
def isp(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Isp:
    """With the old ISP of old_isp.sql."""
    found = Isp(tmp_path, capsys)
    world.old_isp(found.database)

    def session(repo: Path, prefix: str) -> common.Session:
        return common.Session(repo, prefix, found.env, world.NOW)

    monkeypatch.setattr(main, "Session", session)
    monkeypatch.setattr(stat, "Session", session)
    monkeypatch.setenv("COLUMNS", "100")
    return found
