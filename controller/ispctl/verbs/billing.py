"""The invoices of a postpaid service: for every period that is over, one after the other, each once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from ispctl import money
from ispctl.model.problem import Problem, Refusal
from ispctl.model.subscriber import group_of
from ispctl.model.tariff import Tariff
from ispctl.money import Invoice
from ispctl.repo import Holding
from ispctl.verbs.book import Book
from ispctl.verbs.draft import Draft
from ispctl.verbs.events import event
from ispctl.verbs.noted import note
from ispctl.verbs.renew import tariff_at

UNASKED: Final = 3
"""Of a service that was never invoiced so many periods are, without being told from when on."""


def bill(draft: Draft, term: str, *, since: date | None = None, due: date | None = None) -> None:
    """Invoices for all periods that are over. `since`: the first day of all, where none was ever invoiced; `due`: last
    day to pay, default by the policy. Raises Refusal E321, E722, E728, E746, Already."""
    held = draft.service(term)
    book = Book(draft, held.document)
    book.unless_done()
    _postpaid(draft, held)
    _begins(draft, held, book, since)
    first = money.invoiced(held.service, book.ledger, draft.head.policy.value) is None
    made = list[Invoice]()
    while (found := _next(draft, held, book, since)) is not None and found.until < draft.now.date():
        _enter(draft, held, book, found, due)
        made.append(found)
    if first and since is None and len(made) > UNASKED:
        text = f"{held.owner} was never invoiced, and {len(made)} periods since {made[0].since} are over"
        raise _unknown(held, text)
    if made:
        note(draft, held.document, "invoice", held.service.key)
        total = sum((one.gross for one in made), Decimal(0))
        what = "" if len(made) == 1 else f"{len(made)} periods, "
        said = f"{what}{made[0].since} to {made[-1].until}, {total} {draft.currency} owed"
        draft.say("invoice", held.document, held.service.key, said)


def bill_or_say(draft: Draft, term: str, *, since: date | None = None, due: date | None = None) -> None:
    """The same; where nothing is to be invoiced it is noted why. Raises Refusal as `bill`."""
    bill(draft, term, since=since, due=due)
    if not draft.events:
        draft.notes.append(_coming(draft, term, since))


def _coming(draft: Draft, term: str, since: date | None) -> str:
    """Which period is not over yet."""
    held = draft.service(term)
    found = _next(draft, held, Book(draft, held.document), since)
    if found is None:
        return f"{held.owner}: its contract is over, and all of it is invoiced."
    return f"{held.owner}: {found.since} to {found.until} is invoiced from {found.until + money.ONE_DAY} on."


def _postpaid(draft: Draft, held: Holding) -> None:
    tariff = tariff_at(draft, held, draft.asked.now)
    if tariff.billing != "postpaid":
        text = f"{held.owner} is on {tariff.name}, which is prepaid: what is paid ahead is invoiced with it"
        advice = f"ispctl renew {held.owner}; something else: ispctl invoice {held.owner} AMOUNT"
        raise Refusal(Problem("E722", text, held.document.where(*held.loc), advice))


def _begins(draft: Draft, held: Holding, book: Book, since: date | None) -> None:
    """Raises Refusal E728 where it is not known, or told otherwise than it is."""
    known = money.invoiced(held.service, book.ledger, draft.head.policy.value)
    if known is not None and since is not None:
        text = f"{held.owner} is invoiced until {known[0] - money.ONE_DAY}, and goes on from there"
        raise Refusal(Problem("E728", text, advice="Leave --from away"))
    if known is None and since is None and held.service.activated is None:
        raise _unknown(held, f"{held.owner} was never invoiced, and does not say when it began")


def _unknown(held: Holding, text: str) -> Refusal:
    where = held.document.where(*held.loc, *(["activated"] if held.service.activated else []))
    advice = f"Say the first day that is owed: ispctl invoice {held.owner} --from DAY"
    return Refusal(Problem("E728", text, where, advice))


def _next(draft: Draft, held: Holding, book: Book, since: date | None) -> Invoice | None:
    group = draft.head.group(group_of(held.document.path))
    usual = group.value.defaults.tariff if group else None
    policy = draft.head.policy.value
    return money.next_invoice(held.service, book.ledger, policy, lambda name: _named(draft, name), usual or "", since)


def _named(draft: Draft, name: str) -> Tariff:
    found = draft.head.tariff(name)
    if found is None:
        text = f"the tariff {name} of that time is not there any more"
        raise Refusal(Problem("E746", text, advice=f"Bring tariffs/{name}.yaml back until it is invoiced"))
    return found.value


def _enter(draft: Draft, held: Holding, book: Book, found: Invoice, due: date | None) -> None:
    """The entry, and how its amount came about."""
    parts = {
        f"part-{number}": f"{one.tariff} from {one.since}, {one.days} of {one.of} days: {one.gross}"
        for number, one in enumerate(found.parts, 1)
    }
    book.enter(
        "invoice",
        "invoice",
        own=f"invoice-{held.service.key}-{found.since}",
        amount=f"{found.gross}",
        tax=f"{found.tax}" if found.tax else None,
        service=held.service.key,
        period={"from": found.since.isoformat(), "until": found.until.isoformat()},
        due=due.isoformat() if due else None,
        event=event("invoice", {}, {"tariff": " → ".join(dict.fromkeys(one.tariff for one in found.parts)), **parts}),
    )
    if len(found.parts) > 1 or found.parts[0].days != found.parts[0].of:
        draft.notes.append(f"{held.owner}: {'; '.join(parts.values())}")
