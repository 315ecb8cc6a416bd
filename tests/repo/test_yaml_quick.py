"""The fast reader takes only what the slow one takes, with the same meaning; everything else it leaves alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from ispctl.model import reading
from ispctl.model.scalars import meaning
from ispctl.model.subscriber import Subscriber
from ispctl.repo.layout import KINDS, SMALL, decode
from ispctl.repo.yaml import Later, Marks, Node, read
from ispctl.repo.yaml_places import places
from ispctl.repo.yaml_quick import LARGEST, quick
from tests.depth import times
from tests.gates.leaks import ROOT

PLAIN = """\
id: sub-000123
profile: {name: Anita Rai, mobile: "+977 9841000123", address: "Ward 4, Lalitpur"}
services:
  - key: main   # the only one
    login: anita.rai@home.example
    password: "enc:k1:klH2WnoVzwZMfiPZyXAGvwVlbAQQwOM3AoUqx00on5DPI+jwIEEqpYhL4f8zMKM="
    tariff: home-50
    activated: 2025-10-20
    mac: {mode: learn, max: 2}
    scheduled:
      - {at: 2031-05-01, set: {ipv4: {static: 203.0.113.13}}}
"""
SUBSCRIBER = next(kind for kind in KINDS if kind.name == "subscriber")
SIGNS = (
    *(
        " ",
        "  ",
        "\n",
        "\n  ",
        "\n- ",
        "- ",
        ": ",
        ":",
        "#",
        " #",
        '"',
        "'",
        "{",
        "}",
        "[",
        "]",
        ",",
        ", ",
        "&",
        "*",
        "!",
    ),
    *("|", ">", "%", "@", "`", "?", "? ", "\\", "~", "null", "0123", "1_0", "+5", "0x1f", "1e3", ".5", "true", "True"),
    *("---", "\n---\n", "...", "<<: ", "\t", "\u00a0", "\u2028", "\u00e9", "\r\n", "a: b", "a: {b: c}", "1.10", "''"),
    *('""', "null: 1", "~: 2", '"a": 1', "{a: 1, a: 2}", "\0", "0o7", ".inf", "{a: }", "[a,]", "{a: b,}", "01:02"),
)


def test_an_ordinary_record_is_read_as_slowly_and_validates_to_the_same() -> None:
    node = quick(PLAIN.encode())
    slow, _, problems = read(PLAIN.encode(), "x", limit=SMALL)
    assert not problems
    assert node == slow
    assert reading.read(Subscriber, node) == reading.read(Subscriber, slow)


def test_most_of_the_example_is_read_at_once() -> None:
    files = list(records())
    assert sum(quick(data) is not None for data in files) > 0.9 * len(files)


@pytest.mark.parametrize("seed", range(times(4)))
def test_no_mutant_is_taken_that_the_slow_reader_reads_otherwise(seed: int) -> None:
    chance = random.Random(seed)
    files = [data.decode() for data in records()]
    taken = placed = 0
    for _ in range(1500):
        mutant = mutated(chance.choice(files), chance).encode("utf-8", "surrogatepass")
        node = quick(mutant)
        if node is None:
            continue
        taken += 1
        slow, marks, problems = read(mutant, "x", limit=SMALL)
        assert not problems, mutant
        assert same(node, slow), mutant
        if (found := places(mutant)) is not None:
            assert list(stand(slow, found)) == list(stand(slow, marks)), mutant
            placed += 1
    assert taken > 150, "the mutants were too wild to say anything"
    assert placed > 0.95 * taken, "the places of nearly all can be found at once"


@pytest.mark.parametrize(
    "line",
    [
        "name: 0123",
        "name: 1_0",
        "name: 1.10",
        "name: +5",
        "name:",
        "name: ~",
        "name: True",
        "name: a\n  goes on",
        "name: &a b",
        "name: *a",
        "name: !!str a",
        "name: |\n  a",
        'name: "a\\n"',
        "name: a\0b",
        "name: a\nname: b",
        "? name",
        "name: [null: a]",
        "name: {true: a}",
        "name: {[a]}",
        "name: {a: b, {c: d}}",
        "name: [a",
        "- a",
        "name: a: b",
        "---\nname: a\n---\nname: b",
    ],
)
def test_what_is_not_certain_is_left_to_the_slow_reader(line: str) -> None:
    assert quick(line.encode() + b"\n") is None


@pytest.mark.parametrize("line", ["x: |\n  a\n", "x: [a, b\n", "x: a\tb\n", "x: {a: [" + "b, " * 500 + "|]}\n"])
def test_a_line_that_is_not_taken_is_tried_once_however_many_stand_before_it(line: str) -> None:
    """Were they tried anew, each in the two ways in which it can be taken, this would never end."""
    assert quick(("a: b\n" * 500 + line).encode()) is None


def test_large_files_and_other_encodings_are_left_to_the_slow_reader() -> None:
    assert quick(b"# " + b"x" * LARGEST + b"\nname: a\n") is None
    assert quick("name: a\n".encode("utf-16")) is None


def test_what_stands_inside_a_text_is_not_taken_for_a_number_that_would_be_spelled_otherwise() -> None:
    data = b'password: "enc:k1:0xAb+/"\nrealm: a:+5\nmax: 2\n'

    node, _, problems = read(data, "a.yaml", limit=SMALL)

    assert quick(data) == node == {"password": "enc:k1:0xAb+/", "realm": "a:+5", "max": "2"}
    assert not problems
    assert quick(b"realm: a\nmax: 0x2\n") is None
    assert quick(b"realm: {max: +5}\n") is None


def test_a_value_that_stood_in_quotes_is_still_known_to_be_text() -> None:
    for text in ("0123", "1e3", "true", "~", "0x1f"):
        assert meaning(text) is not None
        node = quick(f'name: "{text}"\n'.encode())
        assert node == {"name": text}
        assert not getattr(node["name"], "plain", False)


def test_places_are_found_when_somebody_asks_for_them() -> None:
    document, problems = decode("x", PLAIN.encode(), SUBSCRIBER)
    assert document is not None
    assert not problems
    assert isinstance(document.places, Later)
    assert str(document.where("services", 0, "tariff")) == "x:7:13"
    assert str(document.where_key("services", 0, "tariff")) == "x:7:5"


def test_a_mistake_has_its_place_although_it_was_read_at_once_first() -> None:
    document, (problem,) = decode("x", PLAIN.replace("tariff: home-50", "tarif: home-50").encode(), SUBSCRIBER)
    assert document is None
    assert (problem.code, str(problem.where)) == ("E030", "x:7:5")


@pytest.mark.parametrize(
    "text",
    [
        "a: [b: c, {d: e}, [f]]\n",
        "a: [{b: [c, 'd, e', \"f: g\"], h: i},] # j\nk: l\n",
        "a:  # why\n# so\n\n  - b: c\n    d:\n    - e\n    - f: g # h\n  - i\nj: 'k'\n",
        "# only then\n\na: {}\nb: []\nc: d \u00e9 # e\nf: g\n",
        "a: b c - d\ne: http://f/g\n",
        "  a: x\n  b:\n      c: y\n",
    ],
)
def test_places_are_those_of_the_slow_reader(text: str) -> None:
    slow, marks, _ = read(text.encode(), "x", limit=SMALL)
    found = places(text.encode())
    assert found is not None
    assert list(stand(slow, found)) == list(stand(slow, marks))


def stand(node: Node, marks: Marks, loc: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where everything stands, by its path."""
    yield loc, marks.key(loc), marks.value(loc)
    for part, below in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from stand(below, marks, (*loc, part))


def records() -> Iterator[bytes]:
    for folder in ("inventory", "subscribers", "tariffs"):
        for path in sorted((ROOT / folder).rglob("*.yaml")):
            yield path.read_bytes()


def mutated(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 3)):
        at, lines = chance.randrange(len(text) + 1), text.split("\n")
        line = chance.randrange(len(lines))
        match chance.randrange(6):
            case 0 | 1 | 2:
                text = text[:at] + chance.choice(SIGNS) + text[at:]
            case 3:
                text = text[:at] + text[at + chance.randint(1, 4) :]
            case 4:
                lines.insert(line, lines[chance.randrange(len(lines))])
                text = "\n".join(lines)
            case _:
                lines[line] = " " * chance.randint(0, 4) + lines[line].lstrip()
                text = "\n".join(lines)
    return text


def same(one: Any, other: Any) -> bool:
    """Equal, and told apart from numbers by quotes in the same places."""
    if isinstance(one, dict):
        return isinstance(other, dict) and list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if one is None or other is None:
        return one is other
    plain = (getattr(value, "plain", False) for value in (one, other))
    return str(one) == str(other) and (meaning(str(one)) is None or len(set(plain)) == 1)
