"""One FreeRADIUS for each module of tests, on a SQLite file and then on PostgreSQL; and the example, with a lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import KINDS
from tests.gates import example
from tests.live.commands import command
from tests.live.rig import Rig
from tests.postgres import new_database


@pytest.fixture(scope="module", params=KINDS)
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    dsn = "" if request.param == "sqlite" else new_database(request.getfixturevalue("cluster"))
    rig = Rig(tmp_path_factory.mktemp("radius"), dsn)
    try:
        yield rig
    finally:
        rig.close()


@pytest.fixture
def isp(tmp_path: Path) -> Iterator[Path]:
    """The example, whose lab is ended whatever happens."""
    folder = example.copy(tmp_path / "isp")
    (folder / ".gitignore").write_text("var/\n", "utf-8")
    example.commit(folder, "Leave the database out")
    try:
        yield folder
    finally:
        command("ispctl", "lab", "down", folder=folder)
