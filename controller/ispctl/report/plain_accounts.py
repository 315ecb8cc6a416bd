"""Accounts as plain-text accounting: beancount and hledger read it, and it balances. Ids only, no names.

What subscribers owe is an asset; an invoice is income and tax, a payment comes into the bank. Positive is debit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal
from zoneinfo import ZoneInfo

from ispctl.model.days import local_day
from ispctl.model.ledger import Entry, Ledger
from ispctl.model.policy import Policy
from ispctl.money import rounded

Format = Literal["beancount", "hledger"]
INCOME: Final = "Income:Services"
TAX: Final = "Liabilities:Tax"
BANK: Final = "Assets:Bank"
CREDITS: Final = "Expenses:Credits"
ADJUSTMENTS: Final = "Equity:Adjustments"
SHARED: Final = (INCOME, TAX, BANK, CREDITS, ADJUSTMENTS)
_AGAINST: Final = {"payment": BANK, "refund": BANK, "credit": CREDITS, "adjustment": ADJUSTMENTS, "invoice": INCOME}
_OWES: Final = {"invoice": 1, "refund": 1, "adjustment": 1, "payment": -1, "credit": -1}


@dataclass(frozen=True)
class Transaction:
    """Postings that come to nothing together."""

    day: date
    kind: str
    key: str
    postings: tuple[tuple[str, Decimal], ...]


def receivable(id: str) -> str:
    """The account of a subscriber."""
    return f"Assets:Receivable:{id[:1].upper()}{id[1:]}"


def transactions(ledger: Ledger, policy: Policy) -> Iterator[Transaction]:
    """One for each entry that carries money, in the order of the file."""
    zone, by_key = ZoneInfo(policy.timezone), {entry.key: entry for entry in ledger.entries}
    for entry in ledger.entries:
        of = by_key.get(entry.reverses or "", entry)
        postings = _postings(ledger.subscriber, of, policy)
        if postings:
            sign = -1 if entry.reverses is not None else 1
            signed = tuple((account, amount * sign) for account, amount in postings)
            yield Transaction(local_day(entry.at, zone), entry.type, entry.key, signed)


def _postings(id: str, entry: Entry, policy: Policy) -> list[tuple[str, Decimal]]:
    if entry.amount is None or entry.type not in _OWES:
        return []
    amount = rounded(entry.amount, policy) * _OWES[entry.type]
    tax = rounded(entry.tax or Decimal(0), policy) if entry.type == "invoice" else Decimal(0)
    found = [(receivable(id), amount), (_AGAINST[entry.type], -amount + tax), (TAX, -tax)]
    return [(account, value) for account, value in found if value]


def opening(format: Format, policy: Policy) -> Iterator[str]:
    """The accounts that all share."""
    if format == "beancount":
        yield f'option "operating_currency" "{policy.currency}"\n'
    yield from (_open(format, account) for account in SHARED)


def of_subscriber(format: Format, ledger: Ledger, policy: Policy) -> Iterator[str]:
    """The account of one, its transactions, and what it comes to, which whoever reads it checks."""
    found = list(transactions(ledger, policy))
    if not found:
        return
    account = receivable(ledger.subscriber)
    yield _open(format, account)
    total, last = Decimal(0), max(one.day for one in found)
    for one in found:
        total += sum((amount for name, amount in one.postings if name == account), Decimal(0))
        yield _head(format, one)
        yield from (f"  {name}  {amount} {policy.currency}\n" for name, amount in one.postings)
    end, money = last + timedelta(days=1), f"{rounded(total, policy)} {policy.currency}"
    if format == "beancount":
        yield f"{end} balance {account}  {money}\n"
    else:
        yield f"{end} * balance\n  {account}  0 {policy.currency} = {money}\n"


def _head(format: Format, one: Transaction) -> str:
    key = "".join(sign for sign in one.key if sign.isprintable() and sign not in '"\\;')
    return f'{one.day} * "{one.kind}" "{key}"\n' if format == "beancount" else f"{one.day} * {one.kind}  ; {key}\n"


def _open(format: Format, account: str) -> str:
    return f"1970-01-01 open {account}\n" if format == "beancount" else f"account {account}\n"
