"""Which state a service is in, and what its login meets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ispctl.desired import Entitlement, entitle
from ispctl.states import STRICTNESS, TABLE, State, access
from tests.builders import World, subscriber

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PAID: dict[str, Any] = {"paid_until": "2026-12-31"}
LAPSED: dict[str, Any] = {"paid_until": "2026-10-31"}
BRINGS: dict[State, dict[str, Any]] = {
    State.TERMINATED: {"terminated": "2026-11-01"},
    State.PENDING: {"activated": "2027-01-01"},
    State.SUSPENDED: {"suspended": {"since": "2026-11-01", "reason": "abuse"}},
    State.HOLD: {"hold": {"from": "2026-11-01", "until": "2026-12-01"}},
    State.EXPIRED: LAPSED,
    State.GRACE: LAPSED | {"grace": [{"until": "2026-11-30", "reason": "outage"}]},
}


def entitled(now: datetime = NOW, world: World | None = None, **service: Any) -> Entitlement:
    return entitle(subscriber(service), 0, world or World(), now)


def at(text: str) -> datetime:
    """A local time of the ISP."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Kathmandu"))


@pytest.mark.parametrize("state", BRINGS)
def test_each_state_comes_from_its_own_lines(state: State) -> None:
    assert entitled(**(PAID | BRINGS[state])).state == state


def test_a_paid_service_is_active() -> None:
    assert entitled(**PAID).state == State.ACTIVE


@pytest.mark.parametrize(
    "stricter, milder",
    [pair for pair in combinations(BRINGS, 2) if pair != (State.EXPIRED, State.GRACE)],
    ids=str,
)
def test_of_two_states_the_stricter_wins(stricter: State, milder: State) -> None:
    assert STRICTNESS[stricter] < STRICTNESS[milder]
    assert entitled(**(PAID | BRINGS[milder] | BRINGS[stricter])).state == stricter


def test_the_table_holds_every_state_once_and_in_the_order_of_strictness() -> None:
    assert [row.state for row in TABLE] == list(State)


def test_the_contract_orders_the_states() -> None:
    """terminated > suspended > hold > expired > blocked > grace > throttled > waiting > active"""
    named = ["terminated", "suspended", "hold", "expired", "blocked", "grace", "throttled", "waiting", "active"]
    assert [str(row.state) for row in TABLE if row.state != State.PENDING] == named


@pytest.mark.parametrize(
    "rules, state, met",
    [
        ({}, State.EXPIRED, "walled"),
        ({"expired": {"method": "reject"}}, State.EXPIRED, "none"),
        ({"expired": {"method": "reject"}}, State.SUSPENDED, "none"),
        ({"expired": {"method": "reject"}, "suspended": {"method": "wall"}}, State.SUSPENDED, "walled"),
        ({"hold": {"method": "reject"}}, State.HOLD, "none"),
        ({}, State.HOLD, "walled"),
        ({}, State.TERMINATED, "none"),
        ({}, State.PENDING, "none"),
        ({}, State.GRACE, "open"),
        ({}, State.ACTIVE, "open"),
    ],
)
def test_the_policy_says_what_a_blocked_login_meets(rules: dict[str, Any], state: State, met: str) -> None:
    assert access(state, World(rules).policy.value) == met


def test_every_state_names_the_line_that_brought_it() -> None:
    for state, lines in BRINGS.items():
        because = entitled(**(PAID | lines)).because["state"]
        assert because.where is not None, state
        assert because.text, state


# moments


def test_a_paid_day_is_inclusive() -> None:
    assert entitled(at("2026-11-20T23:59:59"), paid_until="2026-11-20").state == State.ACTIVE
    assert entitled(at("2026-11-21T00:00:00"), paid_until="2026-11-20").state == State.EXPIRED


def test_a_service_begins_at_midnight_of_its_first_day() -> None:
    assert entitled(at("2026-11-19T23:59:59"), activated="2026-11-20", **PAID).state == State.PENDING
    assert entitled(at("2026-11-20T00:00:00"), activated="2026-11-20", **PAID).state == State.ACTIVE


def test_the_day_of_termination_is_the_first_without_service() -> None:
    assert entitled(at("2026-11-19T23:59:59"), terminated="2026-11-20", **PAID).state == State.ACTIVE
    assert entitled(at("2026-11-20T00:00:00"), terminated="2026-11-20", **PAID).state == State.TERMINATED


def test_a_time_stamp_is_meant_as_written_and_not_spread() -> None:
    world = World({"expiry": {"spread": "2h"}})
    service: dict[str, Any] = {"paid_until": "2026-11-20T18:00:00+05:45"}
    assert entitled(at("2026-11-20T17:59:59"), world, **service).state == State.ACTIVE
    assert entitled(at("2026-11-20T18:00:00"), world, **service).state == State.EXPIRED


def test_ends_are_spread_after_midnight_each_service_at_its_own_moment() -> None:
    world, midnight = World({"expiry": {"spread": "2h"}}), at("2026-11-21T00:00:00")
    ends = [
        entitle(subscriber({"paid_until": "2026-11-20"}, id=f"sub-{n}"), 0, world, NOW - timedelta(days=9)).ends
        for n in range(50)
    ]
    assert all(end and midnight <= end < midnight + timedelta(hours=2) for end in ends)
    assert len(set(ends)) > 40


def test_grace_follows_what_was_paid_and_expiry_follows_grace() -> None:
    lines: dict[str, Any] = {"paid_until": "2026-11-20", "grace": [{"until": "2026-11-22", "reason": "r"}]}
    found = [entitled(at(f"2026-11-{day}T12:00:00"), **lines).state for day in (20, 21, 22, 23)]
    assert found == [State.ACTIVE, State.GRACE, State.GRACE, State.EXPIRED]


def test_the_latest_grace_counts_in_whatever_order_they_stand() -> None:
    grace = [{"until": "2026-11-26", "reason": "long"}, {"until": "2026-11-22", "reason": "short"}]
    found = entitled(at("2026-11-25T12:00:00"), paid_until="2026-11-20", grace=grace)
    assert (found.state, found.because["state"].text) == (State.GRACE, "grace until 2026-11-26: long")


def test_a_hold_adds_its_days_to_what_is_paid() -> None:
    hold = {"from": "2026-11-11", "until": "2026-11-15", "extends_paid_until": "true"}
    lines: dict[str, Any] = {"paid_until": "2026-11-20", "hold": hold}
    found = {day: entitled(at(f"2026-11-{day}T12:00:00"), **lines).state for day in (10, 12, 16, 25, 26)}
    assert found == {10: "active", 12: "hold", 16: "active", 25: "active", 26: "expired"}


@pytest.mark.parametrize("hold", [
    {"from": "2026-11-11", "until": "2026-11-15"},
    {"from": "2026-11-21", "until": "2026-11-25", "extends_paid_until": "true"},
])  # fmt: skip
def test_a_hold_adds_nothing_that_was_not_promised_or_not_paid(hold: dict[str, str]) -> None:
    assert entitled(at("2026-11-26T12:00:00"), paid_until="2026-11-20", hold=hold).state == State.EXPIRED


def test_a_day_with_a_change_of_the_clock_is_as_long_as_it_is() -> None:
    world = World({"timezone": "Europe/Berlin"})
    paid: list[dict[str, Any]] = [{"paid_until": "2026-03-29"}, {"paid_until": "2026-10-25"}]
    assert entitled(NOW, world, **paid[0]).state == State.EXPIRED
    assert entitled(datetime(2026, 3, 1, tzinfo=UTC), world, **paid[0]).ends == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert entitled(datetime(2026, 10, 1, tzinfo=UTC), world, **paid[1]).ends == datetime(2026, 10, 25, 23, tzinfo=UTC)


def test_a_postpaid_service_does_not_expire() -> None:
    found = entitled(tariff="business")
    assert (found.state, found.ends, found.until) == (State.ACTIVE, None, None)


def test_a_service_without_a_payment_is_expired_from_its_first_day() -> None:
    found = entitled()
    assert (found.state, found.because["state"].code) == (State.EXPIRED, "never-paid")


def test_the_backstop_comes_after_the_end() -> None:
    found = entitled(world=World({"expiry": {"backstop": "6h"}}), **PAID)
    assert found.ends is not None
    assert found.backstop == found.ends + timedelta(hours=6)


@pytest.mark.parametrize("lines", [
    {"paid_until": "9998-12-31", "hold": {"from": "1970-01-01", "until": "9998-12-31", "extends_paid_until": "true"}},
    {"paid_until": "9998-12-31", "terminated": "9998-12-31"},
    {"activated": "1970-01-01", "paid_until": "1970-01-01"},
])  # fmt: skip
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_ends_of_the_calendar_can_be_reckoned_with(lines: dict[str, Any], zone: str) -> None:
    assert entitled(world=World({"timezone": zone, "expiry": {"spread": "24h", "backstop": "366d"}}), **lines).state
