"""A new password for a service, sealed. Where a device of ours dials in with the old one, that one holds until the
device has taken the new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, Protocol

from ispctl.model.days import moment
from ispctl.model.problem import Problem, Refusal
from ispctl.repo import Holding
from ispctl.repo.edit import Value
from ispctl.verbs.coming import Seal
from ispctl.verbs.draft import Draft
from ispctl.verbs.noted import noted
from ispctl.verbs.rows import Request, Row

_MOST: Final = 8
"""So many old ones a service may have."""


@noted
def reset(draft: Draft, term: str, clear: str, seal: Seal, *, at_once: bool = False) -> None:
    """`at_once`: the old one holds no more, whatever a device has. Raises Refusal E321, E684, E201 to E209."""
    held = draft.service(term)
    if held.service.password is None:
        text = f"{held.owner} has no password: the network says who it is"
        raise Refusal(Problem("E684", text, held.document.where(*held.loc, "access")))
    sealed = seal(draft.head, held.owner, clear)
    keep = timedelta(seconds=0 if at_once else draft.head.policy.value.cpe.keep_password)
    if keep and draft.tells_device(held):
        until = _keep(draft, held, held.service.password, keep)
        text = f"another password; the old one holds until the device has it, at most until {until}"
    else:
        forget_old(draft, held)
        text = "another password"
    draft.put(held.document.path, (*held.loc, "password"), sealed)
    draft.say("reset-password", held.document, held.service.key, text)


def forget_old(draft: Draft, held: Holding) -> None:
    """None but the newest password holds."""
    if held.service.old_passwords:
        draft.drop(held.document.path, (*held.loc, "old_passwords"))


def _keep(draft: Draft, held: Holding, old: str, keep: timedelta) -> str:
    """Write down that the password of today holds on; until when."""
    service, path, place = held.service, held.document.path, (*held.loc, "old_passwords")
    now, there = draft.now.replace(microsecond=0), service.old_passwords
    if there and moment(there[-1].until, draft.zone) <= now:
        forget_old(draft, held)
        there = ()
    if len(there) == _MOST:
        text = f"{held.owner} has {_MOST} passwords that its device has not taken"
        advice = "ispstat cpe tells why; ispctl reset-password SUB --at-once lets none but the new one hold"
        raise Refusal(Problem("E684", text, held.document.where(*place), advice))
    last = moment(there[-1].replaced, draft.zone) if there else None
    if last is not None and last >= now:
        now = (last + timedelta(seconds=1)).astimezone(draft.zone)
    entry: Value = {"password": old, "replaced": now.isoformat(), "until": (now + keep).isoformat()}
    draft.put(path, (*place, len(there)) if there else place, entry if there else [entry])
    return f"{now + keep:%Y-%m-%d %H:%M}"


class Letter(Protocol):
    """Tells a subscriber the password that a service has by a commit."""

    def holds(self, draft: Draft) -> bool:
        """Whether the service has it still as the draft stands."""

    def promise(self, commit: str) -> None:
        """Write down that it is to go, before others have the commit. Raises Refusal."""

    def take_back(self, commit: str) -> None:
        """The commit was not taken."""

    def send(self, commit: str) -> None:
        """Raises Refusal."""


Written = Callable[[Draft, Holding, str, str], Letter]
"""(draft, service, password, language) -> its letter to the subscriber. Raises Refusal where it could not be sent."""


def requests(
    seal: Seal, password: Callable[[], str], letter: Written, letters: dict[int, Letter], *, direct: bool
) -> Mapping[str, Request]:
    """As a request, which makes the password and takes none. `letters`: by the row, what is to be sent of it."""

    def act(draft: Draft, row: Row) -> None:
        term, clear, notify = row.text("sub"), password(), row.flag("notify")
        language = row.text("language", "")
        if notify and not direct:
            raise row.wrong("what is proposed may never hold: notify goes with --direct")
        if language and not notify:
            raise row.wrong("language is that of the letter: it goes with notify")
        reset(draft, term, clear, seal, at_once=row.flag("at_once"))
        if notify:
            letters[row.number] = letter(draft, draft.service(term), clear, language or "en")

    return {"reset-password": Request(act, ("notify", "language", "at_once"))}
