"""What the store keeps beside the rows: applied entitlements, terms of tariffs, the applied commit, the journal."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from ispctl.backend import Outcome
from ispctl.desired import Entitlement
from ispctl.gates import marks_of
from ispctl.plan import Change, Fields, Key, ServiceChange
from ispctl.platforms import platform
from ispctl.radius.rendering import given, rendering
from ispctl.reconcile import settled
from ispctl.reconcile.applied import digest_of, terms_to_value, to_text
from ispctl.reconcile.people import TOLD, People
from ispctl.reconcile.stops import STOPPED
from ispctl.reconcile.survey import RENDERED, SHARED, TERMS, Survey, shared_key
from ispctl.reconcile.world import Waiting
from ispctl.states import State
from ispctl.store import Applied, AppliedService, Run, Store, cpes, doubts, first_logins, given_up, meters
from ispctl.store.cpes import Wanted
from ispctl.store.first_logins import Begins
from ispctl.store.meters import Mark
from ispctl.store.usage import LEFT

LASTING: Final = frozenset({"E314", "E318", "E652"})
"""Failures that wait for a person (rows of somebody else), and what waits for those: the commit counts as applied."""


class Notes:
    """Writes the applied entitlements of some people and the journal, in the transaction of the rows they belong to.
    `left`: the logins that were given up before."""

    def __init__(
        self,
        store: Store,
        run: Run,
        now: datetime,
        commit: str,
        people: People,
        services: Iterable[ServiceChange],
        left: Iterable[str],
    ) -> None:
        self.store, self.run, self.now, self.commit, self.people = store, run, now, commit, people
        self.services = {service.owner: service for service in services}
        self.left = set(left)
        self.journalled: set[str] = set()
        self.written: set[str] = set()
        self.regrouped = False

    def beside(self, change: Change) -> None:
        kind = change.key[0]
        self.run.change(change, self.now)
        if kind in SHARED:
            self.shared(change.key, change.after)
        else:
            self._left(change)
            self._service(change.owner)

    def rest(self, quiet: Container[str]) -> set[str]:
        """The entitlements whose rows stay the same. Those that are not written, because their services are `quiet`,
        which those are too of whom it was told in vain."""
        left = set()
        for owner in sorted(self.people.entitlements.keys() | self.people.stored.keys()):
            if owner in quiet:
                if self._is_stale(owner):
                    left.add(owner)
            elif owner not in self.written and self._is_stale(owner):
                self._service(owner)
        self._first_logins(quiet)
        self._meters(quiet)
        self._cpes(quiet)
        return left

    def _first_logins(self, quiet: Container[str]) -> None:
        """Who waits for a first login from now on, and whose came: that stands whatever becomes of the accounting."""
        owners = {owner for owner in self.people.entitlements.keys() | self.people.stored.keys() if owner not in quiet}
        rows = first_logins.known(self.store, owners)
        for owner in sorted(owners):
            row, entitlement = rows.get(owner), self.people.entitlements.get(owner)
            wanted = _begins(entitlement, row, self.now) if entitlement else None
            if wanted is not None and wanted != row:
                first_logins.put(self.store, wanted)
            elif wanted is None and row is not None:
                first_logins.forget(self.store, row)

    def _cpes(self, quiet: Container[str]) -> None:
        """What the devices of these people should hold, for whoever speaks to them."""
        found = {owner: tuple(_wanted(e)) for owner, e in self.people.entitlements.items() if e.cpe}
        if not found and not cpes.any_wanted(self.store):
            return
        owners = {owner for owner in self.people.entitlements.keys() | self.people.stored.keys() if owner not in quiet}
        have = cpes.wanted_of(self.store, owners)
        for owner in sorted(owners):
            new = self.people.entitlements[owner].new_password if owner in self.people.entitlements else None
            if new is not None and new.taken is not None:
                cpes.put_applied(self.store, owner, new.taken, self.now)
            there = tuple(row._replace(since=None) for row in have.get(owner, ()))
            if there != found.get(owner, ()):
                cpes.put_wanted(self.store, owner, found.get(owner, ()), self.now)

    def _meters(self, quiet: Container[str]) -> None:
        """At which usage somebody is to be looked at again."""
        owners = {owner for owner in self.people.entitlements.keys() | self.people.stored.keys() if owner not in quiet}
        rows = meters.known(self.store, owners)
        for owner in sorted(owners):
            entitlement, had = self.people.entitlements.get(owner), {row.part: row for row in rows.get(owner, ())}
            for mark in _marks(entitlement) if entitlement else ():
                row = had.pop(mark.part, None)
                if row is None or row.reached or row._replace(used=0) != mark._replace(used=0) or row.used < mark.used:
                    meters.put(self.store, mark)
            for row in had.values():
                meters.forget(self.store, row)

    def shared(self, key: Key, after: Fields | None) -> None:
        """A key that all share stands like this now."""
        if after is None:
            self.store.forget_object(RENDERED, shared_key(key))
        else:
            self.store.put_object(RENDERED, shared_key(key), {"digest": digest_of(after)})
            if key[0] == "group" and platform(key[1].partition("@")[2]).takes_back:
                self.store.put_object(TOLD, rendering(after), {"attributes": given(after)})
                self.regrouped = True

    def _is_stale(self, owner: str) -> bool:
        row, entitlement = self.people.stored.get(owner), self.people.entitlements.get(owner)
        if row is None or entitlement is None:
            return True
        rendered = self.people.rendered.get(("login", entitlement.login), "")
        return (row.entitlement, row.digest) != (to_text(entitlement), rendered) or owner in self.services

    def _service(self, owner: str) -> None:
        self.written.add(owner)
        entitlement = self.people.entitlements.get(owner)
        id, _, key = owner.partition("/")
        if entitlement is None:
            self.store.forget_entitlement((id, key))
        else:
            had = self.people.stored.get(owner)
            if had is not None and had.login != entitlement.login:
                given_up.renamed(self.store, owner, had.login)
            self.store.put_entitlement(self._applied(entitlement))
        self._effects(owner)

    def _applied(self, entitlement: Entitlement) -> AppliedService:
        rendered = self.people.rendered.get(("login", entitlement.login), "")
        text = to_text(entitlement)
        return AppliedService(entitlement.id, entitlement.key, entitlement.login, text, rendered, self.commit, self.now)

    def _effects(self, owner: str) -> None:
        service = self.services.get(owner)
        if service is None or owner in self.journalled:
            return
        self.journalled.add(owner)
        for effect in marks_of(service):
            self.run.service((service.now.id, service.now.key), effect, service.cause, self.now)

    def _left(self, change: Change) -> None:
        """Who is online on a login that goes has to be found by whichever run ends the session."""
        login = change.key[1]
        if change.after is None:
            self.left.add(login)
            self.store.put_object(LEFT, login, {"owner": change.owner})
        elif change.before is None and login in self.left:
            self.store.forget_object(LEFT, login)


def _marks(e: Entitlement) -> Iterator[Mark]:
    for one in e.fair_use:
        until = one.resets if one.tier is not None else None
        yield Mark(e.owner, one.part, one.meter.counts, bool(one.meter.free), one.used, one.next, until)


def _begins(e: Entitlement, row: Begins | None, now: datetime) -> Begins | None:
    """What is written down of a service; `row`: what is. Who was let in to wait stays so while he waits."""
    first = e.first_login
    if first is None or (first.at is None and e.state is not State.WAITING):
        return None
    if first.at is not None:
        until = e.until.replace(microsecond=0) if e.until else None
        return Begins(e.id, e.key, e.login, row.since if row else first.since, first.at, until)
    waits = row is not None and row.at is None and row.since >= first.since
    since = row.since if row is not None and waits else max(first.since, now.replace(microsecond=0))
    return Begins(e.id, e.key, e.login, since)


def _wanted(e: Entitlement) -> Iterator[Wanted]:
    """What each device of a service should hold, by serial number. One is told the login: there is one session."""
    for number, (serial, profile) in sorted(enumerate(e.cpe), key=lambda one: one[1]):
        sealed, new = (e.sealed or "", e.new_password) if number == 0 else ("", None)
        row = Wanted(serial, e.id, e.key, profile, e.login, sealed)
        if new is not None:
            ends = new.until.replace(microsecond=0)
            row = row._replace(password=new.sealed, changed=new.changed, ends=ends, holds=new.holds)
        yield row


def finish(
    found: Survey,
    note: Notes,
    failed: Sequence[Outcome],
    waits: Waiting,
    left: Iterable[str],
    stopped: Iterable[str],
    *,
    whole: bool = True,
) -> None:
    """What has no row of its own: entitlements whose rows stay the same, terms of tariffs, the applied commit. `note`:
    of those at hand; `left`: the services elsewhere that were not written; `stopped`: see `by_commit`. Not `whole`: the
    run was not about everything that the commit says, so that it does not count as applied."""
    store, plan = note.store, found.plan
    quiet = waits.owners(plan) | {outcome.change.owner for outcome in failed}
    stuck = {o.change.key for o in failed}
    stuck |= {c.key for c in found.here.changes if c.id in waits.changes}
    with store.transaction():
        for key in found.equal:
            note.shared(key, found.around.shared.get(key))
        behind = {*left, *note.rest(quiet)}
        _terms(store, found, frozenset(_tariff_of(name) for kind, name in stuck if kind == "group"))
        if note.regrouped:
            _told(store, found)
        if whole and not waits.closed and all(outcome.code in LASTING for outcome in failed):
            _stopped(store, found, stopped)
            settled.end(store, behind)
            store.put_applied(Applied(plan.commit, note.now, plan.digest))


def by_commit(services: Iterable[ServiceChange], people: People, still: Container[str]) -> set[str]:
    """Who is held back (`still`) from what a commit does to them; who is new has nothing to lose."""
    known = (service for service in services if service.owner in still and service.owner in people.stored)
    return {service.owner for service in known if service.cause == "commit"}


def _stopped(store: Store, found: Survey, owners: Iterable[str]) -> None:
    """Who is held back while the commit counts as applied, and by which pauses: what the commit takes from them counts
    when they are let go."""
    before, still = store.objects(STOPPED), found.plan.still
    by: dict[str, list[str]] = {owner: [] for owner in sorted(owners)}
    for stop in sorted(found.plan.stops, key=lambda stop: stop.id):
        for owner in stop.services:
            if owner in by:
                by[owner].append(stop.id)
    for owner, ids in by.items():
        if before.get(owner) != {"by": ids}:
            store.put_object(STOPPED, owner, {"by": ids})
    for owner in sorted(before.keys() - still):
        store.forget_object(STOPPED, owner)


def _told(store: Store, found: Survey) -> None:
    """Forget what neither a group grants, or granted until now, nor an open session may still run."""
    live = {rendering(fields) for key, fields in found.around.shared.items() if key[0] == "group"}
    live |= {rendering(c.before) for c in found.here.changes if c.key[0] == "group" and c.before}
    doubtful = store.objects(TOLD).keys() - live
    for name in doubtful - doubts.running(store, doubtful):
        store.forget_object(TOLD, name)


def _terms(store: Store, found: Survey, stuck: frozenset[str]) -> None:
    """What each tariff grants; `stuck` are those whose groups stand as they were."""
    before = store.objects(TERMS)
    wanted = {name: terms_to_value(terms) for name, terms in found.around.intent.terms.items()}
    for name, value in wanted.items():
        if before.get(name) != value and name not in stuck:
            store.put_object(TERMS, name, value)
    for name in before.keys() - wanted.keys() - stuck:
        store.forget_object(TERMS, name)


def _tariff_of(group: str) -> str:
    return group.removeprefix("isp:").partition("@")[0]
