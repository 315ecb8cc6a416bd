"""Why can't he log in? The server's own record of refusals, in words, and whether it would refuse him now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ispctl.repo import Holding
from ispctl.status.names import is_his, one_of, services, whose
from ispctl.status.outlook import Outlook, device, home, outlook
from ispctl.status.reasons import WORDS, Asked, explain
from ispctl.status.values import Reason
from ispctl.status.view import View, entitled
from ispctl.store import Reject, Store, facts
from ispctl.structs import Struct


class Wanted(Struct):
    """Which refusals. `login`: a login, an id or id/key, or a login that nobody of ours has."""

    login: str = ""
    nas: str = ""
    reason: str = ""
    since: datetime | None = None
    limit: int = 20


class Refused(Struct):
    """One refusal. `id` and `key` are empty where nobody of ours has this login; `detail` is the server's own."""

    at: datetime | None
    login: str
    id: str
    key: str
    nas: str
    mac: str
    reason: str
    words: str
    detail: str
    advice: str
    because: Reason


class Tally(Struct):
    """How often one NAS, or a stranger, met one refusal."""

    reason: str
    nas: str
    count: int
    last: datetime | None


class Answer(Struct):
    """`now`: for each service that was named, whether it would be accepted. `recorded`: when the server last wrote down
    anything about a login, `reported`: when accounting last came; None: never."""

    items: tuple[Refused, ...]
    tallies: tuple[Tally, ...]
    now: tuple[Outlook, ...]
    recorded: datetime | None
    reported: datetime | None
    logins: tuple[str, ...]


def refusals(view: View, wanted: Wanted) -> Answer | None:
    """None where the database gives no answer. Raises Refusal where nothing is recorded under a name that nothing has:
    E321 for a login, E621 for a NAS or a reason."""
    if wanted.login:
        view.meet(wanted.login)
    found = view.head.find(wanted.login) if wanted.login else ()
    logins = tuple(dict.fromkeys(one.service.login for one in found))
    if wanted.login and (not logins or wanted.login.casefold() in logins):
        logins = tuple(dict.fromkeys((*logins, wanted.login)))  # the server, unlike git, compares to the letter
    read = view.ask(lambda store: _read(store, wanted, logins))
    recorded = view.ask(lambda store: (facts.last_answer(store), facts.last_report(store)))
    if read is None or recorded is None:
        return None
    if not read:
        _known(view, wanted)
    view.meet(*{one.login for one in read if one.login})
    items = tuple(_refused(view, one) for one in read)
    tallies = () if logins else _tallies(view, wanted)
    held = (one for one in found if is_his(view.head, one, view.now))  # to others the login says nothing any more
    now = tuple(filter(None, (_now(view, holding, items) for holding in held)))
    return Answer(items, tallies, now, *recorded, logins)


def _known(view: View, wanted: Wanted) -> None:
    if wanted.nas:
        one_of("--nas", wanted.nas, sorted(view.head.nas))
    if wanted.reason:
        one_of("--reason", wanted.reason, WORDS, "")
    if wanted.login:
        services(view, wanted.login)


def _read(store: Store, wanted: Wanted, logins: tuple[str, ...]) -> tuple[Reject, ...]:
    nas, reason = wanted.nas or None, wanted.reason or None
    found: Iterable[Reject] = (
        one
        for login in (logins or (None,))
        for one in store.rejects(login=login, nas=nas, reason=reason, since=wanted.since, limit=wanted.limit)
    )
    newest = sorted(found, key=lambda one: one.at.timestamp() if one.at else 0, reverse=True)
    return tuple(newest[: wanted.limit])


def _tallies(view: View, wanted: Wanted) -> tuple[Tally, ...]:
    since = wanted.since or datetime.fromtimestamp(0, view.now.tzinfo)
    found = view.ask(lambda store: facts.refusals(store, since)) or ()
    return tuple(
        Tally(one.reason, one.nas, one.times, one.last)
        for one in found
        if wanted.nas in ("", one.nas) and wanted.reason in ("", one.reason)
    )


def _refused(view: View, one: Reject) -> Refused:
    holding = whose(view.head, one.login, one.at or view.now) if one.login else None
    e = entitled(holding, view.head, view.now) if holding else None
    said = explain(one.reason, Asked(view, one.login, one.mac, e, view.head.nas.get(one.nas)))
    id, _, key = holding.owner.partition("/") if holding else ("", "", "")
    rest = (one.nas, one.mac, one.reason, said.words, one.detail, said.advice, said.because)
    return Refused(one.at, one.login, id, key, *rest)


def _now(view: View, holding: Holding, items: tuple[Refused, ...]) -> Outlook | None:
    """As it was last tried, else from its own place with its own device."""
    last = next((one for one in items if one.login == holding.service.login), None)
    tried = view.head.nas.get(last.nas) if last else None
    nas = tried or home(view, holding)
    mac = last.mac if last else device(view, holding)
    return outlook(view, holding, nas, mac) if nas else None
