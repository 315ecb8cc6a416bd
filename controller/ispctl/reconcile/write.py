"""The rows of a survey, and what stands beside them. Each step leaves a state from which the next run can go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

from ispctl.backend import Outcome
from ispctl.model.problem import Refusal
from ispctl.plan import Change
from ispctl.radius.rows import RadiusRows, order
from ispctl.reconcile import settled
from ispctl.reconcile.far import Slice
from ispctl.reconcile.notes import Notes, by_commit, finish
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.reconcile.survey import SHARED, Survey
from ispctl.reconcile.world import Waiting, World
from ispctl.store import Run, RunRecord, Undone, replicas


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


def write(world: World, found: Survey, secrets: SealedValues, waits: Waiting, undoes: RunRecord | None) -> Written:
    """Write what does not wait. Raises Refusal where a secret cannot be opened: of those at hand nothing is written
    then, and what was written of others stays."""
    done = Written(_begun(world, found, waits, undoes))
    plan = found.plan
    total = sum(plan.summary[action] for action in ("create", "update", "delete"))
    writer = _Writer(world, done, plan.commit, total)
    note = Notes(world.store, done.run, world.now, plan.commit, found.near, found.here.services)
    rows = _rows(found.here.changes, waits)
    last = [change for change in rows if found.far.any and change.after is None and change.key[0] in SHARED]
    writer.write([change for change in rows if change not in last], secrets.open, note)
    left: set[str] = set()
    stopped = by_commit(found.here.services, found.near, plan.still)
    try:
        for one in found.far.slices():
            left |= _slice(world, writer, one, waits)
            stopped |= by_commit(one.services, one.people, plan.still) if one.people else set()
    except Refusal:
        done.run.finish("failed", world.clock(), {"rows": len(done.outcomes) + done.more.total()})
        raise
    writer.write(last, secrets.open, note)
    finish(found, note, done.failed, waits, left, stopped)
    if world.replicas:
        replicas.mark(world.store, done.run.id)
    return done


def _begun(world: World, found: Survey, waits: Waiting, undoes: RunRecord | None) -> Run:
    plan, store = found.plan, world.store
    kind = "rollback" if undoes else "apply"
    with store.transaction():
        run = store.begin_run(
            kind, world.now, commit=plan.commit, base=plan.base, digest=plan.digest, actor=world.actor
        )
        if undoes:
            store.put_undone(Undone(undoes.run, undoes.commit, undoes.base, run.id, world.now, world.actor))
        rows = _rows(found.here.changes, waits)
        touched = {*(service.owner for service in found.here.services), *(change.owner for change in rows)}
        touched -= {"", *waits.owners(plan)}
        if touched or found.far.any:
            settled.begin(store, touched, partial=found.partial and not found.far.any)
    return run


def _slice(world: World, writer: _Writer, one: Slice, waits: Waiting) -> set[str]:
    """One slice; the services that were not written."""
    assert one.people is not None
    note = Notes(world.store, writer.done.run, world.now, writer.commit, one.people, one.services)
    secrets = SealedValues({}, one.people.entitlements.values(), writer.keyring)
    rows = _rows(one.changes, waits)
    secrets.check(rows, keep=True)
    failed = {outcome.change.owner for outcome in writer.write(rows, secrets.open, note, apart=True)}
    with world.store.transaction():
        return note.rest({*failed, *waits.losers, *(c.owner for c in one.changes if c.id in waits.changes)})


def _rows(changes: Iterable[Change], waits: Waiting) -> list[Change]:
    return [change for change in changes if change.key[0] != "session" and change.id not in waits.changes]


class _Writer:
    """Writes rows, counts them, and notes what failed."""

    def __init__(self, world: World, done: Written, commit: str, total: int) -> None:
        self.world, self.done, self.commit, self.total, self.count = world, done, commit, total, 0
        self.keyring = cache(world.keyring)
        self.rows = RadiusRows(world.store)

    def write(
        self, changes: Sequence[Change], opener: Callable[[str], str], note: Notes, *, apart: bool = False
    ) -> list[Outcome]:
        """The failures. `apart`: nothing else is kept of these."""
        failed = []
        for outcome in self.rows.apply(order(changes), opener, note.beside):
            self.count += 1
            self.world.progress("rows", self.count, self.total)
            if outcome.error:
                failed.append(outcome)
                self.done.run.change(outcome.change, self.world.now, outcome.error)
            elif apart:
                self.done.more[outcome.change.action] += 1
            if outcome.error or not apart:
                self.done.outcomes.append(outcome)
        return failed
