"""Accounts as plain-text accounting: beancount and hledger read it, and it balances; as CSV too. Ids only, no names.

What subscribers owe is an asset; an invoice is income and tax, a payment comes into the bank. Positive is debit.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal
from zoneinfo import ZoneInfo

from ispctl.model.days import local_day
from ispctl.model.ledger import Entry, Ledger
from ispctl.model.policy import Policy
from ispctl.money import rounded
from ispctl.structs import Struct

Format = Literal["beancount", "hledger", "csv"]
INCOME: Final = "Income:Services"
TAX: Final = "Liabilities:Tax"
BANK: Final = "Assets:Bank"
CREDITS: Final = "Expenses:Credits"
ADJUSTMENTS: Final = "Equity:Adjustments"
OPENING: Final = "Equity:Opening-Balances"
SHARED: Final = (INCOME, TAX, BANK, CREDITS, ADJUSTMENTS, OPENING)
_AGAINST: Final = {"payment": BANK, "refund": BANK, "credit": CREDITS, "adjustment": ADJUSTMENTS}
_OWES: Final = {"invoice": 1, "refund": 1, "adjustment": 1, "payment": -1, "credit": -1}
_TARIFF: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
_SPELT: Final = {".": "Dot", "_": "Line"}
_ZERO: Final = Decimal(0)
_COLUMNS: Final = ("day", "subscriber", "type", "key", "reference", "service", "account", "amount", "currency")


class Transaction(Struct):
    """Postings that come to nothing together. `key`: "" for what stood before."""

    day: date
    type: str
    key: str
    postings: tuple[tuple[str, Decimal], ...]
    reference: str = ""
    service: str = ""


def receivable(id: str) -> str:
    """The account of a subscriber."""
    return f"Assets:Receivable:{id[:1].upper()}{id[1:]}"


def income(entry: Entry) -> str:
    """The account that an invoice is income of: that of a tariff where the quote of its event names one, as it does for
    periods and for a change. beancount wants a capital first, and no '.' and '_' in it."""
    quote: Mapping[str, str | None] = entry.event.quote if entry.event else {}
    tariff = quote.get("tariff") or quote.get("new") or ""
    if not _TARIFF.fullmatch(tariff):
        return INCOME
    spelt = "".join(_SPELT.get(sign, sign) for sign in tariff)
    return f"Income:Tariff:{spelt[0].upper()}{spelt[1:]}"


def transactions(
    ledger: Ledger, policy: Policy, since: date | None = None, until: date | None = None
) -> Iterator[Transaction]:
    """One for each entry of these days, both included, that carries money, in the order of the file; before them, on
    the first day, what stood before it."""
    found = list(_all(ledger, policy))
    account = receivable(ledger.subscriber)
    if since is not None:
        before = sum(
            (owed for one in found if one.day < since for name, owed in one.postings if name == account), _ZERO
        )
        if before:
            yield Transaction(since, "opening", "", ((account, before), (OPENING, -before)))
    for one in found:
        if (since is None or one.day >= since) and (until is None or one.day <= until):
            yield one


def _all(ledger: Ledger, policy: Policy) -> Iterator[Transaction]:
    zone, by_key = ZoneInfo(policy.timezone), {entry.key: entry for entry in ledger.entries}
    for entry in ledger.entries:
        of = by_key.get(entry.reverses or "", entry)
        postings = _postings(ledger.subscriber, of, policy)
        if postings:
            sign = -1 if entry.reverses is not None else 1
            signed = tuple((account, amount * sign) for account, amount in postings)
            day = local_day(entry.at, zone)
            yield Transaction(day, entry.type, entry.key, signed, entry.reference or "", of.service or "")


def _postings(id: str, entry: Entry, policy: Policy) -> list[tuple[str, Decimal]]:
    if entry.amount is None or entry.type not in _OWES:
        return []
    amount = rounded(entry.amount, policy) * _OWES[entry.type]
    tax = rounded(entry.tax or _ZERO, policy) if entry.type == "invoice" else _ZERO
    against = _AGAINST.get(entry.type) or income(entry)
    found = [(receivable(id), amount), (against, -amount + tax), (TAX, -tax)]
    return [(account, value) for account, value in found if value]


class Books:
    """Accounts being written, one subscriber after the other. `since`, `until`: the days they are about."""

    def __init__(self, format: Format, policy: Policy, since: date | None = None, until: date | None = None) -> None:
        self._format, self._policy = format, policy
        self._days = (since, until)
        self._open = set[str]()

    def begin(self) -> Iterator[str]:
        """What stands at the top, with the accounts that all share."""
        if self._format == "csv":
            yield _row(dict(zip(_COLUMNS, _COLUMNS, strict=True)))
            return
        if self._format == "beancount":
            yield f'option "operating_currency" "{self._policy.currency}"\n'
        else:
            nothing = f"{rounded(_ZERO, self._policy)}"
            yield f"commodity {nothing if '.' in nothing else nothing + '.'} {self._policy.currency}\n"
        yield from self._opened(*SHARED)

    def subscriber(self, ledger: Ledger) -> Iterator[str]:
        """The account of one, its transactions, and what it comes to, which whoever reads it checks."""
        found = list(transactions(ledger, self._policy, *self._days))
        if not found:
            return
        if self._format == "csv":
            yield from self._rows(ledger.subscriber, found)
            return
        account, total, currency = receivable(ledger.subscriber), _ZERO, self._policy.currency
        for one in found:
            yield from self._opened(*(name for name, _ in one.postings))
            total += sum((amount for name, amount in one.postings if name == account), _ZERO)
            yield self._head(one)
            yield from (f"  {name}  {amount} {currency}\n" for name, amount in one.postings)
        end, money = max(one.day for one in found) + timedelta(days=1), f"{rounded(total, self._policy)} {currency}"
        if self._format == "beancount":
            yield f"{end} balance {account}  {money}\n"
        else:
            yield f"{end} * balance\n  {account}  0 {currency} = {money}\n"

    def _opened(self, *accounts: str) -> Iterator[str]:
        for account in accounts:
            if account not in self._open:
                self._open.add(account)
                yield f"1970-01-01 open {account}\n" if self._format == "beancount" else f"account {account}\n"

    def _head(self, one: Transaction) -> str:
        if self._format == "hledger":
            said = "; ".join(filter(None, (_plain(one.key), _plain(one.reference))))
            return f"{one.day} * {one.type}{f'  ; {said}' if said else ''}\n"
        more = f'  reference: "{_quotable(one.reference)}"\n' if one.reference else ""
        return f'{one.day} * "{one.type}" "{_quotable(one.key)}"\n{more}'

    def _rows(self, id: str, found: list[Transaction]) -> Iterator[str]:
        for one in found:
            for account, amount in one.postings:
                values = (one.day, id, one.type, one.key, one.reference, one.service, account, amount)
                yield _row(dict(zip(_COLUMNS, (*map(str, values), self._policy.currency), strict=True)))


def _row(values: Mapping[str, str]) -> str:
    out = io.StringIO()
    csv.DictWriter(out, _COLUMNS, lineterminator="\n").writerow(values)
    return out.getvalue()


def _quotable(text: str) -> str:
    """Within the quotation marks of beancount."""
    return "".join(f"\\{sign}" if sign in '"\\' else sign for sign in text)


def _plain(text: str) -> str:
    """Within a remark of hledger, where a word with a colon is a tag."""
    return "".join(sign for sign in text if sign.isprintable() and sign not in ":;[]")
