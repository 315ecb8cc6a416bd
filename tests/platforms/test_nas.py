"""Each platform that configures NAS by itself, against a device of its kind; and what its templates make, to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ispctl.platforms import nas_platforms
from ispctl.platforms.device import nas_platform
from ispctl.platforms.rendering import texts
from tests.platforms.nas_contract import CHECKS, Subject, subject
from tests.platforms.slices import usual
from tests.report.golden import assert_golden

HERE = Path(__file__).parent


@pytest.mark.live
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", nas_platforms())
def test_a_nas_is_configured_as_agreed(name: str, check: Callable[[Subject, Path], None], tmp_path: Path) -> None:
    check(subject(name), tmp_path)


@pytest.mark.parametrize("name", nas_platforms())
def test_what_templates_make_word_for_word(name: str, request: pytest.FixtureRequest) -> None:
    vendor = nas_platform(name)
    assert vendor is not None
    for file, text in texts(vendor, usual(name), {}).items():
        assert_golden(request, file.removesuffix(".j2"), text, HERE / name.replace("-", "_") / "golden")
