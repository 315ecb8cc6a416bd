"""Taking a service out of use by hand, and back."""

from __future__ import annotations

from datetime import date
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.repo import Holding
from ispctl.verbs.book import Book
from ispctl.verbs.draft import Draft
from ispctl.verbs.events import event, record_text
from ispctl.verbs.rows import Request


def suspend(draft: Draft, term: str, since: date | None = None) -> None:
    """Out of service until `resume`, from 00:00 of a day on (default: today). Raises Refusal E321, E683, E684,
    Already."""
    held = draft.service(term)
    service, path = held.service, held.document.path
    Book(draft, held.document).unless_done()
    if service.suspended is not None:
        text = f"{held.owner} is suspended since {service.suspended.since}"
        raise Refusal(Problem("E684", text, held.document.where(*held.loc, "suspended"), "ispctl resume ends it"))
    begins = since or draft.now.date()
    why = {"reason": draft.reason("suspend"), **({"ticket": draft.asked.ticket} if draft.asked.ticket else {})}
    draft.put(path, (*held.loc, "suspended"), {"since": begins.isoformat(), **why})
    _enter(draft, held, "suspend")
    draft.say("suspend", held.document, service.key, f"out of service from {begins}")


def resume(draft: Draft, term: str) -> None:
    """Back in service, as far as the rest allows it. Raises Refusal E321."""
    held = draft.service(term)
    Book(draft, held.document).unless_done()
    if held.service.suspended is None:
        return
    draft.drop(held.document.path, (*held.loc, "suspended"))
    _enter(draft, held, "resume")
    draft.say("resume", held.document, held.service.key, f"was suspended since {held.service.suspended.since}")


def _enter(draft: Draft, held: Holding, verb: str) -> None:
    """What the account says of it: how the service was, and is in this draft."""
    was, now = held.service.suspended, draft.service(held.owner).service.suspended
    changed = {"suspended": (record_text(was), record_text(now))}
    Book(draft, held.document).enter(verb, "note", service=held.service.key, event=event(verb, changed))


REQUESTS: Final = {
    "suspend": Request(lambda draft, row: suspend(draft, row.text("sub"), row.day("from")), ("from",)),
    "resume": Request(lambda draft, row: resume(draft, row.text("sub"))),
}
