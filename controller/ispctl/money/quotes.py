"""What another tariff costs in the middle of what is paid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from ispctl.model.days import days_later, local_day
from ispctl.model.policy import Policy
from ispctl.model.tariff import Tariff
from ispctl.money.amounts import ZERO, charge, period_of, prorate, rounded, tax_within
from ispctl.money.parts import days_in
from ispctl.money.periods import ONE_DAY, extended, likely_anchor
from ispctl.structs import Struct

MOST: Final = 3660
"""Days that remaining money buys at most; what it is worth beyond them stays credit."""
Remaining = Literal["keep-expiry", "convert"]


class Quote(Struct):
    """The arithmetic of a change of tariff on a day, tax included. due = cost + fee - unused; below zero it is credit.
    The prices are those of the period in which the day lies; nothing paid ahead, `period_days` is 0."""

    old: str
    new: str
    day: date
    remaining: Remaining
    period_days: int
    used_days: int
    remaining_days: int
    old_price: Decimal
    new_price: Decimal
    old_daily: Decimal
    new_daily: Decimal
    unused: Decimal
    fee: Decimal
    cost: Decimal
    due: Decimal
    tax: Decimal
    """The tax that `due` holds, without a sign."""
    until: date | None
    """The last day that is paid, after the change."""


class _Part(NamedTuple):
    """A period that is paid, or the rest of it."""

    since: date
    length: int
    left: int


def quote(
    old: Tariff,
    new: Tariff,
    until: date | None,
    day: date,
    policy: Policy,
    *,
    remaining: Remaining | None = None,
    anchor: int | None = None,
    paid_as: Callable[[date], Tariff] | None = None,
    held: int = 0,
) -> Quote:
    """What a change costs that holds from the beginning of a day. `until`: the last day that is paid; `anchor`: its day
    of the month, see `periods.anchor_day`; `paid_as`: the tariff by whose price a day was paid, if not by that of
    `old`; `held`: so many days before it were a hold, used nothing, and are added to `until`. Raises Refusal E746 where
    a price is missing."""
    remaining = remaining or policy.money.change_tariff.remaining
    fee = rounded(policy.money.change_tariff.fee, policy)
    parts = _parts(old, until, day - held * ONE_DAY, anchor, policy)
    paid = paid_as or (lambda _day: old)
    prices = [charge(paid(max(part.since, day - held * ONE_DAY)), part.since, policy).gross for part in parts]
    old_price = prices[0] if prices else charge(paid(day), day, policy).gross
    new_price = charge(new, day, policy).gross
    unused = sum(
        (prorate(price, part.left, part.length, policy) for part, price in zip(parts, prices, strict=True)), ZERO
    )
    lengths = (parts[0].length if parts else days_in(old, day)), _new_length(old, new, parts, day)
    if remaining == "keep-expiry" or until is None or not parts:
        cost = sum((_cost(old, new, part, max(part.since + held * ONE_DAY, day), policy) for part in parts), ZERO)
        ends = until + held * ONE_DAY if until else None
    else:
        days, cost = _bought(unused - fee, Fraction(new_price) / lengths[1], policy)
        ends = days_later(day - ONE_DAY, days)
    due = rounded(cost + fee - unused, policy)
    return Quote(
        old=old.name,
        new=new.name,
        day=day,
        remaining=remaining,
        period_days=parts[0].length if parts else 0,
        used_days=parts[0].length - parts[0].left if parts else 0,
        remaining_days=sum(part.left for part in parts),
        old_price=old_price,
        new_price=new_price,
        old_daily=rounded(Fraction(old_price) / lengths[0], policy),
        new_daily=rounded(Fraction(new_price) / lengths[1], policy),
        unused=rounded(unused, policy),
        fee=fee,
        cost=rounded(cost, policy),
        due=due,
        tax=tax_within(abs(due), new.tax if due > 0 else old.tax, policy),
        until=ends,
    )


def takes_effect(old: Tariff, new: Tariff, until: date | None, day: date, policy: Policy) -> date:
    """The first day of another tariff that is asked for on a day: one that costs less a day waits for the end of what
    is paid, where the policy says so. Raises Refusal E746."""
    if until is None or until < day or policy.money.change_tariff.downgrade == "now":
        return day
    daily = [Fraction(charge(t, day, policy).gross) / days_in(t, day) for t in (old, new)]
    return until + ONE_DAY if daily[1] < daily[0] else day


def _parts(tariff: Tariff, until: date | None, day: date, anchor: int | None, policy: Policy) -> list[_Part]:
    """The periods that are paid from a day on, the one in which the day lies first."""
    found = list[_Part]()
    if until is None:
        return found
    period, zone = period_of(tariff), ZoneInfo(policy.timezone)
    end, number = until, 0
    while end >= day:
        number += 1
        before = local_day(extended(until, period, -number, anchor or likely_anchor(until), zone), zone)
        found.append(_Part(before + ONE_DAY, (end - before).days, (end - max(before, day - ONE_DAY)).days))
        end = before
    return found[::-1]


def _new_length(old: Tariff, new: Tariff, parts: list[_Part], day: date) -> int:
    """Over how many days the price of the new tariff goes: alike, where both are sold for periods alike."""
    return parts[0].length if parts and period_of(old) == period_of(new) else days_in(new, day)


def _cost(old: Tariff, new: Tariff, part: _Part, begins: date, policy: Policy) -> Decimal:
    length = part.length if period_of(old) == period_of(new) else days_in(new, begins)
    return prorate(charge(new, begins, policy).gross, part.left, length, policy)


def _bought(money: Decimal, daily: Fraction, policy: Policy) -> tuple[int, Decimal]:
    """How many whole days an amount buys, and what they cost. What costs nothing is bought for no day, and nobody buys
    more than MOST."""
    days = min(max(int(Fraction(money) / daily), 0), MOST) if daily else 0
    if daily and days < MOST and rounded(daily * (days + 1), policy) <= money:
        days += 1  # both were rounded: 173.33 pays for 13 days of 13.33…
    return days, rounded(daily * days, policy)
