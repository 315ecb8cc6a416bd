"""What becomes of an account that is not paid, and that payment undoes it."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.model.days import BEGINNING, NEVER
from ispctl.model.policy import Policy
from ispctl.money import Stage, Standing, balance, dunning, state
from tests.money.accounts import at, invoice, ledger, payment, policy, reversal
from tests.money.test_account import accounts

OWED = invoice("2026-09-01", "100", due="2026-09-15", reference="INV-9")
"""Due on a Tuesday."""


def rules(**dunning: Any) -> Policy:
    return policy(dunning={"weekend": ["saturday"]} | dunning)


def story(*entries: dict[str, Any], under: Policy | None = None) -> list[tuple[str, str]]:
    """(state, local day and time of its beginning)"""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Asia/Kathmandu")
    return [
        (str(stage.standing), "" if stage.start == BEGINNING else f"{stage.start.astimezone(zone):%m-%d %H:%M}")
        for stage in dunning(ledger(*entries), under or rules())
    ]


def stage(now: str, *entries: dict[str, Any], under: Policy | None = None) -> Stage:
    return state(ledger(*entries), under or rules(), at(now))


def test_each_stage_follows_the_one_before() -> None:
    assert story(OWED) == [
        ("active", ""),
        ("due", "09-01 00:00"),
        ("reminded", "09-18 00:00"),  # 3 days after the last day to pay
        ("grace", "09-25 00:00"),  # 10 days: the last reminder
        ("walled", "10-02 00:00"),  # 7 days of grace
        ("suspended", "10-16 00:00"),  # 14 days
        ("inactive", "12-15 00:00"),  # 60 days
        ("archived", "12-15 00:00"),  # 365 days
    ]


@pytest.mark.parametrize(
    "throttled, later",
    [
        ({"days": "5"}, [("throttled", "10-02 00:00"), ("walled", "10-07 00:00"), ("suspended", "10-21 00:00")]),
        ({"days": "1"}, [("throttled", "10-02 00:00"), ("walled", "10-04 00:00"), ("suspended", "10-18 00:00")]),
        ({}, [("throttled", "10-02 00:00"), ("suspended", "10-16 00:00"), ("inactive", "12-15 00:00")]),
    ],
    ids=["before the wall", "which waits for a working day", "instead of it"],
)
def test_a_low_speed_comes_before_the_wall_or_instead_of_it(
    throttled: dict[str, str], later: list[tuple[str, str]]
) -> None:
    slow = rules(throttled={"rate": {"down": "2M", "up": "1M"}} | throttled)
    assert story(OWED, under=slow)[4:7] == later
    assert story(OWED, payment("2026-10-03T12:00:00+05:45", "100"), under=slow)[-1] == ("active", "10-03 12:00")


def test_owing_too_much_makes_it_slow_at_once() -> None:
    slow = rules(throttled={"rate": {"down": "2M", "up": "1M"}}, credit_limit="50")
    assert story(OWED, under=slow)[:2] == [("active", ""), ("throttled", "09-01 00:00")]


def test_each_stage_says_which_entry_brought_it_and_why() -> None:
    found = stage("2026-10-05T12:00", invoice("2026-08-01", "5"), payment("2026-08-02", "5"), OWED)
    assert (found.standing, found.entry, found.why) == (Standing.WALLED, 2, "INV-9 was to be paid until 2026-09-15")
    assert stage("2026-09-05T12:00", OWED).why == "INV-9 is to be paid until 2026-09-15"


def test_nothing_is_taken_away_without_rules() -> None:
    assert story(OWED, under=policy()) == [("active", ""), ("due", "09-01 00:00")]


def test_a_payment_ends_every_stage_at_once() -> None:
    for now in ("2026-09-20T12:00", "2026-10-05T12:00", "2026-10-20T12:00", "2027-02-01T12:00", "2029-01-01T12:00"):
        paid = OWED, payment(f"{now}:00+05:45", "100")
        assert stage(now, OWED).standing != Standing.ACTIVE
        assert stage(now, *paid).standing == Standing.ACTIVE
        assert story(*paid)[-1][0] == "active"


def test_a_part_payment_leaves_the_rest_where_it_was_and_a_younger_invoice_has_its_own_days() -> None:
    assert stage("2026-10-05T12:00", OWED, payment("2026-10-03", "50")).standing == Standing.WALLED
    younger = invoice("2026-09-20", "70", due="2026-10-04")
    assert stage("2026-10-05T12:00", OWED, younger).standing == Standing.WALLED
    assert stage("2026-10-05T12:00", OWED, younger, payment("2026-10-05", "100")).standing == Standing.DUE


def test_less_than_the_minimum_takes_nothing_away() -> None:
    little = rules(minimum="60")
    assert stage("2026-12-01T12:00", OWED, payment("2026-09-20", "50"), under=little).standing == Standing.DUE
    both = OWED, payment("2026-09-20", "50"), invoice("2026-10-01", "10", due="2026-10-15")
    assert stage("2026-10-20T12:00", *both, under=little).standing == Standing.REMINDED


def test_a_stage_that_takes_something_waits_for_a_working_day() -> None:
    off = rules(weekend=["friday", "saturday"], holidays=["2026-10-04"])
    assert ("walled", "10-05 00:00") in story(OWED, under=off)  # a Friday, a Saturday and a holiday later


def test_a_reminder_and_grace_take_nothing_and_wait_for_nobody() -> None:
    off = rules(weekend=["friday"])
    assert ("reminded", "09-18 00:00") in story(OWED, under=off)
    assert ("grace", "09-25 00:00") in story(OWED, under=off)


def test_stages_that_take_something_begin_later_where_ends_are_spread() -> None:
    found = dunning(ledger(OWED), rules(), timedelta(minutes=17))
    begins = {s.standing: s.start for s in found}
    assert begins[Standing.WALLED] == at("2026-10-02T00:17")
    assert begins[Standing.GRACE] == at("2026-09-25T00:00")


def test_owing_more_than_the_limit_brings_the_wall_at_once() -> None:
    limited = rules(credit_limit="150")
    more = invoice("2026-09-10T10:00:00+05:45", "60", due="2026-09-30")
    assert story(OWED, more, under=limited)[:3] == [("active", ""), ("due", "09-01 00:00"), ("walled", "09-10 10:00")]
    assert stage("2026-09-11T12:00", OWED, more, under=limited).why == "more than 150 is owed"
    assert story(OWED, more, payment("2026-09-12", "20"), under=limited)[3:5] == [
        ("due", "09-12 00:00"),
        ("reminded", "09-18 00:00"),
    ]


def test_with_one_reminder_grace_begins_with_it_and_without_any_after_the_last_day() -> None:
    assert [s for s, _ in story(OWED, under=rules(reminders=["5"]))][:4] == ["active", "due", "grace", "walled"]
    assert ("grace", "09-16 00:00") in story(OWED, under=rules(reminders=[]))


def test_an_invoice_that_names_no_day_is_due_by_the_policy() -> None:
    assert ("grace", "09-11 00:00") in story(invoice("2026-09-01", "5"), under=rules(reminders=[], days_to_pay="9"))


def test_a_payment_that_bounces_gives_the_days_anew() -> None:
    """Nobody is suspended on the day on which a bank takes a payment back."""
    paid = OWED, payment("2026-09-10", "100"), reversal("2026-12-01", "e1", "100")
    assert story(*paid)[2:5] == [("active", "09-10 00:00"), ("due", "12-01 00:00"), ("reminded", "12-03 00:00")]


def test_an_invoice_that_is_reversed_takes_nothing_away_any_more() -> None:
    assert stage("2026-11-01T12:00", OWED, reversal("2026-10-20", "e0", "100")).standing == Standing.ACTIVE
    assert stage("2026-10-05T12:00", OWED, reversal("2026-10-20", "e0", "100")).standing == Standing.WALLED


@given(accounts(), st.sampled_from(["0", "50"]), st.sampled_from([None, "100"]))
def test_the_stages_leave_no_gap_and_an_account_without_debts_is_active(
    entries: list[dict[str, Any]], minimum: str, limit: str | None
) -> None:
    account, under = ledger(*entries), rules(minimum=minimum, **({"credit_limit": limit} if limit else {}))
    found = dunning(account, under)
    assert (found[0].start, found[-1].end) == (BEGINNING, NEVER)
    assert all(one.end == other.start and one.start < one.end for one, other in pairwise(found))
    for one in found:
        owed = balance(account, under, max(one.start, at("2026-01-01T00:00")))
        assert (one.standing == Standing.ACTIVE) == (owed <= 0 or one.start == BEGINNING)


@given(accounts(), st.dates(date(2026, 1, 1), date(2027, 12, 31)))
def test_what_is_entered_later_changes_nothing_of_what_was(entries: list[dict[str, Any]], until: date) -> None:
    now = at(f"{until}T12:00")
    account = ledger(*entries)
    more = ledger(*entries, payment(f"{until + timedelta(days=1)}", "1", key="more"))
    assert state(account, rules(), now).standing == state(more, rules(), now).standing


@given(accounts())
def test_paying_what_is_owed_makes_an_account_active(entries: list[dict[str, Any]]) -> None:
    account = ledger(*entries)
    owed = balance(account, rules(), NEVER)
    if owed > 0:
        paid = ledger(*entries, payment("2027-06-01", str(owed), key="all"))
        assert state(paid, rules(), at("2027-06-01T00:00")).standing == Standing.ACTIVE


@pytest.mark.parametrize("days", [1, 5, 30])
def test_a_stage_lasts_as_long_as_the_policy_says(days: int) -> None:
    found = {s.standing: s for s in dunning(ledger(OWED), rules(grace_days=str(days)))}
    grace = found[Standing.GRACE]
    assert grace.end - grace.start >= timedelta(days=days)
