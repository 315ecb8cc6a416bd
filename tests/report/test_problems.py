"""Problems as people, programs and GitLab read them."""

from __future__ import annotations

import json

import pytest

from ispctl.model.problem import Problem, Where
from ispctl.report import problems
from tests.plans import breaches
from tests.report.golden import assert_golden

FILE = "subscribers/lalitpur/sub-000123.yaml"
TAKEN = Problem(
    "E104",
    "203.0.113.7 belongs to sub-000077 (subscribers/lalitpur/sub-000077.yaml:11)",
    Where(FILE, 12, 9),
    "Free: ispctl pool business --free 5",
)
SYNTAX = Problem("E010", "the quote is never closed", Where("tariffs/home-50.yaml", 3, 1))
EMPTY = Problem("E002", "the repository has no commit")


def unused(number: int, field: str = "cpe") -> Problem:
    place = Where(f"subscribers/lalitpur/sub-{number:06}.yaml", number)
    return Problem("W700", f"services[{number}].{field}: nothing acts on it yet", place)


MANY = [*map(unused, range(1, 9)), unused(1, "vlan"), TAKEN, SYNTAX, EMPTY]


def test_all_problems_are_what_was_read(request: pytest.FixtureRequest) -> None:
    assert_golden(request, "problems.txt", problems.to_text(MANY, services=120))
    assert_golden(request, "problems.json", json.dumps(problems.to_json(MANY), indent=2) + "\n")
    assert_golden(request, "codequality.json", json.dumps(problems.to_codequality(MANY), indent=2) + "\n")


def test_an_error_is_one_line_with_place_code_text_and_advice() -> None:
    assert problems.to_text([TAKEN]).splitlines()[0] == (
        f"{FILE}:12:9 E104 duplicate-address: 203.0.113.7 belongs to sub-000077 "
        "(subscribers/lalitpur/sub-000077.yaml:11). Free: ispctl pool business --free 5"
    )


def test_errors_are_never_folded() -> None:
    errors = [Problem("E034", "name has no value", Where(FILE, line)) for line in range(1, 30)]
    assert problems.to_text(errors).count("E034") == 29


@pytest.mark.parametrize("count", [1, 2, 5])
def test_what_is_not_enforced_is_said_once_with_how_often_it_stands(count: int) -> None:
    text = problems.to_text(map(unused, range(1, count + 1)))
    assert text.count("nothing acts on it yet") == 1
    assert (f"and {count - 1} more W700 not-enforced about services.cpe" in text) is (count > 1)


@pytest.mark.parametrize(("count", "more"), [(3, False), (4, True)])
def test_other_warnings_of_a_kind_are_folded_after_the_third(count: int, more: bool) -> None:
    text = problems.to_text(Problem("W702", "mac is set by hand", Where(FILE, line)) for line in range(1, count + 1))
    assert text.count("is set by hand") == 3
    assert ("and 1 more W702 local-mac" in text) is more


def test_warnings_about_other_fields_are_another_kind() -> None:
    text = problems.to_text([unused(1), unused(2), unused(3, "vlan"), unused(4, "vlan")])
    assert "and 1 more W700 not-enforced about services.cpe" in text
    assert "and 1 more W700 not-enforced about services.vlan" in text


@pytest.mark.parametrize(
    ("found", "last"),
    [
        ([], "No problems. Next: ispctl plan"),
        ([unused(1)], "1 warning. Next: ispctl plan"),
        ([TAKEN, SYNTAX, unused(1)], "2 errors, 1 warning. Next: ispctl validate"),
    ],
)
def test_the_last_line_counts_and_says_what_to_type(found: list[Problem], last: str) -> None:
    assert problems.to_text(found).splitlines()[-1] == last
    assert problems.to_text(found, services=2).splitlines()[-1] == last.replace(".", " in 2 services.", 1)


def test_a_value_cannot_break_a_line_or_move_the_cursor() -> None:
    text = problems.to_text([Problem("E032", "not 'a\n\x1b[2Jb'", Where("a\u202e.yaml", 1))])
    assert text.splitlines()[0] == "a\\u202e.yaml:1 E032 wrong-value: not 'a \\u001b[2Jb'"


def test_json_keeps_its_published_schema_and_order() -> None:
    said = problems.to_json(MANY)
    assert breaches(said, "problems") == []
    assert said["summary"] == {"errors": 3, "warnings": 9}
    assert [one["severity"] for one in said["problems"]] == ["error"] * 3 + ["warning"] * 9
    assert (said["problems"][0]["file"], said["problems"][0]["line"]) == ("", 0)


def fingerprints(*found: Problem) -> list[str]:
    return [issue["fingerprint"] for issue in problems.to_codequality(found)]


def test_a_fingerprint_stays_when_lines_move() -> None:
    text = "203.0.113.7 belongs to sub-000077 (subscribers/lalitpur/sub-000077.yaml:25:3)"
    assert fingerprints(TAKEN) == fingerprints(Problem("E104", text, Where(FILE, 40, 9), TAKEN.advice))


def test_other_words_codes_and_files_have_other_fingerprints() -> None:
    place = Where(FILE, 12, 9)
    others = [
        TAKEN,
        Problem("E104", "203.0.113.8 belongs to sub-000077", place),
        Problem("E105", TAKEN.text, place),
        Problem("E104", TAKEN.text, Where("a.yaml", 12)),
        TAKEN,
    ]
    assert len(set(fingerprints(*others))) == 5


def test_gitlab_gets_a_place_for_everything() -> None:
    for issue in problems.to_codequality(MANY):
        assert issue["location"]["path"]
        assert issue["location"]["lines"]["begin"] >= 1
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
