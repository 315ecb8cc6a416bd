"""What the account says of verbs that change neither money nor time: nothing, unless they were asked with a key."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from ispctl.model.document import Document
from ispctl.model.subscriber import Subscriber
from ispctl.verbs.book import Book
from ispctl.verbs.draft import Draft

P = ParamSpec("P")
R = TypeVar("R")
OnService = Callable[Concatenate[Draft, str, P], R]


def noted(act: OnService[P, R]) -> OnService[P, R]:
    """A verb that is done once for an idempotency key, of which a note stays in the account. Raises Already."""

    @wraps(act)
    def once(draft: Draft, term: str, /, *args: P.args, **values: P.kwargs) -> R:
        if not draft.asked.key:
            return act(draft, term, *args, **values)
        document = draft.subscriber(term)
        Book(draft, document).unless_done()
        count = len(draft.events)
        found = act(draft, term, *args, **values)
        for event in draft.events[count:]:
            note(draft, document, event.verb, event.key)
        return found

    return once


def note(draft: Draft, document: Document[Subscriber], verb: str, service: str = "") -> None:
    """Write it down, if there is a key to know it by."""
    if draft.asked.key:
        Book(draft, document).enter(verb, "note", service=service)
