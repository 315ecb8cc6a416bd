"""NAS alone: planned and configured without the rows of RADIUS, and put back to what stood there before a run."""

from __future__ import annotations

import secrets as random
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ispctl import gates
from ispctl.model.problem import Problem, Refusal
from ispctl.nas import Memory
from ispctl.plan import Change, Plan, Resources, digest
from ispctl.platforms.device import SECRET
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile import configure, fleet, looking
from ispctl.reconcile.guards import is_the_plan, may_begin, not_paused, taken
from ispctl.reconcile.holds import PREFIX
from ispctl.reconcile.reading import Reading
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.reconcile.world import Permission, Result, World
from ispctl.repo import Repository, Snapshot
from ispctl.repo.rules.scene import meant
from ispctl.store import Holder, Pause
from ispctl.structs import Struct, replace

RESTS: Final = timedelta(hours=24)
"""A NAS that was put back by hand is left alone for so long; `ispctl resume` ends it."""
RESTORED: Final = "put back to what stood there before {run}"
Allowed = Mapping[str, int | None]
"""By gate: at most so many, said on the command line."""


class Gated(Struct):
    """What is to be done on NAS alone, the gates that refuse it, and the ids of what those hold."""

    fleet: fleet.Fleet
    plan: Plan
    closed: tuple[gates.Closed, ...]
    held: frozenset[str]

    @property
    def waits(self) -> frozenset[str]:
        """The ids of all that is not done now."""
        return self.held | self.plan.stopped

    @property
    def todo(self) -> list[Change]:
        return [change for change in self.fleet.changes if change.id not in self.waits]

    def result(self, hands: configure.Hands | None = None) -> Result:
        """What became of it; without `hands` nobody began."""
        run, outcomes, told = (hands.run.id, hands.outcomes, hands.told) if hands else ("", (), ())
        held, plan = tuple(sorted(self.held)), self.plan
        return Result(run, plan.commit, plan, outcomes, (), held, self.closed, plan.unread, devices=told)


def live_devices(
    world: World, commit: str, hosts: Collection[str] | None
) -> tuple[Plan, tuple[gates.Closed, ...], frozenset[str]]:
    """What is to be done on NAS for a commit, and nothing else; None: on all of them. With the gates that would refuse
    it, and the ids of what they would hold. Raises Refusal."""
    snapshot = world.repository.part(commit, ())
    _known(world, snapshot, hosts)
    gated = _gated(world, snapshot, looking.look(world, snapshot, hosts).alone(), {})
    return gated.plan, gated.closed, gated.held


def apply_devices(world: World, commit: str, permission: Permission, hosts: Collection[str] | None) -> Result:
    """Make NAS equal to a commit, and leave rows and sessions alone. Raises Refusal before anything is done."""
    resolved, rows = world.repository.resolve(commit), RadiusRows(world.store)
    reading = Reading(world.repository, world.store, rows, resolved, world.now, world.index)
    holder = Holder("", world.now)
    with world.store.lock(holder), world.store.lock(holder, "nas"):
        snapshot = world.repository.part(reading.commit, ())
        _known(world, snapshot, hosts)
        may_begin(world, reading.commit, reading.snapshot, reading.last, permission)
        not_paused(world.store.pauses(world.now), ZoneInfo(snapshot.policy.value.timezone))
        gated = _gated(world, snapshot, looking.look(world, snapshot, hosts).alone(), permission.most)
        is_the_plan(gated.plan, permission)
        hands = _make(world, gated.fleet, gated.todo, [snapshot], "devices", reading.commit)
        return gated.result(hands)


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


def plan_restore(world: World, snapshot: Snapshot, host: str, run: str, before: Resources, allowed: Allowed) -> Gated:
    """What putting a NAS back would do, and what would hold all of it: whatever holds an apply of it, but for a
    pause of whoever asks. Raises Refusal."""
    _known(world, snapshot, (host,))
    mine = {one.id for one in world.store.pauses(world.now) if world.actor and one.by == world.actor}
    instead = fleet.Instead(host, before, _base(world, host, run), mine)
    gated = _gated(world, snapshot, looking.look(world, snapshot, (host,), every=True, instead=instead), allowed)
    return replace(gated, held=frozenset(one.id for one in gated.plan.changes)) if gated.held else gated


def restore(
    world: World, snapshot: Snapshot, host: str, run: str, before: Resources, permission: Permission | None = None
) -> Result:
    """Put a NAS back to what stood there, all of it or nothing, and leave it alone for a day: git says something else.
    Raises Refusal."""
    allowed = permission.most if permission else {}
    holder = Holder("", world.now, "nas rollback")
    with world.store.lock(holder), world.store.lock(holder, "nas"):
        gated = plan_restore(world, snapshot, host, run, before, allowed)
        if gated.waits or gated.plan.unread:
            return gated.result()
        older = [snapshot, *_older(world.repository, _base(world, host, run))]
        hands = _make(world, gated.fleet, gated.todo, older, "nas-rollback", snapshot.commit, made=False)
        result = gated.result(hands)
        if result.stays:
            _rest(world, host, run)
        return result


def _gated(world: World, snapshot: Snapshot, found: fleet.Fleet, allowed: Allowed) -> Gated:
    plan = found.joined(Plan("live", snapshot.commit, "", world.now, (), ()))
    closed = gates.closed(plan, world.store.services, taken(world), snapshot.policy.value.limits, allowed)
    return Gated(found, plan, closed, gates.held(plan, frozenset(one.gate for one in closed), {}))


def _base(world: World, host: str, run: str) -> str:
    """The commit that a NAS was made equal to before a run, else what was applied then; empty: not known."""
    if stood := Memory(world.store).stood(host, run):
        return stood
    record = next((one for one in world.store.runs(500) if one.run == run), None)
    return record.base if record else ""


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
    secrets = SealedValues([nas for snapshot in snapshots for nas in snapshot.nas.values()], (), world.keyring)
    wanted = [change for change in todo if (change.after or {}).get(SECRET)]
    secrets.check(wanted)
    run = world.store.begin_run(kind, world.now, commit=commit, digest=digest(todo), actor=world.actor)
    hands = configure.Hands(world, found, run, secrets)
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
    target, reason = f"{PREFIX}{host}", RESTORED.format(run=run)
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
            raise Refusal(not_configured(host, snapshot, there))


def not_configured(host: str, snapshot: Snapshot, there: Iterable[str]) -> Problem:
    """E607: of a name that nobody has, or of a NAS that only asks RADIUS. `there`: those that are configured."""
    if host not in snapshot.nas:
        return Problem(
            "E607", f"there is no NAS {host}", advice=meant(host, snapshot.nas, "docs/nas.md says how to begin")
        )
    advice = f"Write data: {{device: …}} there, see docs/nas.md. Configured are: {', '.join(sorted(there)) or 'none'}"
    return Problem("E607", f"ispctl does not configure {host}: it has no device in inventory/hosts.yaml", advice=advice)
