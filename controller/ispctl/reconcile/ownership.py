"""Making rows ours that others wrote: the part of an apply that `ispctl adopt` does. Sessions are not touched.

Which rows may be taken is judged by whoever calls, in the transaction that takes them. What a run did not choose or was
refused stays foreign, and an apply goes on refusing it alone (E314).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from zoneinfo import ZoneInfo

from ispctl.backend import Outcome, Unreachable
from ispctl.desired import Entitlement
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Change, Key
from ispctl.radius.rows import RadiusRows, order
from ispctl.reconcile import settled
from ispctl.reconcile.guards import may_begin, not_paused
from ispctl.reconcile.notes import Notes, by_commit, finish
from ispctl.reconcile.reading import Reading
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.reconcile.survey import SHARED, Survey, survey
from ispctl.reconcile.world import Permission, Waiting, World
from ispctl.store import Holder
from ispctl.structs import Struct


class Taker(Protocol):
    """Who is chosen, and whether rows may be taken."""

    def wants(self, change: Change) -> bool: ...

    def judge(self, change: Change, wanted: Mapping[str, Entitlement]) -> Problem | None:
        """None: what stands there means what git says. `wanted`: entitlements by service."""
        ...


class Takeover(Struct):
    """What was taken or refused, in order; in a dry run what would be."""

    run: str
    commit: str
    outcomes: tuple[Outcome, ...]
    left: int
    """Logins of git with foreign rows that were not chosen."""
    pending: int
    """Changes of the commit that are an apply's."""


def take(
    world: World,
    commit: str,
    taker: Callable[[Callable[[str], str]], Taker],
    permit: Callable[[int, int], None],
    *,
    dry_run: bool,
) -> Takeover:
    """Take what is chosen and means the same. `permit` is asked with (how many logins, how many services there are)
    before anything is written, and raises Refusal. Raises Refusal."""
    if dry_run:
        return _take(world, commit, taker, permit, dry_run=True)
    with world.store.lock(Holder("", world.now, "adopt")):
        return _take(world, commit, taker, permit, dry_run=False)


def _take(
    world: World,
    commit: str,
    taker: Callable[[Callable[[str], str]], Taker],
    permit: Callable[[int, int], None],
    *,
    dry_run: bool,
) -> Takeover:
    backend = RadiusRows(world.store)
    reading = Reading(world.repository, world.store, backend, world.repository.resolve(commit), world.now, world.index)
    may_begin(world, reading.commit, reading.snapshot, reading.last, Permission())
    if not dry_run:
        not_paused(world.store.pauses(world.now), ZoneInfo(reading.snapshot.policy.value.timezone))
    try:
        found = survey(reading)
    except Unreachable as error:
        raise Refusal(Problem("E319", error.text, advice="ispstat health says more")) from None
    secrets = SealedValues(reading.snapshot.nas.values(), found.intent.entitlements, world.keyring)
    asked = taker(secrets.open)
    left_alone = frozenset[str]() if dry_run else found.plan.stopped  # paused, or only observed
    made = [c for c in found.plan.changes if c.before is None and c.after is not None and c.key[0] != "session"]
    made = [change for change in made if change.id not in left_alone]
    foreign = backend.foreign([change.key for change in made])
    rows = order([change for change in made if change.key in foreign and asked.wants(change)])
    logins = sum(change.key[0] == "login" for change in rows)
    left = sum(change.key[0] == "login" and change.key in foreign for change in made) - logins
    if dry_run:
        wanted = found.near.entitlements
        judged = tuple(_judged(change, asked.judge(change, wanted)) for change in rows)
        return Takeover("", found.plan.commit, judged, left, 0)
    permit(logins, found.total)
    secrets.check(rows)
    shared = [c for c in made if c.key[0] in SHARED and c.key[0] != "nas" and c.key not in foreign] if logins else []
    pending = len(found.plan.changes) - len(shared) - len(rows) - left
    outcomes = _write(world, found, (*shared, *rows), secrets, asked, whole=not pending)
    return Takeover(outcomes[0], found.plan.commit, outcomes[1], left, pending)


def _judged(change: Change, problem: Problem | None) -> Outcome:
    return Outcome(change, problem.text, problem.code) if problem else Outcome(change)


def _write(
    world: World, found: Survey, changes: Sequence[Change], secrets: SealedValues, asked: Taker, *, whole: bool
) -> tuple[str, tuple[Outcome, ...]]:
    plan, store = found.plan, world.store
    run = store.begin_run("adopt", world.now, commit=plan.commit, base=plan.base, digest=plan.digest)
    settled.begin(store, (change.owner for change in changes if change.owner), partial=found.partial)
    note = Notes(store, run, world.now, plan.commit, found.near, found.here.services, found.around.left)
    outcomes: list[Outcome] = []
    wanted = found.near.entitlements

    def judge(change: Change) -> Problem | None:
        return asked.judge(change, wanted)

    for outcome in RadiusRows(store).apply(order(changes), secrets.open, note.beside, judge):
        outcomes.append(outcome)
        world.progress("rows", len(outcomes), len(changes))
        if outcome.error:
            run.change(outcome.change, world.now, outcome.error)
    taken: frozenset[Key] = frozenset(one.change.key for one in outcomes if not one.error)
    waiting = [change for change in plan.changes if change.key not in taken]
    owners = frozenset(change.owner for change in waiting)
    waits = Waiting(frozenset(change.id for change in waiting), frozenset(), owners, ())
    stopped = by_commit(found.here.services, found.near, plan.still)
    finish(found, note, [one for one in outcomes if one.error], waits, (), stopped, whole=whole)
    run.finish("done", world.clock(), {"rows": len(taken)})
    return run.id, tuple(outcomes)
