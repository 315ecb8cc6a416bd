"""Texts that were read and found right: `--update` writes them anew, and a reviewer reads the difference."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"


def assert_golden(request: pytest.FixtureRequest, name: str, text: str, folder: Path = FOLDER) -> None:
    """The text is, to the byte, what stands in golden/<name>."""
    path = folder / name
    if request.config.getoption("--update"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
