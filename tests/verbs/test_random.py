"""Verbs in any order on a real repository, while others push and commands are killed: nothing is lost or half done."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ispctl.repo.remote import Remote
from ispctl.repo.scratch import Scratch
from tests.gates import example
from tests.verbs.conftest import FILE, SUB, Isp

ROUNDS = int(os.environ.get("ISPCTL_TEST_ROUNDS", "1"))
"""So many lives are tried; more on demand."""
STEPS = 8
LEDGER = FILE.replace(".yaml", ".ledger.yaml")
TARIFF = "tariffs/home-50.yaml"
VERBS = (
    ("renew", SUB, "--payment", "P{}"),
    ("pay", SUB, "150", "--reference", "R{}"),
    ("credit", SUB, "20", "--reason", "outage"),
    ("grace", SUB, "--days", "2", "--reason", "outage"),
    ("change-tariff", SUB, "home-100"),
    ("change-tariff", SUB, "home-20"),
    ("suspend", SUB, "--reason", "abuse"),
    ("resume", SUB),
    ("revert", SUB, "{key}", "--reason", "slip", "--cascade"),
)


class Killed(SystemExit):
    """Where a command was ended."""


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_any_verbs_with_races_and_kills_leave_a_sound_repository(
    isp: Isp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    committed = 0
    for number in range(STEPS):
        before, count = ledger(isp), len(isp.log())
        fate, pushed = chance.choice(("well", "race", "kill-before", "kill-after")), 0
        keys = [line.split("key: ")[1].split(",")[0].strip() for line in before.splitlines() if "key: " in line]
        words = [word.format(number, key=chance.choice(keys or ["none"])) for word in chance.choice(VERBS)]
        with monkeypatch.context() as patch:
            times = disturb(isp, patch, fate, number)
            with contextlib.suppress(Killed):
                isp(*words, "--direct", "--yes", "--key", f"k{number}")
            pushed = times.count("pushed")
        after, grown = ledger(isp), len(isp.log()) - count - pushed
        assert after.startswith(before), (seed, number, words, "the account is only added to")
        assert grown in (0, 1), (seed, number, words, "one verb is one commit")
        assert after != before or not grown, (seed, number, words, "an event without its entry")
        committed += grown
        assert not list(scratch.glob("ispctl-*")), (seed, number, words, fate)
        if fate == "kill-before":
            assert not grown, (seed, number, words, "what was not published is not there")
    assert committed, "a life in which nothing happened says nothing"
    example.git(isp.clone, "fetch", "-q")
    checked = isp("validate", "--commit", "origin/main")
    assert checked.code == 0, (seed, checked.both)


def ledger(isp: Isp) -> str:
    """The account as everybody has it; nothing before the first entry."""
    tree = example.git(isp.origin, "ls-tree", "-r", "--name-only", "main").splitlines()
    return isp.text(LEDGER) if LEDGER in tree else ""


def disturb(isp: Isp, patch: pytest.MonkeyPatch, fate: str, number: int) -> list[str]:
    """Let somebody push in between, or end the command before or after it has published; what was done of that."""
    publish, follow, done = Scratch.publish, Remote.follow, list[str]()

    def published(self: Scratch, commit: str, to: Remote, push: Any) -> str:
        if fate == "race" and not done:
            isp.push(TARIFF, isp.text(TARIFF) + f"# {number}\n")
            done.append("pushed")
        if fate == "kill-before":
            raise Killed(143)
        return publish(self, commit, to, push)

    def followed(self: Remote, commit: str, base: str) -> bool:
        if fate == "kill-after":
            raise Killed(143)
        return follow(self, commit, base)

    patch.setattr(Scratch, "publish", published)
    patch.setattr(Remote, "follow", followed)
    return done
