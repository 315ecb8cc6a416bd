"""What a commit means against what was applied: the pairs, rows and sessions from which a live plan is made.

Only what is touched is read: a service whose applied entitlement and rows' digest are what they should be costs
nothing here. Hand edits of rows nobody touches are drift's business.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property

from ispctl.desired import Terms
from ispctl.index import ANNOUNCED, Look
from ispctl.intent import shared_of
from ispctl.model.problem import Refusal
from ispctl.plan import Change, Coming, Key, Plan, Resources, build, diff
from ispctl.radius import live
from ispctl.radius.rendering import TARGET, Intent
from ispctl.radius.rendering import shared as shared_rows
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile import rest, settled
from ispctl.reconcile.applied import digest_of, terms_from_value
from ispctl.reconcile.disturbs import disturbs
from ispctl.reconcile.far import Far, Gist, gathered, gist
from ispctl.reconcile.managed import enforced, with_observed
from ispctl.reconcile.people import Around, People, makes, people
from ispctl.reconcile.reading import Reading, knowing, parts, then
from ispctl.reconcile.rerender import with_rerendered
from ispctl.reconcile.stops import STOPPED, with_stops
from ispctl.reconcile.unsaid import unsaid
from ispctl.repo import Snapshot
from ispctl.store import Applied, Store, facts, first_logins, meters
from ispctl.structs import Struct, replace

SHARED = ("group", "nas", "pop", "range", "realm")
RENDERED = "rendered"
TERMS = "terms"
"""Kinds of objects in the store: the digest of each shared key as last written; what each tariff granted."""


class Survey(Struct):
    """A live plan and what it was made from."""

    plan: Plan
    here: Plan
    """Of those who are looked at together, and of what all share."""
    around: Around
    near: People
    """Those that are looked at together."""
    far: Far
    """All others, in slices."""
    behind: tuple[live.Behind, ...]
    """Sessions that run something else than they should; of those that rest, the plan says so as unread."""
    equal: tuple[Key, ...]
    """Touched shared keys whose rows are what they should be: there is nothing to write but that they are."""
    applied: Applied | None
    snapshot: Snapshot
    """The commit, as far as it was looked at."""
    counted: Callable[[], int]
    partial: bool
    """Whether there is more in git than `snapshot` holds; the rest is as it was applied."""

    @cached_property
    def total(self) -> int:
        """Services that there are, in git or as applied. The database counts them, so ask where it matters."""
        return self.counted()

    @property
    def intent(self) -> Intent:
        """What all share, and what those near are entitled to."""
        return replace(self.around.intent, entitlements=tuple(self.near.entitlements.values()))

    @property
    def want(self) -> Resources:
        """What all share, and the logins of those near."""
        return {**self.around.shared, **self.near.want}


def survey(reading: Reading) -> Survey:
    """The live plan of a commit. Raises Unreachable where the database gives no answer to trust."""
    store, look, applied = reading.store, reading.look, reading.last
    shared, equal, around = _shared(reading)
    changed = _changed(reading, applied)
    another = not settled.by_this_version(store)
    apart = replace(around, left={})  # who is online on one of those is looked for once
    others = gathered(look, Surveying(apart, changed, store.again, another, store))
    near = people(around, look, store, reading.backend, reading.doubtful)
    waiting = (*near.waiting, *others.waiting)
    turn = _next_turn(reading, near) if look.partial else None
    plan = build(
        "live",
        near.pairs,
        (*shared, *near.rows, *(one.change for one in near.waiting)),
        commit=around.commit,
        base=applied.commit if applied else "",
        now=reading.now,
        disturbs=disturbs(around.intent, near.waiting),
        changed_files=changed,
        assumes=(*rest.notes(waiting, near.unmarked, others.counts), *rest.renamed(near.pairs, reading.snapshot)),
        unread=rest.unread((*near.resting, *others.resting), around.intent.policy.timezone),
        until=min(filter(None, (near.until, others.until, look.until, turn)), default=None),
        coming=Coming(reading.now + ANNOUNCED, near.ending + others.ending + look.ending),
    )
    if another and reading.applied is not None:
        plan = with_rerendered(plan, reading.then, others.noticed)
    stopped = with_stops(plan, store.pauses(reading.now), reading.parts, store, others.kept)
    plan = with_observed(stopped, reading.parts, near.entitlements.values(), others.enforced, others.kept)
    count = lambda: max(store.services, reading.snapshot.facts.services)  # noqa: E731
    return Survey(
        others.joined(plan), plan, around, near, others, waiting, equal, applied, reading.snapshot, count, look.partial
    )


def _next_turn(reading: Reading, near: People) -> datetime | None:
    """When a fact changes somebody next who was not looked at. Whoever goes was."""
    seen = near.entitlements.keys() | near.stored.keys()
    begun = first_logins.next_turn(reading.store, reading.now + ANNOUNCED, seen)
    return min(filter(None, (begun, meters.next_reset(reading.store, reading.now, seen))), default=None)


@dataclasses.dataclass
class Surveying:
    """What is done with a slice, here or in another process: which opens the database anew, to read."""

    around: Around
    changed: frozenset[str]
    again: Callable[[], Store]
    another: bool
    """Whether it is another version that has written what is there."""
    store: Store | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "store": None}

    def __call__(self, look: Look) -> Gist:
        self.store = self.store or self.again()
        around, look = self.around, knowing(look, self.store)
        found = people(around, look, self.store, RadiusRows(self.store))
        plan = build(
            "live",
            found.pairs,
            (*found.rows, *(one.change for one in found.waiting)),
            commit=around.commit,
            base="",
            now=around.now,
            disturbs=disturbs(around.intent, found.waiting),
            changed_files=self.changed,
        )
        if self.another and around.applied is not None:
            plan = with_rerendered(plan, lambda: then(look, around.applied))
        mine, all_of_it = parts(look, around.commit), found.entitlements.values()
        plan = with_stops(plan, self.store.pauses(around.now), mine, self.store)
        plan = with_observed(plan, mine, all_of_it)
        made = gist(plan, found.until, found.ending, found.unmarked, enforced(mine, all_of_it), found)
        return replace(made, unsaid=unsaid(plan, mine[0], around.applied))


def _shared(reading: Reading) -> tuple[tuple[Change, ...], tuple[Key, ...], Around]:
    """What becomes of the keys that all share; which of them are touched and stand already; and what that means for
    everybody."""
    store, intent = reading.store, shared_of(reading.snapshot)
    want = shared_rows(intent)
    written = store.objects(RENDERED)
    last = {key: written.get(shared_key(key), {}).get("digest", "") for key in want.keys() | set(map(key_of, written))}
    touched = sorted(key for key, digest in last.items() if digest_of(want.get(key)) != digest)
    have = reading.backend.read(touched) if touched else {}
    changes = diff(TARGET, {key: want[key] for key in touched if key in want}, have)
    around = Around(
        reading.commit,
        reading.now,
        reading.applied,
        intent,
        want,
        makes(changes),
        _terms(store),
        frozenset(store.objects(STOPPED)),
        facts.former_logins(store),
    )
    return changes, tuple(sorted({*touched} - {change.key for change in changes})), around


def _terms(store: Store) -> Mapping[str, Terms]:
    """What the tariffs granted when they were applied; what another version wrote in other words is left out."""
    terms: dict[str, Terms] = {}
    for name, value in store.objects(TERMS).items():
        try:
            terms[name] = terms_from_value(value)
        except TypeError:
            continue
    return terms


def _changed(reading: Reading, applied: Applied | None) -> frozenset[str]:
    if applied is None:
        return frozenset()
    try:
        return frozenset(reading.repository.changes(applied.commit, reading.commit).paths)
    except Refusal:
        return frozenset()


def shared_key(key: Key) -> str:
    """How a shared key is named in the store."""
    return "/".join(key)


def key_of(name: str) -> Key:
    """The reverse of `shared_key`."""
    kind, _, rest = name.partition("/")
    return kind, rest
