"""`ispstat find`: who has an address or a device, or had it at another moment; by git, and by the accounting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from ipaddress import ip_network
from itertools import chain
from typing import Literal

from ispctl.model.reading import value_of
from ispctl.model.rules import Wrong
from ispctl.model.scalars import Mac
from ispctl.repo import Holding, Snapshot
from ispctl.repo.rules.scene import Scene
from ispctl.repo.snapshot import Prefix
from ispctl.status.names import services, whose
from ispctl.status.online import STALE, interim
from ispctl.status.slices import held_by
from ispctl.status.view import View
from ispctl.store import Session, Store, facts
from ispctl.structs import Struct

Basis = Literal["git", "accounting", "learned"]
Match = Literal["then", "before", "after"]


class Found(Struct):
    """One who was found. `id` and `key` are empty where nobody of ours has that login. `held`: the address, the prefix
    around it, or the device. `match`: at that moment, or, where nobody had it then, the last before and the first
    after. `certain` is False where nothing was heard of the session for long, so that it may have ended before."""

    basis: Basis
    match: Match
    id: str
    key: str
    login: str
    held: str
    mac: str
    nas: str
    since: datetime | None
    until: datetime | None
    certain: bool
    heard: datetime | None
    file: str
    line: int


def find(view: View, term: str) -> tuple[Found, ...] | None:
    """Who has, at the moment of the view, an address (or one of a prefix), a MAC address in any notation, or a login,
    an id or id/key. Git first, as far as it goes back. None where the accounting could not be asked. Raises Refusal
    E321."""
    if (prefix := _prefix(term)) is not None:
        return _of_prefix(view, prefix)
    if (mac := _device(term)) is not None:
        return _of_device(view, mac)
    named = services(view, term)
    mine = {(one.document.path, one.number) for one in named}
    held = ((prefix, one) for prefix, holders in view.head.prefixes() for one in _then(view, view.head, holders))
    declared = [_declared(one, _shown(prefix)) for prefix, one in held if (one.document.path, one.number) in mine]
    logins = sorted({one.service.login for one in named})
    sessions = _told(view, lambda store: facts.sessions_at(store, view.now, logins))
    return None if sessions is None else (*declared, *(_session(view, one, "then") for one in sessions))


def _of_prefix(view: View, prefix: Prefix) -> tuple[Found, ...] | None:
    part = view.lookup.around(view.head.commit, prefix)
    declared = [
        _declared(one, _shown(held))
        for held, holders in part.prefixes()
        if held.version == prefix.version and held.overlaps(prefix)
        for one in _then(view, part, holders)
    ]
    sessions = _told(view, lambda store: _holding(store, prefix, view.now))
    return None if sessions is None else (*declared, *(_session(view, one, _match(view, one)) for one in sessions))


def _told(view: View, question: Callable[[Store], Iterable[Session]]) -> tuple[Session, ...] | None:
    """By the accounting, which knows nothing of a time to come; None where it gives no answer."""
    return () if view.now > view.today else view.ask(lambda store: tuple(question(store)))


def _holding(store: Store, prefix: Prefix, at: datetime) -> tuple[Session, ...]:
    """The sessions that had an address. Of a prefix, those that had any of it then: all that were open are looked
    through."""
    if prefix.num_addresses == 1:
        return facts.held(store, prefix.network_address, at)
    opened = facts.sessions_at(store, at)
    return tuple(one for one in opened if any(p.version == prefix.version and p.overlaps(prefix) for p in held_by(one)))


def _of_device(view: View, mac: str) -> tuple[Found, ...] | None:
    sessions = _told(view, lambda store: facts.of_device(store, mac, view.now))
    learned = view.ask(lambda store: facts.learned(store, mac))
    part = view.lookup.binding(view.head.commit, mac)
    declared = [_declared(one, mac) for one in _then(view, part, part.by_mac(mac))]
    declared += [_declared(one, mac) for one in _then(view, view.head, _called(view, mac))]
    if sessions is None or learned is None:
        return None
    bound = (_bound(view, one.login, mac, at) for one in learned if (at := one.learned))
    return (*declared, *bound, *(_session(view, one, "then") for one in sessions))


def _called(view: View, mac: str) -> Iterator[Holding]:
    """Those whose login is the device itself, in whichever notation their router sends it (IPoE)."""
    plain = mac.replace(":", "")
    spelt = (mac, mac.replace(":", "-"), f"{plain[:4]}.{plain[4:8]}.{plain[8:]}", plain)
    view.meet(*spelt)
    return chain.from_iterable(map(view.head.by_login, spelt))


def _bound(view: View, login: str, mac: str, learned: datetime) -> Found:
    match: Match = "after" if learned > view.now else "then"
    return Found("learned", match, *_whose(view, login, learned), login, mac, mac, "", learned, None, True, None, "", 0)


def _then(view: View, part: Snapshot, holders: Iterable[Holding]) -> Iterator[Holding]:
    """Those who hold it at the moment of the view: neither whose service is over, nor who gets it later; nobody, where
    git does not go back so far."""
    scene = Scene(part, view.now)
    for one in holders if view.written else ():
        tenure = scene.tenure(one)
        if tenure.start <= view.now < tenure.end:
            yield one


def _declared(one: Holding, held: str) -> Found:
    where = one.document.where(*one.loc)
    id, key, login = one.document.value.id, one.service.key, one.service.login
    return Found("git", "then", id, key, login, held, "", "", None, None, True, None, where.file, where.line)


def _session(view: View, one: Session, match: Match) -> Found:
    held = ", ".join(filter(None, (one.ipv4, one.ipv6, one.ipv6_prefix, one.delegated)))
    silent = timedelta(seconds=STALE * interim(view, one.nas))
    certain = one.stopped is not None or (one.updated is not None and one.updated + silent >= view.now)
    nas, (id, key) = view.nas.get(one.nas), _whose(view, one.login, one.started or view.now)
    return Found(
        basis="accounting",
        match=match,
        id=id,
        key=key,
        login=one.login,
        held=held,
        mac=one.mac,
        nas=nas.name if nas else one.nas,
        since=one.started,
        until=one.stopped,
        certain=certain,
        heard=one.updated,
        file="",
        line=0,
    )


def _whose(view: View, login: str, at: datetime) -> tuple[str, str]:
    """(id, key) of whoever had a login then."""
    view.meet(login)
    found = whose(view.head, login, at)
    return (found.document.value.id, found.service.key) if found else ("", "")


def _match(view: View, one: Session) -> Match:
    if one.started is not None and one.started > view.now:
        return "after"
    return "before" if one.stopped is not None and one.stopped <= view.now else "then"


def _shown(prefix: Prefix) -> str:
    """A single address without its length."""
    return str(prefix.network_address if prefix.num_addresses == 1 else prefix)


def _prefix(term: str) -> Prefix | None:
    try:
        return ip_network(term, strict=False)
    except ValueError:
        return None


def _device(term: str) -> str | None:
    try:
        found: str = value_of(Mac, term)
    except Wrong:
        return None
    return found
