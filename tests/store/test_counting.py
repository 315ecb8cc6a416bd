"""What a session moved between reports: whatever order they come in, nothing is counted twice, and nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ispctl.store._counting import Counters, moved, spread

KATHMANDU, BERLIN = ZoneInfo("Asia/Kathmandu"), ZoneInfo("Europe/Berlin")
ROUND = 1 << 32
START = 1_800_000_000
OCTETS = some.integers(0, 1 << 50)


def at(text: str, zone: ZoneInfo = KATHMANDU) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def counted(reports: list[Counters], *, gigawords: bool = True) -> tuple[int, int]:
    kept, total_in, total_out = Counters(0, 0, START), 0, 0
    for report in reports:
        more_in, more_out, kept = moved(kept, report, gigawords=gigawords)
        assert more_in >= 0
        assert more_out >= 0
        total_in, total_out = total_in + more_in, total_out + more_out
    return total_in, total_out


LIFE = some.lists(some.tuples(OCTETS, OCTETS, some.integers(1, 100_000)), min_size=1, max_size=12)


def reports_of(life: list[tuple[int, int, int]]) -> list[Counters]:
    found, so_far = [], Counters(0, 0, START)
    for more_in, more_out, seconds in life:
        so_far = Counters(so_far.octets_in + more_in, so_far.octets_out + more_out, so_far.at + seconds)
        found.append(so_far)
    return found


@given(LIFE, some.randoms(use_true_random=False))
def test_reports_in_any_order_and_twice_make_what_was_moved(life: list[tuple[int, int, int]], chance: object) -> None:
    truth = reports_of(life)
    told = [*truth, *truth[::2]]
    chance.shuffle(told)  # type: ignore[attr-defined]
    assert counted(told) == truth[-1][:2]


@given(LIFE, some.lists(some.tuples(some.integers(0, 11), OCTETS, OCTETS), max_size=6))
def test_counters_that_go_backwards_count_nothing(
    life: list[tuple[int, int, int]], slips: list[tuple[int, int, int]]
) -> None:
    """Whoever reports less than before, at whatever time, adds nothing and takes nothing away."""
    truth = reports_of(life)
    told = list(truth)
    for place, less_in, less_out in slips:
        where = place % len(truth)
        one = truth[where]
        low = Counters(max(one.octets_in - less_in, 0), max(one.octets_out - less_out, 0), one.at + 1)
        told.insert(told.index(one) + 1, low)
    assert counted(told) == truth[-1][:2]


@given(some.lists(some.integers(0, ROUND // 2 - 1), min_size=1, max_size=20))
def test_a_counter_of_32_bits_goes_round(steps: list[int]) -> None:
    total, told = 0, []
    for number, step in enumerate(steps):
        total += step
        told.append(Counters(total % ROUND, total % ROUND, START + number + 1))
    assert counted(told, gigawords=False) == (total, total)


def test_a_late_report_of_a_counter_of_32_bits_has_not_gone_round() -> None:
    told = [Counters(4_000_000_000, 0, START + 600), Counters(1_000_000_000, 0, START + 300)]
    assert counted(told, gigawords=False) == (4_000_000_000, 0)


@given(
    OCTETS,
    OCTETS,
    some.integers(0, 2_000_000_000),
    some.integers(0, 10_000_000),
    some.sampled_from([KATHMANDU, BERLIN]),
)
def test_the_days_of_a_session_sum_up_to_what_it_moved(
    down: int, up: int, since: int, length: int, zone: ZoneInfo
) -> None:
    parts = list(spread(down, up, since, since + length, zone))
    assert sum(part.down for part in parts) == down
    assert sum(part.up for part in parts) == up
    assert all(part.down >= 0 and part.up >= 0 for part in parts)
    assert [(part.day, part.hour) for part in parts] == sorted(
        (part.day, part.hour) for part in parts
    ) or zone is BERLIN
    first, last = (datetime.fromtimestamp(one, UTC).astimezone(zone) for one in (since, since + length))
    days = {part.day for part in parts}
    assert days <= set(range(int(f"{first:%Y%m%d}"), int(f"{last:%Y%m%d}") + 1))


def test_a_session_across_midnight_is_split_where_the_day_of_the_isp_ends() -> None:
    parts = list(spread(3000, 600, at("2026-11-25T23:00"), at("2026-11-26T02:00"), KATHMANDU))
    assert parts == [(20261125, 23, 1000, 200), (20261126, 0, 1000, 200), (20261126, 1, 1000, 200)]


def test_what_ends_at_midnight_belongs_to_the_day_before() -> None:
    assert list(spread(60, 0, at("2026-11-25T23:30"), at("2026-11-26T00:00"), KATHMANDU)) == [(20261125, 23, 60, 0)]


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        ("2027-03-28T00:00", "2027-03-28T04:00", {0: 100, 1: 100, 3: 100}),  # two o'clock is not there
        ("2027-10-31T01:00", "2027-10-31T04:00", {1: 75, 2: 150, 3: 75}),  # and here twice
    ],
)
def test_a_night_on_which_the_clock_is_changed_has_its_hours(since: str, until: str, hours: dict[int, int]) -> None:
    found: dict[int, int] = {}
    for part in spread(300, 0, at(since, BERLIN), at(until, BERLIN), BERLIN):
        found[part.hour] = found.get(part.hour, 0) + part.down
    assert found == hours
