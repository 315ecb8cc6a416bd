"""One list of codes: what the program says, what docs/errors.md explains, and what a test has seen, are the same."""

from __future__ import annotations

import re

import pytest

from ispctl.model.codes import CODES
from tests.gates.tracked import ROOT, files, python_files

SECTION = re.compile(r"^## ([EW]\d{3}) ([a-z0-9-]+)$", re.MULTILINE)
CODES_FILE = ROOT / "controller" / "ispctl" / "model" / "codes.py"


def _sections() -> list[tuple[str, str]]:
    return SECTION.findall((ROOT / "docs" / "errors.md").read_text("utf-8"))


def _source(folder: str) -> str:
    """All Python of a folder, and the cases of tests/broken, which hold what is said as data."""
    cases = [path for path in files() if path.parent == ROOT / "tests" / "broken" / "cases"]
    return "\n".join(
        path.read_text("utf-8")
        for path in (*python_files(), *cases)
        if path.relative_to(ROOT).parts[0] == folder and path != CODES_FILE
    )


def test_every_code_has_a_section_and_every_section_a_code() -> None:
    assert sorted(_sections()) == sorted(CODES.items())


def test_the_sections_stand_in_order() -> None:
    assert _sections() == sorted(_sections())


def test_the_codes_stand_in_order_and_no_name_twice() -> None:
    assert list(CODES) == sorted(CODES)
    assert len(set(CODES.values())) == len(CODES)


@pytest.mark.parametrize("folder", ["controller", "tests"], ids=["raised", "asserted"])
def test_every_code_is_raised_somewhere_and_asserted_by_a_test(folder: str) -> None:
    named = set(re.findall(r"\b[EW]\d{3}\b", _source(folder)))
    assert [code for code in CODES if code not in named] == []


def test_no_other_code_is_raised() -> None:
    assert sorted(set(re.findall(r'"([EW]\d{3})"', _source("controller"))) - set(CODES)) == []
