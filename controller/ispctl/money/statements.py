"""A statement of account: what was owed before, what was entered, what is owed after, and how old it is."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from ispctl.model.days import local_day, moment
from ispctl.model.ledger import Ledger
from ispctl.model.policy import Policy
from ispctl.money.account import ZERO, ageing, lines, settle
from ispctl.structs import Struct


class StatementLine(Struct):
    """One entry. `amount` is what it adds to what is owed, `balance` what is owed after it."""

    entry: int
    day: date
    amount: Decimal
    balance: Decimal


class Statement(Struct):
    """The days `since` to `until`, both included. opening + amounts of the lines = closing; the ageing (see
    `account.ageing`) minus the credit is the closing too."""

    since: date
    until: date
    opening: Decimal
    lines: tuple[StatementLine, ...]
    closing: Decimal
    ageing: tuple[Decimal, ...]
    credit: Decimal


def statement(ledger: Ledger, since: date, until: date, policy: Policy) -> Statement:
    """The account from the first to the last of these days. The same entries give the same statement, whenever it is
    made: what is dated later does not count."""
    zone = ZoneInfo(policy.timezone)
    opening = total = ZERO
    found = list[StatementLine]()
    for line in lines(ledger, zone):
        day = local_day(line.at, zone)
        if day > until:
            continue
        total += line.owed
        if day < since:
            opening = total
        else:
            found.append(StatementLine(line.number, day, line.owed, total))
    last = moment(until + timedelta(days=1), zone) - timedelta(microseconds=1)
    settlement = settle(ledger, policy, last)
    return Statement(since, until, opening, tuple(found), total, ageing(settlement, until), settlement.credit)
