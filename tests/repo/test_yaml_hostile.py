"""Whatever the bytes: an answer, soon, and never another meaning than ruamel's own loader gives."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString, SingleQuotedScalarString

from ispctl.model.problem import Problem
from ispctl.model.scalars import meaning
from ispctl.repo.yaml import Marks, Node, Scalar, read
from ispctl.repo.yaml_nodes import MOST_PROBLEMS, NULLS, Loc
from tests.depth import times

LIMIT = 4 << 20

RECORD = """\
# a comment
id: sub-000123
profile: {name: Anita Rai, mobile: "+977 9841000123", address: "Jawalakhel-4, Lalitpur"}
services:
  - key: main
    login: anita.rai@home.example
    access: {type: pppoe}
    nas: [pop-lalitpur]
    activated: 2026-10-20
    grace: [{until: 2026-11-23, reason: 'it''s late', ticket: ~}]
    note: |
      two
        lines
    routes:
    - "203.0.113.64/29"
    - 2001:db8:100::/56
"""


def parsed(data: bytes) -> tuple[Node, Marks, list[Problem]]:
    return read(data, "f.yaml", limit=LIMIT)


def by_ruamel(text: str, kind: str) -> Any:
    return YAML(typ=kind, pure=True).load(text)


def as_text(node: Node) -> Any:
    """Nulls as the text that ruamel's untyped loader gives cannot be told from nothing: both are "" here."""
    if isinstance(node, dict):
        return {key: as_text(value) for key, value in node.items()}
    if isinstance(node, list):
        return [as_text(value) for value in node]
    return "" if node is None else str(node)


def without_nulls(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): without_nulls(value) for key, value in node.items()}
    if isinstance(node, list):
        return [without_nulls(value) for value in node]
    return "" if node is None or node in NULLS else str(node)


def holds_together(data: bytes) -> None:
    """What is true of every answer."""
    node, marks, problems = parsed(data)
    assert node is not None or problems
    assert len(problems) <= MOST_PROBLEMS + 1
    lines = data.decode("utf-8", "replace").count("\n") + 1
    for problem in problems:
        assert problem.slug
        assert str(problem)
        assert problem.where is not None
        assert problem.where.line <= lines
    assert marks.value(("services", 0, "login")) >= (1, 1)


@given(st.binary(max_size=300))
@example(b"\\")
@example(b'"\\')
@example(b'a: "\\U')
@example(b"%")
@example(b"%YAML 9")
@example(b"!<")
@example(b"!%ff")
@example(b"a: !%e0%80 x")
@example(b"--- >9")
@example(b"|\n \n  x")
def test_any_bytes_get_an_answer(data: bytes) -> None:
    holds_together(data)


@given(st.text("ab01 \n\t:-?[]{},&*!|>'\"%@`#~<.\\xuU\r\ufeff\u2028\u0085", max_size=60))
@settings(max_examples=times(1000))
def test_any_signs_of_yaml_get_an_answer(text: str) -> None:
    holds_together(text.encode())


EDITS = st.lists(
    st.tuples(st.integers(0, len(RECORD)), st.integers(0, 12), st.text("ab0 \n:-[]{},&*'\"~#|>?", max_size=4)),
    max_size=3,
)


def edited(edits: list[tuple[int, int, str]]) -> str:
    text = RECORD
    for start, length, new in edits:
        text = text[:start] + new + text[start + length :]
    return text


@pytest.mark.slow
@given(EDITS)
@settings(max_examples=times(600), suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_record_is_either_refused_or_means_what_ruamel_reads(edits: list[tuple[int, int, str]]) -> None:
    text = edited(edits)
    holds_together(text.encode())
    node, _, problems = parsed(text.encode())
    if problems:
        return
    untyped = by_ruamel(text, "base")
    assert without_nulls(untyped) == without_nulls(as_text(node))


PLAIN = st.from_regex(re.compile(r"[a-zA-Z0-9][a-zA-Z0-9 ./_-]{0,12}[a-zA-Z0-9]", re.ASCII), fullmatch=True)
ANY = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=12)
LEAVES = st.one_of(
    PLAIN,
    ANY.map(SingleQuotedScalarString),
    ANY.map(DoubleQuotedScalarString),
    st.lists(PLAIN, min_size=1, max_size=3).map(lambda lines: LiteralScalarString("\n".join(lines) + "\n")),
    st.none(),
    st.sampled_from(
        ["0123", "1e3", "true", "null", "~", "no", "1:30", "2026-10-20", "", "<<", "=", "- x", "a: b", "#"]
    ),
)
KEYS = st.one_of(PLAIN, ANY.filter(bool))
TREES = st.dictionaries(
    KEYS, st.recursive(LEAVES, lambda t: st.lists(t, max_size=4) | st.dictionaries(KEYS, t, max_size=4), max_leaves=12)
)


@pytest.mark.slow
@given(TREES, st.booleans())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_what_ruamel_writes_is_read_back_the_same(tree: dict[str, Any], flow: bool) -> None:
    writer = YAML(typ="rt", pure=True)
    writer.default_flow_style = flow
    stream = io.StringIO()
    writer.dump(tree, stream)
    text = stream.getvalue()
    try:
        typed, untyped = by_ruamel(text, "safe"), by_ruamel(text, "base")
    except (YAMLError, ValueError):  # it writes a few things that it cannot read
        assert parsed(text.encode())[2]
        return
    if without_nulls(untyped) != without_nulls(tree):
        return  # nor does it read all that it writes as it was
    node, _, problems = parsed(text.encode())
    assert problems == []
    assert as_text(node) == {key: plain(value) for key, value in tree.items()}
    same_meaning(node, typed)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return "" if value is None else str(value)


def same_meaning(node: Node, typed: Any) -> None:
    """`typed` is what ruamel's safe loader made of the same text, with YAML's own types."""
    if isinstance(node, dict):
        assert isinstance(typed, dict)
        assert len(node) == len(typed)
        for ours, theirs in zip(node.values(), typed.values(), strict=True):
            same_meaning(ours, theirs)
    elif isinstance(node, list):
        assert isinstance(typed, list)
        assert len(node) == len(typed)
        for ours, theirs in zip(node, typed, strict=True):
            same_meaning(ours, theirs)
    elif isinstance(typed, str):
        assert str(node) == typed
    elif typed is None:
        assert node is None
    else:
        assert isinstance(node, Scalar)
        assert node.plain


@given(st.text("0123456789+-.eExoabfInN~trueTRUEFalsnl", max_size=7))
@settings(max_examples=times(500))
def test_the_core_schema_finds_what_ruamel_finds(text: str) -> None:
    try:
        typed = by_ruamel(f"a: {text}\n", "safe")["a"]
    except Exception:  # noqa: BLE001  signs that begin no plain text; ruamel has its own troubles with some
        return
    kind = meaning(text)
    if re.fullmatch(r"[-+]?\.\d+[eE]\d+", text):  # a number in YAML 1.2's core schema (10.3.2), a text for ruamel
        assert (kind, typed) == ("number", text)
    elif kind is not None:
        types: dict[str, Any] = {"number": (int, float), "boolean": bool, "null": type(None)}
        assert isinstance(typed, types[kind])
    elif isinstance(typed, bool) or typed is None:
        pytest.fail(f"{text!r} is {typed!r} for ruamel")


def repeated(piece: str, size: int, head: str = "") -> bytes:
    return (head + piece * (size // len(piece) + 1)).encode()[:size]


def laughs() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    return "\n".join(lines).encode()


MIB = 1 << 20
NASTY = [
    ("ten megabytes", repeated("a: 1\n", 10 * MIB), "E008"),
    ("a million brackets", repeated("[", MIB), "E015"),
    ("four megabytes of brackets", repeated("[", 4 * MIB), "E015"),
    ("four megabytes of braces", repeated("{", 4 * MIB), "E015"),
    ("closing brackets", repeated("]", 4 * MIB), "E010"),
    ("100,000 nested lists", b"a: " + b"[" * 100_000 + b"]" * 100_000, "E015"),
    ("nested dashes", repeated("- ", MIB), "E015"),
    ("nested question marks", repeated("? ", MIB), "E015"),
    ("a billion laughs", laughs(), "E013"),
    ("quadratic laughs", b"a: &a " + b"x" * 1000 + b"\nb: [" + b"*a, " * 1000 + b"]\n", "E013"),
    ("two beginnings", b"--- ---\n", "E016"),
    ("beginnings", repeated("---\n", MIB), "E012"),
    ("ends", repeated("...\n", MIB), "E010"),
    ("tags", repeated("!a ", MIB), "E014"),
    ("a long tag", repeated("!", MIB, "a: "), "E014"),
    ("python", b"a: !!python/object/apply:os.system [id]\n", "E014"),
    ("nothing but NUL", bytes(MIB), "E009"),
    ("an open quote", repeated("x", MIB, "a: '"), "E010"),
    ("one duplicate after the other", repeated("a: 1\n", MIB), "E011"),
    ("directives", repeated("%x\n", MIB), "E010"),
    ("a huge version", b"%YAML 1." + b"9" * 5000 + b"\n---\na: 1\n", "E010"),
    ("tabs", repeated("\t", MIB), "E010"),
    ("line separators", ("a: 1" + "\u2028" * 1000).encode(), "E019"),
    ("a long line", b"a: " + b"x" * MIB + b"\n", None),
    ("a long key", b"x" * 2000 + b": 1\n", "E010"),
    ("a long comment", b"a: 1 #" + b"x" * MIB + b"\n", None),
]


@pytest.mark.parametrize("data,code", [case[1:] for case in NASTY], ids=[case[0] for case in NASTY])
@pytest.mark.timeout(30)
def test_nasty_files_are_refused_in_bounded_time(data: bytes, code: str | None) -> None:
    _, _, problems = parsed(data)
    assert {problem.code for problem in problems} >= ({code} if code else set())
    assert bool(problems) == bool(code)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_the_number_of_values_is_bounded() -> None:
    codes = [problem.code for problem in parsed(repeated("{},", 4 * MIB, "a: ["))[2]]
    assert codes == ["E008"]


def test_reading_ten_thousand_children_and_asking_for_each_place_is_linear() -> None:
    count = 10_000
    node, marks, problems = parsed("".join(f"k{i}: {i}\n" for i in range(count)).encode())
    assert problems == []
    assert isinstance(node, dict)
    locs: list[Loc] = [(key,) for key in node]
    assert [marks.value(loc)[0] for loc in locs] == list(range(1, count + 1))


@pytest.mark.parametrize("text", ["a: {?b: 1}", "a: [?b]", "{?a: 1}"])
def test_a_question_mark_is_never_lost_from_a_text(text: str) -> None:
    assert [problem.code for problem in parsed(text.encode())[2]] == ["E010"]
