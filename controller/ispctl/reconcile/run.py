"""The only orchestrator: commit + facts + now -> plan -> gates -> rows -> sessions -> journal.

Every step can be killed and run again: rows and the applied entitlement of a service change in one transaction, the
applied commit advances after the last of them, and a session that was not told is found behind by the next run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ispctl.backend import Outcome, Unreachable
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Change, Plan, Unread
from ispctl.radius.rows import TARGET, RadiusRows, order
from ispctl.reconcile.door import Doors
from ispctl.reconcile.guards import announced, closed_gates, is_the_plan, may_begin, not_paused, waiting
from ispctl.reconcile.notes import Notes
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.reconcile.survey import Reading, Survey, survey
from ispctl.reconcile.touch import SessionOutcome, await_proof, settle, touch
from ispctl.reconcile.undo import forget, not_rolled_back
from ispctl.reconcile.world import Permission, Result, Waiting, World
from ispctl.store import Holder, Run, RunRecord, Undone


def live(world: World, commit: str) -> Survey:
    """The live plan of a commit; changes nothing. Raises Refusal, Unreachable."""
    return survey(_reading(world, commit))


def refusals(world: World, found: Survey) -> tuple[Problem, ...]:
    """Why an apply of this plan would be refused as it stands: what was taken back, a clock that leapt."""
    commit, nothing = found.plan.commit, Permission()
    try:
        not_rolled_back(world, commit, nothing)
        announced(world, found, world.repository.at(commit), nothing)
    except Refusal as refusal:
        return refusal.problems
    return ()


def apply(world: World, commit: str, permission: Permission | None = None) -> Result:
    """Make RADIUS and every live session equal to a commit. Raises Refusal before anything is written."""
    permission = permission or Permission()
    with world.store.lock(Holder("", world.now)):
        reading = _reading(world, commit)
        may_begin(world, reading, permission)
        not_rolled_back(world, reading.commit, permission)
        not_paused(world.store.pauses(world.now), ZoneInfo(reading.snapshot.policy.value.timezone))
        contradicted = settle(world.store, reading.snapshot.nas, world.now)
        try:
            found = survey(reading, contradicted)
        except Unreachable as error:
            unread = (Unread(error.target, "E319", error.text),)
            return Result("", reading.commit, empty(reading.commit, world.now), unread=unread)
        is_the_plan(found.plan, permission)
        announced(world, found, reading.snapshot, permission)
        waits = waiting(found, closed_gates(world, found, permission.most))
        rows = [c for c in found.plan.changes if c.key[0] != "session" and c.id not in waits.changes]
        secrets = SealedValues(reading.snapshot.nas, found.intent.entitlements, world.keyring)
        secrets.check(rows)
        doors = Doors(reading.snapshot.nas, world.store, secrets)
        doors.check(one.nas.name for one in found.behind if one.change.id not in waits.changes)
        result = _write(world, found, rows, secrets, waits, permission.undoes)
        forget(world, found.plan.commit)
        return _tell(world, found, result, doors, waits, contradicted)


def _write(
    world: World,
    found: Survey,
    rows: list[Change],
    secrets: SealedValues,
    waits: Waiting,
    undoes: RunRecord | None,
) -> tuple[Run, tuple[Outcome, ...]]:
    """The rows, and what stands beside them; each step leaves a state the next run can go on from."""
    plan, store = found.plan, world.store
    kind = "rollback" if undoes else "apply"
    with store.transaction():
        run = store.begin_run(
            kind, world.now, commit=plan.commit, base=plan.base, digest=plan.digest, actor=world.actor
        )
        if undoes:
            store.put_undone(Undone(undoes.run, undoes.commit, undoes.base, run.id, world.now, world.actor))
    note = Notes(world, found, run)
    outcomes = []
    for outcome in RadiusRows(store).apply(order(rows), secrets.open, note.beside):
        outcomes.append(outcome)
        world.progress("rows", len(outcomes), len(rows))
        if outcome.error:
            run.change(outcome.change, world.now, outcome.error)
    note.rest([outcome for outcome in outcomes if outcome.error], waits)
    return run, tuple(outcomes)


def _tell(
    world: World,
    found: Survey,
    written: tuple[Run, tuple[Outcome, ...]],
    doors: Doors,
    waits: Waiting,
    contradicted: frozenset[str],
) -> Result:
    """The sessions: who logged in while rows were written is looked at again."""
    run, outcomes = written
    plan = found.plan
    world.store.check_lock()
    quiet = waits.owners(plan) | {outcome.change.owner for outcome in outcomes if outcome.error}
    unread: tuple[Unread, ...] = ()
    sessions: tuple[SessionOutcome, ...] = ()
    try:
        again = survey(_reading(world, plan.commit), contradicted)
        leave = waits.changes | again.plan.stopped
        todo = [one for one in again.behind if one.owner not in quiet and one.change.id not in leave]
        answers = tuple(touch(world.store, todo, doors, _rates(found), world.clock, world.progress))
        sessions = await_proof(world.store, found.intent.nas, answers, world.clock, world.patience)
    except Unreachable as error:
        unread = (Unread(error.target, "E319", error.text),)
    held_back = tuple(sorted(waits.held))
    result = Result(run.id, plan.commit, plan, outcomes, sessions, held_back, waits.closed, unread)
    run.finish("done" if result.exit_code == 0 else "failed", world.clock(), plan.summary)
    return result


def _reading(world: World, commit: str) -> Reading:
    resolved = world.repository.resolve(commit)
    return Reading(world.repository, world.store, RadiusRows(world.store), resolved, world.now)


def _rates(found: Survey) -> Mapping[str, tuple[int, int]]:
    """The most that each service may move, down and up in bit/s; a burst is what accounting may show."""
    wall = found.intent.policy.wall.rate
    rates = {}
    for owner, entitlement in found.entitlements.items():
        terms = entitlement.terms
        most = (terms.burst[0], terms.burst[1]) if terms.burst else (terms.down, terms.up)
        rates[owner] = (wall.down, wall.up) if entitlement.access == "walled" else most
    return rates


def empty(commit: str, now: datetime) -> Plan:
    """A plan about nothing, for a target that could not be asked."""
    return Plan("live", commit, "", now, (), ())


def with_unread(plan: Plan, error: Unreachable) -> Plan:
    """A plan that says which target gave no answer."""
    return replace(plan, unread=(*plan.unread, Unread(error.target or TARGET, "E319", error.text)))
