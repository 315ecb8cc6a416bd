"""A copy of the example ISP for each test; the first copy is made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import copy_of_example


@pytest.fixture(scope="session")
def first_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broken")


@pytest.fixture
def isp(first_copy: Path, tmp_path: Path) -> Path:
    """The example in a repository of its own, to be broken."""
    return copy_of_example(first_copy, tmp_path / "isp")
