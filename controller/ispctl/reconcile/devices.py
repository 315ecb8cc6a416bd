"""NAS alone: planned and configured without the rows of RADIUS, and put back to what stood there before a run."""

from __future__ import annotations

import secrets as random
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ispctl import gates
from ispctl.model.network import Nas
from ispctl.model.problem import Problem, Refusal
from ispctl.nas import Memory
from ispctl.plan import Change, Plan, Resources, digest
from ispctl.platforms.device import SECRET
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile import configure, fleet
from ispctl.reconcile.guards import is_the_plan, may_begin, not_paused, taken
from ispctl.reconcile.reading import Reading
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.reconcile.world import Permission, Result, World
from ispctl.repo import Repository, Snapshot
from ispctl.store import Holder, Pause

RESTS: Final = timedelta(hours=24)
"""A NAS that was put back by hand is left alone for so long; `ispctl resume` ends it."""
RESTORED: Final = "put back to what stood there before {run}"


def live_devices(
    world: World, commit: str, hosts: Collection[str] | None
) -> tuple[Plan, tuple[gates.Closed, ...], frozenset[str]]:
    """What is to be done on NAS for a commit, and nothing else; None: on all of them. With the gates that would refuse
    it, and the ids of what they would hold. Raises Refusal."""
    snapshot = world.repository.part(commit, ())
    _known(world, snapshot, hosts)
    plan = fleet.look(world, snapshot, hosts).alone().joined(_empty(world, snapshot.commit))
    closed = gates.closed(plan, snapshot.facts.services, taken(world), snapshot.policy.value.limits, {})
    return plan, closed, gates.held(plan, frozenset(one.gate for one in closed), {})


def apply_devices(world: World, commit: str, permission: Permission, hosts: Collection[str] | None) -> Result:
    """Make NAS equal to a commit, and leave rows and sessions alone. Raises Refusal before anything is done."""
    resolved, rows = world.repository.resolve(commit), RadiusRows(world.store)
    reading = Reading(world.repository, world.store, rows, resolved, world.now, world.index)
    with world.store.lock(Holder("", world.now)):
        snapshot = world.repository.part(reading.commit, ())
        _known(world, snapshot, hosts)
        may_begin(world, reading, permission)
        not_paused(world.store.pauses(world.now), ZoneInfo(snapshot.policy.value.timezone))
        found = fleet.look(world, snapshot, hosts).alone()
        plan = found.joined(_empty(world, reading.commit))
        is_the_plan(plan, permission)
        limits, total = snapshot.policy.value.limits, snapshot.facts.services
        closed = gates.closed(plan, total, taken(world), limits, permission.most)
        held = gates.held(plan, frozenset(one.gate for one in closed), {})
        todo = [change for change in found.changes if change.id not in held | plan.stopped]
        hands = _make(world, found, todo, [snapshot], "devices", reading.commit)
        told = tuple(sorted(held))
        return Result(
            hands.run.id, reading.commit, plan, hands.outcomes, (), told, closed, plan.unread, devices=hands.told
        )


def restorable(world: World, host: str, run: str | None) -> tuple[str, Resources]:
    """The run before which a NAS is to be put back, and what stood there then; without `run` the last that changed it.
    Raises Refusal."""
    kept = list(Memory(world.store).kept(host))
    if not kept:
        text = f"no run has changed {host}, so that nothing is kept of it"
        raise Refusal(Problem("E817", text, advice="ispctl drift --repair makes it equal to git"))
    for known, _, resources in kept:
        if run in (None, known):
            return known, resources
    advice = f"Runs that changed it: {', '.join(known for known, _, _ in kept[:5])}"
    raise Refusal(Problem("E817", f"run {run} did not change {host}", advice=advice))


def plan_restore(world: World, snapshot: Snapshot, host: str, before: Resources) -> tuple[fleet.Fleet, Plan]:
    """What putting a NAS back would do. Raises Refusal."""
    _known(world, snapshot, (host,))
    found = fleet.look(world, snapshot, (host,), every=True, instead={host: before})
    return found, found.joined(_empty(world, snapshot.commit))


def restore(world: World, snapshot: Snapshot, host: str, run: str, before: Resources) -> Result:
    """Put a NAS back to what stood there, and leave it alone for a day: git says something else. Raises Refusal."""
    with world.store.lock(Holder("", world.now, "nas rollback")):
        found, plan = plan_restore(world, snapshot, host, before)
        todo = [change for change in found.changes if change.id not in plan.stopped]
        record = next((one for one in world.store.runs(500) if one.run == run), None)
        older = [snapshot, *_older(world.repository, record.base if record else "")]
        hands = _make(world, found, todo, older, "nas-rollback", snapshot.commit, made=False)
        if all(answer.stays for answer in hands.told) and not plan.unread:
            _rest(world, host, run)
        return Result(hands.run.id, snapshot.commit, plan, hands.outcomes, unread=plan.unread, devices=hands.told)


def _make(
    world: World,
    found: fleet.Fleet,
    todo: Sequence[Change],
    snapshots: Sequence[Snapshot],
    kind: str,
    commit: str,
    *,
    made: bool = True,
) -> configure.Hands:
    """`snapshots`: where the sealed secrets stand; `made`: whether it is what git says."""
    known: dict[str, Nas] = {}
    for number, snapshot in enumerate(snapshots):
        known |= {f"{number}/{name}": nas for name, nas in snapshot.nas.items()}
    secrets = SealedValues(known, (), world.keyring)
    wanted = [change for change in todo if (change.after or {}).get(SECRET)]
    secrets.check(wanted)
    run = world.store.begin_run(kind, world.now, commit=commit, digest=digest(todo), actor=world.actor)
    hands = configure.Hands(world, found, run, secrets, commit)
    hands.make(configure.grants(todo, found))
    hands.make(configure.revokes(todo, found))
    if made:
        hands.finish(todo)
    else:
        hands.leave()
    failed = any(answer.code for answer in hands.told)
    run.finish("failed" if failed else "done", world.clock(), {"changes": len(hands.outcomes)})
    return hands


def _older(repository: Repository, commit: str) -> list[Snapshot]:
    """What an older commit says, if it is here still."""
    try:
        return [repository.part(commit, ())] if commit else []
    except Refusal:
        return []


def _rest(world: World, host: str, run: str) -> None:
    id = f"p{int(world.now.timestamp())}-{random.token_hex(2)}"
    target, reason = f"{fleet.PREFIX}{host}", RESTORED.format(run=run)
    with world.store.transaction():
        world.store.put_pause(Pause(id, "target", target, world.now, world.now + RESTS, reason, world.actor))


def _known(world: World, snapshot: Snapshot, hosts: Collection[str] | None) -> None:
    """They must be configured by us, or a slip of the keyboard would look like nothing to do. Raises Refusal E607."""
    if world.nas is None and world.store.is_lab:
        text = "no NAS is configured from here: the lab has no stand-ins that could be"
        raise Refusal(Problem("E607", text, advice="Start them: ispctl lab up; or name the database of the network"))
    if world.nas is None:
        text = "no NAS is configured from here: inventory/targets.yaml says nothing about nas"
        raise Refusal(Problem("E607", text, advice="Write nas: {} there, and data: {device: …} for each host"))
    there = fleet.due(world, snapshot)
    for host in hosts or ():
        if host not in there:
            advice = f"There are: {', '.join(sorted(there)) or 'none; a host needs data: {device: …}'}"
            raise Refusal(Problem("E607", f"there is no target {fleet.PREFIX}{host}", advice=advice))


def _empty(world: World, commit: str) -> Plan:
    return Plan("live", commit, "", world.now, (), ())
