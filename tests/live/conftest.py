"""One FreeRADIUS for each module of tests, on a SQLite file and then on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases import KINDS
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
