"""Logins that services gave up: when a service was last heard of by one of them, which the accounting tells no more
once the login is nobody's or another's."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ispctl.store import facts
from ispctl.store._store import Store
from ispctl.store.records import moment, stamp
from ispctl.store.usage import LEFT

SEEN: Final = "seen"
"""Kind of objects: services that had another login, with the second at which they were last heard of by it."""


def last_heard(store: Store, owner: str | None = None) -> dict[str, datetime]:
    """Service (id/key) -> when it was last heard of by a login that it gave up; of each that ever was, or of one."""
    found = ((owner, said.get("at")) for owner, said in store.objects(SEEN, owner).items())
    return {owner: heard for owner, at in found if isinstance(at, int) and (heard := moment(at))}


def renamed(store: Store, owner: str, login: str) -> None:
    """Keep when a service was last heard of by a login that it gives up now."""
    heard, before = facts.last_seen(store, [login]).get(login), last_heard(store, owner).get(owner)
    if heard is not None:
        store.put_object(SEEN, owner, {"at": stamp(max(heard, before or heard))})


def settle(store: Store) -> None:
    """Forget whose the logins were of which no session is open any more. Of services that have another login since, it
    is kept when they were last heard of."""
    left = facts.former_logins(store)
    ended = left.keys() - {session.login for session in store.sessions(logins=[*left])}
    known = last_heard(store) if ended else {}
    for login in sorted(ended):
        if left[login] in known:
            renamed(store, left[login], login)
        store.forget_object(LEFT, login)


def forget(store: Store, before: datetime) -> None:
    """What is kept of services that were last heard of before a moment."""
    for owner, at in last_heard(store).items():
        if at < before:
            store.forget_object(SEEN, owner)
