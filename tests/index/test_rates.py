"""Whom only the rate of a tariff concerns is counted by kinds: what a plan then says is what reading everybody says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ispctl.gates import counted
from ispctl.index import Index, Look, Size, whole
from ispctl.plan import Plan
from ispctl.reconcile import EachItself, propose
from ispctl.repo import Repository
from ispctl.report import plan_markdown, plan_text
from ispctl.report.gist import gather
from tests.depth import times
from tests.index.isp import NOON, ZONE, Isp

COUNTS = Size(worth=1, together=2, chunk=4, alone=99, few=1)


def told(plan: Plan) -> tuple[object, ...]:
    """All that is said of a plan in words or in numbers."""
    gist = gather(plan, ZoneInfo(ZONE))
    cohorts = sorted((one.because.text, one.effects, one.count, one.sample) for one in plan.cohorts)
    numbers = plan.digest, plan.summary, counted(plan), cohorts, plan.until, plan.coming, plan.empty, plan.settled
    return plan_text.render(gist), plan_markdown.render(gist), *numbers


@pytest.fixture
def isp(tmp_path: Path) -> Isp:
    """Fifty people of a few kinds."""
    made = Isp(tmp_path / "isp.git", random.Random(5))
    for number in range(100, 126):
        made.add(f"s-{number}")
    for number in range(126, 138):
        made.add(f"s-{number}")
        made.postpaid(made.people[f"s-{number}"])
    made.commit()
    return made


class Both:
    """The same commits, by an index that counts and by reading everything."""

    def __init__(self, isp: Isp, place: Path, base: str, head: str, now: datetime = NOON, size: Size = COUNTS) -> None:
        self.isp, self.place, self.base, self.head, self.now, self.size = isp, place, base, head, now, size

    def plans(self) -> Iterator[Plan]:
        with Repository.open(self.isp.folder) as scratch, Repository.open(self.isp.folder) as repository:
            look = Index(repository, self.place, size=self.size).look(
                (self.base, self.head), self.now, warnings=True, slicing=True, rates="counted"
            )
            self.look: Look = look
            self.truth = whole({rev: scratch.at(rev) for rev in (self.base, self.head)}, self.now)
            self.wrong = bool(self.truth.errors(self.base) or self.truth.errors(self.head))
            for rev in (self.base, self.head):
                assert look.problems(rev) == self.truth.problems(rev)
            if not self.wrong:
                yield propose(repository, look, self.base, self.head)
                yield propose(scratch, self.truth, self.base, self.head)


@pytest.mark.parametrize("seed", range(times(8)))
def test_counting_says_what_reading_everybody_says_for_any_history(tmp_path: Path, isp: Isp, seed: int) -> None:
    isp.chance = chance = random.Random(seed)
    place, now, good, many = tmp_path / "isp.index", NOON, [isp.commits[-1]], 0
    for _ in range(20):
        before = deepcopy((isp.people, isp.shared, isp.tariffs, isp.groups))
        for _ in range(chance.choice([0, 0, 1, 3])):
            isp.edit()
        isp.rate()
        head = isp.commit()
        base = good[-1] if chance.random() < 0.8 else chance.choice(good)
        now += timedelta(hours=chance.choice([0, 1, 15, 30]))
        both = Both(isp, place, base, head, now)
        with suppress(EachItself):
            said = [told(plan) for plan in both.plans()]
            assert said[:1] == said[1:]
            many += bool(both.look.crowds and said)
        if chance.random() < 0.4:
            with Repository.open(isp.folder) as repository:
                Index(repository, place, size=COUNTS).advance(head, now)
        if both.wrong:  # what has errors is never compared, and nobody commits it
            isp.people, isp.shared, isp.tariffs, isp.groups = before
        else:
            good.append(head)
    assert many > 2, "everything was read nearly always: nothing was shown"


def test_nobody_of_a_kind_is_read_but_one(tmp_path: Path, isp: Isp) -> None:
    base = isp.commits[-1]
    isp.tariffs["home-50"] = (60, "prepaid", "home")
    both = Both(isp, tmp_path / "isp.index", base, isp.commit())
    counting, reading = both.plans()
    assert told(counting) == told(reading)
    assert len([*both.look.parts[base].subscribers()]) == len(both.look.crowds) == 2  # one of each group's NAS
    assert sum(len(one.owners) for one in counting.many) + 2 == len(reading.services) == 40


def test_slower_people_meet_their_gate_though_nobody_reads_their_files(tmp_path: Path, isp: Isp) -> None:
    base = isp.commits[-1]
    isp.tariffs["home-50"] = (30, "prepaid", "home")
    counting, reading = Both(isp, tmp_path / "isp.index", base, isp.commit()).plans()
    assert counting.many
    assert counted(counting) == counted(reading)
    assert len(counted(counting)["slower"]) == 40


def test_whom_time_has_changed_since_the_index_was_judged_is_read(tmp_path: Path, isp: Isp) -> None:
    for number in range(100, 106):
        isp.people[f"s-{number}"].paid = "2026-11-25"
    for number in range(110, 114):
        isp.people[f"s-{number}"].scheduled = ("2026-11-26", "{tariff: home-20}")
    base = isp.commit()
    with Repository.open(isp.folder) as repository:
        Index(repository, tmp_path / "isp.index", size=COUNTS).look((base,), NOON)
    isp.tariffs["home-50"] = (60, "prepaid", "home")
    head = isp.commit()
    for hours in (0, 30):
        counting, reading = Both(isp, tmp_path / "isp.index", base, head, NOON + timedelta(hours=hours)).plans()
        assert counting.many
        assert told(counting) == told(reading)


def test_an_index_that_was_moved_knows_the_kinds_of_that_moment(tmp_path: Path, isp: Isp) -> None:
    for number in range(100, 106):
        isp.people[f"s-{number}"].paid = "2026-11-25"
    base, place, later = isp.commit(), tmp_path / "isp.index", NOON + timedelta(hours=30)
    with Repository.open(isp.folder) as repository:
        Index(repository, place, size=COUNTS).look((base,), NOON)
        Index(repository, place, size=COUNTS).advance(base, later)
    isp.tariffs["home-50"] = (60, "prepaid", "home")
    both = Both(isp, place, base, isp.commit(), later)
    counting, reading = both.plans()
    assert told(counting) == told(reading)
    assert len(both.look.crowds) > 2, "the expired ones are kinds of their own"


def test_a_login_that_is_a_word_of_the_plan_is_hidden_also_if_nobody_read_it(tmp_path: Path, isp: Isp) -> None:
    base = isp.commits[-1]
    isp.people["s-125"].login = "home-50"
    base = isp.commit()
    isp.tariffs["home-50"] = (60, "prepaid", "home")
    both = Both(isp, tmp_path / "isp.index", base, isp.commit())
    counting, reading = both.plans()
    assert told(counting) == told(reading)
    assert "rate of tariff home-50" not in str(told(counting)[0])


@pytest.mark.parametrize("observed", ["policy", "group"])
def test_where_parts_are_only_observed_everybody_is_read(tmp_path: Path, isp: Isp, observed: str) -> None:
    if observed == "policy":
        isp.shared["inventory/policy.yaml"] += "managed: observe\n"
    else:
        isp.groups["b"] += "managed: observe\n"
    base = isp.commit()
    isp.tariffs["home-50"] = (60, "prepaid", "home")
    with pytest.raises(EachItself):
        list(Both(isp, tmp_path / "isp.index", base, isp.commit()).plans())


def test_who_cannot_log_in_anyway_is_read_and_told_why(tmp_path: Path, isp: Isp) -> None:
    isp.shared["inventory/policy.yaml"] += "suspended: {method: reject}\n"
    for number in range(100, 106):
        isp.people[f"s-{number}"].terminated = "2026-11-01"
    base = isp.commit()
    isp.tariffs["home-50"] = (60, "prepaid", "home")
    counting, reading = Both(isp, tmp_path / "isp.index", base, isp.commit()).plans()
    assert counting.many
    assert told(counting) == told(reading)
