"""For the tests of one platform: a device of its kind, somebody who is logged in there, and who plans and applies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ispctl.platforms.device import Session
from tests.platforms.nas_contract import Hands, Subject, subject


@pytest.fixture
def platform(request: pytest.FixtureRequest) -> Subject:
    """That of the folder in which the test stands."""
    return subject(request.path.parent.name.replace("_", "-"))


@pytest.fixture
def router(platform: Subject, tmp_path: Path) -> Iterator[Any]:
    with platform.device(tmp_path) as found:
        yield found


@pytest.fixture
def session(platform: Subject, router: Any) -> Iterator[Session]:
    with platform.platform.open(router.login) as found:
        yield found


@pytest.fixture
def hands(platform: Subject) -> Hands:
    return Hands(platform)
