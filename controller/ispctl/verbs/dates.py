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
    at = _known(draft, held)
    if at is None:
        raise undated(held, f"what is paid for {held.owner} begins with its first login, and it has had none yet")
    draft.notes.append(f"{held.owner}: {_written(draft, held, book, at, own='confirm')}")
    return draft.service(held.owner)


def waits(draft: Draft, held: Holding) -> bool:
    """Whether it waits for its first login still. Raises Refusal E729 where nobody knows."""
    return held.service.activation is not None and _known(draft, held) is None


def undated(held: Holding, text: str) -> Refusal:
    """What cannot be reckoned with before the first login, and how it can be sold otherwise."""
    key = held.service.activation.key if held.service.activation else None
    back = f"ispctl revert {held.owner} {key} --reason TEXT" if key else "take the line out of the file"
    advice = (
        f"All that is paid is left until then. To sell it otherwise, take the activation back: {back}; "
        f"then ispctl activate {held.owner} --first-login"
    )
    return Refusal(Problem("E729", text, held.document.where(*held.loc, "activation"), advice))


def _known(draft: Draft, held: Holding) -> datetime | None:
    """Its first login, as `_first`. Raises Refusal E729."""
    try:
        return _first(draft, held)
    except Refusal as refusal:
        text = f"what is paid for {held.owner} begins with its first login, and who knows when that was cannot be asked"
        advice = f"Where the database can be read, write the dates first: ispctl activate {held.owner} --confirm"
        where = held.document.where(*held.loc, "activation")
        raise Refusal(Problem("E729", text, where, advice), *refusal.problems) from refusal


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
