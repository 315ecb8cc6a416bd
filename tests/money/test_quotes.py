"""What another tariff costs in the middle of what is paid."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ispctl.money import Quote, quote, reach, takes_effect
from ispctl.money.quotes import MOST
from tests.money.accounts import day, policy, tariff

OLD, NEW = tariff("200.00", "old"), tariff("100.00", "new")
PRICES = st.decimals("1", "99999", places=2).map(str)
DAYS = st.dates(date(2023, 1, 1), date(2029, 12, 31))


def changed(until: str | None, on: str, fee: str = "0", old: Any = OLD, new: Any = NEW, **asked: Any) -> Quote:
    rules = policy(change_tariff={"fee": fee})
    return quote(old, new, day(until) if until else None, day(on), rules, **asked)


def test_the_example_of_the_specification() -> None:
    """200→100 per month, October (31 d), change on the 20th, fee 30."""
    found = changed("2026-10-31", "2026-10-20", "30")
    assert (found.period_days, found.used_days, found.remaining_days) == (31, 19, 12)
    assert found.unused == Decimal("77.42")
    assert found.unused - found.fee == Decimal("47.42")
    assert found.cost == Decimal("38.71")
    assert found.due == Decimal("-8.71")
    assert (found.old_daily, found.new_daily) == (Decimal("6.45"), Decimal("3.23"))
    assert found.until == day("2026-10-31")


def test_the_remaining_money_buys_days_of_the_new_tariff() -> None:
    """47.42 buys 14 days at 100/31 (45.16), and 2.26 are left."""
    found = changed("2026-10-31", "2026-10-20", "30", remaining="convert")
    assert found.until == day("2026-11-02")
    assert (found.cost, found.due) == (Decimal("45.16"), Decimal("-2.26"))


def test_what_is_left_buys_every_day_that_it_can_pay() -> None:
    """26 days of 200 in a month of 30 are 13 of 400; both come to 173.33, and no money is left over."""
    found = quote(
        tariff("200", "old"), tariff("400", "new"), day("2026-11-30"), day("2026-11-05"), policy(), remaining="convert"
    )
    assert (found.unused, found.cost, found.due) == (Decimal("173.33"), Decimal("173.33"), Decimal(0))
    assert found.until == day("2026-11-17")


def test_what_is_left_does_not_pay_the_fee_and_buys_no_day() -> None:
    found = changed("2026-10-31", "2026-10-31", "30", remaining="convert")
    assert found.until == day("2026-10-30")
    assert found.due == Decimal(30) - Decimal("6.45")


def test_a_leap_february_has_a_day_more() -> None:
    assert changed("2028-02-29", "2028-02-15").unused == Decimal("103.45")  # 15 of 29 days
    assert changed("2026-02-28", "2026-02-15").unused == Decimal("100.00")  # 14 of 28 days


def test_on_the_first_day_nothing_is_used_and_on_the_last_one_day_is_left() -> None:
    assert changed("2026-10-31", "2026-10-01").unused == Decimal("200.00")
    assert changed("2026-10-31", "2026-10-31").unused == Decimal("6.45")


def test_inside_grace_nothing_is_left_and_only_the_fee_is_due() -> None:
    for remaining in ("keep-expiry", "convert"):
        found = changed("2026-10-31", "2026-11-02", "30", remaining=remaining)
        assert (found.remaining_days, *map(int, (found.unused, found.cost, found.due))) == (0, 0, 0, 30)
        assert found.until == day("2026-10-31")
    assert changed(None, "2026-11-02").due == 0


def test_months_that_are_paid_ahead_count_in_full() -> None:
    found = changed("2026-12-31", "2026-10-20")
    assert found.unused == Decimal("477.42")
    assert found.cost == Decimal("238.71")
    assert (found.period_days, found.remaining_days) == (31, 12 + 30 + 31)


def test_the_tariffs_may_be_sold_for_other_periods() -> None:
    """12 days of a tariff that costs 30.00 for 30 days."""
    assert changed("2026-10-31", "2026-10-20", new=tariff("30.00", "new", period={"days": "30"})).cost == Decimal(12)


def test_a_price_that_changes_holds_for_the_days_from_then_on() -> None:
    prices = [{"from": "2020-01-01", "amount": "100.00"}, {"from": "2026-11-01", "amount": "310.00"}]
    found = changed("2026-11-30", "2026-10-20", new=tariff(None, "new", prices=prices))
    assert found.cost == Decimal("38.71") + Decimal("310.00")


def test_two_changes_on_one_day_come_to_the_direct_one() -> None:
    third = tariff("150.00", "third")
    first, second = changed("2026-10-31", "2026-10-20"), changed("2026-10-31", "2026-10-20", old=NEW, new=third)
    assert first.due + second.due == changed("2026-10-31", "2026-10-20", new=third).due


def test_the_tax_within_what_is_due_is_that_of_the_tariff() -> None:
    taxes = {"tax": {"rate": "13"}}
    found = changed("2026-10-31", "2026-10-01", old=tariff("100", "old", **taxes), new=tariff("200", "new", **taxes))
    assert (found.due, found.tax) == (Decimal("113.00"), Decimal("13.00"))


def test_a_downgrade_waits_for_the_end_of_what_is_paid_unless_the_policy_says_otherwise() -> None:
    end, today = day("2026-10-31"), day("2026-10-20")
    assert takes_effect(OLD, NEW, end, today, policy()) == day("2026-11-01")
    assert takes_effect(NEW, OLD, end, today, policy()) == today
    assert takes_effect(OLD, NEW, end, today, policy(change_tariff={"downgrade": "now"})) == today
    assert takes_effect(OLD, NEW, day("2026-10-19"), today, policy()) == today
    assert takes_effect(OLD, tariff("150.00", "half", period={"days": "15"}), end, today, policy()) == today


WAYS = st.sampled_from(["keep-expiry", "convert"])


@given(PRICES, PRICES, DAYS, st.integers(0, 1000), WAYS, st.sampled_from([0, 30]))
def test_the_parts_of_a_quote_add_up(old: str, new: str, until: date, earlier: int, remaining: Any, fee: int) -> None:
    on = until - timedelta(days=earlier)
    found = changed(str(until), str(on), str(fee), tariff(old, "old"), tariff(new, "new"), remaining=remaining)
    assert found.due == found.cost + found.fee - found.unused
    assert found.remaining_days == earlier + 1
    assert found.used_days < found.period_days
    assert found.until is not None
    assert found.until >= on - timedelta(days=1)
    bought = (found.until - on).days + 1
    if remaining == "convert" and found.unused >= fee and bought < MOST:
        assert -found.due < found.new_daily + Decimal("0.02")


@given(PRICES, PRICES, DAYS, st.integers(0, 400))
def test_there_and_back_on_one_day_costs_nothing(old: str, new: str, until: date, earlier: int) -> None:
    on = str(until - timedelta(days=earlier))
    one, other = tariff(old, "one"), tariff(new, "other")
    there, back = (changed(str(until), on, old=a, new=b) for a, b in ((one, other), (other, one)))
    assert there.due + back.due == 0


@given(DAYS, PRICES)
def test_a_whole_period_is_worth_its_price(begins: date, price: str) -> None:
    sold = tariff(price, "old")
    until = reach(begins, sold.period) if sold.period else begins
    anchor = begins.day - 1 or 31
    assert changed(str(until), str(begins), old=sold, anchor=anchor).unused == Decimal(price)
