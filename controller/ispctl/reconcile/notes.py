"""What the store keeps beside the rows: applied entitlements, terms of tariffs, the applied commit, the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ispctl.backend import Outcome
from ispctl.desired import Entitlement
from ispctl.plan import Change, Fields, Key, dropped
from ispctl.platforms import platform
from ispctl.radius.rendering import given, rendering
from ispctl.reconcile import settled
from ispctl.reconcile.applied import digest_of, terms_to_value, to_text
from ispctl.reconcile.stops import STOPPED
from ispctl.reconcile.survey import LEFT, RENDERED, SHARED, TERMS, TOLD, Survey, shared_key
from ispctl.reconcile.world import Waiting, World
from ispctl.store import Applied, AppliedService, Run

LASTING: Final = frozenset({"E314", "E318", "E652"})
"""Failures that wait for a person (rows of somebody else), and what waits for those: the commit counts as applied."""


class Notes:
    """Writes the applied entitlement and the journal, in the transaction of the rows they belong to."""

    def __init__(self, world: World, found: Survey, run: Run) -> None:
        self.store, self.run, self.now = world.store, run, world.now
        self.found, self.entitlements = found, found.entitlements
        self.services = {service.owner: service for service in found.plan.services}
        self.journalled: set[str] = set()
        self.written: set[str] = set()
        self.regrouped = False

    def beside(self, change: Change) -> None:
        kind = change.key[0]
        self.run.change(change, self.now)
        if kind in SHARED:
            self._shared(change.key, change.after)
        else:
            self._left(change)
            self._service(change.owner)

    def rest(self, failed: Sequence[Outcome], waits: Waiting, *, whole: bool = True) -> None:
        """What has no row of its own: entitlements whose rows stay the same, terms of tariffs, the applied commit.
        Not `whole`: the run was not about everything that the commit says, so that it does not count as applied."""
        plan = self.found.plan
        quiet = waits.owners(plan) | {outcome.change.owner for outcome in failed}
        stuck = {o.change.key for o in failed} | {c.key for c in plan.changes if c.id in waits.changes}
        with self.store.transaction():
            for key in self.found.equal:
                if key[0] in SHARED:
                    self._shared(key, self.found.want.get(key))
            left = set()
            for owner in sorted(self.entitlements.keys() | self.found.stored.keys()):
                if owner not in self.written and self._is_stale(owner):
                    if owner in quiet:
                        left.add(owner)
                    else:
                        self._service(owner)
            self._terms(frozenset(_tariff_of(name) for kind, name in stuck if kind == "group"))
            if self.regrouped:
                self._told()
            if whole and not waits.closed and all(outcome.code in LASTING for outcome in failed):
                self._stopped()
                settled.end(self.store, left)
                self.store.put_applied(Applied(plan.commit, self.now, plan.digest))

    def _stopped(self) -> None:
        """Who is held back while the commit counts as applied, and by which pauses: what the commit takes from them
        counts when they are let go."""
        before, still = self.store.objects(STOPPED), self.found.plan.still
        known = still & self.services.keys() & self.found.stored.keys()  # who is new has nothing to lose
        by_commit = {owner for owner in known if self.services[owner].cause == "commit"}
        for owner in sorted(by_commit):
            by = sorted(stop.id for stop in self.found.plan.stops if owner in stop.services)
            if before.get(owner) != {"by": by}:
                self.store.put_object(STOPPED, owner, {"by": by})
        for owner in sorted(before.keys() - still):
            self.store.forget_object(STOPPED, owner)

    def _is_stale(self, owner: str) -> bool:
        row, entitlement = self.found.stored.get(owner), self.entitlements.get(owner)
        if row is None or entitlement is None:
            return True
        rendered = digest_of(self.found.want.get(("login", entitlement.login)))
        return (row.entitlement, row.digest) != (to_text(entitlement), rendered) or owner in self.services

    def _service(self, owner: str) -> None:
        self.written.add(owner)
        entitlement = self.entitlements.get(owner)
        id, _, key = owner.partition("/")
        if entitlement is None:
            self.store.forget_entitlement((id, key))
        else:
            self.store.put_entitlement(self._applied(entitlement))
        self._effects(owner)

    def _applied(self, entitlement: Entitlement) -> AppliedService:
        rendered = digest_of(self.found.want.get(("login", entitlement.login)))
        commit = self.found.plan.commit
        text = to_text(entitlement)
        return AppliedService(entitlement.id, entitlement.key, entitlement.login, text, rendered, commit, self.now)

    def _effects(self, owner: str) -> None:
        service = self.services.get(owner)
        if service is None or owner in self.journalled:
            return
        self.journalled.add(owner)
        for effect in (*service.effects, *(["dropped"] if dropped(service) else [])):
            self.run.service((service.now.id, service.now.key), effect, service.cause, self.now)

    def _left(self, change: Change) -> None:
        """Who is online on a login that goes has to be found by whichever run ends the session."""
        login = change.key[1]
        if change.after is None:
            self.store.put_object(LEFT, login, {"owner": change.owner})
        elif change.before is None:
            self.store.forget_object(LEFT, login)

    def _shared(self, key: Key, after: Fields | None) -> None:
        if after is None:
            self.store.forget_object(RENDERED, shared_key(key))
        else:
            self.store.put_object(RENDERED, shared_key(key), {"digest": digest_of(after)})
            if key[0] == "group" and platform(key[1].partition("@")[2]).takes_back:
                self.store.put_object(TOLD, rendering(after), {"attributes": given(after)})
                self.regrouped = True

    def _told(self) -> None:
        """Forget what neither a group grants, or granted until now, nor an open session may still run."""
        live = {rendering(fields) for key, fields in self.found.want.items() if key[0] == "group"}
        live |= {rendering(c.before) for c in self.found.plan.changes if c.key[0] == "group" and c.before}
        doubtful = self.store.objects(TOLD).keys() - live
        for name in doubtful - self.store.running(doubtful):
            self.store.forget_object(TOLD, name)

    def _terms(self, stuck: frozenset[str]) -> None:
        """What each tariff grants; `stuck` are those whose groups stand as they were."""
        before = self.store.objects(TERMS)
        wanted = {name: terms_to_value(terms) for name, terms in self.found.intent.terms.items()}
        for name, value in wanted.items():
            if before.get(name) != value and name not in stuck:
                self.store.put_object(TERMS, name, value)
        for name in before.keys() - wanted.keys() - stuck:
            self.store.forget_object(TERMS, name)


def _tariff_of(group: str) -> str:
    return group.removeprefix("isp:").partition("@")[0]
