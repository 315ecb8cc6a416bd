"""What a ledger comes to: who owes what, which payment settled which invoice, and how old the rest is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.model.accounting import Dunning
from ispctl.model.days import BEGINNING, NEVER, days_later, local_day, moment
from ispctl.model.ledger import Entry, Ledger
from ispctl.model.policy import Policy
from ispctl.structs import Struct

ZERO: Final = Decimal(0)
BUCKETS: Final = (30, 60, 90)
"""Days overdue, at most, of the parts of an ageing; before them what is not due yet, after them the rest."""
_USUAL: Final = Dunning.usual()


class Line(Struct):
    """An entry as the balance sees it. `owed` is what it adds to what the subscriber owes."""

    number: int
    at: datetime
    owed: Decimal


class Debt(Struct):
    """Something to be paid: an invoice, a positive adjustment, or a refund of more than was there."""

    entry: int
    amount: Decimal
    paid: Decimal
    due: date
    since: datetime
    """From when on it is overdue: after its last day, or when a reversal opened it again."""

    @property
    def left(self) -> Decimal:
        return self.amount - self.paid


class Settlement(Struct):
    """Debts, oldest first, and what was paid beyond them. balance = what is left of all debts - credit."""

    debts: tuple[Debt, ...]
    credit: Decimal

    @property
    def open(self) -> tuple[Debt, ...]:
        return tuple(debt for debt in self.debts if debt.left)

    @property
    def balance(self) -> Decimal:
        """What the subscriber owes; negative: what he is owed."""
        return sum((debt.left for debt in self.debts), -self.credit)


def lines(ledger: Ledger, zone: ZoneInfo) -> list[Line]:
    """The entries that carry money, in the order of time; a reversal takes back exactly what its entry did."""
    own = {entry.key: _owed(entry) for entry in ledger.entries}
    found = [
        Line(n, moment(e.at, zone), -own.get(e.reverses, ZERO) if e.reverses is not None else _owed(e))
        for n, e in enumerate(ledger.entries)
        if e.type != "note"
    ]
    return sorted(found, key=lambda line: (line.at, line.number))


def _owed(entry: Entry) -> Decimal:
    amount = entry.amount or ZERO
    if entry.type in ("invoice", "refund", "adjustment"):
        return amount
    return -amount if entry.type in ("payment", "credit") else ZERO


def balance(ledger: Ledger, policy: Policy, now: datetime) -> Decimal:
    """What the subscriber owes at a moment; negative: what he is owed."""
    return sum((line.owed for line in lines(ledger, ZoneInfo(policy.timezone)) if line.at <= now), ZERO)


def settle(ledger: Ledger, policy: Policy, now: datetime) -> Settlement:
    """Payments, credits and negative adjustments settle the oldest debts first; what is left of them is credit. What
    was reversed by then counts as if it had never been."""
    *_, (_, account) = [(BEGINNING, Running(ledger, policy)), *history(ledger, policy, now)]
    return account.settlement()


def history(ledger: Ledger, policy: Policy, until: datetime) -> Iterator[tuple[datetime, Running]]:
    """The account after each moment at which something was entered. It is one and the same, and moves on."""
    account = Running(ledger, policy)
    found = [line for line in lines(ledger, ZoneInfo(policy.timezone)) if line.at <= until]
    for number, line in enumerate(found):
        account.enter(line)
        if number + 1 == len(found) or found[number + 1].at > line.at:
            account.settle(line.at)
            yield line.at, account


class _Owing:
    """A debt while time goes on."""

    __slots__ = ("amount", "due", "entry", "since")

    def __init__(self, entry: int, amount: Decimal, due: date, since: datetime) -> None:
        self.entry, self.amount, self.due, self.since = entry, amount, due, since


class Running:
    """An account while entries come in, in the order of time. Each costs what it opens or settles alone."""

    def __init__(self, ledger: Ledger, policy: Policy) -> None:
        self.ledger, self.zone = ledger, ZoneInfo(policy.timezone)
        self.days = (policy.money.dunning or _USUAL).days_to_pay
        self.owing: list[_Owing] = []
        self.pool = ZERO
        """What was paid and not paid back."""
        self._settled, self._covered = 0, ZERO
        """The first so many debts are paid, and what they took."""
        self._refunded = 0
        self._numbers = {entry.key: number for number, entry in enumerate(ledger.entries)}

    def enter(self, line: Line) -> None:
        """Take one more line."""
        entry = self.ledger.entries[line.number]
        if entry.reverses is not None:
            self._undo(entry, line)
        elif entry.type == "refund":
            self.pool -= line.owed
            self._refunded = line.number
        elif line.owed > 0:
            due = entry.due or days_later(local_day(entry.at, self.zone), self.days)
            overdue = max(self._after(due), line.at)
            self.owing.append(_Owing(line.number, line.owed, due, overdue))
        else:
            self.pool -= line.owed

    def _after(self, day: date) -> datetime:
        return moment(day + timedelta(days=1), self.zone)

    def _undo(self, reversal: Entry, line: Line) -> None:
        number = self._numbers.get(reversal.reverses or "", -1)
        place = next((i for i, debt in enumerate(self.owing) if debt.entry == number), None)
        if place is None:
            self.pool -= line.owed
            return
        if place < self._settled:
            self._covered -= self.owing[place].amount
            self._settled -= 1
        del self.owing[place]

    def settle(self, at: datetime) -> None:
        """Pay the oldest debts, as far as the money goes. What was paid, and is open again, is overdue from now on."""
        while self._settled and self._covered > self.pool:
            self._settled -= 1
            debt = self.owing[self._settled]
            self._covered -= debt.amount
            debt.since = max(debt.since, at)
        while self._settled < len(self.owing) and self._covered + self.owing[self._settled].amount <= self.pool:
            self._covered += self.owing[self._settled].amount
            self._settled += 1

    @property
    def open(self) -> list[Debt]:
        """What is not paid, oldest first."""
        rest = max(self.pool - self._covered, ZERO)
        found = []
        for debt in self.owing[self._settled :]:
            found.append(Debt(debt.entry, debt.amount, rest, debt.due, debt.since))
            rest = ZERO
        if self.pool < 0:
            refund = self.ledger.entries[self._refunded]
            due = days_later(local_day(refund.at, self.zone), self.days)
            found.append(Debt(self._refunded, -self.pool, ZERO, due, self._after(due)))
        return found

    def settlement(self) -> Settlement:
        """All of it."""
        paid = [Debt(d.entry, d.amount, d.amount, d.due, d.since) for d in self.owing[: self._settled]]
        credit = max(self.pool - self._covered, ZERO) if self._settled == len(self.owing) else ZERO
        return Settlement((*paid, *self.open), credit)


def owed_since(ledger: Ledger, policy: Policy, since: datetime) -> bool:
    """Whether anything is to be paid at a moment from `since` on, as far as the entries tell."""
    owed = False
    for at, account in history(ledger, policy, NEVER):
        if at > since and owed:
            return True
        owed = bool(account.open)
    return owed


def ageing(settlement: Settlement, day: date) -> tuple[Decimal, ...]:
    """What is left of debts at the end of a day: not due yet, then overdue for up to so many days as BUCKETS say, then
    longer."""
    parts = [ZERO] * (len(BUCKETS) + 2)
    for debt in settlement.open:
        late = (day - debt.due).days
        parts[0 if late <= 0 else 1 + sum(late > bucket for bucket in BUCKETS)] += debt.left
    return tuple(parts)
