"""One FreeRADIUS for each module of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.rig import Rig


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    rig = Rig(tmp_path_factory.mktemp("radius"))
    try:
        yield rig
    finally:
        rig.close()
