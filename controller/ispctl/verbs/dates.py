"""When a service began that waited for its first login: the network knows, and a file has to say before anybody reckons
with it."""

from __future__ import annotations

from datetime import datetime

from ispctl.model.days import moment
from ispctl.model.problem import Problem, Refusal
from ispctl.money import begun
from ispctl.repo import Holding
from ispctl.verbs.book import Book
from ispctl.verbs.draft import Draft
from ispctl.verbs.events import event, record_text


def confirm(draft: Draft, term: str) -> None:
    """Write into the file when a service began, and until when it is paid, as the network told it: nothing changes for
    anybody. Raises Refusal E321, E684."""
    held = draft.service(term)
    book = Book(draft, held.document)
    book.unless_done()
    if held.service.activation is None:
        if held.service.activated is None:
            advice = "ispctl activate SUB lets it begin, with --first-login at its first login"
            text = f"{held.owner} waits for no first login"
            raise Refusal(Problem("E684", text, held.document.where(*held.loc), advice))
        return
    at = _first(draft, held)
    if at is None:
        advice = "ispstat show SUB tells when it begins; ispctl apply lets in who waits for it"
        where = held.document.where(*held.loc, "activation")
        raise Refusal(Problem("E684", f"{held.owner} has had no first login yet", where, advice))
    draft.say("confirm", held.document, held.service.key, _written(draft, held, book, at))


def dated(draft: Draft, held: Holding, book: Book) -> Holding:
    """The service with its dates in its file, as `confirm` writes them: what is paid cannot be reckoned with before.
    Raises Refusal E729 where nobody knows them."""
    if held.service.activation is None:
        return held
    where = held.document.where(*held.loc, "activation")
    text = f"what is paid for {held.owner} begins with its first login"
    try:
        at = _first(draft, held)
    except Refusal as refusal:
        advice = f"Where the database can be read, write the dates first: ispctl activate {held.owner} --confirm"
        raise Refusal(
            Problem("E729", f"{text}, and who knows when that was cannot be asked", where, advice), *refusal.problems
        ) from refusal
    if at is None:
        advice = f"ispctl revert {held.owner} lists what can be undone; then activate it with more periods"
        raise Refusal(Problem("E729", f"{text}, and it has had none yet", where, advice))
    draft.notes.append(f"{held.owner}: {_written(draft, held, book, at, own='confirm')}")
    return draft.service(held.owner)


def _first(draft: Draft, held: Holding) -> datetime | None:
    """Its first login since it waits for one."""
    activation = held.service.activation
    assert activation is not None
    at = draft.told(draft.head, held.owner)
    return None if at is None or at < moment(activation.since, draft.zone).replace(microsecond=0) else at


def _written(draft: Draft, held: Holding, book: Book, at: datetime, own: str = "") -> str:
    """Put the dates in the place of the activation; what that says in words. `own`: not with the key that was asked
    with, which belongs to something else."""
    service, path = held.service, held.document.path
    activation = service.activation
    assert activation is not None
    first, until = at.astimezone(draft.zone), begun(activation, at, draft.zone)
    draft.drop(path, (*held.loc, "activation"))
    draft.put(path, (*held.loc, "activated"), first.date().isoformat())
    draft.put(path, (*held.loc, "paid_until"), until.isoformat())
    changed = {
        "activation": (record_text(activation), None),
        "activated": (None, first.date().isoformat()),
        "paid_until": (None, until.isoformat()),
    }
    key = f"{own}-{first.date()}" if own else ""
    book.enter("confirm", "note", key, service=service.key, event=event("confirm", changed))
    return f"first login {first:%Y-%m-%d %H:%M}, paid until {until}"
