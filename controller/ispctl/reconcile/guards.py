"""What is refused before anything is written: history or clocks that go backwards, plans nobody read, closed gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from ispctl import gates
from ispctl.gates import Closed
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Plan
from ispctl.reconcile.survey import Reading, Survey
from ispctl.reconcile.world import Permission, World
from ispctl.repo import Repository

DAY: Final = timedelta(hours=24)
BACKWARDS: Final = timedelta(seconds=60)


def may_begin(world: World, reading: Reading, permission: Permission) -> None:
    """What is always refused: nothing to want, history that goes backwards, a clock that does. Raises Refusal."""
    if not any(True for _ in reading.snapshot.services()):
        text = "the commit has no subscribers: applying it would cut everybody off"
        raise Refusal(Problem("E603", text, advice="Check --commit and --repo"))
    applied = world.store.applied
    if applied is None:
        return
    if world.now < applied.at - BACKWARDS:
        text = (
            f"the clock says {world.now:%Y-%m-%d %H:%M:%S}Z, but the last apply was at {applied.at:%Y-%m-%d %H:%M:%S}Z"
        )
        raise Refusal(Problem("E605", text, advice="Set the clock of this machine; expiries depend on it"))
    if permission.rollback or applied.commit == reading.commit:
        return
    if not _contains(world.repository, reading.commit, applied.commit):
        text = f"commit {reading.commit[:12]} does not contain {applied.commit[:12]}, which is applied"
        advice = "An old pipeline run again, or a branch that was not merged? To go back on purpose: --allow-rollback"
        raise Refusal(Problem("E602", text, advice=advice))


def _contains(repository: Repository, commit: str, ancestor: str) -> bool:
    try:
        return repository.contains(commit, ancestor)
    except Refusal:
        return False  # the applied commit is not in this repository at all


def is_the_plan(plan: Plan, permission: Permission) -> None:
    differences = permission.differences(plan)
    if differences:
        more = f" (and {len(differences) - 3} more)" if len(differences) > 3 else ""
        text = f"what would be done now is not what the saved plan says: {'; '.join(differences[:3])}{more}"
        raise Refusal(Problem("E606", text, advice="Make and read a new one: ispctl plan --live --out FILE"))


def closed_gates(world: World, found: Survey, allowed: Mapping[str, int | None]) -> tuple[Closed, ...]:
    """The gates that refuse a plan, counting what the last 24 hours took already."""
    since = world.now - DAY
    recent: dict[str, int] = dict.fromkeys(gates.GATES, 0)
    for (effect, cause), count in world.store.lost_since(since).items():
        gate = gates.gate_of(effect, cause)
        if gate:
            recent[gate] += count
    recent["delete"] = world.store.deleted_since(since)
    total = max(len(found.stored), len(found.entitlements))
    return gates.closed(found.plan, total, recent, found.intent.policy.limits, allowed)


def held(found: Survey, refused: Sequence[Closed]) -> frozenset[str]:
    """The ids of the changes that wait while these gates are closed; the others go ahead."""
    return gates.held(found.plan, frozenset(c.gate for c in refused), _users(found))


def _users(found: Survey) -> Mapping[str, frozenset[str]]:
    """Who stands on each shared key, before or after: what they share waits with them."""
    users: dict[str, set[str]] = {}
    platforms = found.intent.platforms
    for service in found.plan.services:
        for entitlement in (service.was, service.will_be):
            if entitlement:
                for platform in platforms:
                    users.setdefault(f"isp:{entitlement.terms.tariff}@{platform}", set()).add(service.owner)
                users.setdefault(entitlement.pop, set()).add(service.owner)
    return {key: frozenset(owners) for key, owners in users.items()}
