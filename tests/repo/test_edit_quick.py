"""Where a value stands is found at once in a record of every day: the edit is octet for octet that of ruamel."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ispctl.model.problem import Refusal
from ispctl.model.record import Loc
from ispctl.repo import edit
from ispctl.repo.edit import Value
from ispctl.repo.yaml_nodes import Shape
from ispctl.repo.yaml_places import shape
from ispctl.repo.yaml_quick import quick
from tests.depth import times
from tests.repo.test_yaml_quick import mutated, records

LEDGER = """\
# Written by ispctl; a correction is a new entry.
subscriber: sub-000123
entries:
  - {key: renew-2031-01-01, at: "2031-01-01T09:00:00+05:45", type: invoice, amount: "1200.00", tax: '156.00'}
  - key: cash   # at the counter
    at: "2031-01-02T09:00:00+05:45"
    type: payment
    amount: "1200.00"

  - {key: back, type: credit, amount: "10.00", event: {verb: credit, was: {}, set: {}}}
# the end
"""
ODD = """\
a: [b: c, {d: e}, [f]]
g: {h: [i, "j, k", 'l: m'], n: {}, o: []}   # p
q:
- r
- s: t   # u
  v: w x - y

# z
aa: http://example.net/bb
"""
VALUES: tuple[Value, ...] = ("home-100", "1e3", "a: b # c", 'she said "so"', 7, {"a": ["b", {"c": "d"}]}, [], {}, "é")
Edit = Callable[[bytes], bytes]


@pytest.mark.parametrize("seed", range(times(4)))
def test_an_edit_at_once_is_that_of_ruamel(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    texts = [data.decode() for data in records()] + [LEDGER, ODD] * 10
    changed = refused = quickly = 0
    for _ in range(600):
        data = dressed(chance.choice(texts), chance).encode("utf-8", "surrogatepass")
        act = any_edit(data, chance)
        found = outcome(act, data)
        quickly += at_once(data) is not None
        with monkeypatch.context() as patched:
            patched.setattr(edit, "shape", lambda *_: None)
            assert found == outcome(act, data), data
        changed += isinstance(found, bytes)
        refused += isinstance(found, str)
    assert changed > 200, "the edits were too wild to say anything"
    assert refused > 20, "the edits were too tame"
    assert quickly > 200, "hardly one was found at once"


@pytest.mark.parametrize("seed", range(times(4)))
def test_what_is_found_at_once_stands_where_ruamel_says(seed: int) -> None:
    chance = random.Random(seed)
    texts = [data.decode() for data in records()] + [LEDGER, ODD] * 10
    seen = 0
    for _ in range(600):
        text = dressed(chance.choice(texts), chance)
        found = at_once(text.encode("utf-8", "surrogatepass"))
        if found is not None:
            seen += 1
            assert found == edit._composed(edit._yaml().compose(text)), text
    assert seen > 200


@pytest.mark.parametrize(
    "text",
    [
        "a: [b: c]\n",
        "a: b",
        "a: b\r\nc: d\r\n",
        "\ufeffa: b\n",
        "a:\n  b\n",
        "a: |\n  b\n",
        "a: ~\n",
        "a: &b c\nd: *b\n",
    ],
)
def test_what_is_not_certain_is_left_to_ruamel(text: str) -> None:
    assert at_once(text.encode()) is None


def test_a_payment_is_entered_without_ruamel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(edit, "_yaml")
    entry: Value = {"key": "next", "type": "payment", "amount": "1200.00"}
    assert edit.append(b"subscriber: sub-000123\nentries:\n  - {key: first}\n", "x", "entries", entry) == (
        b'subscriber: sub-000123\nentries:\n  - {key: first}\n  - {key: next, type: payment, amount: "1200.00"}\n'
    )


def at_once(data: bytes) -> Shape | None:
    root = quick(data)
    return shape(data.decode(), root) if root is not None else None


def dressed(text: str, chance: random.Random) -> str:
    """As somebody else would have saved it, or damaged."""
    match chance.randrange(10):
        case 0:
            return text.replace("\n", "\r\n")
        case 1:
            return text.rstrip("\n")
        case 2:
            return "\n# first of all\n" + text.replace("\n", "   # so\n", 1)
        case 3 | 4 | 5:
            return mutated(text, chance)
    return text


def any_edit(data: bytes, chance: random.Random) -> Edit:
    """One of those that verbs make, at a place that is there, or nearly."""
    every = [loc for loc in places(quick(data)) if loc] or [("id",)]
    loc, value, number = chance.choice(every), chance.choice(VALUES), chance.randrange(3)
    match chance.randrange(6):
        case 0:
            return lambda data: edit.drop(data, "x", loc)
        case 1:
            return lambda data: edit.append(data, "x", str(loc[0]), value)
        case 2:
            return lambda data: edit.put(data, "x", (*loc[:-1], "another"), value)
        case 3:
            return lambda data: edit.put(data, "x", (*loc, number), value)
        case 4:
            return lambda data: edit.put(data, "x", (*loc[:-1], "one", "two"), value)
    return lambda data: edit.put(data, "x", loc, value)


def places(node: Any, loc: Loc = ()) -> Iterator[Loc]:
    yield loc
    for part, below in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(below, (*loc, part))


def outcome(act: Edit, data: bytes) -> bytes | str:
    try:
        return act(data)
    except Refusal as refusal:
        return str(refusal)
