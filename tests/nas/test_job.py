"""What is done on one device: proven before it stays, taken back where it is not well, harmless when done twice."""

from __future__ import annotations

import pytest

from ispctl.nas.job import UNKNOWN, work
from ispctl.platforms.device import SECRET
from ispctl.structs import replace
from tests.nas.conftest import SETTLED, WANTED, Asked, Box, Boxes


def test_a_device_is_looked_at_without_a_change(boxes: Boxes, job: Asked) -> None:
    answer = work(job())
    assert (answer.status, dict(answer.resources), answer.online) == ("seen", SETTLED, (100, None))
    assert answer.facts.version == "1.0"


def test_what_was_made_is_proven_by_a_second_connection_and_then_stays(boxes: Boxes, job: Asked) -> None:
    answer = work(job(want=WANTED))
    box = boxes.devices["one"]
    assert answer.status == "applied"
    assert (box.opened, box.confirmed, box.reverted) == (2, 1, 0)
    assert dict(answer.resources) == WANTED
    assert answer.touched


def test_a_secret_is_known_again_by_how_the_device_shows_it(boxes: Boxes, job: Asked) -> None:
    first = work(job(want=WANTED))
    seen = work(job(known=first.shown))
    assert dict(seen.resources) == WANTED
    boxes.devices["one"].clear["server", "one"] = "changed by hand"
    assert work(job(known=first.shown)).resources["server", "one"][SECRET] == UNKNOWN
    assert work(job()).resources["server", "one"][SECRET] == UNKNOWN


def test_no_answer_holds_a_secret(boxes: Boxes, job: Asked) -> None:
    asked = job(want=WANTED)
    boxes.devices["one"].refuses = "pool"
    for answer in (work(asked), work(job())):
        assert "correct horse" not in repr(answer)
    assert "correct horse" not in repr(asked)


def test_a_job_that_is_done_twice_is_done_once(boxes: Boxes, job: Asked) -> None:
    asked = job(want=WANTED)
    first = work(asked)
    again = work(job(want=WANTED, known=first.shown))
    assert again.status == "applied"
    assert boxes.devices["one"].written == len(asked.changes)
    assert {outcome.change.id for outcome in again.outcomes} == {change.id for change in asked.changes}


def test_what_a_run_made_that_died_before_it_was_proven_stays_now(boxes: Boxes, job: Asked) -> None:
    asked = job(want=WANTED)
    box = boxes.devices["one"]
    box.held, box.clear = {key: dict(said) for key, said in WANTED.items()}, {}
    box.held["server", "one"].pop(SECRET)
    changes = tuple(change for change in asked.changes if change.key != ("server", "one"))
    assert work(replace(asked, changes=changes)).status == "applied"
    assert (box.written, box.confirmed) == (0, 1)


@pytest.mark.parametrize("shown, written", [("correct horse", 0), ("$9$unreadable", 1)])
def test_a_secret_that_an_attempt_wrote_before_it_died_is_no_change_of_somebody_else(
    boxes: Boxes, job: Asked, shown: str, written: int
) -> None:
    """Where the device shows it another way than it was told, it is told once more."""
    asked = job(want=WANTED)
    box = boxes.devices["one"]
    box.held = {key: {**said, **({SECRET: ""} if SECRET in said else {})} for key, said in WANTED.items()}
    box.clear = {("server", "one"): shown}
    assert (work(asked).status, box.written, box.confirmed) == ("applied", written, 1)


def test_another_server_with_another_secret_is_a_change_of_somebody_else(boxes: Boxes, job: Asked) -> None:
    asked = job(want=WANTED)
    box = boxes.devices["one"]
    box.held["server", "one"], box.clear = {"address": "198.51.100.99", SECRET: ""}, {("server", "one"): "theirs"}
    assert (work(asked).status, box.written) == ("changed", 0)


def test_whoever_is_waited_for_no_longer_writes_nothing(boxes: Boxes, job: Asked) -> None:
    for asked, wanted in ((job(want=WANTED), False), (job(want=WANTED, deadline=0.0), True)):
        answer = work(asked, lambda wanted=wanted: wanted)  # type: ignore[misc]
        assert (answer.status, answer.code, answer.touched) == ("unreachable", "E810", False)
        assert boxes.devices["one"].held == SETTLED
        assert boxes.devices["one"].written == 0


@pytest.mark.parametrize("asked", [1, 2, 3])
def test_whoever_is_waited_for_no_longer_goes_on_with_nothing(boxes: Boxes, job: Asked, asked: int) -> None:
    """Between two writes, before it is let stay; and takes nothing back, since somebody else may be there."""
    answers = iter([True] * asked + [False] * 9)
    answer = work(job(want=WANTED), lambda: next(answers))
    box = boxes.devices["one"]
    assert (answer.status, answer.code, answer.touched) == ("unreachable", "E810", True)
    assert (box.written, box.confirmed, box.reverted) == (min(asked, 2), 0, 0)


def test_what_somebody_changed_since_the_plan_is_not_written_over(boxes: Boxes, job: Asked) -> None:
    asked = job(want=WANTED)
    boxes.devices["one"].held["pool", "home"] = {"range": "100.64.99.0/24"}
    answer = work(asked)
    assert (answer.status, answer.code, answer.touched) == ("changed", "E811", False)
    assert boxes.devices["one"].held["pool", "home"] == {"range": "100.64.99.0/24"}


def test_of_a_device_that_breaks_off_while_it_is_written_to_it_is_said_that_it_may_be_changed(
    boxes: Boxes, job: Asked
) -> None:
    asked = job(want=WANTED)
    boxes.devices["one"].breaks = True
    answer = work(asked)
    assert (answer.status, answer.code, answer.touched) == ("unreachable", "E810", True)


def test_where_one_change_is_refused_all_are_taken_back(boxes: Boxes, job: Asked) -> None:
    asked = job(want=WANTED)
    boxes.devices["one"].refuses = "server"
    answer = work(asked)
    assert (answer.status, answer.code) == ("refused", "E812")
    assert "server one: no such thing here" in answer.text
    assert dict(work(job()).resources) == SETTLED


def test_a_device_that_says_yes_and_does_nothing_is_found_out(boxes: Boxes, job: Asked) -> None:
    asked = job(want=WANTED)
    boxes.devices["one"].forgets = True
    answer = work(asked)
    assert (answer.status, answer.code) == ("taken-back", "E814")
    assert boxes.devices["one"].confirmed == 0


def test_a_change_that_locks_us_out_is_taken_back_by_the_open_connection(boxes: Boxes, job: Asked) -> None:
    asked = job(want=WANTED)
    boxes.devices["one"].locks_out = True
    answer = work(asked)
    assert (answer.status, answer.code) == ("taken-back", "E813")
    assert boxes.devices["one"].held == SETTLED


def test_a_change_by_which_sessions_collapse_is_taken_back(boxes: Boxes, job: Asked) -> None:
    asked = job(want=WANTED)
    boxes.devices["one"].drops = 11
    answer = work(asked)
    assert (answer.status, answer.code, answer.online) == ("taken-back", "E815", (100, 89))
    assert boxes.devices["one"].held == SETTLED


def test_a_few_sessions_always_may_be_gone(boxes: Boxes, job: Asked) -> None:
    asked = job(want=WANTED)
    boxes.devices["one"].online, boxes.devices["one"].drops = 4, 3
    assert work(asked).status == "applied"


def test_a_device_that_is_busy_is_tried_again_and_one_that_denies_is_not(boxes: Boxes, job: Asked) -> None:
    asked = job(attempts=3)
    boxes.devices["one"].away = 2
    assert (work(asked).status, boxes.devices["one"].opened) == ("seen", 3)
    boxes.devices["two"] = Box(denies=True)
    answer = work(job("two", attempts=3))
    assert (answer.status, answer.code, boxes.devices["two"].opened) == ("unreachable", "E810", 1)
