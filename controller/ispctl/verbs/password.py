"""A new password for a service, sealed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ispctl.model.problem import Problem, Refusal
from ispctl.verbs.coming import Seal
from ispctl.verbs.draft import Draft
from ispctl.verbs.noted import noted
from ispctl.verbs.rows import Request


@noted
def reset(draft: Draft, term: str, clear: str, seal: Seal) -> None:
    """Raises Refusal E321, E684, E201 to E209."""
    held = draft.service(term)
    if held.service.password is None:
        text = f"{held.owner} has no password: the network says who it is"
        raise Refusal(Problem("E684", text, held.document.where(*held.loc, "access")))
    sealed = seal(draft.head, held.owner, clear)
    draft.put(held.document.path, (*held.loc, "password"), sealed)
    draft.say("reset-password", held.document, held.service.key, "another password")


def requests(seal: Seal, password: Callable[[], str]) -> Mapping[str, Request]:
    """As a request, which makes the password and takes none."""
    return {"reset-password": Request(lambda draft, row: reset(draft, row.text("sub"), password(), seal))}
