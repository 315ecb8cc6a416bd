"""The rows of a survey, and what stands beside them. Each step leaves a state from which the next run can go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from ispctl import gates
from ispctl.backend import Outcome
from ispctl.model.problem import Refusal
from ispctl.plan import Change
from ispctl.radius.rows import RadiusRows, order
from ispctl.reconcile import settled
from ispctl.reconcile.notes import Notes, by_commit, finish
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.reconcile.survey import SHARED, Survey
from ispctl.reconcile.world import Waiting, World
from ispctl.reconcile.writing import Writing, rows_of
from ispctl.secrets import Keyring
from ispctl.store import Run, RunRecord, Undone, replicas
from ispctl.workers import each


@dataclass
class Written:
    """What became of the rows."""

    run: Run
    outcomes: list[Outcome] = field(default_factory=list)
    """Of those at hand; of all others the failures alone."""
    more: Counter[str] = field(default_factory=Counter)
    """What was done to all others, by action."""

    @property
    def any(self) -> bool:
        """Whether it was tried to write anything."""
        return bool(self.outcomes or self.more)

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.error]


def write(world: World, found: Survey, secrets: SealedValues, waits: Waiting, run: Run) -> Written:
    """Write what does not wait. Raises Refusal where a secret cannot be opened: of those at hand nothing is written
    then, and what was written of others stays."""
    done = Written(run)
    plan = found.plan
    count = _Count(world, sum(plan.summary[action] for action in ("create", "update", "delete")))
    note = Notes(world.store, done.run, world.now, plan.commit, found.near, found.here.services, found.around.left)
    rows = rows_of(found.here.changes, waits)
    last = [change for change in rows if found.far.any and change.after is None and change.key[0] in SHARED]
    at_hand = partial(_write, world, done, count, secrets.open, note)
    at_hand([change for change in rows if change not in last])
    try:
        left, stopped = _slices(world, found, done, count, waits)
    except Refusal:
        done.run.finish("failed", world.clock(), {"rows": len(done.outcomes) + done.more.total()})
        raise
    at_hand(last)
    finish(found, note, done.failed, waits, left, stopped | by_commit(found.here.services, found.near, plan.still))
    if world.replicas:
        replicas.mark(world.store, done.run.id)
    return done


def begin(world: World, found: Survey, waits: Waiting, undoes: RunRecord | None) -> Run:
    """Write down that a run begins, of whom it is not known until its end what they have, and whose session ends though
    nothing is written of theirs: the gates count them tomorrow."""
    plan, store = found.plan, world.store
    kind = "rollback" if undoes else "apply"
    with store.transaction():
        run = store.begin_run(
            kind, world.now, commit=plan.commit, base=plan.base, digest=plan.digest, actor=world.actor
        )
        if undoes:
            store.put_undone(Undone(undoes.run, undoes.commit, undoes.base, run.id, world.now, world.actor))
        waiting = waits.owners(plan)
        for owner in sorted(gates.ended_by_rows(plan) - waiting):
            id, _, key = owner.partition("/")
            run.service((id, key), "dropped", "facts", world.now)
        rows = rows_of(found.here.changes, waits)
        touched = {*(service.owner for service in found.here.services), *(change.owner for change in rows)}
        touched -= {"", *waiting}
        if touched or found.far.any:
            settled.begin(store, touched, partial=found.partial and not found.far.any)
    return run


def _write(
    world: World, done: Written, count: _Count, opener: Callable[[str], str], note: Notes, changes: Sequence[Change]
) -> None:
    """Write those at hand."""
    for outcome in RadiusRows(world.store).apply(order(changes), opener, note.beside):
        count()
        done.outcomes.append(outcome)
        if outcome.error:
            done.run.change(outcome.change, world.now, outcome.error)


def _slices(
    world: World, found: Survey, done: Written, count: _Count, waits: Waiting
) -> tuple[Iterable[str], set[str]]:
    """Write all others, in several processes where there are many and the database has room for that; the services that
    were not written, and those that are stopped."""
    far, store, left, stopped = found.far, world.store, set[str](), set[str]()
    if not far.any:
        return left, stopped
    still = found.plan.still
    left_before = frozenset(found.around.left)
    work = Writing(done.run.id, world.now, found.plan.commit, waits, still, left_before, _keyring(world), count)
    several = store.beside if far.count > far.alone else None
    for one in each(store, several or store.again, far.packed(), work, 0 if several else None):
        if several:
            store.check_lock()
            count(one.more.total() + len(one.failed))
        done.more.update(one.more)
        done.outcomes.extend(one.failed)
        left |= one.left
        stopped |= one.stopped
    return left, stopped


def _keyring(world: World) -> Keyring | Refusal:
    """It may be that nobody needs it."""
    try:
        return world.keyring()
    except Refusal as refusal:
        return refusal


@dataclass
class _Count:
    """How many rows were written of how many."""

    world: World
    total: int
    done: int = 0

    def __call__(self, more: int = 1) -> None:
        self.done += more
        self.world.progress("rows", self.done, self.total)
