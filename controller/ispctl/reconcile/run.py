"""The only orchestrator: commit + facts + now -> plan -> gates -> rows -> sessions -> journal.

Every step can be killed and run again: rows and the applied entitlement of a service change in one transaction, the
applied commit advances after the last of them, and a session that was not told is found behind by the next run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from zoneinfo import ZoneInfo

from ispctl.backend import Unreachable
from ispctl.desired import Terms
from ispctl.model.problem import Problem, Refusal, Stopped
from ispctl.plan import Change, Key, Plan, Unread
from ispctl.radius.live import Behind
from ispctl.radius.rendering import TARGET
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile import configure, looking, proof
from ispctl.reconcile.beside import Later
from ispctl.reconcile.counting import count_before_apply
from ispctl.reconcile.did import did
from ispctl.reconcile.door import Doors
from ispctl.reconcile.far import groups_of
from ispctl.reconcile.guards import (
    announced,
    closed_gates,
    is_the_plan,
    may_begin,
    not_paused,
    spare_drops,
    waiting,
)
from ispctl.reconcile.hands import reading_of_applied
from ispctl.reconcile.named import Names
from ispctl.reconcile.older import older_copy
from ispctl.reconcile.proof import Settled
from ispctl.reconcile.reading import Reading
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.reconcile.survey import Survey, survey
from ispctl.reconcile.touch import Promise, SessionOutcome, Touch
from ispctl.reconcile.undo import forget, not_rolled_back
from ispctl.reconcile.world import Permission, Result, Waiting, World
from ispctl.reconcile.write import Written, begin, write
from ispctl.store import Holder, Run, cpes, doubts, proofs, replicas
from ispctl.structs import replace


def live(world: World, commit: str) -> Survey:
    """The live plan of a commit; changes nothing. Raises Refusal, Unreachable."""
    found = survey(_reading(world, commit))
    return replace(found, plan=looking.look(world, found.snapshot).joined(found.plan, _names(found)))


def refusals(world: World, found: Survey, permission: Permission) -> tuple[Problem, ...]:
    """Why an apply of this plan would be refused as it stands, whatever its gates say."""
    commit = found.plan.commit
    try:
        may_begin(world, commit, found.snapshot, found.applied or world.store.applied, permission)
        not_rolled_back(world, commit, permission)
        announced(world, found, permission)
    except Refusal as refusal:
        return refusal.problems
    return ()


def apply(world: World, commit: str, permission: Permission | None = None) -> Result:
    """Make RADIUS and every live session equal to a commit. Raises Refusal before anything is written."""
    permission = permission or Permission()
    with world.store.lock(Holder("", world.now)), ExitStack() as stack:
        reading = _fresh(world, commit)
        may_begin(world, reading.commit, reading.snapshot, reading.last, permission)
        not_rolled_back(world, reading.commit, permission)
        not_paused(world.store.pauses(world.now), ZoneInfo(reading.snapshot.policy.value.timezone))
        proof.settle(world.store, reading.snapshot.nas, world.now)
        try:
            found = survey(reading)
        except Unreachable as error:
            unread = (Unread(error.target, "E319", error.text),)
            return Result("", reading.commit, empty(reading.commit, world.now), unread=unread)
        devices = looking.alone(world, found.snapshot, stack)
        found = replace(found, plan=devices.joined(found.plan, _names(found)))
        is_the_plan(found.plan, permission)
        announced(world, found, permission)
        waits = waiting(found, closed_gates(world, found, permission.most))
        here = [c for c in found.here.changes if c.key[0] != "session" and c.id not in waits.changes]
        policy = reading.snapshot.policy.value
        secrets = SealedValues(reading.snapshot.nas.values(), found.near.entitlements.values(), world.keyring)
        with_people = devices.of(waits.owners(found.plan), found.plan.services)
        left = waits.changes | found.plan.stopped | with_people
        on_devices = [change for change in devices.changes if change.id not in left]
        secrets.check([*here, *on_devices])
        doors = Doors(reading.snapshot.nas, world.store, secrets, policy.nas.drops_per_minute)
        doors.check(one.nas.name for one in found.behind if one.change.id not in waits.changes)
        older = older_copy(world.repository, world.store, found.applied)
        run = begin(world, found, waits, permission.undoes)
        make = world.beside.hands if world.beside else configure.Hands
        hands = make(world, devices, run, secrets)
        result = _do(world, found, hands, on_devices, doors, waits, permission)
        result = replace(
            result,
            older=older,
            untaken=cpes.overdue(world.store),
            held=tuple(sorted({*result.held, *with_people})),
            unread=(*result.unread, *devices.unread),
            devices=hands.told,
            outcomes=(*result.outcomes, *hands.outcomes),
            closed=world.beside.closed(devices, result.closed) if world.beside else result.closed,
            under_way=world.beside is not None and world.beside.busy,
        )
        doubts.look(world.store, world.now)
        run.finish("failed" if result.exit_code == 1 else "done", world.clock(), did(found.plan, waits, result))
        return result


def _do(
    world: World,
    found: Survey,
    hands: configure.Hands | Later,
    on_devices: Sequence[Change],
    doors: Doors,
    waits: Waiting,
    permission: Permission,
) -> Result:
    """What is granted on devices, the rows, the sessions, what goes from devices: each as the one before let it."""
    devices, names = hands.fleet, _names(found)
    stay = [change for change in found.plan.changes if change.id in waits.changes] if waits.changes else []
    room = devices.early_for(devices.named(stay, names))
    first = configure.grants([change for change in on_devices if change.id not in room], devices)
    hands.make(first)
    undone = (room | {change.id for change in first}) - {one.change.id for one in hands.outcomes}
    if undone:
        found = replace(found, plan=devices.without(found.plan, undone))
        waits = waiting(found, waits.closed)
    written = write(world, found, hands.secrets, waits, hands.run)
    forget(world, found.plan.commit)
    applied = world.store.applied
    if world.index is not None and applied is not None and applied.commit == found.plan.commit:
        world.index.advance(applied.commit, world.now)  # who is told is looked up by it
    result = _tell(world, found, written, doors, waits, permission)
    failed = waits.changes | {outcome.change.id for outcome in written.failed}
    rows = [change for change in found.plan.changes if change.id in failed] if failed else []
    left = room | devices.named(rows, names)
    left |= devices.of(waits.owners(found.plan), found.plan.services)
    todo = [change for change in on_devices if change in first or change.id not in left]
    hands.make(configure.revokes(todo, devices))
    hands.finish(todo)
    return result


def settle(world: World) -> Settled:
    """Look at the accounting of sessions that acknowledged a change, between two applies, and count all that wait. Asks
    no NAS; a session that did not keep to a change is ended by the next apply. Raises Refusal: E312 while somebody
    applies."""
    with world.store.lock(Holder("", world.now, "settle")):
        applied = world.repository.part(reading_of_applied(world).commit, ())
        found = proof.settle(world.store, applied.nas, world.now)
        return replace(found, waiting=proofs.waiting(world.store))


def _tell(
    world: World,
    found: Survey,
    written: Written,
    doors: Doors,
    waits: Waiting,
    permission: Permission,
) -> Result:
    """The sessions: who logged in while rows were written is looked at again."""
    run, plan = written.run, found.plan
    world.store.check_lock()
    quiet = waits.owners(plan) | {outcome.change.owner for outcome in written.failed}
    failed = {outcome.change.key for outcome in written.failed}
    failed |= {one.key for one in found.here.changes if one.key[0] == "group" and one.id in waits.stopped}
    unread: tuple[Unread, ...] = ()
    sessions: list[SessionOutcome] = []
    try:
        late = replicas.missing(world.replicas, run.id, world.catching_up, world.store.check_lock)
        again = survey(_reading(world, plan.commit)) if written.any else found
        unread = (*again.plan.unread, *(Unread(one.place, one.problem.code, one.problem.text) for one in late))
        leave = waits.changes | again.plan.stopped
        # While a standby lags, whoever is ended would come back by a server that does not know of it yet.
        behind = () if any(one.reachable for one in late) else again.behind
        todo = [one for one in behind if one.owner not in quiet and one.change.id not in leave]
        groups = {**groups_of(again.near), **again.far.groups}
        todo = [one for one in todo if _group_of(one, groups) not in failed]
        room = spare_drops(world, found, permission.most) if any(one.kind == "coa" for one in todo) else 0
        touch = Touch(world.store, doors, _promises(again, todo), world.clock, world.progress, room)
        _touch_all(world, run, touch, todo, sessions)
    except Unreachable as error:
        unread = (Unread(error.target, "E319", error.text),)
    told = _proved(world, found, sessions)
    held_back = tuple(sorted(waits.held))
    outcomes, more = tuple(written.outcomes), written.more
    return Result(run.id, plan.commit, plan, outcomes, told, held_back, waits.closed, unread, more=more)


def _group_of(one: Behind, groups: Mapping[str, str]) -> Key:
    """The group that a session is to be told of; it has to stand in its rows first. `groups`: by login."""
    group = groups.get(one.session.login)
    return "group", f"{group}@{one.nas.platform}" if group else ""


def _touch_all(world: World, run: Run, touch: Touch, todo: list[Behind], into: list[SessionOutcome]) -> None:
    """What ends in place of a change is lost to somebody, and counts tomorrow. Whoever is stopped here has told some
    and goes on with the rest: nothing is remembered but what was answered."""
    try:
        for outcome in touch.all(todo):
            into.append(outcome)
            if outcome.instead and outcome.answer == "ack":
                id, _, key = outcome.owner.partition("/")
                run.service((id, key), "dropped", "facts", world.now)
    except KeyboardInterrupt:
        touch.write_down()
        run.finish("stopped", world.clock(), {"sessions": len(todo), "told": len(into)})
        told = f"Stopped after {len(into):,} of {len(todo):,} sessions"
        raise Stopped(f"{told}. The rows are written; the next apply tells the rest, and only the rest.") from None


def _proved(world: World, found: Survey, sessions: list[SessionOutcome]) -> tuple[SessionOutcome, ...]:
    """With what the accounting shows of them, within the time that may be waited."""
    mine = [one.unique for one in sessions if one.kind == "coa" and one.answer == "ack"]
    known = proof.await_proof(world.store, found.intent.nas, mine, world.clock, world.patience)

    def judged(one: SessionOutcome) -> SessionOutcome:
        said = known.get(one.unique)
        if said is None or one.answer != "ack":
            return one
        if said.proved:
            return replace(one, answer="proved", text=said.proof)
        return replace(one, answer="contradicted", text=said.proof, code="E505") if said.answer != "ack" else one

    return tuple(map(judged, sessions))


def _names(found: Survey) -> Names:
    """Groups are what all share: they change in no slice."""
    return Names.of(found.around.intent, found.around.shared, found.here.changes)


def _fresh(world: World, commit: str) -> Reading:
    """With what was used by now."""
    count_before_apply(world.store, world.repository.part(commit, ()), world.now)
    return _reading(world, commit)


def _reading(world: World, commit: str) -> Reading:
    resolved = world.repository.resolve(commit)
    rows = RadiusRows(world.store)
    return Reading(world.repository, world.store, rows, resolved, world.now, world.index, slicing=True)


def _promises(found: Survey, todo: Sequence[Behind]) -> Mapping[str, Promise]:
    """What these sessions may now use, by Acct-Unique-Session-Id."""
    rate = found.around.intent.policy.wall.rate
    wall, owners = Promise(rate.down, rate.up), {one.owner for one in todo if not one.walled}
    near = {owner: found.near.entitlements[owner] for owner in owners & found.near.entitlements.keys()}
    if owners - near.keys():
        for one in found.far.slices():
            mine = one.people.entitlements if one.people else {}
            near |= {owner: mine[owner] for owner in owners & mine.keys()}
    each = {owner: _promise(entitlement.terms) for owner, entitlement in near.items()}
    return {one.session.uniqueid: wall if one.walled else each.get(one.owner, Promise()) for one in todo}


def _promise(terms: Terms) -> Promise:
    if terms.burst:
        down, up, _, _, seconds = terms.burst
        more = ((down - terms.down) * seconds // 8, (up - terms.up) * seconds // 8)
        return Promise(terms.down, terms.up, *more)
    return Promise(terms.down, terms.up)


def empty(commit: str, now: datetime) -> Plan:
    """A plan about nothing, for a target that could not be asked."""
    return Plan("live", commit, "", now, (), ())


def with_unread(plan: Plan, error: Unreachable) -> Plan:
    """A plan that says which target gave no answer."""
    return replace(plan, unread=(*plan.unread, Unread(error.target or TARGET, "E319", error.text)))
