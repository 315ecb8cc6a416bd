"""What usage does: which window counts, which tier holds, why, and until when."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ispctl.desired import Entitlement, Frame, all_terms, entitle, meters_of, turns, volume
from ispctl.desired._fair_use import window
from ispctl.model.policy import Policy
from ispctl.model.reading import read
from ispctl.model.tariff import FairUse, Tariff, Window
from ispctl.model.usage import Meter
from ispctl.states import State
from ispctl.structs import replace
from tests.builders import World, subscriber
from tests.money.accounts import invoice, ledger, policy, service, tariff

ZONE = ZoneInfo("Asia/Kathmandu")
NOW = datetime(2026, 11, 18, 12, tzinfo=ZONE)
OWNER = "sub-000001/s0"
GB = 10**9
MONTHLY = {
    "window": "month",
    "tiers": [{"after": "100GB", "rate": {"down": "10M", "up": "5M"}}, {"after": "200GB", "block": True}],
}
DAILY = {"window": "day", "counts": "down", "tiers": [{"after": "5GB", "rate": {"down": "2M", "up": "20M"}}]}
PAID = {"activated": "2026-01-01", "paid_until": "2026-12-10"}


def world(*rules: dict[str, Any], used: int | None = None, at: datetime = NOW, **service: Any) -> tuple[World, Any]:
    """A context in which all that is asked for was used, and the subscriber in it."""
    made = World(tariffs={"home-50": {"period": {"months": 1}, "fup": list(rules or (MONTHLY,))}})
    document = subscriber(PAID | service)
    if used is not None:
        made.usage[OWNER] = dict.fromkeys(meters_of(document, 0, Frame(made, at)), used)
    return made, document


def entitled(*rules: dict[str, Any], used: int | None = None, at: datetime = NOW, **service: Any) -> Entitlement:
    made, document = world(*rules, used=used, at=at, **service)
    return entitle(document, 0, made, at)


def speed(found: Entitlement) -> tuple[int, int]:
    return found.terms.down // 10**6, found.terms.up // 10**6


def test_of_whom_nothing_is_known_nothing_was_used() -> None:
    found = entitled()
    assert (found.state, speed(found), found.terms.name) == (State.ACTIVE, (50, 25), "home-50")
    ((reading),) = found.fair_use
    assert (reading.used, reading.tier, reading.next) == (0, None, 100 * GB)


@pytest.mark.parametrize(
    ("used", "state", "access", "down"),
    [
        (100 * GB - 1, "active", "open", 50),
        (100 * GB, "throttled", "open", 10),
        (200 * GB - 1, "throttled", "open", 10),
        (200 * GB, "blocked", "walled", 50),
    ],
)
def test_a_tier_holds_from_its_mark_on(used: int, state: str, access: str, down: int) -> None:
    found = entitled(used=used)
    assert (found.state, found.access, speed(found)[0]) == (state, access, down)


def test_the_reason_names_the_tier_the_usage_and_the_limit_and_the_next_moment_is_the_reset() -> None:
    found = entitled(used=150 * GB)
    for name in ("state", "rate"):
        reason = found.because[name]
        assert reason.text == "fair use: 150 GB in this month, 100 GB at full speed; anew on 2026-12-01"
        assert (reason.code, reason.file) == ("fair-use", "tariffs/home-50.yaml")
    assert found.until == datetime(2026, 12, 1, tzinfo=ZONE)
    assert found.terms.name == "home-50:fup-1-1"


def test_after_the_reset_it_has_its_speed_again() -> None:
    made, document = world(used=150 * GB)
    found = entitle(document, 0, made, datetime(2026, 12, 1, tzinfo=ZONE))
    assert (found.state, speed(found)) == (State.ACTIVE, (50, 25))
    moments = [(turn.at, turn.loses) for turn in turns(document, 0, Frame(made, NOW))]
    assert (datetime(2026, 12, 1, tzinfo=ZONE), False) in moments


def test_the_strictest_tier_of_several_windows_wins() -> None:
    found = entitled(MONTHLY, DAILY, used=150 * GB)
    assert (speed(found), found.terms.name) == ((2, 20), "home-50:fup-2-1")
    assert "in this day, 5 GB" in found.because["rate"].text
    assert found.until == datetime(2026, 11, 19, tzinfo=ZONE)
    assert entitled(MONTHLY, DAILY, used=250 * GB).state is State.BLOCKED


def test_a_tier_makes_nobody_faster() -> None:
    rule = {"window": "month", "tiers": [{"after": "1GB", "rate": {"down": "90M", "up": "1M"}}]}
    assert speed(entitled(rule, used=2 * GB)) == (50, 1)


@pytest.mark.parametrize(
    ("service", "state", "down"),
    [
        ({"suspended": {"since": "2026-11-01", "reason": "abuse"}}, "suspended", 50),
        ({"paid_until": "2026-11-10"}, "expired", 50),
        ({"paid_until": "2026-11-10", "grace": [{"until": "2026-11-20", "reason": "x"}]}, "grace", 10),
        ({"hold": {"from": "2026-11-01", "until": "2026-11-30"}}, "hold", 50),
        ({"terminated": "2026-11-01"}, "terminated", 50),
    ],
)
def test_the_strictest_state_wins_and_grace_makes_nobody_faster(service: dict[str, Any], state: str, down: int) -> None:
    found = entitled(used=150 * GB, **service)
    assert (found.state, speed(found)[0]) == (state, down)


def test_in_days_of_grace_a_block_holds() -> None:
    found = entitled(used=250 * GB, paid_until="2026-11-10", grace=[{"until": "2026-11-20", "reason": "x"}])
    assert (found.state, found.access) == (State.BLOCKED, "walled")


def test_a_block_is_a_wall_or_a_refusal_by_the_policy() -> None:
    made, document = world(used=250 * GB)
    made.rules = {"blocked": {"method": "reject"}}
    assert entitle(document, 0, made, NOW).access == "none"
    made.rules = {"expired": {"method": "reject"}}
    assert entitle(document, 0, made, NOW).access == "none"


def test_a_throttled_account_and_a_tier_leave_the_slower_of_both() -> None:
    made = World(
        rules={
            "money": {"dunning": {"reminders": [1], "grace_days": 0, "throttled": {"rate": {"down": "1M", "up": "8M"}}}}
        },
        tariffs={"business": {"billing": "postpaid", "fup": [MONTHLY]}},
    )
    terms = all_terms([made.tariff("business").value], made.policy.value)  # type: ignore[union-attr]
    assert {name: (one.down // 10**6, one.up // 10**6) for name, one in terms.items()} == {
        "business": (50, 25),
        "business:fup-1-1": (10, 5),
        "business:throttled": (1, 8),
        "business:fup-1-1:throttled": (1, 5),
    }


# allowances


@pytest.mark.parametrize(
    ("allowance", "tier"),
    [
        ({"window": "month", "from": "2026-11-18", "more": "60GB"}, None),
        ({"window": "month", "from": "2026-11-01", "more": "50GB"}, 0),
        ({"window": "month", "from": "2026-10-31", "more": "60GB"}, 0),
        ({"window": "month", "from": "2026-12-01", "more": "60GB"}, 0),
        ({"window": "cycle", "from": "2026-11-18", "more": "60GB"}, 0),
        ({"window": "month", "from": "2026-11-18", "less": "50GB"}, 1),
    ],
)
def test_an_allowance_counts_in_the_window_that_holds_its_day(allowance: dict[str, Any], tier: int | None) -> None:
    (reading,) = entitled(used=150 * GB, allowance=[allowance]).fair_use
    assert reading.tier == tier


def test_allowances_add_up() -> None:
    one = {"window": "month", "from": "2026-11-18"}
    found = entitled(
        used=150 * GB, allowance=[{**one, "more": "40GB"}, {**one, "more": "40GB"}, {**one, "less": "20GB"}]
    )
    (reading,) = found.fair_use
    assert (reading.more, reading.next, reading.tier) == (60 * GB, 160 * GB, None)


# windows


def windows(kind: str, at: str, **service: Any) -> tuple[str, str]:
    moment = datetime.fromisoformat(at).replace(tzinfo=ZONE)
    made, document = world({"window": kind, "tiers": MONTHLY["tiers"]}, at=moment, **service)
    (meter,) = meters_of(document, 0, Frame(made, moment))
    return meter.since.isoformat(), meter.until.isoformat()


@pytest.mark.parametrize(
    ("kind", "at", "since", "until"),
    [
        ("day", "2026-11-18T00:00", "2026-11-18", "2026-11-19"),
        ("day", "2026-11-17T23:59", "2026-11-17", "2026-11-18"),
        ("week", "2026-11-22T23:59", "2026-11-16", "2026-11-23"),
        ("week", "2026-11-23T00:00", "2026-11-23", "2026-11-30"),
        ("month", "2026-12-31T23:59", "2026-12-01", "2027-01-01"),
        ("month", "2027-02-28T12:00", "2027-02-01", "2027-03-01"),
        ("cycle", "2026-11-18T12:00", "2026-11-11", "2026-12-11"),
        ("cycle", "2026-11-10T12:00", "2026-10-11", "2026-11-11"),
        ("cycle", "2026-12-11T12:00", "2026-12-11", "2027-01-11"),
    ],
)
def test_windows_are_days_of_the_isp(kind: str, at: str, since: str, until: str) -> None:
    assert windows(kind, at) == (since, until)


def test_a_renewal_before_the_end_leaves_the_cycle_what_it_is() -> None:
    before = windows("cycle", "2026-12-09T12:00", paid_until="2026-12-10")
    assert windows("cycle", "2026-12-09T12:00", paid_until="2027-01-10") == before


def test_the_cycle_of_the_end_of_a_month_ends_with_it() -> None:
    paid = {"activated": "2026-08-01", "paid_until": "2027-02-28"}
    assert windows("cycle", "2027-02-10T12:00", **paid) == ("2027-02-01", "2027-03-01")
    assert windows("cycle", "2027-01-10T12:00", **paid) == ("2027-01-01", "2027-02-01")


@given(some.dates(date(2026, 1, 1), date(2028, 12, 31)), some.dates(date(2026, 1, 1), date(2028, 12, 31)))
def test_every_day_is_in_one_cycle_that_is_a_period_long(paid: date, today: date) -> None:
    since, until = windows("cycle", f"{today}T12:00", activated="2020-01-05", paid_until=paid.isoformat())
    assert since <= today.isoformat() < until
    assert timedelta(27) < date.fromisoformat(until) - date.fromisoformat(since) < timedelta(32)


POSTPAID = tariff(billing="postpaid")
QUARTERS = tariff(billing="postpaid", period={"months": "3"})
BY_DAYS = tariff(billing="postpaid", period={"days": "30"})
OF_FEBRUARY = invoice("2026-03-01", "1", service="main", period={"from": "2026-01-31", "until": "2026-02-28"})
OF_MARCH = invoice("2026-04-01", "1", service="main", period={"from": "2026-02-12", "until": "2026-03-11"})


@pytest.mark.parametrize(
    ("activated", "account", "day", "sold", "today", "since", "until"),
    [
        ("2026-01-05", None, None, POSTPAID, "2026-04-04", "2026-03-05", "2026-04-05"),
        ("2026-01-31", None, None, POSTPAID, "2026-04-15", "2026-03-31", "2026-05-01"),
        ("2026-01-31", [OF_FEBRUARY], None, POSTPAID, "2026-02-28", "2026-01-31", "2026-03-01"),
        ("2026-01-05", [OF_MARCH], None, POSTPAID, "2026-04-04", "2026-03-12", "2026-04-12"),
        (None, [OF_MARCH], None, POSTPAID, "2026-02-12", "2026-02-12", "2026-03-12"),
        (None, None, None, POSTPAID, "2026-02-12", "2026-02-01", "2026-03-01"),
        ("2026-01-05", [OF_MARCH], 20, POSTPAID, "2026-04-25", "2026-04-20", "2026-05-20"),
        ("2026-01-05", None, 20, POSTPAID, "2026-01-06", "2025-12-20", "2026-01-20"),
        ("2026-01-05", None, None, QUARTERS, "2026-06-01", "2026-04-05", "2026-07-05"),
        ("2026-01-05", None, None, BY_DAYS, "2026-02-04", "2026-02-04", "2026-03-06"),
    ],
)  # fmt: skip
def test_the_cycle_of_a_postpaid_service_is_what_it_is_invoiced_by(
    activated: str | None, account: Any, day: int | None, sold: Any, today: str, since: str, until: str
) -> None:
    rules = policy(billing={"day": day} if day else {})
    whose, known = service(**({"activated": activated} if activated else {})), ledger(*account) if account else None
    found = window("cycle", whose, known, sold, rules, date.fromisoformat(today), ZONE)
    assert found == (date.fromisoformat(since), date.fromisoformat(until))


def test_the_cycle_of_what_is_paid_ahead_is_what_the_account_says() -> None:
    known = ledger(invoice("2026-01-20", "1", period={"from": "2026-01-29", "until": "2026-02-28"}))
    whose = service(paid_until="2026-02-28")
    found = window("cycle", whose, known, tariff(), policy(), date(2026, 3, 10), ZONE)
    assert found == (date(2026, 3, 1), date(2026, 3, 29))


@pytest.mark.parametrize(
    ("paid", "period", "today", "since", "until"),
    [
        ("2024-11-03", {"days": "2"}, "2025-08-07", "2025-08-07", "2025-08-09"),
        ("1995-12-13", {"months": "1"}, "2025-08-14", "2025-08-14", "2025-09-14"),
        ("2031-12-31", {"months": "1"}, "2026-02-28", "2026-02-01", "2026-03-01"),
        ("2031-12-31", {"months": "13"}, "2026-07-31", "2025-07-01", "2026-08-01"),
        ("2031-12-31", {"days": "1"}, "2026-03-10", "2026-03-10", "2026-03-11"),
    ],
)  # fmt: skip
def test_a_cycle_is_found_however_far_what_is_paid_is_from_today(
    paid: str, period: dict[str, str], today: str, since: str, until: str
) -> None:
    found = window(
        "cycle", service(paid_until=paid), None, tariff(period=period), policy(), date.fromisoformat(today), ZONE
    )
    assert found == (date.fromisoformat(since), date.fromisoformat(until))


# hours


def test_hours_that_count_less_are_whole_ones() -> None:
    meter = Meter(date(2026, 11, 1), date(2026, 12, 1), "both", ((22, 6, 50), (12, 13, 100)))
    counted = {hour: meter.percent(hour) for hour in range(25)}
    assert {hour for hour, percent in counted.items() if percent == 50} == {22, 23, 0, 1, 2, 3, 4, 5}
    assert (counted[12], counted[13], counted[24]) == (0, 100, 100)
    with pytest.raises(ValueError, match="whole hours"):
        read(Window, {"hours": "00:30-06:00"})


# the decision itself

MARKS = some.lists(some.integers(1, 50), min_size=1, max_size=4, unique=True).map(sorted)
RULES = some.lists(
    some.tuples(some.sampled_from(["day", "week", "month", "cycle"]), MARKS, some.booleans()), min_size=1, max_size=3
)


@given(RULES, some.integers(0, 60), some.integers(0, 60))
def test_more_usage_never_means_more_service(rules: list[tuple[str, list[int], bool]], one: int, other: int) -> None:
    said = [
        {
            "window": window,
            "tiers": [
                {"after": f"{mark}GB"}
                | ({"block": True} if ends and mark == marks[-1] else {"rate": {"down": f"{50 - n}M", "up": "1M"}})
                for n, mark in enumerate(marks)
            ],
        }
        for window, marks, ends in rules
    ]
    less, more = sorted((one, other))
    before, after = entitled(*said, used=less * GB), entitled(*said, used=more * GB)
    opened = {"open": 1, "walled": 0}
    assert (opened[after.access], after.terms.down) <= (opened[before.access], before.terms.down) or (
        after.access == "walled"
    )
    for reading in before.fair_use:
        marks = [tier.after for tier in read(FairUse, said[reading.part]).tiers]
        assert reading.tier == max((n for n, mark in enumerate(marks) if mark <= reading.used), default=None)
        assert reading.next == min((mark for mark in marks if mark > reading.used), default=None)
        assert replace(before, fair_use=()) == before


def test_a_tariff_without_fair_use_asks_nothing() -> None:
    document = subscriber(PAID)
    assert meters_of(document, 0, Frame(World(), NOW)) == ()
    assert entitle(document, 0, World(), NOW).fair_use == ()


def test_terms_of_a_tariff_with_only_a_block_are_one() -> None:
    tariff = read(
        Tariff,
        {
            "name": "x",
            "rate": {"down": "1M", "up": "1M"},
            "fup": [{"window": "day", "tiers": [{"after": "1GB", "block": True}]}],
        },
    )
    policy = read(Policy, {"format": "1", "timezone": "UTC", "currency": "NPR"})
    assert list(all_terms([tariff], policy)) == ["x"]


@pytest.mark.parametrize(
    "octets, said",
    [
        (0, "0 MB"),
        (49_999, "0 MB"),
        (500_000_000, "500 MB"),
        (999_949_999, "999.9 MB"),
        (999_999_999, "1 GB"),
        (50_000_000_000, "50 GB"),
        (1_200_000_000_000, "1.2 TB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_a_volume_is_told_in_the_unit_that_it_is_rounded_to(octets: int, said: str) -> None:
    assert volume(octets) == said
