"""What is owed and what is paid: lines of an account, none of which changes the service by itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from ispctl.desired import Entitlement, entitle
from ispctl.model.document import Document
from ispctl.model.problem import Problem, Refusal
from ispctl.model.subscriber import Subscriber
from ispctl.states import State
from ispctl.verbs.billing import bill
from ispctl.verbs.book import Book
from ispctl.verbs.draft import Draft
from ispctl.verbs.rows import Request, Row


def invoice(
    draft: Draft, term: str, amount: str, *, reference: str = "", due: date | None = None, tax: str = ""
) -> None:
    """An invoice that no renewal wrote. `due`: last day to pay; default: by the policy. Raises Refusal E321, E720."""
    document, service = _whose(draft, term)
    book = Book(draft, document)
    book.unless_done()
    owed = book.amount(amount)
    more = {"reference": reference, "due": due.isoformat() if due else "", "tax": str(book.amount(tax)) if tax else ""}
    book.enter("invoice", "invoice", amount=f"{owed}", service=service, **more)
    draft.say("invoice", document, service, f"{owed} {draft.currency} owed")


def pay(draft: Draft, term: str, amount: str, *, reference: str = "") -> None:
    """A payment. The same reference is booked once. Raises Refusal E321, E720, Already."""
    document, service = _whose(draft, term)
    book = Book(draft, document)
    book.unless_done(reference)
    paid = book.amount(amount)
    book.enter("payment", "payment", amount=f"{paid}", service=service, reference=reference)
    draft.say("pay", document, service, f"{paid} {draft.currency} paid")
    for number, one in enumerate(document.value.services):
        found = entitle(document, number, draft.head, draft.asked.now)
        over = found.state in (State.EXPIRED, State.GRACE) and _is_prepaid(draft, found)
        if over and one.key == (service or one.key):
            advice = f"ispctl renew {found.owner} pays its next period with it"
            draft.notes.append(f"{found.owner} is {found.state.value} still: {advice}.")


def _is_prepaid(draft: Draft, found: Entitlement) -> bool:
    tariff = draft.head.tariff(found.terms.tariff)
    return tariff is not None and tariff.value.billing == "prepaid"


def credit(draft: Draft, term: str, amount: str) -> None:
    """Something is owed back, or less is owed. Raises Refusal E321, E683, E720."""
    document, service = _whose(draft, term)
    book = Book(draft, document)
    book.unless_done()
    draft.reason("credit")
    given = book.amount(amount)
    book.enter("credit", "credit", amount=f"{given}", service=service)
    draft.say("credit", document, service, f"{given} {draft.currency} credited")


def adjust(draft: Draft, term: str, amount: str) -> None:
    """A correction that is no credit note: more is owed, or less where it is negative. Raises Refusal as `credit`."""
    document, service = _whose(draft, term)
    book = Book(draft, document)
    book.unless_done()
    draft.reason("adjust")
    given = book.amount(amount, signed=True)
    book.enter("adjustment", "adjustment", amount=f"{given}", service=service)
    draft.say("adjust", document, service, f"{given:+} {draft.currency}")


def refund(draft: Draft, term: str, amount: str, *, reference: str = "") -> None:
    """Money that goes back to the subscriber, at most what the account has over. Raises Refusal E321, E683, E720,
    E721."""
    document, service = _whose(draft, term)
    book = Book(draft, document)
    book.unless_done()
    draft.reason("refund")
    back = book.amount(amount)
    over = -book.balance
    if back > over:
        text = f"the account has {max(over, Decimal(0))} {draft.currency} over, {back} cannot go back"
        where = book.document.where("entries") if book.document else None
        raise Refusal(Problem("E721", text, where, "Credit it first, if it is owed: ispctl credit SUB AMOUNT --reason"))
    book.enter("refund", "refund", amount=f"{back}", service=service, reference=reference)
    draft.say("refund", document, service, f"{back} {draft.currency} went back")


def _whose(draft: Draft, term: str) -> tuple[Document[Subscriber], str]:
    """The account, and the key of the service that was named ("" for the account as a whole)."""
    document = draft.subscriber(term)
    if "/" in term or term.casefold() != document.value.id.casefold():
        return document, draft.service(term).service.key
    return document, document.value.services[0].key if len(document.value.services) == 1 else ""


def _invoice(draft: Draft, row: Row) -> None:
    """Of a period, where no amount is said."""
    sub, due = row.text("sub"), row.day("due")
    reference, tax, since = _reference(row), row.text("tax", ""), row.day("from")
    if amount := row.text("amount", ""):
        if since is not None:
            raise row.wrong("from is of a period, and an amount is for none")
        invoice(draft, sub, amount, reference=reference, due=due, tax=tax)
    elif reference or tax:
        raise row.wrong("amount is missing; reference and tax go with one")
    else:
        bill(draft, sub, since=since, due=due)


def _reference(row: Row) -> str:
    return row.text("reference", "")


REQUESTS: Final = {
    "invoice": Request(_invoice, ("amount", "reference", "due", "tax", "from")),
    "pay": Request(
        lambda draft, row: pay(draft, row.text("sub"), row.text("amount"), reference=_reference(row)),
        ("amount", "reference"),
    ),
    "credit": Request(lambda draft, row: credit(draft, row.text("sub"), row.text("amount")), ("amount",)),
    "adjust": Request(lambda draft, row: adjust(draft, row.text("sub"), row.text("amount")), ("amount",)),
    "refund": Request(
        lambda draft, row: refund(draft, row.text("sub"), row.text("amount"), reference=_reference(row)),
        ("amount", "reference"),
    ),
}
