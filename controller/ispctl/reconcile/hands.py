"""What somebody did to our rows by hand: found by reading those that stand otherwise than they were written, put
right as it was applied.

Putting right takes something from people too: whoever was let in by hand is out again. So it meets the gates, and a
pause holds it like everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from ispctl import gates
from ispctl.desired import Entitlement
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Change, Fields, Pair, Plan, ServiceChange, build
from ispctl.radius.rendering import WALLED
from ispctl.radius.rows import RadiusRows, order
from ispctl.reconcile import configure, standing
from ispctl.reconcile.drift import Found, find
from ispctl.reconcile.guards import not_paused, taken
from ispctl.reconcile.managed import with_observed
from ispctl.reconcile.reading import Reading
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.reconcile.stops import with_stops
from ispctl.reconcile.world import Drift, Permission, World
from ispctl.states import Access
from ispctl.store import Holder, Run, doubts
from ispctl.structs import replace

_OPEN: Final[Mapping[Access, int]] = {"open": 2, "walled": 1, "none": 0}


def drifted(world: World) -> Drift:
    """What stands in the database otherwise than the last apply left it. Raises Refusal, Unreachable."""
    reading = reading_of_applied(world)
    found = find(reading, RadiusRows(world.store, world.sums))
    devices = standing.drifted(world, reading.repository.part(reading.commit, ()))
    return Drift(devices.joined(_plan(world, found, found.by_hand)))


def repair(world: World, permission: Permission | None = None) -> Drift:
    """Write back what was applied where somebody changed rows by hand; what time has made due is left to an apply.
    Raises Refusal, Unreachable."""
    permission = permission or Permission()
    holder = Holder("", world.now, "drift --repair")
    with world.store.lock(holder), world.store.lock(holder, "nas") if world.nas else nullcontext():
        reading = reading_of_applied(world)
        shared = world.repository.part(reading.commit, ())
        policy = shared.policy.value
        not_paused(world.store.pauses(world.now), ZoneInfo(policy.timezone))
        rows = RadiusRows(world.store)
        doubts.look(world.store, world.now, everybody=True)  # a hand may have been at sessions too
        found = find(reading, rows, vouch=rows.vouch)
        changes = found.by_hand
        devices = standing.drifted(world, shared)
        plan = devices.joined(_plan(world, found, changes))
        closed = gates.closed(plan, world.store.services, taken(world), policy.limits, permission.most)
        held = gates.held(plan, frozenset(one.gate for one in closed), {})
        todo = [change for change in changes if change.id not in held | plan.stopped]
        on_devices = [change for change in devices.changes if change.id not in held | plan.stopped]
        nas = [*found.part.nas.values(), *(one.nas for one in devices.wanted.values())]
        secrets = SealedValues(nas, found.intent.entitlements if todo else (), world.keyring)
        secrets.check([*todo, *on_devices])
        run = world.store.begin_run("repair", world.now, commit=reading.commit, actor=world.actor)
        beside = partial(_beside, world, run, {service.owner: service for service in plan.services})
        mending = configure.Hands(world, devices, run, secrets)
        mending.make(configure.grants(on_devices, devices))
        outcomes = tuple(rows.apply(order(todo), secrets.open, beside))
        mending.make(configure.revokes(on_devices, devices))
        mending.finish(on_devices)
        failed = sum(bool(outcome.error) for outcome in outcomes) + sum(bool(one.code) for one in mending.told)
        counts = {"rows": len(outcomes), "failed": failed, "held": len(held)}
        run.finish("failed" if failed or closed else "done", world.clock(), counts)
        return Drift(plan, (*outcomes, *mending.outcomes), closed, held, mending.told)


def _beside(world: World, run: Run, services: Mapping[str, ServiceChange], change: Change) -> None:
    """The journal, in the transaction of the row."""
    run.change(change, world.now)
    service = services.get(change.owner)
    if service is None:
        return
    for effect in service.effects:
        run.service((service.now.id, service.now.key), effect, service.cause, world.now)


def reading_of_applied(world: World) -> Reading:
    """The applied commit, now. Raises Refusal if nothing was applied."""
    applied = world.store.applied
    if applied is None:
        text = "nothing has been applied to this database, so there is nothing to compare it with"
        raise Refusal(Problem("E608", text, advice="ispctl apply makes it equal to a commit"))
    commit = world.repository.resolve(applied.commit)
    return Reading(world.repository, world.store, RadiusRows(world.store), commit, world.now, world.index)


def _plan(world: World, found: Found, changes: Sequence[Change]) -> Plan:
    """The repair as a plan: whom it takes from what a hand had given; what is paused or only observed, in any case."""
    entitlements = found.intent.entitlements if changes else ()
    plan = build(
        "live",
        _pairs(entitlements, changes),
        changes,
        commit=found.part.commit,
        base=found.part.commit,
        now=world.now,
        disturbs=lambda _was, _will_be: False,
    )
    here = (found.part,)
    stopped = with_stops(plan, world.store.pauses(world.now), here, world.store)
    return with_observed(stopped, here, entitlements)


def _pairs(entitlements: Iterable[Entitlement], changes: Sequence[Change]) -> Iterator[Pair]:
    """Everybody to whom a hand gave more than was applied; what the hand took is a gain that nobody has to count."""
    found = {change.key[1]: change for change in changes if change.key[0] == "login" and change.before and change.after}
    for entitlement in entitlements:
        change = found.get(entitlement.login)
        if change is None or change.owner != entitlement.owner or not change.before:
            continue
        had = access_of(change.before)
        if _OPEN[had] > _OPEN[entitlement.access]:
            yield Pair(replace(entitlement, access=had), entitlement, "drift", 0)


def access_of(fields: Fields) -> Access:
    """What the rows of a login let it reach."""
    return "none" if fields["refuse"] else "walled" if fields["group"] == WALLED else "open"
