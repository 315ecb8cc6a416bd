"""A new password for a service, sealed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ispctl.model.problem import Problem, Refusal
from ispctl.repo import Holding, Snapshot
from ispctl.verbs.coming import Seal
from ispctl.verbs.draft import Draft
from ispctl.verbs.noted import noted
from ispctl.verbs.rows import Request, Row


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


Send = Callable[[str], None]
"""Sends a letter that tells of a commit. Raises Refusal."""
Letter = Callable[[Snapshot, Holding, str], Send]
"""(commit, service, password) -> its letter to the subscriber. Raises Refusal where it could not be sent."""


def requests(
    seal: Seal, password: Callable[[], str], letter: Letter, letters: dict[int, Send], *, direct: bool
) -> Mapping[str, Request]:
    """As a request, which makes the password and takes none. `letters`: by the row, what is to be sent of it."""

    def act(draft: Draft, row: Row) -> None:
        term, clear, notify = row.text("sub"), password(), row.flag("notify")
        if notify and not direct:
            raise row.wrong("what is proposed may never hold: notify goes with --direct")
        reset(draft, term, clear, seal)
        if notify:
            letters[row.number] = letter(draft.head, draft.service(term), clear)

    return {"reset-password": Request(act, ("notify",))}
