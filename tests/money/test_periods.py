"""How far a payment reaches: months that keep their day, days that change the clock, grace."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ispctl.model.days import ending, local_day
from ispctl.model.subscriber import Service
from ispctl.model.tariff import Period
from ispctl.money import (
    Renewed,
    anchor_day,
    effective_expiry,
    extended,
    grace_refused,
    graced,
    renewed,
)
from tests.money.accounts import OWNER, ZONES, at, day, event, invoice, ledger, policy, reversal, service

MONTH = Period(months=1)
DAYS = st.dates(date(2023, 1, 1), date(2029, 12, 31))


def paid(until: str, now: str, zone: str = "Asia/Kathmandu", *, period: Period = MONTH, **more: Any) -> Renewed:
    rules = {name: more.pop(name) for name in ("renewal", "grace_rules") if name in more}
    money = {"renewal": rules.get("renewal", {}), "grace": rules.get("grace_rules", {})}
    whose = service(paid_until=until, **{k: v for k, v in more.items() if k in ("grace", "hold", "activated")})
    asked = {k: v for k, v in more.items() if k in ("periods", "anchor", "ledger")}
    return renewed(whose, period, policy(zone, **money), at(now, zone), OWNER, **asked)


def test_paid_before_the_end_it_counts_from_the_end() -> None:
    found = paid("2026-11-20", "2026-11-15T10:00")
    assert (found.since, found.until, found.anchor) == (day("2026-11-21"), day("2026-12-20"), "expiry")


def test_paid_three_hours_before_the_end_no_second_is_lost() -> None:
    found = paid("2026-11-20", "2026-11-20T21:00")
    assert found.until == day("2026-12-20")
    stamp = paid("2026-11-20T23:30:15+05:45", "2026-11-20T20:30:15")
    assert stamp.until == datetime.fromisoformat("2026-12-20T23:30:15+05:45")


def test_paid_after_the_end_it_counts_from_today() -> None:
    found = paid("2026-11-20", "2026-11-25T10:00")
    assert (found.since, found.until, found.anchor) == (day("2026-11-25"), day("2026-12-24"), "now")


def test_paid_after_the_end_it_may_count_from_the_end_by_policy_or_by_word() -> None:
    by_policy = paid("2026-11-20", "2026-11-25T10:00", renewal={"after_expiry": "expiry"})
    by_word = paid("2026-11-20", "2026-11-25T10:00", anchor="expiry")
    assert by_policy.until == by_word.until == day("2026-12-20")


def test_what_was_never_paid_begins_today_or_when_it_is_activated() -> None:
    rules, now = policy(), at("2026-11-25T10:00")
    assert renewed(service(), MONTH, rules, now, OWNER).until == day("2026-12-24")
    later = renewed(service(activated="2026-12-01"), MONTH, rules, now, OWNER)
    assert (later.since, later.until) == (day("2026-12-01"), day("2026-12-31"))


def test_months_keep_the_anchor_day() -> None:
    """31 Jan → 28 Feb → 31 Mar"""
    first = paid("2026-01-31", "2026-01-20T10:00")
    assert first.until == day("2026-02-28")
    known = ledger(invoice("2026-01-20", "1", period={"from": str(first.since), "until": str(first.until)}))
    second = paid("2026-02-28", "2026-02-20T10:00", ledger=known)
    assert second.until == day("2026-03-31")
    assert paid("2026-01-31", "2026-01-20T10:00", periods=2).until == day("2026-03-31")


def test_a_month_may_be_cut_for_good_by_policy() -> None:
    known = ledger(invoice("2026-01-20", "1", period={"from": "2026-02-01", "until": "2026-02-28"}))
    clamped = paid("2026-02-28", "2026-02-20T10:00", ledger=known, renewal={"anchor": "clamped"})
    assert clamped.until == day("2026-03-28")
    both = paid("2026-01-31", "2026-01-20T10:00", periods=2, renewal={"anchor": "clamped"})
    assert [until for _, until in both.periods] == [day("2026-02-28"), day("2026-03-28")]
    assert both.until == day("2026-03-28")


@given(
    begins=DAYS,
    first=st.integers(1, 3),
    more=st.integers(1, 12),
    anchor=st.sampled_from(["kept", "clamped"]),
    months=st.sampled_from([1, 3]),
)
@example(begins=date(2026, 1, 1), first=1, more=2, anchor="clamped", months=1)
def test_many_periods_from_the_first_day_end_where_one_after_the_other_would(
    begins: date, first: int, more: int, anchor: str, months: int
) -> None:
    rules, period, now = policy(renewal={"anchor": anchor}), Period(months=months), at(f"{begins}T10:00")
    all_of_them = renewed(service(activated=str(begins)), period, rules, now, OWNER, periods=first + more)
    one = renewed(service(activated=str(begins)), period, rules, now, OWNER, periods=first)
    found, entries = [*one.periods], [_invoiced(one)]
    for _ in range(more):
        whose = service(activated=str(begins), paid_until=str(one.until))
        one = renewed(whose, period, rules, now, OWNER, ledger(*entries))
        found, entries = [*found, *one.periods], [*entries, _invoiced(one)]
    assert found == [*all_of_them.periods]


def _invoiced(one: Renewed) -> dict[str, Any]:
    return invoice("2026-01-20", "1", period={"from": str(one.since), "until": str(one.until)})


def test_without_periods_in_the_ledger_the_day_of_activation_tells_the_anchor() -> None:
    assert paid("2026-02-28", "2026-02-20T10:00", activated="2026-01-31").until == day("2026-03-30")
    assert paid("2026-02-28", "2026-02-20T10:00", activated="2026-01-01").until == day("2026-03-31")
    assert paid("2026-02-28", "2026-02-20T10:00", activated="2026-01-10").until == day("2026-03-28")


def test_a_period_that_was_reverted_tells_no_anchor() -> None:
    invoiced = invoice("2026-01-20", "1", period={"from": "2026-01-29", "until": "2026-02-28"})
    assert anchor_day(service(), ledger(invoiced), day("2026-02-28"), policy()) == 28
    undone = ledger(invoiced, reversal("2026-01-21", "e0", "1"))
    assert anchor_day(service(), undone, day("2026-02-28"), policy()) == 31


def test_where_nothing_tells_the_anchor_the_end_of_a_month_is_meant() -> None:
    assert paid("2026-04-30", "2026-04-20T10:00").until == day("2026-05-31")
    assert paid("2026-04-29", "2026-04-20T10:00").until == day("2026-05-29")


def test_a_leap_day_is_a_day_like_others() -> None:
    assert paid("2028-01-31", "2028-01-20T10:00").until == day("2028-02-29")
    assert paid("2028-02-29", "2028-02-20T10:00", period=Period(months=12)).until == day("2029-02-28")
    assert paid("2028-02-28", "2028-02-20T10:00", period=Period(days=2)).until == day("2028-03-01")


@pytest.mark.parametrize(
    "zone, before, after, until",
    [
        ("Europe/Berlin", "2026-02-28T12:00", "2026-03-28", "2026-04-28"),  # the clock goes forward on 29 March
        ("Europe/Berlin", "2026-10-25T00:30", "2026-10-25", "2026-11-25"),  # and back on the day itself
        (
            "America/Sao_Paulo",
            "2018-11-03T12:00",
            "2018-11-03",
            "2018-12-03",
        ),  # at midnight: 4 November begins at 01:00
    ],
)
def test_a_renewal_around_a_change_of_the_clock_counts_days(zone: str, before: str, after: str, until: str) -> None:
    assert paid(after, before, zone).until == day(until)


def test_a_time_stamp_keeps_its_local_time_over_a_change_of_the_clock() -> None:
    found = paid("2026-03-20T18:00:00+01:00", "2026-03-10T12:00", "Europe/Berlin").until
    assert found == datetime.fromisoformat("2026-04-20T18:00:00+02:00")


def test_a_day_without_midnight_ends_where_the_next_begins() -> None:
    end = effective_expiry(service(paid_until="2018-11-03"), policy("America/Sao_Paulo"), OWNER)
    assert end == datetime(2018, 11, 4, 3, tzinfo=UTC)


# grace

GRACE = [{"until": "2026-11-23", "reason": "outage"}]


def test_days_of_grace_are_part_of_the_next_period_by_policy() -> None:
    found = paid("2026-11-20", "2026-11-22T10:00", grace=GRACE)
    assert (found.since, found.until, found.grace_days) == (day("2026-11-21"), day("2026-12-20"), 1)
    free = paid("2026-11-20", "2026-11-22T10:00", grace=GRACE, grace_rules={"deducted": "false"})
    assert (free.since, free.until, free.grace_days) == (day("2026-11-22"), day("2026-12-21"), 0)


def test_days_of_grace_are_deducted_also_when_it_is_over() -> None:
    found = paid("2026-11-20", "2026-11-30T10:00", grace=GRACE)
    assert (found.since, found.until, found.grace_days) == (day("2026-11-27"), day("2026-12-26"), 3)


def test_days_without_service_before_a_late_grace_are_not_deducted() -> None:
    """Nine days behind the wall, then two of grace: two days were used, and not eleven."""
    late = [{"until": "2026-11-20", "reason": "pays tomorrow", "key": "g"}]
    known = ledger(event("2026-11-19T10:00:00+05:45", "grace", {"grace": None}, {"grace": "2026-11-20"}, key="g"))
    within = paid("2026-11-09", "2026-11-20T10:00", grace=late, ledger=known)
    assert (within.since, within.until, within.grace_days) == (day("2026-11-19"), day("2026-12-18"), 1)
    after = paid("2026-11-09", "2026-11-25T10:00", grace=late, ledger=known)
    assert (after.since, after.grace_days) == (day("2026-11-23"), 2)


def test_of_two_graces_each_counts_the_days_that_it_gave() -> None:
    twice = [{"until": "2026-11-12", "reason": "x", "key": "g"}, {"until": "2026-11-22", "reason": "y", "key": "h"}]
    given = ("2026-11-08", "g"), ("2026-11-20", "h")
    known = ledger(*(event(d, "grace", {"grace": None}, {"grace": "…"}, key=key) for d, key in given))
    assert paid("2026-11-09", "2026-11-25T10:00", grace=twice, ledger=known).grace_days == 3 + 3
    assert paid("2026-11-09", "2026-11-11T10:00", grace=twice[:1], ledger=known).grace_days == 1


def test_grace_follows_on_what_is_paid_and_begins_today_at_the_earliest() -> None:
    rules = policy()
    assert graced(service(paid_until="2026-11-20"), 3, rules, at("2026-11-19T10:00")) == day("2026-11-23")
    assert graced(service(paid_until="2026-11-20"), 3, rules, at("2026-11-25T10:00")) == day("2026-11-27")
    assert graced(service(paid_until="2026-11-20", grace=GRACE), 1, rules, at("2026-11-22T10:00")) == day("2026-11-24")


def test_the_expiry_moves_with_grace_and_with_a_hold() -> None:
    rules = policy()
    assert effective_expiry(service(paid_until="2026-11-20", grace=GRACE), rules, OWNER) == at("2026-11-24T00:00")
    hold = {"from": "2026-11-10", "until": "2026-11-14", "extends_paid_until": "true"}
    assert effective_expiry(service(paid_until="2026-11-20", hold=hold), rules, OWNER) == at("2026-11-26T00:00")
    assert effective_expiry(service(), rules, OWNER) is None


@pytest.mark.parametrize(
    "until, first, last, end",
    [
        ("2026-10-10", "2026-09-01", "2026-09-28", "2026-11-08"),  # the clock goes back on 25 October
        ("2026-03-20", "2026-02-01", "2026-02-28", "2026-04-18"),  # and forward on 29 March
        ("2026-10-10", "2026-10-01", "2026-10-31", "2026-11-11"),  # within the hold
    ],
)
def test_the_days_of_a_hold_are_days_where_the_clock_is_moved(until: str, first: str, last: str, end: str) -> None:
    zone = "Europe/Berlin"
    held = service(paid_until=until, hold={"from": first, "until": last, "extends_paid_until": "true"})
    assert effective_expiry(held, policy(zone), OWNER) == at(f"{end}T00:00", zone)
    now = at(f"{end}T00:00", zone) - timedelta(hours=9)
    assert graced(held, 1, policy(zone), now) == day(end), "a day of grace follows on the last that is paid"


def test_a_hold_that_is_written_in_time_stamps_adds_its_time() -> None:
    hold = {"from": "2026-11-10T18:00:00+05:45", "until": "2026-11-12T06:00:00+05:45", "extends_paid_until": "true"}
    assert effective_expiry(service(paid_until="2026-11-20", hold=hold), policy(), OWNER) == at("2026-11-22T12:00")


def test_a_hold_whose_days_were_used_up_is_not_added_again() -> None:
    hold = {"from": "2026-10-01", "until": "2026-10-05", "extends_paid_until": "true"}
    assert not paid("2026-11-20", "2026-11-22T10:00", hold=hold).hold_spent
    assert paid("2026-11-20", "2026-11-28T10:00", hold=hold).hold_spent


HOLD = {"from": "2026-12-01", "until": "2026-12-20", "extends_paid_until": "true"}


def last_day(found: Renewed, hold: dict[str, str]) -> date:
    """The last day with service after a renewal."""
    whose = service(paid_until=str(found.until), **({} if found.hold_spent else {"hold": hold}))
    end = effective_expiry(whose, policy(), OWNER)
    assert end is not None
    return local_day(end, ZoneInfo("Asia/Kathmandu")) - timedelta(days=1)


def test_a_hold_in_which_nothing_was_paid_adds_nothing_to_what_is_paid_after_it() -> None:
    after = paid("2026-11-20", "2026-12-25T10:00", hold=HOLD)
    assert (after.until, last_day(after, HOLD)) == (day("2027-01-24"), day("2027-01-24"))
    never = renewed(service(hold=HOLD), MONTH, policy(), at("2026-12-25T10:00"), OWNER)
    assert (never.until, never.hold_spent) == (day("2027-01-24"), True)


def test_who_pays_during_a_hold_has_a_period_of_service_after_it() -> None:
    """Whether or not it was paid when the hold began."""
    within = paid("2026-11-20", "2026-12-10T10:00", hold=HOLD)
    assert (within.hold_spent, last_day(within, HOLD)) == (False, day("2027-01-20"))  # 31 days, as December has
    early = paid("2026-12-05", "2026-12-10T10:00", hold=HOLD, anchor="now")
    assert (early.hold_spent, last_day(early, HOLD)) == (False, day("2027-01-20"))


def test_a_hold_that_is_yet_to_come_stays_and_adds_its_days() -> None:
    found = paid("2026-12-05", "2026-11-25T10:00", hold=HOLD, anchor="now")
    assert (found.until, found.hold_spent, last_day(found, HOLD)) == (day("2026-12-24"), False, day("2027-01-13"))


def granted(*days: str) -> list[dict[str, Any]]:
    return [event(d, "grace", {"grace": None}, {"grace": "[…]"}) for d in days]


def test_the_limit_of_grace_holds_across_the_end_of_a_year() -> None:
    rules = policy(grace={"per_30_days": "2"})
    given = ledger(*granted("2026-12-10", "2026-12-30"))
    assert "2 times within 30 days" in grace_refused(service(), given, 1, rules, at("2027-01-05T10:00"))
    assert not grace_refused(service(), given, 1, rules, at("2027-01-09T10:00"))


def test_the_limits_of_grace_count_neither_what_was_reverted_nor_another_service() -> None:
    rules, now = policy(grace={"per_30_days": "1", "days": "3"}), at("2026-11-25T10:00")
    given = ledger(*granted("2026-11-20"), reversal("2026-11-21", "e0"), {**granted("2026-11-22")[0], "service": "tv"})
    assert not grace_refused(service(), given, 3, rules, now)
    assert "4 days are asked for" in grace_refused(service(), given, 4, rules, now)
    assert "within 365 days" in grace_refused(
        service(), ledger(*granted("2026-01-01")), 1, policy(grace={"per_365_days": "1"}), now
    )


# whatever the days

ANCHORS = st.integers(1, 31)


@given(DAYS, st.integers(1, 24), st.integers(0, 6), st.sampled_from(ZONES))
def test_renewing_n_times_is_renewing_once_for_n(first: date, times: int, months: int, zone: str) -> None:
    period = Period(months=months) if months else Period(days=30)
    where = ZoneInfo(zone)
    until: date | datetime = first
    for _ in range(times):
        until = extended(until, period, 1, first.day, where)
    assert until == extended(first, period, times, first.day, where)


@given(DAYS, st.integers(1, 14))
def test_the_anchor_day_is_kept_through_the_ledger(first: date, times: int) -> None:
    """However short the months between: each renewal knows the ledger only."""
    rules, now, until = policy(), at("2020-01-01T00:00"), first
    entries = list[dict[str, Any]]()
    for _ in range(times):
        found = renewed(service(paid_until=str(until)), MONTH, rules, now, OWNER, ledger(*entries))
        entries.append(invoice("2020-01-01", "1", period={"from": str(found.since), "until": str(found.until)}))
        assert found.since == until + timedelta(days=1)
        until = local_day(found.until, ZoneInfo(rules.timezone))
    anchor = 31 if (first + timedelta(days=1)).day == 1 else first.day
    assert until == extended(first, MONTH, times, anchor, ZoneInfo(rules.timezone))


@given(DAYS, st.datetimes(datetime(2023, 1, 1), datetime(2029, 12, 31)), st.sampled_from(ZONES))  # noqa: DTZ001
def test_a_renewal_always_reaches_beyond_now_and_never_takes_a_paid_second(
    until: date, local: datetime, zone: str
) -> None:
    where, rules = ZoneInfo(zone), policy(zone)
    now = local.replace(tzinfo=where).astimezone(UTC)
    whose: Service = service(paid_until=str(until))
    end = ending(renewed(whose, MONTH, rules, now, OWNER).until, where, OWNER, 0)
    before = effective_expiry(whose, rules, OWNER)
    assert before is not None
    assert end >= max(now, before) + timedelta(days=26)
