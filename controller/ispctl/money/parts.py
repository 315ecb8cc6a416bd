"""What some days of a tariff cost: whole periods by their price, parts of them by their days."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from ispctl.model.policy import Policy
from ispctl.model.tariff import Tariff
from ispctl.money.amounts import ZERO, Charge, charge, period_of, prorate, tax_within
from ispctl.money.periods import ONE_DAY, reach


class Part(NamedTuple):
    """Days of a period on one tariff: so many that are paid for, of so many that its price goes over. `gross` with
    `tax`."""

    tariff: str
    since: date
    days: int
    of: int
    gross: Decimal
    tax: Decimal


def parts(
    tariffs: Sequence[tuple[date, Tariff]],
    since: date,
    until: date,
    policy: Policy,
    *,
    whole: int = 0,
    free: Collection[date] = (),
) -> tuple[Part, ...]:
    """A period from `since` to `until`, both included, tariff by tariff. `tariffs`: each with its first day, in order,
    the first of them from the beginning on; `whole`: the days of all of the period, where this is but a part of it;
    `free`: days that cost nothing. Raises Refusal E746."""
    usual, found = period_of(tariffs[0][1]), list[Part]()
    for number, (first, tariff) in enumerate(tariffs):
        last = tariffs[number + 1][0] - ONE_DAY if number + 1 < len(tariffs) else until
        days = sum(first + timedelta(days=n) not in free for n in range((last - first).days + 1))
        of = (whole or (until - since).days + 1) if period_of(tariff) == usual else days_in(tariff, first)
        price = charge(tariff, first, policy)
        if days != of:
            gross = prorate(price.gross, days, of, policy)
            price = Charge(ZERO, tax_within(gross, tariff.tax, policy), gross)
        found.append(Part(tariff.name, first, days, of, price.gross, price.tax))
    return tuple(found)


def priced(tariffs: Sequence[tuple[date, Tariff]], since: date, until: date, policy: Policy) -> Charge:
    """What a whole period costs, both days included, if the tariff changes in it. `tariffs` as for `parts`. Raises
    Refusal E746."""
    found = parts(tariffs, since, until, policy)
    gross, tax = sum((part.gross for part in found), ZERO), sum((part.tax for part in found), ZERO)
    return Charge(gross - tax, tax, gross)


def days_in(tariff: Tariff, day: date) -> int:
    """Days of a period that begins on a day."""
    return (reach(day, period_of(tariff)) - day).days + 1
