from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ispctl.loop.agenda import JOBS, Agenda, Ending, Job, Pace, delay
from tests.loop.hands import NOON

SECOND = timedelta(seconds=1)
ENDINGS: tuple[Ending, ...] = ("done", "waiting", "locked", "stopped", "away", "refused")


def _settled() -> Agenda:
    agenda = Agenda(Pace(), NOON)
    for job in JOBS:
        agenda.later(job, NOON)
    return agenda


def test_everything_is_due_at_the_beginning() -> None:
    assert all(Agenda(Pace(), NOON).due(job, NOON) for job in JOBS)


def test_nothing_is_due_between() -> None:
    agenda = _settled()
    assert not any(agenda.due(job, NOON + SECOND) for job in JOBS)
    assert agenda.wait(NOON) == Pace().beat


def test_the_moment_at_which_an_entitlement_ends_is_kept_to_the_second() -> None:
    agenda = _settled()
    agenda.applied("done", NOON, NOON + timedelta(seconds=40))
    assert not agenda.due("apply", NOON + timedelta(seconds=39))
    assert agenda.due("apply", NOON + timedelta(seconds=40))


def test_a_moment_far_away_does_not_put_off_the_comparison() -> None:
    agenda = _settled()
    agenda.applied("done", NOON, NOON + timedelta(days=30))
    assert agenda.due("apply", NOON + Pace().resync)


def test_what_waits_is_tried_again_ever_less_often_and_the_moment_still_holds() -> None:
    agenda = _settled()
    for _ in range(10):
        agenda.applied("waiting", NOON, NOON + timedelta(seconds=90))
    assert agenda.due("apply", NOON + timedelta(seconds=90))
    agenda.applied("waiting", NOON, None)
    assert not agenda.due("apply", NOON + Pace().resync - SECOND)
    assert agenda.due("apply", NOON + Pace().resync)


def test_a_database_that_is_away_is_asked_again_within_half_a_minute() -> None:
    agenda = _settled()
    for _ in range(50):
        agenda.applied("away", NOON, None)
    assert agenda.due("apply", NOON + timedelta(seconds=30))


def test_success_forgets_the_failures() -> None:
    agenda = _settled()
    for _ in range(10):
        agenda.failed("fetch", NOON)
    agenda.later("fetch", NOON)
    agenda.failed("fetch", NOON)
    assert agenda.due("fetch", NOON + SECOND)


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 3600))
def test_a_delay_grows_and_is_bounded(failures: int, first: int, most: int) -> None:
    first_, most_ = timedelta(seconds=first), timedelta(seconds=most)
    assert delay(failures, first_, most_) <= delay(failures + 1, first_, most_) <= most_


@given(
    st.lists(
        st.tuples(st.sampled_from(JOBS), st.sampled_from(ENDINGS), st.integers(-5, 7200), st.booleans()), max_size=30
    )
)
def test_whatever_happens_there_is_a_next_moment_and_never_longer_than_every(
    steps: list[tuple[Job, Ending, int, bool]],
) -> None:
    now, agenda = NOON, Agenda(Pace(), NOON)
    for job, ending, seconds, well in steps:
        now += timedelta(seconds=max(seconds, 0))
        if job == "apply":
            agenda.applied(ending, now, now + timedelta(seconds=seconds) if well else None)
        elif well:
            agenda.later(job, now)
        else:
            agenda.failed(job, now)
        assert timedelta() <= agenda.wait(now) <= Pace().every
        assert not agenda.due(job, now), "what was just done is not due again at once"


def test_a_job_that_took_long_rests_and_no_other_waits_for_it() -> None:
    agenda = Agenda(Pace(), NOON)
    for job in JOBS:
        agenda.later(job, NOON)
    agenda.rest("count", NOON + timedelta(seconds=90))
    assert not agenda.due("count", NOON + timedelta(seconds=89))
    assert agenda.due("count", NOON + timedelta(seconds=90))
    assert agenda.due("beat", NOON + timedelta(seconds=15))
    agenda.rest("beat", NOON)
    assert not agenda.due("beat", NOON + timedelta(seconds=14)), "a rest never makes anything due earlier"
