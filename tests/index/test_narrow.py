"""Whom an index leaves out is nobody whom the question is about."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ispctl import money
from ispctl.desired import Entitlement, entitle
from ispctl.index import Index, Narrow, Size
from ispctl.model.days import local_day
from ispctl.model.ledger import companion
from ispctl.repo import Holding, Repository, Snapshot
from tests.depth import times
from tests.index.isp import NOON, ZONE, Isp

Meant = Callable[[Snapshot, Holding, Entitlement], bool]


def owing(part: Snapshot, holding: Holding, now: datetime) -> bool:
    """Whether something is overdue."""
    found = part.ledger_at(companion(holding.document.path))
    if found is None:
        return False
    settled = money.settle(found.value, part.policy.value, now)
    return any(debt.due < local_day(now, ZoneInfo(ZONE)) for debt in settled.open)


def questions(now: datetime) -> list[tuple[Narrow, Meant]]:
    """How it is narrowed, and who is meant."""
    soon = now + timedelta(days=2)

    def ending(_: Snapshot, __: Holding, e: Entitlement) -> bool:
        return e.access == "open" and e.ends is not None and e.ends <= soon

    return [
        *(
            (Narrow(now, states=frozenset({state})), lambda _, __, e, state=state: e.state == state)
            for state in ("grace", "expired", "suspended", "terminated", "active", "waiting")
        ),
        (Narrow(now, until=soon), ending),
        (Narrow(now, owing=True), lambda part, holding, _: owing(part, holding, now)),
        (
            Narrow(now, group="a", tariff="after-30", states=frozenset({"grace"}), owing=True),
            lambda part, holding, e: (
                e.state == "grace"
                and e.terms.tariff == "after-30"
                and owing(part, holding, now)
                and "/a/" in holding.document.path
            ),
        ),
    ]


def entitled(part: Snapshot, now: datetime) -> list[tuple[Holding, Entitlement]]:
    """Every service whose tariff exists."""
    found = []
    for holding in part.services():
        try:
            found.append((holding, entitle(holding.document, holding.number, part, now)))
        except KeyError:
            continue
    return found


@pytest.mark.parametrize("seed", range(times(8)))
def test_nobody_is_left_out_who_is_meant_for_any_history_at_any_moment(tmp_path: Path, seed: int) -> None:
    chance = random.Random(700 + seed)
    isp = Isp(tmp_path / "isp.git", chance)
    place, spared, met = tmp_path / "isp.index", 0, 0
    for _ in range(12):
        for _ in range(chance.choice([1, 2, 5])):
            isp.edit()
            if chance.random() < 0.5:
                isp.postpaid(chance.choice(list(isp.people.values())))
        if chance.random() < 0.3:  # what many share decides otherwise of them
            name = chance.choice([*isp.tariffs])
            rate, billing, pool = isp.tariffs[name]
            isp.tariffs[name] = (rate, "prepaid" if billing == "postpaid" else "postpaid", pool)
        isp.commit()
        made = NOON + timedelta(hours=chance.choice([0, 5, 30, 200]))
        if chance.random() < 0.4:
            place.unlink(missing_ok=True)
        with Repository.open(isp.folder) as scratch, Repository.open(isp.folder) as repository:
            index = Index(repository, place, size=Size(worth=1))
            if chance.random() < 0.5 or not place.exists():
                index.advance(chance.choice(isp.commits[-3:]), made)
            now = made + timedelta(hours=chance.choice([-300, -50, -24, 0, 0, 24, 50, 300]))
            rev = chance.choice(isp.commits[-3:])
            truth = scratch.at(rev)
            begun = {holding.owner: NOON - timedelta(hours=chance.choice([1, 999])) for holding in truth.services()}
            truth = truth.knowing(begun if chance.random() < 0.5 else {})
            everybody = entitled(truth, now)
            for narrow, meant in questions(now):
                slices = index.lookup.slices(rev, None, narrow)
                if slices is None:
                    continue
                given = {one.owner for piece in slices for one in piece.services}
                wanted = {holding.owner for holding, e in everybody if meant(truth, holding, e)}
                assert wanted <= given, narrow
                met += bool(wanted)
                spared += len(given) < len(everybody) // 2
    assert min(met, spared) > 3, "nobody was meant, or everything was read: nothing was shown"
