"""`ispstat account`: what a subscriber owes, how old it is, what was entered last, what follows if nothing is paid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from ispctl import money
from ispctl.desired import Entitlement, entitle
from ispctl.model.days import local_day, moment
from ispctl.model.document import Document
from ispctl.model.ledger import Entry, Ledger, companion
from ispctl.model.policy import Policy
from ispctl.model.problem import Refusal
from ispctl.model.subscriber import Subscriber
from ispctl.repo import Snapshot
from ispctl.status.names import services
from ispctl.status.view import View
from ispctl.structs import Struct, replace


class Aged(Struct):
    """What is left to pay of one age. `days`: at most so many overdue; 0: not due yet, None: longer than all others."""

    days: int | None
    amount: Decimal


class Entered(Struct):
    """An entry of the account. `amount`: what it adds to what is owed, None for a note; `balance`: what is owed
    then."""

    key: str
    at: datetime
    type: str
    amount: Decimal | None
    balance: Decimal | None
    service: str | None
    reference: str | None
    verb: str | None
    reason: str | None
    reversed: bool
    file: str
    line: int


class Coming(Struct):
    """A stage that the account comes to if nothing is paid; none where no service is postpaid. `file` and `line`: of
    the entry that brings it."""

    at: datetime
    state: str
    why: str
    file: str
    line: int


class Unpaid(Struct):
    """Something to be paid, and what is left of it."""

    key: str
    reference: str | None
    amount: Decimal
    left: Decimal
    due: date
    file: str
    line: int


class Account(Struct):
    """Amounts are decimal texts in JSON, in `currency`; a positive balance is owed by the subscriber."""

    id: str
    currency: str
    balance: Decimal
    credit: Decimal
    overdue: Decimal
    ageing: tuple[Aged, ...]
    oldest: Unpaid | None
    """What is settled first by the next payment."""
    state: str
    why: str
    coming: tuple[Coming, ...]
    entries: tuple[Entered, ...]
    """Newest first."""
    count: int
    """How many there are."""
    file: str


def account(view: View, named: str, last: int) -> tuple[Account, ...]:
    """The accounts of whoever a login, an id or id/key names, each with its `last` entries; of whoever is archived by
    the id. Raises Refusal E321."""
    try:
        documents = {holding.document.path: holding.document for holding in services(view, named)}
    except Refusal:
        gone = view.repository.archived_as(view.head.commit, named)
        if gone is None:
            raise
        stages = money.dunning(Ledger(subscriber=named), view.head.policy.value, decides=False)
        over = _account(view, *gone, last, stages)
        return (replace(over, state="archived", why=f"the contract is over, {gone[0].path}"),)
    return tuple(account_of(view, document, last) for document in documents.values())


def account_of(view: View, document: Document[Subscriber], last: int | None, later: timedelta = timedelta()) -> Account:
    """One account, with its `last` entries (None: all); an empty one where there is no file. What takes something away
    begins `later` after midnight. Raises Refusal for one that cannot be read."""
    path = companion(document.path)
    part = view.repository.part(view.head.commit, {document.path, path})
    part.need({path})
    found, policy = part.ledger_at(path), view.head.policy.value
    ledger = found.value if found else Ledger(subscriber=document.value.id)
    stages = money.dunning(ledger, policy, later, decides=_decides(view, document))
    return _account(view, document, found, last, stages)


def _account(
    view: View,
    document: Document[Subscriber],
    found: Document[Ledger] | None,
    last: int | None,
    stages: Sequence[money.Stage],
) -> Account:
    policy = view.head.policy.value
    ledger = found.value if found else Ledger(subscriber=document.value.id)
    settled = money.settle(ledger, policy, view.now)
    parts = money.ageing(settled, view.now.astimezone(view.zone).date())
    now = next(stage for stage in stages if stage.start <= view.now < stage.end)
    entries = tuple(_entries(ledger, found, policy, view))
    return Account(
        id=document.value.id,
        currency=policy.currency,
        balance=money.rounded(settled.balance, policy),
        credit=money.rounded(settled.credit, policy),
        overdue=money.rounded(sum(parts[1:], Decimal(0)), policy),
        ageing=tuple(
            Aged(days, money.rounded(amount, policy))
            for days, amount in zip((0, *money.BUCKETS, None), parts, strict=True)
        ),
        oldest=_unpaid(settled.open[0], found, policy) if found and settled.open else None,
        state=str(now.standing),
        why=now.why,
        coming=tuple(_coming(stage, found) for stage in stages if stage.start > view.now),
        entries=entries[::-1][:last],
        count=len(entries),
        file=found.path if found else "",
    )


def _unpaid(debt: money.Debt, found: Document[Ledger], policy: Policy) -> Unpaid:
    entry, where = found.value.entries[debt.entry], found.where("entries", debt.entry)
    amounts = money.rounded(debt.amount, policy), money.rounded(debt.left, policy)
    return Unpaid(entry.key, entry.reference, *amounts, debt.due, where.file, where.line)


def _coming(stage: money.Stage, found: Document[Ledger] | None) -> Coming:
    where = found.where("entries", stage.entry) if found and stage.entry is not None else None
    place = (where.file, where.line) if where else ("", 0)
    return Coming(stage.start, str(stage.standing), stage.why, *place)


def _decides(view: View, document: Document[Subscriber]) -> bool:
    """Whether what is owed decides about any of the services."""
    for number in range(len(document.value.services)):
        try:
            if postpaid(entitle(document, number, view.head, view.now), view.head):
                return True
        except KeyError:
            continue
    return False


def postpaid(entitlement: Entitlement, snapshot: Snapshot) -> bool:
    """Whether what is owed decides about a service; of a prepaid one the paid days do."""
    tariff = snapshot.tariff(entitlement.terms.tariff)
    return tariff is not None and tariff.value.billing == "postpaid"


def _entries(ledger: Ledger, found: Document[Ledger] | None, policy: Policy, view: View) -> list[Entered]:
    """Oldest first, in the order in which they happened."""
    if found is None:
        return []
    days = [local_day(entry.at, view.zone) for entry in ledger.entries]
    report = money.statement(ledger, min(days), max(days), policy) if days else None
    money_of = {line.entry: line for line in report.lines} if report else {}
    undone = ledger.reversals()

    def said(number: int, entry: Entry) -> Entered:
        line, where = money_of.get(number), found.where("entries", number)
        carries = entry.amount is not None or (line is not None and line.amount != 0)
        return Entered(
            key=entry.key,
            at=moment(entry.at, view.zone),
            type=entry.type,
            amount=line.amount if line and carries else None,
            balance=line.balance if line and carries else None,
            service=entry.service,
            reference=entry.reference,
            verb=entry.event.verb if entry.event else None,
            reason=entry.reason,
            reversed=entry.key in undone,
            file=where.file,
            line=where.line,
        )

    all_of = [said(number, entry) for number, entry in enumerate(ledger.entries)]
    return sorted(all_of, key=lambda one: one.at)
