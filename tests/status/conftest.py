"""One example, built once a run; every test works on a copy of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import copies
from tests.status.world import World, build, steady


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("status") / "isp")


@pytest.fixture
def world(template: World, tmp_path: Path) -> World:
    return World(copies.tree(template.folder, tmp_path / "isp"))


Golden = Callable[[str, str], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """`golden("name", text)`: the text is that of golden/name.txt, apart from ids."""

    def check(name: str, text: str) -> None:
        file = Path(__file__).parent / "golden" / f"{name}.txt"
        if request.config.getoption("--update"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(steady(text) + "\n", "utf-8")
        assert steady(text) + "\n" == file.read_text("utf-8")

    return check
