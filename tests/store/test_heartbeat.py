"""One row, one loop: who holds it, who stands by, who takes over."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ispctl.store import Beat, Heartbeat, LoopState
from ispctl.structs import replace
from tests.databases import Place

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
STATE = LoopState(
    branch="main",
    head="1" * 40,
    fetched=NOON,
    fetch_code="E630",
    refused=("E103", "E602"),
    stopped="E614",
    gates={"cut_off": 7},
    until=NOON + timedelta(hours=1),
    good=NOON - timedelta(hours=1),
    nas={"lalitpur-1": NOON},
)
MINE = Beat("mine", NOON, NOON, STATE)
ELSEWHERE = Beat("theirs", NOON, NOON, pid=1, host="standby.example.net")


@pytest.fixture
def heart(place: Place) -> Iterator[Heartbeat]:
    with place.create() as store:
        yield Heartbeat(store.database)


def test_nobody_holds_it_at_first(heart: Heartbeat) -> None:
    assert heart.read() is None


def test_what_a_loop_saw_is_read_as_it_was_said(heart: Heartbeat) -> None:
    assert heart.take(MINE) is None
    assert heart.read() == MINE


def test_its_holder_keeps_it(heart: Heartbeat) -> None:
    heart.take(MINE)
    later = replace(MINE, at=NOON + timedelta(hours=5))
    assert heart.take(later) is None
    assert heart.read() == later


@pytest.mark.parametrize("seconds, free", [(0, False), (60, False), (61, True)])
def test_another_takes_over_once_its_holder_was_silent_for_a_minute(heart: Heartbeat, seconds: int, free: bool) -> None:
    heart.take(ELSEWHERE)
    found = heart.take(replace(MINE, at=NOON + timedelta(seconds=seconds)))
    assert found == (None if free else ELSEWHERE)


def test_a_holder_on_this_machine_that_is_at_work_is_not_taken_for_dead(heart: Heartbeat) -> None:
    heart.take(replace(MINE, token="busy"))
    assert heart.take(replace(MINE, at=NOON + timedelta(minutes=14))) is not None
    assert heart.take(replace(MINE, at=NOON + timedelta(minutes=16))) is None


def test_a_holder_on_this_machine_whose_process_is_gone_is_not_waited_for(heart: Heartbeat) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    heart.take(replace(MINE, token="killed", pid=child.pid))
    assert heart.take(MINE) is None


def test_leaving_lets_the_next_take_over_at_once_and_only_the_holder_can(heart: Heartbeat) -> None:
    heart.take(ELSEWHERE)
    heart.leave(MINE.token)
    assert heart.take(MINE) == ELSEWHERE
    heart.leave(ELSEWHERE.token)
    assert heart.take(MINE) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"branch": 1, "gates": []}', "null"])
def test_what_another_version_wrote_is_nothing_known_and_no_crash(heart: Heartbeat, text: str) -> None:
    heart.take(MINE)
    heart._database.write("UPDATE ispctl_loop SET state = ?", (text,))
    found = heart.read()
    assert found is not None
    assert found.state == LoopState()
