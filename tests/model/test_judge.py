"""The quick reader of records and the judge take the same and mean the same; the judge alone says what is wrong."""

import random
from collections.abc import Iterator
from typing import Annotated, Any, get_origin

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ispctl.model import scalars
from ispctl.model.judge import judged, schema
from ispctl.model.reading import maker, read
from ispctl.model.record import Record, field, fields_of
from ispctl.repo.layout import KINDS, SMALL, Kind, kind_of
from ispctl.repo.yaml import Node, Scalar
from ispctl.repo.yaml import read as parsed
from tests.depth import times
from tests.gates.leaks import ROOT
from tests.repo.test_patterns import VALUES

LEAVES = {name: kind for name, kind in vars(scalars).items() if get_origin(kind) is Annotated}
TEXTS = (
    *(*VALUES, *"5M 0 999 1001G 5GB 7d 300s 0.5s 5% 101% 12.50 -1 1e3 NPR npr 0x0g 0x00 2001:db8::/56".split()),
    *("2001:db8::7", "fe80::1%eth0", "203.0.113.64/29", "203.0.113.65/29", "https://pay.example.net/"),
    "ssh-ed25519 " + "A" * 68,
)


def leaf(name: str) -> type[Record]:
    """A model with one field of a type."""

    class Leaf(Record):
        value: LEAVES[name] = field(description="x")  # type: ignore[valid-type]

    return Leaf


MODELS = {name: leaf(name) for name in LEAVES}


def quickly(kind: type[Record], node: Node) -> Record | None:
    try:
        return read(kind, node)
    except ValueError:
        return None


def everything(value: Any) -> Any:
    """A value with all types in it, and what was given of each record."""
    if isinstance(value, Record):
        inner = {name: everything(getattr(value, name)) for name in fields_of(type(value))}
        return type(value), value.given, inner
    if isinstance(value, tuple):
        return [everything(one) for one in value]
    if isinstance(value, dict):
        return {name: everything(one) for name, one in value.items()}
    return type(value), value, getattr(value, "plain", None)


def alike(kind: type[Record], node: Node) -> bool:
    """Whether it was taken, by both."""
    one, (other, found) = quickly(kind, node), judged(kind, node)
    assert everything(one) == everything(other), node
    assert (other is None) == bool(found)
    return one is not None


@pytest.mark.parametrize("name", LEAVES)
@given(text=st.text(max_size=40) | st.sampled_from(TEXTS), plain=st.booleans())
@example(text="", plain=False)
def test_a_value_is_what_the_judge_makes_of_it(name: str, text: str, plain: bool) -> None:
    alike(MODELS[name], {"value": Scalar(text, plain)})


def test_every_type_of_value_takes_some_text_and_refuses_another() -> None:
    every = [Scalar(text.strip("\"'"), plain) for text in TEXTS for plain in (True, False)]
    for name, kind in MODELS.items():
        taken = {alike(kind, {"value": text}) for text in every}
        assert taken == {True, False}, name


def files() -> Iterator[tuple[Kind, Node]]:
    """Those of the example."""
    for part in ("inventory", "subscribers", "tariffs"):
        for file in sorted((ROOT / part).rglob("*.yaml")):
            path = str(file.relative_to(ROOT))
            kind = kind_of(path)
            assert isinstance(kind, Kind)
            node, _, problems = parsed(file.read_bytes(), path, limit=SMALL)
            assert not problems
            yield kind, node


def mutated(node: Node, chance: random.Random, others: list[Node]) -> Node:
    """The same with something in it changed: a value, a key, something left out, twice, or from elsewhere."""
    if chance.random() < 0.15:
        return chance.choice(others)
    dice = chance.randrange(6)
    if isinstance(node, dict) and node:
        key = chance.choice(list(node))
        if dice == 0:
            return {name: one for name, one in node.items() if name != key}
        if dice == 1:
            return node | {chance.choice(("from", "until", "name", "pool", "max", "x", key + "s")): node[key]}
        return node | {key: mutated(node[key], chance, others)}
    if isinstance(node, list) and node:
        number = chance.randrange(len(node))
        new = [] if dice == 0 else [node[number]] * 2 if dice == 1 else [mutated(node[number], chance, others)]
        return [*node[:number], *new, *node[number + 1 :]]
    return chance.choice((Scalar(chance.choice(TEXTS).strip("\"'"), chance.random() < 0.5), None, [], {}))


def below(node: Node) -> Iterator[Node]:
    yield node
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from below(one)


@pytest.mark.parametrize("seed", range(times(4)))
def test_a_file_means_the_same_to_both_whatever_is_changed_in_it(seed: int) -> None:
    chance = random.Random(seed)
    known = list(files())
    others = [part for _, node in known for part in below(node)]
    kinds = {kind.name: [node for one, node in known if one.name == kind.name] for kind in KINDS}
    taken = refused = 0
    for name in [name for name, nodes in kinds.items() if nodes] * 60:
        node = chance.choice(kinds[name])
        for _ in range(chance.choice((1, 1, 2))):
            node = mutated(node, chance, others)
        found = alike(next(kind.model for kind in KINDS if kind.name == name), node)
        taken, refused = taken + found, refused + (not found)
    assert taken > 100, "the mutants were too wild to say anything"
    assert refused > 100


def test_a_rule_that_nobody_asks_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="nothing here asks"):
        maker(Annotated[str, "at most ten signs"])


def test_an_editor_is_told_the_key_and_not_what_the_program_calls_it() -> None:
    grace = schema(next(kind.model for kind in KINDS if kind.name == "subscriber"))["$defs"]["Hold"]
    assert set(grace["properties"]) == {"from", "until", "extends_paid_until", "reason"}


def test_whoever_mistypes_a_key_is_told_the_key_and_not_what_the_program_calls_it() -> None:
    hold = {"form": "2026-12-10", "until": "2027-01-10"}
    subscriber = {"id": "sub-1", "profile": {"name": "Anita"}, "services": [{"login": "anita", "hold": hold}]}
    _, found = judged(next(kind.model for kind in KINDS if kind.name == "subscriber"), subscriber)
    assert [(code, loc, advice) for code, loc, _, advice in found if code == "E030"] == [
        ("E030", ("services", 0, "hold", "form"), "Did you mean from?")
    ]
