"""More volume for the window that is now: whoever is slowed down by fair use has his speed again."""

from __future__ import annotations

from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.model.reading import value_of
from ispctl.model.rules import Wrong
from ispctl.model.scalars import Octets
from ispctl.model.tariff import Tariff
from ispctl.repo import Holding
from ispctl.repo.edit import Value
from ispctl.verbs.book import Book, names
from ispctl.verbs.draft import Already, Draft
from ispctl.verbs.events import allowed, event
from ispctl.verbs.renew import sellable, tariff_at
from ispctl.verbs.rows import Request, Row


def topup(draft: Draft, term: str, volume: str, *, window: str = "", payment: str = "", amount: str = "") -> None:
    """So much more (50GB) in the day, week, month or cycle that is now. `window`: of which policies, where the tariff
    has several; `payment`: the reference of what was paid for it, once; `amount`: invoice so much, and book it as paid
    where there is a payment. Raises Refusal E321, E683, E684, E720, E729, E731, E732, Already."""
    held = draft.service(term)
    book = Book(draft, held.document)
    book.unless_done(payment if amount else "")
    _unless_given(book, payment)
    held = sellable(draft, held, book, "given more volume")
    tariff = tariff_at(draft, held, draft.asked.now)
    kind, octets = _window(held, tariff, window), _octets(volume)
    if not payment:
        draft.reason("topup")
    service, key = held.service, book.key("topup")
    day = draft.now.date().isoformat()
    one: dict[str, Value] = {"window": kind, "from": day, "more": volume}
    one |= {name: said for name, said in (("reason", draft.asked.reason), ("ticket", draft.asked.ticket)) if said}
    draft.put(held.document.path, (*held.loc, "allowance", len(service.allowance)), {**one, "key": key})
    done = event("topup", {"allowance": (None, allowed(kind, day, octets))})
    if amount:
        price = f"{book.amount(amount)}"
        first = book.enter("topup", "invoice", amount=price, service=service.key, event=done)
        if payment:
            paid = {"amount": price, "service": service.key, "reference": payment, "part_of": first}
            book.enter("payment", "payment", **paid)
    else:
        book.enter("topup", "note", service=service.key, reference=payment, event=done)
    draft.say("topup", held.document, service.key, f"{volume} more in this {kind}")


def _unless_given(book: Book, payment: str) -> None:
    """Raises Already where something was given for this payment, a top-up or days; what was only paid to the account is
    to be given something for."""
    undone = book.ledger.reversals()
    for number, entry in enumerate(book.entries):
        given = entry.part_of is not None or (entry.event is not None and entry.event.verb == "topup")
        if given and entry.key not in undone and names(entry, payment):
            assert book.document is not None
            raise Already(book.document.where("entries", number))


def _window(held: Holding, tariff: Tariff, wanted: str) -> str:
    """Of which policies. Raises Refusal E731."""
    there = list(dict.fromkeys(rule.window for rule in tariff.fup))
    if not there:
        text = f"{held.owner} is on {tariff.name}, which limits no usage: more volume means nothing there"
        raise Refusal(Problem("E731", text, held.document.where(*held.loc), "ispstat usage SUB shows what limits it"))
    if wanted in there or (not wanted and len(there) == 1):
        return wanted or there[0]
    said = f"no window is a {wanted}" if wanted else "it has several windows"
    advice = f"Say which: {' or '.join(f'--window {name}' for name in there)}"
    raise Refusal(Problem("E731", f"{tariff.name}: {said}", held.document.where(*held.loc), advice))


def _octets(volume: str) -> int:
    """As somebody types it. Raises Refusal E732."""
    try:
        octets: int = value_of(Octets, volume)
    except Wrong:
        advice = "Write it like 50GB (kB, MB, GB, TB; GB = 10^9 bytes), more than nothing"
        raise Refusal(Problem("E732", "that is not a volume", advice=advice)) from None
    return octets


def _row(draft: Draft, row: Row) -> None:
    more = {name: row.text(name, "") for name in ("window", "payment", "amount")}
    topup(draft, row.text("sub"), row.text("volume"), **more)


REQUESTS: Final = {"topup": Request(_row, ("volume", "window", "payment", "amount"))}
