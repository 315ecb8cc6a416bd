"""Whatever is done to a repository, what the index answers is what reading everything answers."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from ispctl.index import Index, whole
from ispctl.model.problem import Problem
from ispctl.reconcile import propose
from ispctl.repo import Repository
from ispctl.report.plan_json import document
from tests.index.isp import NOON, Isp


def answers(found: list[Problem]) -> list[str]:
    return [f"{problem}" for problem in found]


@pytest.mark.parametrize("seed", range(5))
def test_incremental_is_from_scratch_for_any_history(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    isp = Isp(tmp_path / "isp.git", chance)
    now = NOON
    place = tmp_path / "cache" / "isp.index"
    spared = 0
    for _ in range(10):
        for _ in range(chance.choice([1, 1, 2, 5])):
            isp.edit()
        head = isp.commit()
        base = isp.commits[-2] if chance.random() < 0.7 else chance.choice(isp.commits)
        now += timedelta(hours=chance.choice([0, 1, 30]))
        if chance.random() < 0.1:
            place.unlink(missing_ok=True)
        with Repository.open(isp.folder) as scratch, Repository.open(isp.folder) as repository:
            truth = whole({rev: scratch.at(rev) for rev in (base, head)}, now)
            look = Index(repository, place, worth=1).look((base, head), now, warnings=True)
            if chance.random() < 0.4:
                Index(repository, place, worth=1).advance(head, now)
            spared += sum(1 for _ in look.parts[head].subscribers()) < sum(1 for _ in truth.parts[head].subscribers())
            for rev in (base, head):
                assert answers(look.problems(rev)) == answers(truth.problems(rev))
                assert look.parts[rev].facts.services == truth.parts[rev].facts.services
            if not truth.errors(head) and not truth.errors(base):
                said = document(propose(repository, look, base, head))
                assert said == document(propose(scratch, truth, base, head))
    assert spared > 2, "everything was read nearly always: nothing was shown"
