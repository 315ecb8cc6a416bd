"""Amounts that can be paid: rounding, prices with tax, parts of them by days."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from fractions import Fraction
from typing import Final

from ispctl.model.accounting import minor_digits
from ispctl.model.policy import Policy
from ispctl.model.problem import Problem, Refusal
from ispctl.model.tariff import Period, Tariff, Tax
from ispctl.structs import Struct

ZERO: Final = Decimal(0)
_MODES: Final = {"half-up": ROUND_HALF_UP, "half-even": ROUND_HALF_EVEN, "up": ROUND_UP, "down": ROUND_DOWN}


class Charge(Struct):
    """An amount in its parts: net + tax = gross."""

    net: Decimal
    tax: Decimal
    gross: Decimal


def minor_unit(policy: Policy) -> Decimal:
    """The smallest amount that can be paid: 0.01 of NPR, 1 of JPY, 0.001 of KWD, or as the policy says."""
    digits = policy.money.rounding.digits
    return Decimal(1).scaleb(-(minor_digits(policy.currency) if digits is None else digits))


def rounded(value: Decimal | Fraction, policy: Policy) -> Decimal:
    """An exact value as an amount that can be paid."""
    exact = Decimal(value.numerator) / value.denominator if isinstance(value, Fraction) else value
    return exact.quantize(minor_unit(policy), _MODES[policy.money.rounding.mode])


def prorate(amount: Decimal, days: int, of: int, policy: Policy) -> Decimal:
    """The part of an amount that `days` of `of` days are worth."""
    return rounded(Fraction(amount) * days / of, policy)


def taxed(amount: Decimal, tax: Tax | None, policy: Policy) -> Charge:
    """A price as it is written in a tariff, with the tax on top of it or taken out of it."""
    if tax is None:
        gross = rounded(amount, policy)
        return Charge(gross, rounded(ZERO, policy), gross)
    if tax.included:
        gross = rounded(amount, policy)
        within = tax_within(gross, tax, policy)
        return Charge(gross - within, within, gross)
    net = rounded(amount, policy)
    on_top = rounded(Fraction(amount) * Fraction(tax.rate) / 100, policy)
    return Charge(net, on_top, net + on_top)


def tax_within(gross: Decimal, tax: Tax | None, policy: Policy) -> Decimal:
    """The tax that an amount holds."""
    if tax is None:
        return rounded(ZERO, policy)
    return rounded(Fraction(gross) * Fraction(tax.rate) / (100 + Fraction(tax.rate)), policy)


def charge(tariff: Tariff, day: date, policy: Policy) -> Charge:
    """What one period that begins on a day costs. Raises Refusal E746 where the tariff has no price then."""
    known = [price.amount for price in tariff.prices if price.since <= day]
    if not known:
        advice = f"Add to tariffs/{tariff.name}.yaml: prices: [{{from: {day}, amount: …}}]"
        raise Refusal(Problem("E746", f"the tariff {tariff.name} has no price on {day}", advice=advice))
    return taxed(known[-1], tariff.tax, policy)


def period_of(tariff: Tariff) -> Period:
    """How long a payment lasts. Raises Refusal E746 where the tariff does not say."""
    if tariff.period is None:
        advice = f"Add to tariffs/{tariff.name}.yaml: period: {{months: 1}}"
        raise Refusal(Problem("E746", f"the tariff {tariff.name} has no period", advice=advice))
    return tariff.period
