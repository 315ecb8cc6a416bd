"""Whatever stands in the files: validation answers in words, and what it lets pass can be derived and rendered."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest

from ispctl.desired import entitle_all, terms_of
from ispctl.radius.rendering import Intent, render
from ispctl.repo import Repository
from ispctl.repo.checks import check
from ispctl.repo.snapshot import Snapshot
from tests.builders import NOW, leaks

VALUE = re.compile(r"(?<=: )[^\n,\]}{\[#]+|(?<=\[)[^\],]+")
HOSTILE = [
    *("null", "", "[]", "{}", "-1", "true", "0", "1e9", "[[[]]]", "{a: b}", "'", "ü", "x" * 48, "x" * 300),
    *("9998-12-31", "1970-01-01", "2026-02-30", '"2031-01-01T00:00:00-23:59"', "999999999999d", "366d", "10G"),
    *("0.0.0.0/0", "::/0", "203.0.113.0/26", "203.0.113.7", "::ffff:192.0.2.1", '"2001:db8:100::/56"'),
    *("home", "home6", "business", "walled", "lalitpur-1", "pop-lalitpur", "home-50", "sub-000077", "main"),
    *("wall", "fixed", "off", "postpaid", "static", "UTC", "Etc/GMT+12", "../../etc/passwd", "localtime"),
    *("anita.rai@home.example", "9841000123", '"+977 9841000123"', "canary-pw-000123!", "enc:k1:" + "A" * 60),
]  # fmt: skip


def mutant(chance: random.Random, isp: Path, texts: dict[str, str]) -> set[str]:
    """Changes one to three files: a line lost or doubled, a value replaced, the content of another file."""
    touched = set(chance.sample(sorted(texts), chance.choice([1, 1, 2, 3])))
    for name in touched:
        text, lines = texts[name], texts[name].split("\n")
        match chance.randrange(5):
            case 0:
                del lines[chance.randrange(len(lines))]
                text = "\n".join(lines)
            case 1:
                lines.insert(chance.randrange(len(lines)), chance.choice(lines))
                text = "\n".join(lines)
            case 2:
                text = texts[chance.choice(sorted(texts))]
            case _:
                found = chance.choice(list(VALUE.finditer(text)) or [re.match("", text)])
                assert found
                text = text[: found.start()] + chance.choice(HOSTILE) + text[found.end() :]
        (isp / name).write_text(text, "utf-8")
    return touched


def derived(snapshot: Snapshot) -> None:
    terms = {tariff.value.name: terms_of(tariff.value) for tariff in snapshot.tariffs()}
    entitlements = list(entitle_all(snapshot.subscribers(), snapshot, NOW))
    render(Intent(snapshot.policy.value, terms, snapshot.nas, entitlements))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_no_mutant_ends_in_a_traceback_or_names_a_person(isp: Path, seed: int) -> None:
    chance = random.Random(seed)
    texts = {str(path.relative_to(isp)): path.read_text("utf-8") for path in sorted(isp.rglob("*.yaml"))}
    with Repository.open(isp, {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}) as repo:
        for _ in range(60):
            touched = mutant(chance, isp, texts)
            snapshot = repo.work()
            found = check(snapshot, NOW)
            assert leaks(map(str, found)) == []
            if not any(problem.severity == "error" for problem in found):
                derived(snapshot)
            for name in touched:
                (isp / name).write_text(texts[name], "utf-8")
