"""One YAML file becomes text and places, or a list of everything that is wrong with it."""

from __future__ import annotations

import copy
import pickle

import pytest

from ispctl.model.problem import Problem
from ispctl.model.scalars import meaning
from ispctl.repo.yaml import Marks, Node, Scalar, read
from ispctl.repo.yaml_nodes import MOST_PROBLEMS

LIMIT = 4 << 20


def parsed(text: str | bytes) -> tuple[Node, Marks, list[Problem]]:
    data = text.encode() if isinstance(text, str) else text
    return read(data, "f.yaml", limit=LIMIT)


def messages(text: str | bytes) -> list[str]:
    return [str(problem) for problem in parsed(text)[2]]


def at(text: str | bytes) -> list[tuple[str, int, int]]:
    """Code, line and column of each problem."""
    problems = parsed(text)[2]
    return [(p.code, p.where.line, p.where.column) for p in problems if p.where is not None]


def test_values_stay_the_text_that_was_written() -> None:
    node, _, problems = parsed("a: 0123\nb: 1.10\nc: no\nd: 11:22:33:44:55:06\ne: 2026-10-20\nf: true\n")
    assert problems == []
    assert node == {"a": "0123", "b": "1.10", "c": "no", "d": "11:22:33:44:55:06", "e": "2026-10-20", "f": "true"}


def test_a_value_knows_whether_it_was_quoted() -> None:
    node, _, _ = parsed("a: 1\nb: '1'\nc: \"1\"\nd: |\n  1\n")
    assert isinstance(node, dict)
    assert [value.plain for value in node.values() if isinstance(value, Scalar)] == [True, False, False, False]


def test_null_and_nothing_are_none_unless_quoted_and_their_text_is_kept() -> None:
    node, marks, _ = parsed("a: ~\nb: null\nc:\nd: 'null'\ne: Null\nf: NULL\ng: ''\nh: nULL\n")
    assert node == {"a": None, "b": None, "c": None, "d": "null", "e": None, "f": None, "g": "", "h": "nULL"}
    assert [marks.text((key,)) for key in "abcdefg"] == ["~", "null", "", None, "Null", "NULL", None]


def test_a_scalar_survives_a_copy_and_a_pickle() -> None:
    quoted = Scalar("1", plain=False)
    for other in (copy.deepcopy(quoted), pickle.loads(pickle.dumps(quoted))):  # noqa: S301  our own bytes
        assert (other, other.plain) == ("1", False)


@pytest.mark.parametrize(
    "text,kind",
    [
        ("1", "number"), ("-12", "number"), ("0123", "number"), ("12e03", "number"), ("1.10", "number"),
        (".5", "number"), ("5.", "number"), ("0x1F", "number"), ("0o17", "number"), (".inf", "number"),
        ("-.INF", "number"), (".nan", "number"), ("true", "boolean"), ("False", "boolean"), ("~", "null"),
        ("null", "null"), ("", "null"), ("no", None), ("1_000", None), ("0b1", None), ("11:22:33", None),
        ("+0x1", None), ("tRUE", None), ("1e", None), (".", None), ("2026-10-20", None), ("９", None),
    ],
)  # fmt: skip
def test_a_plain_text_tells_what_yaml_would_make_of_it(text: str, kind: str | None) -> None:
    assert meaning(text) == kind


def test_each_value_and_key_has_its_line_and_column() -> None:
    _, marks, _ = parsed("a: 1\nb:\n  - {c: x, d:  y}\n  -   z\n'q': |\n  text\n")
    assert marks.value(("a",)) == (1, 4)
    assert marks.key(("a",)) == (1, 1)
    assert marks.value(("b",)) == (3, 3)
    assert marks.key(("b",)) == (2, 1)
    assert marks.value(("b", 0)) == marks.key(("b", 0)) == (3, 5)
    assert marks.value(("b", 0, "d")) == (3, 16)
    assert marks.key(("b", 0, "d")) == (3, 12)
    assert marks.value(("b", 1)) == (4, 7)
    assert marks.value(("q",)) == (5, 6)
    assert marks.value(()) == (1, 1)


def test_a_place_that_is_not_there_gives_its_nearest_ancestor() -> None:
    _, marks, _ = parsed("a: 1\nb: {c: [x]}\n")
    assert marks.value(("b", "zz", 3)) == marks.value(("b",))
    assert marks.key(("b", "c", 7)) == marks.key(("b", "c"))
    assert marks.value(("b", "c", -1)) == marks.value(("b", "c"))
    assert marks.value(("b", 0)) == marks.value(("b",))
    assert marks.value(("a", "x")) == (1, 4)
    assert marks.text(("a", "x")) is None
    assert marks.text(("zz",)) is None


def test_places_stay_right_after_a_value_that_was_left_out() -> None:
    _, marks, problems = parsed("a: 1\na: {x: ~, y: [~]}\nb: ~\nc: 3\n")
    assert [p.code for p in problems] == ["E011"]
    assert (marks.value(("c",)), marks.key(("b",)), marks.text(("b",)), marks.text(("c",))) == (
        (4, 4),
        (3, 1),
        "~",
        None,
    )


def test_marks_of_a_file_that_could_not_be_read_answer_with_its_beginning() -> None:
    _, marks, _ = parsed("")
    assert (marks.value(("a", 1)), marks.key(()), marks.text(("a",))) == ((1, 1), (1, 1), None)


def test_a_duplicate_key_names_the_first_place_and_the_first_value_stands() -> None:
    node, _, _ = parsed("a: 1\nb: 2\na: 3\n")
    assert node == {"a": "1", "b": "2"}
    expected = "f.yaml:3:1 E011 duplicate-key: the key 'a' stands already at f.yaml:1:1. Keep one of them"
    assert messages("a: 1\nb: 2\na: 3\n") == [expected]


def test_a_long_or_strange_duplicate_key_is_not_repeated_in_the_message() -> None:
    assert "the key here stands" in messages("? canary-pw-x y\n: 1\n? canary-pw-x y\n: 2\n")[0]


def test_every_duplicate_is_reported() -> None:
    assert at("a: {x: 1, x: 2}\nb: 1\nb: 2\n'b': 3\n") == [("E011", 1, 11), ("E011", 3, 1), ("E011", 4, 1)]


def test_a_second_document_is_refused_where_it_begins() -> None:
    assert at("---\na: 1\n---\nb: 2\n") == [("E012", 3, 1)]
    assert at("---\n---\na: 1\n") == [("E012", 2, 1)]
    assert at("---\na: 1\n...\n") == []


def test_anchors_aliases_and_merge_keys_are_refused_all_together() -> None:
    text = "a: &x 1\nb: *x\n<<: {c: 1}\nd: [&y {}, *y]\n"
    assert at(text) == [("E013", 1, 4), ("E013", 2, 4), ("E013", 3, 1), ("E013", 4, 5), ("E013", 4, 12)]
    assert parsed(text)[0] is None


def test_a_quoted_merge_key_is_a_key_like_any_other() -> None:
    assert parsed("'<<': 1\n")[0] == {"<<": "1"}


def test_tags_are_refused_and_the_value_is_still_judged() -> None:
    node, _, problems = parsed("a: !!str 5\nb: !x!y 1\n")
    assert [(p.code, p.where and p.where.line) for p in problems] == [("E014", 1), ("E014", 2)]
    assert node is None or node == {"a": "5", "b": "1"}
    assert parsed("a: !!str 5\n")[0] == {"a": "5"}


def test_a_file_is_yaml_1_2_and_says_nothing_else() -> None:
    assert parsed("%YAML 1.2\n---\na: no\n")[0] == {"a": "no"}
    assert at("%YAML 1.1\n---\na: no\n") == [("E010", 1, 1)]
    assert at("%TAG ! tag:x,2000:\n---\na: 1\n") == [("E014", 1, 1)]
    assert at("a: 1\n%YAML 1.2\n") == [("E010", 2, 1)]


def test_depth_is_bounded() -> None:
    assert at("a: " + "[" * 31 + "]" * 31) == []
    assert at("a: " + "[" * 32 + "]" * 32) == [("E015", 1, 35)]


@pytest.mark.parametrize(
    "text,what",
    [
        ("", "nothing"), (" \n\n", "nothing"), ("# a\n\n# b\n", "only comments"), ("- a\n", "a list"),
        ("just text\n", "a single value"), ("~\n", "nothing"), ("---\n", "nothing"),
    ],
)  # fmt: skip
def test_the_top_of_a_file_is_a_mapping(text: str, what: str) -> None:
    advice = "A file is a mapping: lines of the form 'key: value'"
    assert messages(text) == [f"f.yaml:1:1 E016 not-a-mapping: the file holds {what}. {advice}"]


def test_a_key_is_a_text() -> None:
    assert at("{a: 1}: 2\n") == [("E018", 1, 1)]
    assert at("? [a, {b: c}]\n: d\ne: f\n") == [("E018", 1, 3)]
    assert at("~: 1\n") == at("null: 1\n") == at(": 1\n") == [("E018", 1, 1)]
    assert at("{{a: 1}}\n") == [("E018", 1, 2)]  # a template's braces without quotes


def test_size_is_judged_before_anything_else() -> None:
    node, _, problems = read(b"[" * 11, "f.yaml", limit=10)
    assert node is None
    expected = (
        "f.yaml E008 too-large: the file has 11 bytes; at most 10 are read. Split it: one record a file is the rule"
    )
    assert [str(problem) for problem in problems] == [expected]


def test_the_first_byte_that_is_not_utf8_is_pointed_at() -> None:
    assert at(b"a: 1\nb: \xc3\xa9\xff\n") == [("E009", 2, 5)]
    assert messages(b"\xff\xfea\x00") == ["f.yaml:1:1 E009 not-utf8: the file is UTF-16. Save the file as UTF-8"]
    assert at("a: b\n".encode("utf-16-le")) == at("a: b\n".encode("utf-32-be")) == [("E009", 1, 1)]
    assert at(b"\xed\xa0\x80") == [("E009", 1, 1)]  # half a surrogate pair


def test_a_utf8_byte_order_mark_at_the_start_does_not_matter() -> None:
    node, marks, problems = parsed(b"\xef\xbb\xbfa: 1\n")
    assert (node, problems, marks.key(("a",)), marks.value(("a",))) == ({"a": "1"}, [], (1, 1), (1, 4))


@pytest.mark.parametrize(
    "sign",
    ["\0", "\x07", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u202e", "\u2066", "\ufeff", "\uffff", "\U000e0041"],
)
def test_invisible_characters_are_refused_wherever_they_stand(sign: str) -> None:
    assert at(f"# x{sign}\na: 1\nb: y{sign}z\nc: 'y{sign}'\n") == [("E019", 1, 4), ("E019", 3, 5), ("E019", 4, 6)]
    assert f"U+{ord(sign):04X}" in messages(f"a: {sign}\n")[0]
    escaped = f'a: "\\U{ord(sign):08x}"\n'
    assert at(escaped) == [("E019", 1, 4)]
    assert at(f'"\\U{ord(sign):08x}": a\n') == [("E019", 1, 1)]


def test_devanagari_and_its_joiners_are_welcome() -> None:
    name = "क्\u200dष अनिता"
    assert parsed(f"a: {name}\n")[0] == {"a": name}


def test_an_escape_for_half_a_character_is_refused() -> None:
    assert at('a: "\\ud83d\\ude00"\n') == [("E019", 1, 4)]


def test_windows_line_ends_do_not_matter_and_old_mac_ones_are_refused() -> None:
    assert parsed("a: 1\r\nb:\r\n  - 2\r\n")[0] == {"a": "1", "b": ["2"]}
    assert at("a: 1\rb: 2\r") == [("E019", 1, 5)]


@pytest.mark.parametrize(
    "text,place,what,advice",
    [
        ("a:\n\tb: 1\n", (2, 1), "a tab stands where YAML wants spaces", "Indent with spaces only"),
        ("a:\n  \tb: 1\n", (2, 3), "a tab stands where YAML wants spaces", "Indent with spaces only"),
        ("a: 'x\nb: 1\n", (1, 4), "a text in quotes is not closed", "Write the closing quote"),
        ("a: @x\n", (1, 4), "a value cannot begin with this sign", "Put the value in quotes"),
        ("a: %x\n", (1, 4), "a value cannot begin with this sign", "Put the value in quotes"),
        ('a: "C:\\x"\n', (1, 9), "a '\\' in double quotes that means nothing", "Use single quotes, or write '\\\\'"),
        ("a:\n  b: 1\n c: 2\n", (3, 2), "this line does not fit the ones above", None),
        ("a: b: c\n", (1, 5), "a ':' stands where no key can be", None),
        ("a: 1\nb\nc: 2\n", (3, 1), "a line without 'key: '", None),
        (
            "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> other\n",
            (2, 1),
            "two versions of a merge stand here",
            None,
        ),
        ("a: [1, 2\nb: 3\n", (2, 2), "a list in brackets goes on without ',' or ']'", None),
        ("a: {b: 1\nc: 3\n", (2, 2), "a mapping in braces goes on without ',' or '}'", None),
        ("a: - b\n", (1, 4), "a '- ' stands where no list can begin", None),
        ("a: ]\n", (1, 4), "a value is missing here", None),
        ("a: 'b' c\n", (1, 8), None, None),
        ('a: "\\UFFFFFFFF"\n', (1, 7), "this cannot be read as YAML", None),
    ],
)
def test_broken_yaml_is_explained(text: str, place: tuple[int, int], what: str | None, advice: str | None) -> None:
    node, _, (problem,) = parsed(text)
    assert node is None
    assert problem.where is not None
    assert (problem.code, problem.where.line, problem.where.column) == ("E010", *place)
    assert problem.text == (what or problem.text)
    assert problem.advice == (advice or problem.advice)


def test_what_was_found_before_broken_yaml_is_reported_too() -> None:
    assert [code for code, *_ in at("a: 1\na: 2\nb: &x 1\nc: 'x\n")] == ["E011", "E013", "E010"]


def test_the_list_of_problems_has_an_end_and_says_so() -> None:
    lines = messages("a: 1\n" * 1000)
    assert len(lines) == MOST_PROBLEMS
    assert lines[-1].endswith("The rest of the file was not read")
    assert len(messages("#\u202e\n" * 1000 + "a: 1\n")) <= MOST_PROBLEMS + 1
