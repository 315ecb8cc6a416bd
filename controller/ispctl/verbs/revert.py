"""Taking one event back: what it changed becomes what it was, and what it entered is reversed. Nothing is deleted. What
was only booked, such as a payment whose cheque bounced, is reversed alone."""

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
    entry = next((entry for entry in book.entries if entry.key == key), None)
    if entry is not None and (entry.event is None or entry.changes_nothing):
        _unbook(draft, book, entry)
        return
    held = _held(draft, term, entry)
    policy = draft.head.policy.value
    found = money.revert(book.ledger, key, policy, lambda place: present(held.service, *place), cascade=cascade)
    if found.obstacles:
        raise Refusal(*(_problem(book, held.owner, one) for one in found.obstacles))
    for number in found.entries:
        _restore(draft, held, book.entries[number])
        _reverse(book, book.entries[number])
    what = ", ".join(f"{name} {value or 'not set'}" for name, value in sorted(found.restores.items()))
    draft.say("revert", document, held.service.key, f"{key} undone: {what}")


def history(ledger: Ledger, currency: str) -> list[dict[str, Any]]:
    """What can be reverted or was, newest first: what happened to the services of a subscriber, and what was booked
    alone. Each with key, at, service, verb (the type of a booking), was, set, amount, whether it was reverted, and all
    that as text."""
    undone = ledger.reversals()
    return [
        _told(entry, currency, entry.key in undone)
        for entry in reversed(ledger.entries)
        if entry.reverses is None and not entry.changes_nothing
    ]


def _told(entry: Entry, currency: str, reverted: bool) -> dict[str, Any]:
    was, now = (entry.event.was, entry.event.set) if entry.event else ({}, {})
    changed = [f"{name} {was.get(name) or '-'} → {value or '-'}" for name, value in now.items()]
    kind = f"{entry.type} " if entry.event else ""
    amount = [f"{kind}{entry.amount} {currency}"] if entry.amount is not None else []
    return {
        "key": entry.key,
        "at": text_of(entry.at),
        "service": entry.service,
        "verb": entry.event.verb if entry.event else entry.type,
        "was": dict(was),
        "set": dict(now),
        "amount": f"{entry.amount}" if entry.amount is not None else None,
        "reverted": reverted,
        "text": ", ".join([*changed, *amount, *([f"for {entry.part_of}"] if entry.part_of else [])]),
    }


def _restore(draft: Draft, held: Holding, entry: Entry) -> None:
    """The latest event first, so that each finds the fields as it left them. What goes makes room for what comes."""
    if entry.event is not None:
        for name, value in sorted(entry.event.was.items(), key=lambda one: one[1] is not None):
            restore(draft, draft.service(held.owner), name, value, entry.key)


def _reverse(book: Book, entry: Entry) -> None:
    amount = f"{entry.amount}" if entry.amount is not None else None
    book.enter("revert", "reversal", amount=amount, service=entry.service, reverses=entry.key)


def _unbook(draft: Draft, book: Book, entry: Entry) -> None:
    """Reverse a booking; no service changes by itself, though a debt that is open again may bring its stages."""
    found = money.revert(book.ledger, entry.key, draft.head.policy.value, lambda _: None)
    id = book.subscriber.value.id
    if entry.type == "note":
        text = f"{entry.key} changed nothing that could be undone: it is a note of what was done elsewhere"
        raise Refusal(_problem(book, id, money.Obstacle("unknown", book.entries.index(entry), text)))
    if found.obstacles:
        raise Refusal(*(_problem(book, id, one) for one in found.obstacles))
    _reverse(book, entry)
    if entry.part_of is not None:
        draft.notes.append(f"{entry.part_of}, for which it was booked, stands: ispctl revert {id} {entry.part_of}")
    draft.say(
        "revert",
        book.subscriber,
        entry.service or "",
        f"{entry.key} undone: {entry.type} {entry.amount} {draft.currency}",
    )


def _held(draft: Draft, term: str, entry: Entry | None) -> Holding:
    """The service that the event is about."""
    return draft.service(term if entry is None else f"{draft.subscriber(term).value.id}/{entry.service}")


def _problem(book: Book, owner: str, one: money.Obstacle) -> Problem:
    where = book.document.where("entries", one.entry) if book.document and one.entry is not None else None
    return Problem("E725", f"{owner}: {one.text}", where, _ADVICE[one.kind])


REQUESTS: Final = {
    "revert": Request(
        lambda draft, row: revert(draft, row.text("sub"), row.text("event"), cascade=row.flag("cascade")),
        ("event", "cascade"),
    )
}
