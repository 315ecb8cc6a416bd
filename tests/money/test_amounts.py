"""Amounts that can be paid."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.model.problem import Refusal
from ispctl.money import charge, minor_unit, period_of, prorate, rounded, taxed
from tests.money.accounts import day, policy, tariff

AMOUNTS = st.decimals("0.01", "1000000", places=2)


@pytest.mark.parametrize(
    "currency, unit", [("NPR", "0.01"), ("EUR", "0.01"), ("JPY", "1"), ("KWD", "0.001"), ("CLF", "0.0001")]
)
def test_the_minor_unit_is_that_of_the_currency(currency: str, unit: str) -> None:
    assert minor_unit(policy(currency=currency)) == Decimal(unit)


def test_the_policy_may_round_to_less() -> None:
    assert rounded(Decimal("12.50"), policy(rounding={"digits": "0"})) == Decimal(13)


@pytest.mark.parametrize(
    "mode, value, became",
    [
        ("half-up", "0.125", "0.13"),
        ("half-even", "0.125", "0.12"),
        ("half-even", "0.135", "0.14"),
        ("up", "0.121", "0.13"),
        ("down", "0.129", "0.12"),
        ("half-up", "-0.125", "-0.13"),
    ],
)
def test_each_way_to_round(mode: str, value: str, became: str) -> None:
    assert rounded(Decimal(value), policy(rounding={"mode": mode})) == Decimal(became)


def test_a_price_holds_from_its_day_on_and_an_edit_never_prices_the_past_again() -> None:
    prices = [{"from": "2025-01-01", "amount": "1150.00"}, {"from": "2026-01-01", "amount": "1200.00"}]
    sold = tariff(None, prices=prices)
    assert charge(sold, day("2025-12-31"), policy()).gross == Decimal("1150.00")
    assert charge(sold, day("2026-01-01"), policy()).gross == Decimal("1200.00")
    with pytest.raises(Refusal, match="E746 no-price: the tariff home-50 has no price on 2024-12-31"):
        charge(sold, day("2024-12-31"), policy())


def test_a_tariff_without_a_period_has_no_price_for_one() -> None:
    with pytest.raises(Refusal, match="E746 no-price: the tariff home-50 has no period"):
        period_of(tariff(period=None))


def test_tax_is_on_top_of_a_price_or_within_it() -> None:
    on_top = charge(tariff("6500.00", tax={"rate": "13"}), day("2026-01-01"), policy())
    assert (on_top.net, on_top.tax, on_top.gross) == (Decimal("6500.00"), Decimal("845.00"), Decimal("7345.00"))
    within = charge(tariff("499.00", tax={"rate": "13", "included": "true"}), day("2026-01-01"), policy())
    assert (within.net, within.tax, within.gross) == (Decimal("441.59"), Decimal("57.41"), Decimal("499.00"))


@given(AMOUNTS, st.decimals(0, 100, places=2), st.booleans(), st.sampled_from(["NPR", "JPY", "KWD"]))
def test_net_and_tax_are_the_gross_to_the_smallest_unit(
    amount: Decimal, rate: Decimal, included: bool, currency: str
) -> None:
    rules = policy(currency=currency)
    tax = tariff(tax={"rate": str(rate), "included": str(included).lower()}).tax
    found = taxed(amount, tax, rules)
    assert found.net + found.tax == found.gross
    assert all(part == rounded(part, rules) and part >= 0 for part in (found.net, found.tax, found.gross))


@given(AMOUNTS, st.integers(1, 366), st.data())
def test_the_parts_of_a_period_are_worth_the_whole_within_the_smallest_unit(
    amount: Decimal, of: int, data: st.DataObject
) -> None:
    days = data.draw(st.integers(0, of))
    parts = prorate(amount, days, of, policy()) + prorate(amount, of - days, of, policy())
    assert abs(parts - amount) <= Decimal("0.01")
    assert prorate(amount, of, of, policy()) == amount
    assert abs(Fraction(prorate(amount, days, of, policy())) - Fraction(amount) * days / of) <= Fraction(1, 200)
