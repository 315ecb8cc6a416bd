"""The example ISP with one thing broken: a case is a file in `cases/`, with what validation says word for word.

    why: what somebody did
    edits:                              # in the order given
      - {file: F, replace: OLD, with: NEW}     # OLD stands in F once
      - {file: F, write: TEXT}          # a new file, or another content
      - {file: F, add: TEXT}            # at the end
      - {file: F, remove: true}
      - {file: F, to: G}                # copied; with remove: true moved
    says: [message, …]                  # what is said besides what the whole example says

`pytest --update` writes `says` anew; read the difference before you commit it.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ispctl.model.codes import CODES
from ispctl.model.problem import Problem
from tests.builders import leaks, problems
from tests.gates.tracked import ROOT

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
ELSEWHERE = {
    # what cannot be written down as an edit of one text: see test_hostile.py and tests/repo
    *("E001", "E002", "E003", "E004", "E005", "E006", "E007", "E008", "E009", "E017", "E020"),
}


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = 4000
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def edit(folder: Path, change: dict[str, Any]) -> None:
    """Make one of a case's edits."""
    path = folder / change["file"]
    path.parent.mkdir(parents=True, exist_ok=True)
    if "replace" in change:
        text = path.read_text("utf-8")
        assert text.count(change["replace"]) == 1, f"{change['file']} holds it {text.count(change['replace'])} times"
        path.write_text(text.replace(change["replace"], change["with"]), "utf-8")
    elif "write" in change:
        path.write_text(change["write"], "utf-8")
    elif "add" in change:
        path.write_text(path.read_text("utf-8") + change["add"], "utf-8")
    if "to" in change:
        (folder / change["to"]).parent.mkdir(parents=True, exist_ok=True)
        (folder / change["to"]).write_bytes(path.read_bytes())
    if change.get("remove"):
        path.unlink()


def _kind(problem: Problem) -> tuple[str, str, str]:
    return problem.code, problem.text, problem.where.file if problem.where else ""


@cache
def _always(first: Path) -> Counter[tuple[str, str, str]]:
    return Counter(_kind(problem) for problem in problems(first))


def new(first: Path, found: list[Problem]) -> list[str]:
    """The messages that the whole example does not get; a line that only moved is not new."""
    known, messages = Counter(_always(first)), []
    for problem in found:
        if known[_kind(problem)]:
            known[_kind(problem)] -= 1
        else:
            messages.append(str(problem))
    return messages


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_broken_example_says_what_is_wrong_where_and_what_to_do(
    path: Path, isp: Path, first_copy: Path, request: pytest.FixtureRequest
) -> None:
    case = _yaml().load(path)
    for change in case["edits"]:
        edit(isp, change)
    said = new(first_copy / "example-isp", problems(isp))
    if request.config.getoption("--update"):
        case["says"] = said
        out = StringIO()
        _yaml().dump(case, out)
        path.write_text(out.getvalue(), "utf-8")
    assert said == case["says"]
    assert leaks(said) == []
    assert said, "a case says something"


def test_every_code_that_a_repository_can_bring_has_a_case() -> None:
    said = "\n".join(path.read_text("utf-8") for path in CASES)
    ours = [code for code in CODES if code < "E200" or code.startswith("W")]
    assert [code for code in ours if f" {code} " not in said and code not in ELSEWHERE] == []


def test_the_example_itself_has_no_error_and_warns_only_of_what_nothing_enforces(isp: Path) -> None:
    found = problems(isp)
    assert {problem.code for problem in found} == {"W700", "W704", "W709", "W713"}
    assert leaks(map(str, found)) == []


def test_the_example_that_is_shipped_is_the_one_that_is_tested(isp: Path) -> None:
    source = ROOT / "subscribers" / "lalitpur" / "3f" / "sub-000123.yaml"
    assert (isp / source.relative_to(ROOT)).read_bytes() == source.read_bytes()
