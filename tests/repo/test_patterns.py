"""A record that fits a pattern means what the slow reader and the model say; whatever does not fit is left alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from ispctl.model.reading import read
from ispctl.model.record import Record, fields_of
from ispctl.model.subscriber import Subscriber
from ispctl.repo.layout import KINDS, decode
from ispctl.repo.patterns import LARGEST, OFTEN, Patterns
from ispctl.repo.yaml_quick import quick
from tests.bench.isp import subscriber
from tests.depth import times
from tests.gates.leaks import ROOT
from tests.repo.test_yaml_quick import PLAIN, SIGNS, mutated

KIND = next(kind for kind in KINDS if kind.name == "subscriber")
SEALED = "enc:k1:klH2WnoVzwZMfiPZyXAGvwVlbAQQwOM3AoUqx00on5DPI+jwIEEqpYhL4f8zMKM="
EVERYTHING = f"""\
# somebody with all that there is
id: sub-000007
profile: {{name: 'Deepa Rai', mobile: "+977 9841000123", address: Ward 4}}
services:
  - key: main
    login: deepa@home.example   # the old one
    password: {SEALED}
    tariff: home-50
    nas: [bng-1, bng-2]
    activated: "2025-10-20"
    paid_until: 2031-05-01
    grace:
      - {{until: 2031-05-05, reason: a promise, ticket: "T-1"}}
    hold: {{from: 2031-06-01, until: 2031-06-09, extends_paid_until: true}}
    ipv4: {{static: 203.0.113.7}}
    ipv6:
      delegated: {{pool: homes, length: 56}}
    routes:
      - 198.51.100.0/29
    mac:
      mode: fixed
      max: 2
      addresses:
        - {{mac: "02:00:5e:10:00:01", label: the box}}
        - mac: "02-00-5E-10-00-02"
    scheduled:
      - {{at: 2031-07-01, set: {{tariff: home-100}}}}
  - key: line
    login: "02:00:5e:10:00:03"
    access: {{type: ipoe, identify: circuit, circuit_id: "0x0004007b0107", vlan: 17}}
    tariff: shop-50
"""
VALUES = (
    *("null", "~", "true", "True", "no", "0", "017", "1e3", "-", "a:", "a: b", "a #b", "#", "''", '""', '"a', "[a]"),
    *("{a: b}", "a,b", "x" * 300, "sub-9", "A", "é", '"é"', "a\u200db", '"a\u200db"', '" a"', '"a "', "a  b", "a "),
    *("2031-02-30", "2031-02-28", "0001-01-01", "2031-02-28T10:00:00+05:45", "1.2.3.4", "1.2.3.400", "203.0.113.9"),
    *("02:00:5e:10:00:09", "03:00:5e:10:00:01", "00:00:00:00:00:00", "+977 9841000123", '"+977 9841000124"'),
    *(SEALED, f'"{SEALED}"', "enc:k1:x", "a@b", "a@b.c", "a.b@c.example", "@", "fixed", "learn", "off", "17", "4095"),
)


def originals() -> list[str]:
    """Records of the example, of a generated ISP, and some with everything in them."""
    example = [path.read_text("utf-8") for path in sorted((ROOT / "subscribers").rglob("*.yaml"))]
    people = [text for text in example if text.lstrip("# \n").startswith("id:") or "\nid:" in text]
    return [*people, *(subscriber(number) for number in range(100, 160)), *[PLAIN, EVERYTHING] * 5]


def taught(texts: list[str]) -> Patterns[Subscriber]:
    patterns = Patterns(Subscriber)
    for text in texts * OFTEN:
        learn(patterns, text)
    return patterns


def learn(patterns: Patterns[Subscriber], text: str) -> None:
    root = quick(text.encode())
    if root is not None:
        patterns.learn(text.encode(), root, read(Subscriber, root))


@pytest.mark.parametrize("seed", range(times(6)))
def test_no_mutant_is_taken_that_is_read_otherwise_or_refused(seed: int) -> None:
    chance, texts = random.Random(seed), originals()
    patterns, values = taught(texts), values_of(texts)
    others = 0
    for _ in range(2000):
        text = chance.choice(texts)
        mutant = (mutated(text, chance) if chance.random() < 0.5 else with_another_value(text, values, chance)).encode()
        found = patterns.read(mutant)
        if found is None:
            continue
        document, problems = slowly(mutant)
        assert document is not None, mutant
        assert not problems, mutant
        assert list(parts(found)) == list(parts(document)), mutant
        others += mutant.decode() != text
    assert others > 150, "the mutants were too wild to say anything"


def test_records_of_one_form_are_read_by_their_values_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = originals()
    patterns = taught(texts)
    expected = [slowly(text.encode())[0] for text in texts]
    found = [patterns.read(text.encode()) for text in texts]
    assert [one for one in found if one is not None] == [
        other for one, other in zip(found, expected, strict=True) if one is not None
    ]
    assert sum(one is not None for one in found) > 0.8 * len(texts)


def test_a_form_is_learned_when_it_is_met_often() -> None:
    patterns = Patterns(Subscriber)
    for _ in range(OFTEN):
        assert patterns.read(PLAIN.encode()) is None
        learn(patterns, PLAIN)
    assert patterns.read(PLAIN.replace("anita", "gita").encode()) is not None


def test_what_the_models_ask_of_several_values_is_asked() -> None:
    patterns = taught([PLAIN.replace("mode: learn", "mode: off"), EVERYTHING])
    assert patterns.read(EVERYTHING.replace("max: 2", "max: 1").encode()) is None
    assert patterns.read(EVERYTHING.replace("10-00-02", "10-00-01").encode()) is None
    assert patterns.read(EVERYTHING.replace("from: 2031-06-01", "from: 2031-06-10").encode()) is None
    assert patterns.read(EVERYTHING.replace("type: ipoe", "type: pppoe").encode()) is None
    assert patterns.read(EVERYTHING.replace("max: 2", "max: 3").encode()) is not None


def test_memory_is_bounded_however_differently_files_are_written() -> None:
    patterns = Patterns(Subscriber)
    for number in range(3000):
        learn(patterns, f"# file {number}\n{PLAIN}")
    assert patterns._count <= 4
    for number in range(600):
        learn(patterns, PLAIN + f"    paid_until: 2031-01-{number % 9 + 1:02}   # {number}\n" * (number % 2))
    assert sum(map(len, patterns._known.values())) <= 256


def test_what_is_large_or_no_text_is_left_alone() -> None:
    patterns = taught([PLAIN])
    assert patterns.read(b"# " + b"x" * LARGEST + PLAIN.encode()) is None
    assert patterns.read(PLAIN.encode("utf-16")) is None
    assert patterns.read(b"\xff" + PLAIN.encode()) is None


def values_of(texts: list[str]) -> dict[str, list[str]]:
    """What is written under each key, with its indent, in any of them."""
    found: dict[str, list[str]] = {}
    for text in texts:
        for key, colon, value in (line.partition(": ") for line in text.split("\n")):
            if colon:
                found.setdefault(key, []).append(value)
    return found


def with_another_value(text: str, every: dict[str, list[str]], chance: random.Random) -> str:
    """One value replaced by another one of its key or of the file, or by one that is allowed elsewhere, or nowhere."""
    lines = text.split("\n")
    number = chance.choice([n for n, line in enumerate(lines) if ": " in line])
    key, _, value = lines[number].partition(": ")
    others = [line.partition(": ")[2] for line in lines if ": " in line]
    wild = (*VALUES, *SIGNS, *others, value[: len(value) // 2], value + chance.choice(VALUES))
    new = chance.choice(every[key] if chance.random() < 0.3 else wild)
    if '"' in value and chance.random() < 0.5:
        new = '"' + new.strip("\"'").replace('"', "") + '"'
    lines[number] = f"{key}: {new}"
    return "\n".join(lines)


def slowly(data: bytes) -> tuple[Subscriber | None, Any]:
    """As ruamel reads it, and the model."""
    from ispctl.repo import layout

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(layout, "_at_once", lambda *_: None)
        document, problems = decode("x", data, KIND)
    return (document.value if document else None), problems


def parts(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in a record: its type, what was given and what was not, in order."""
    yield at, type(value)
    if isinstance(value, Record):
        yield at, sorted(value.given)
        for name in fields_of(type(value)):
            yield from parts(getattr(value, name), f"{at}.{name}")
    elif isinstance(value, tuple):
        for number, below in enumerate(value):
            yield from parts(below, f"{at}[{number}]")
    else:
        yield at, value
