"""A CoA-ACK is not proof: what two accounting reports say about the rate between them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.radius.proof import verify
from ispctl.radius.session import LiveSession, Proof
from ispctl.structs import replace
from tests.radius.dae import NOON, live

DOWN, UP = 20_000_000, 5_000_000


def at(seconds: float, down: float = 0, up: float = 0, **other: Any) -> LiveSession:
    """A report so many seconds after noon, with so many octets sent to (down) and received from (up) the subscriber."""
    return live(updated=NOON + timedelta(seconds=seconds), octets_out=int(down), octets_in=int(up), **other)


def judged(before: LiveSession, after: LiveSession | None, acked: float = 0, **other: Any) -> Proof:
    return verify(before, after, acked=NOON + timedelta(seconds=acked), **{"down": DOWN, "up": UP, **other})


def octets(rate: float, seconds: float) -> float:
    return rate * seconds / 8


def test_a_report_after_the_change_within_the_rate_is_proof_and_says_what_was_measured() -> None:
    proof = judged(at(0), at(300, octets(19.2e6, 300), octets(4.8e6, 300)))
    assert (proof.kind, proof.code) == ("proved", "")
    assert proof.text == "measured over 300 s: down 19.2 of 20 Mbit/s, up 4.8 of 5 Mbit/s"


def test_a_report_from_before_the_change_proves_nothing() -> None:
    first = at(-200)
    proof = judged(first, at(-100))
    assert (proof.kind, proof.baseline) == ("waiting", first)
    assert judged(first, first).kind == "waiting"


def test_a_window_that_began_before_the_change_waits_and_counts_from_its_end() -> None:
    first, second = at(-150), at(150, octets(50e6, 300))
    waiting = judged(first, second)
    assert (waiting.kind, waiting.baseline) == ("waiting", second)
    third = at(450, octets(50e6, 300) + octets(19e6, 300))
    assert judged(waiting.baseline, third).kind == "proved"


def test_a_report_of_before_the_change_may_bear_a_later_time_where_a_clock_is_ahead() -> None:
    first, second = at(60), at(360, octets(50e6, 60) + octets(19e6, 240))
    assert judged(first, second).kind == "contradicted"
    waiting = judged(first, second, early=True)
    assert (waiting.kind, waiting.baseline) == ("waiting", second)


def test_a_report_that_was_counted_already_proves_nothing_when_it_is_looked_at_again() -> None:
    """Or nothing was moved since, in no time, and that is within any rate."""
    first, second = at(-150), at(150, octets(50e6, 300))
    baseline = judged(first, second).baseline
    again = judged(baseline, second)
    assert (again.kind, again.text, again.baseline) == ("waiting", "no accounting report since the last one", second)


def test_a_window_that_began_before_the_change_proves_if_all_of_it_fits_after() -> None:
    assert judged(at(-150), at(150, octets(20e6, 150))).kind == "proved"


@pytest.mark.parametrize("way", ["down", "up"])
def test_a_whole_interval_clearly_above_the_rate_contradicts(way: str) -> None:
    over = {"down": octets(DOWN, 300), "up": octets(UP, 300)}
    over[way] *= 1.17
    proof = judged(at(10), at(310, **over))
    assert (proof.kind, proof.code) == ("contradicted", "E505")
    assert "the NAS does not keep to the new rate" in proof.text


def test_a_little_above_the_rate_is_not_held_against_the_nas() -> None:
    assert judged(at(10), at(310, octets(DOWN, 300) * 1.14, octets(UP, 300) * 1.14)).kind == "proved"


def test_less_than_an_interval_above_the_rate_waits_and_keeps_its_beginning() -> None:
    first = at(10)
    proof = judged(first, at(110, octets(50e6, 100)))
    assert (proof.kind, proof.baseline) == ("waiting", first)


def test_a_session_that_ended_or_was_followed_by_another_is_gone() -> None:
    assert judged(at(0), None).kind == "gone"
    assert judged(at(0), at(300, unique="f" * 32)).kind == "gone"
    assert judged(at(0), at(300, session_id="another")).kind == "gone"


def test_counters_that_went_backwards_are_counted_anew() -> None:
    wrapped = at(300, 5)
    proof = judged(at(10, 4e9), wrapped)
    assert (proof.kind, proof.baseline) == ("waiting", wrapped)


def test_a_counter_of_32_bits_that_went_round_is_counted_on() -> None:
    before, after = at(10, 4e9), at(310, 4e9 + octets(19e6, 300) - 2**32)
    assert judged(before, after, gigawords=False).kind == "proved"
    assert judged(before, after).kind == "waiting"


def test_a_counter_that_may_have_begun_anew_never_contradicts() -> None:
    anew = at(310, octets(19e6, 300))
    proof = judged(at(10, octets(30e6, 300)), anew, gigawords=False)
    assert (proof.kind, proof.baseline) == ("waiting", anew)


def test_the_direction_of_the_counters_is_the_nas_own() -> None:
    fast_down = at(310, octets(19e6, 300), octets(1e6, 300))
    assert judged(at(10), fast_down, direction="nas").kind == "proved"
    assert judged(at(10), fast_down, direction="subscriber").kind == "contradicted"


def test_a_direction_without_limit_is_always_kept() -> None:
    proof = judged(at(10), at(310, octets(900e6, 300)), down=0)
    assert proof.kind == "proved"
    assert "down 900 of any" in proof.text


def test_a_burst_that_begins_anew_with_the_change_is_no_contradiction() -> None:
    burst = octets(10e6, 10)
    after_ten = at(20, octets(30e6, 10), 0, interim=10)
    assert judged(at(10, interim=10), after_ten).kind == "contradicted"
    assert judged(at(10, interim=10), after_ten, burst=(int(burst), 0)).kind == "proved"


rates = st.integers(64_000, 10_000_000_000)


@given(
    down=rates,
    up=rates,
    share=st.floats(0, 1),
    start=st.floats(0, 1000),
    length=st.floats(0.1, 3600),
    direction=st.sampled_from(["nas", "subscriber"]),
)
def test_a_nas_that_keeps_to_the_rate_is_never_contradicted_though_times_are_whole_seconds(
    down: int, up: int, share: float, start: float, length: float, direction: Literal["nas", "subscriber"]
) -> None:
    moved = (octets(down * share, length), octets(up * share, length))
    sent, received = moved if direction == "nas" else moved[::-1]
    before, after = at(int(start), interim=1), at(int(start + length), sent, received, interim=1)
    proof = judged(before, after, acked=0, down=down, up=up, direction=direction)
    assert proof.kind in ("proved", "waiting")
    if after.updated > before.updated and before.updated > NOON:
        assert proof.kind == "proved"


@given(
    moved=st.lists(st.tuples(st.integers(1, 600), st.floats(0, 3)), min_size=1, max_size=6),
    looks=st.lists(st.integers(1, 3), min_size=6, max_size=6),
    acked=st.integers(-300, 600),
)
def test_it_does_not_matter_how_often_each_report_is_looked_at(
    moved: list[tuple[int, float]], looks: list[int], acked: int
) -> None:
    reports, seconds, down = [at(-100)], -100, 0.0
    for length, share in moved:
        seconds, down = seconds + length, down + octets(DOWN * share, length)
        reports.append(at(seconds, down))
    assert end_of(reports, acked, looks) == end_of(reports, acked, [1] * 6)


def end_of(reports: list[LiveSession], acked: int, looks: list[int]) -> tuple[str, LiveSession]:
    """What is known in the end of a session that was looked at so many times after each report but the first."""
    baseline, kind = reports[0], "waiting"
    for report, times in zip(reports[1:], looks, strict=False):
        for _ in range(times):
            found = judged(baseline, report, acked)
            baseline, kind = found.baseline, found.kind
            if kind != "waiting":
                return kind, baseline
    return kind, baseline


@given(rate=rates, factor=st.floats(1.3, 100), start=st.integers(0, 1000), length=st.integers(60, 3600))
def test_a_rate_far_above_is_always_found(rate: int, factor: float, start: int, length: int) -> None:
    before = at(start, interim=60)
    after = replace(at(start + length, interim=60), octets_in=int(octets(rate * factor, length)) + 1)
    assert judged(before, after, up=rate).kind == "contradicted"
