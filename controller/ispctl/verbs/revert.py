"""Taking one event back: what it changed becomes what it was, and what it entered is reversed. Nothing is deleted."""

from __future__ import annotations

from typing import Any, Final

from ispctl import money
from ispctl.model.ledger import Entry, Ledger
from ispctl.model.problem import Problem, Refusal
from ispctl.repo import Holding
from ispctl.verbs.book import Book
from ispctl.verbs.draft import Draft
from ispctl.verbs.events import present, restore, text_of
from ispctl.verbs.rows import Request

_ADVICE: Final = {
    "unknown": "ispctl revert SUB lists what can be reverted",
    "already": "ispctl revert SUB lists what can be reverted",
    "closed": "Book a credit or an adjustment in the open period: ispctl credit SUB AMOUNT --reason TEXT",
    "depends": "Revert that first, or all of them: --cascade",
    "changed": "Somebody changed it with an editor; change it back there, or credit the amount",
}


def revert(draft: Draft, term: str, key: str, *, cascade: bool = False) -> None:
    """Undo the event with this key; `cascade`: with all that depend on it. Raises Refusal E321, E683, E725."""
    document = draft.subscriber(term)
    book = Book(draft, document)
    book.unless_done()
    draft.reason("revert")
    held = _held(draft, term, book, key)
    names = {name for entry in book.entries if entry.event for name in entry.event.set}
    now = {name: present(held.service, name, key) for name in names}
    found = money.revert(book.ledger, key, draft.head.policy.value, now, cascade=cascade)
    if found.obstacles:
        raise Refusal(*(_problem(book, held, one) for one in found.obstacles))
    for number in found.entries:
        _restore(draft, held, book.entries[number])
        _reverse(book, book.entries[number])
    what = ", ".join(f"{name} {value or 'not set'}" for name, value in sorted(found.restores.items()))
    draft.say("revert", document, held.service.key, f"{key} undone: {what}")


def history(ledger: Ledger, currency: str) -> list[dict[str, Any]]:
    """What happened to the services of a subscriber, newest first: key, at, service, verb, was, set, amount, whether it
    was reverted, and all that as text."""
    undone = ledger.reversals()
    found = []
    for entry in reversed(ledger.entries):
        if entry.event is None or entry.reverses is not None:
            continue
        changed = [f"{n} {entry.event.was.get(n) or '-'} → {now or '-'}" for n, now in entry.event.set.items()]
        amount = [f"{entry.type} {entry.amount} {currency}"] if entry.amount is not None else []
        found.append(
            {
                "key": entry.key,
                "at": text_of(entry.at),
                "service": entry.service,
                "verb": entry.event.verb,
                "was": dict(entry.event.was),
                "set": dict(entry.event.set),
                "amount": f"{entry.amount}" if entry.amount is not None else None,
                "reverted": entry.key in undone,
                "text": ", ".join([*changed, *amount]),
            }
        )
    return found


def _restore(draft: Draft, held: Holding, entry: Entry) -> None:
    """The latest event first, so that each finds the fields as it left them."""
    if entry.event is not None:
        for name, value in entry.event.was.items():
            restore(draft, draft.service(held.owner), name, value, entry.key)


def _reverse(book: Book, entry: Entry) -> None:
    amount = f"{entry.amount}" if entry.amount is not None else None
    book.enter("revert", "reversal", amount=amount, service=entry.service, reverses=entry.key)


def _held(draft: Draft, term: str, book: Book, key: str) -> Holding:
    """The service that the event is about."""
    entry = next((entry for entry in book.entries if entry.key == key), None)
    if entry is not None and entry.service is not None:
        return draft.service(f"{book.subscriber.value.id}/{entry.service}")
    return draft.service(term)


def _problem(book: Book, held: Holding, one: money.Obstacle) -> Problem:
    where = book.document.where("entries", one.entry) if book.document and one.entry is not None else None
    return Problem("E725", f"{held.owner}: {one.text}", where, _ADVICE[one.kind])


REQUESTS: Final = {
    "revert": Request(
        lambda draft, row: revert(
            draft, row.text("sub"), row.text("event"), cascade=row.text("cascade", "no") in ("yes", "true")
        ),
        ("event", "cascade"),
    )
}
