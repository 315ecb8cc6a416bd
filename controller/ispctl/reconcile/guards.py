"""What is refused before anything is written: history or clocks that go backwards, plans nobody read, closed gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta, tzinfo
from itertools import islice
from typing import Final

from ispctl import gates
from ispctl.gates import Closed
from ispctl.index import ANNOUNCED
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Plan
from ispctl.radius.rendering import TARGET
from ispctl.reconcile.promised import promised
from ispctl.reconcile.survey import Survey
from ispctl.reconcile.unsaid import unsaid
from ispctl.reconcile.world import Permission, Waiting, World
from ispctl.repo import Repository, Snapshot
from ispctl.repo.rules.appended import rewritten
from ispctl.roles import refused
from ispctl.store import Applied, Pause, backup

DAY: Final = timedelta(hours=24)
BACKWARDS: Final = timedelta(seconds=60)


def may_begin(world: World, commit: str, snapshot: Snapshot, applied: Applied | None, permission: Permission) -> None:
    """What is always refused: nothing to want, history that goes backwards, a clock that does, an account that was
    rewritten, changes by whoever may not make them. Raises Refusal."""
    if not snapshot.facts.services:
        text = "the commit has no subscribers: applying it would cut everybody off"
        raise Refusal(Problem("E603", text, advice="Check --commit and --repo"))
    if applied is None:
        _not_older(world, commit, permission)
        return
    if world.now < applied.at - BACKWARDS:
        text = (
            f"the clock says {world.now:%Y-%m-%d %H:%M:%S}Z, but the last apply was at {applied.at:%Y-%m-%d %H:%M:%S}Z"
        )
        raise Refusal(Problem("E605", text, advice="Set the clock of this machine; expiries depend on it"))
    if permission.rollback or applied.commit == commit:
        return
    if not _known(world.repository, commit, applied.commit):
        text = f"commit {commit[:12]} does not contain {applied.commit[:12]}, which is applied"
        advice = "An old pipeline run again, or a branch that was not merged? To go back on purpose: --allow-rollback"
        raise Refusal(Problem("E602", text, advice=advice))
    if rewrites := rewritten(world.repository, applied.commit, commit):
        raise Refusal(*rewrites)
    _permitted(world, applied.commit, commit, permission)


def _permitted(world: World, applied: str, commit: str, permission: Permission) -> None:
    """Since what is applied, nobody did what he may not. Raises Refusal."""
    if found := refused(world.repository, applied, commit, world.reviews, permission.commits):
        raise Refusal(*found)


def _not_older(world: World, commit: str, permission: Permission) -> None:
    """Into a database without rows anything may be applied, unless it was restored: then people had more already."""
    before = backup.began_with(world.store)
    if before and not permission.rollback and not _known(world.repository, commit, before):
        text = (
            f"commit {commit[:12]} does not contain {before[:12]}, which was applied when the backup was made"
            " that this database began with"
        )
        advice = "Fetch the branch first: this repository is older than the backup. On purpose: --allow-rollback"
        raise Refusal(Problem("E602", text, advice=advice))
    if before and not permission.rollback:
        _permitted(world, before, commit, permission)


def _known(repository: Repository, commit: str, ancestor: str) -> bool:
    """Whether a commit is in the history of another. Raises Refusal E003 where older history was not fetched."""
    return repository.contains(commit, ancestor) if repository.git.shallow else contains(repository, commit, ancestor)


def contains(repository: Repository, commit: str, ancestor: str) -> bool:
    """Whether a commit is in the history of another, as far as that is here."""
    try:
        return repository.contains(commit, ancestor)
    except Refusal:
        return False  # the applied commit is not in this repository at all


def is_the_plan(plan: Plan, permission: Permission) -> None:
    differences = iter(permission.differences(plan))
    if first := list(islice(differences, 3)):
        rest = sum(1 for _ in differences)
        more = f" (and {rest:,} more)" if rest else ""
        text = f"what would be done now is not what the saved plan says: {'; '.join(first)}{more}"
        raise Refusal(Problem("E606", text, advice="Make and read a new one: ispctl plan --live --out FILE"))


def closed_gates(world: World, found: Survey, allowed: Mapping[str, int | None]) -> tuple[Closed, ...]:
    """The gates that refuse a plan, counting what the last 24 hours took already."""
    if not any(gates.counted(found.plan).values()):
        return ()
    return gates.closed(found.plan, found.total, taken(world), found.intent.policy.limits, allowed)


def spare_drops(world: World, found: Survey, allowed: Mapping[str, int | None]) -> int:
    """How many more sessions may end today than the plan ends: where a change turns out to be impossible."""
    wanted, permitted = gates.counted(found.plan)["dropped"], allowed.get("dropped")
    if permitted is not None:
        return max(permitted - len(wanted), 0)
    most = gates.most_of(found.intent.policy.limits.dropped, found.total)
    return max(most - len(taken(world)["dropped"] | wanted), 0)


def announced(world: World, found: Survey, permission: Permission) -> None:
    """Ends by the clock count at no gate, since the plan of the last apply announced those of the day after it. What
    nobody announced (the controller was away for days, or the clock of this machine leapt) is not done unsaid, if it
    is more than may be cut off in a day. Raises Refusal."""
    applied = found.applied
    if applied is None or world.now <= applied.at + ANNOUNCED:
        return
    count = unsaid(found.here, found.snapshot, applied) + found.far.unsaid
    permitted = permission.most.get("clock")
    most = gates.most_of(found.intent.policy.limits.cut_off, found.total) if permitted is None else permitted
    if count > most:
        text = (
            f"the clock says {world.now:%Y-%m-%d %H:%M}Z, the last apply was at {applied.at:%Y-%m-%d %H:%M}Z, and"
            f" {count:,} services end by the clock alone that no plan has announced; at most {most:,} may"
        )
        advice = f"Look at the clock first. If it is right: --allow-clock {count}"
        raise Refusal(Problem("E620", text, advice=advice))


def taken(world: World) -> Mapping[str, set[str]]:
    """Who met each gate in the last 24 hours, or is about to since NAS are being configured, and which keys of ours
    went."""
    since = world.now - DAY
    recent: dict[str, set[str]] = {gate: set() for gate in gates.GATES}
    for (effect, cause), services in world.store.lost_since(since, gates.COUNTED).items():
        gate = gates.gate_of(effect, cause)
        if gate:
            recent[gate] |= services
    recent["dropped"] |= promised(world.store, since)
    recent["delete"] = world.store.deleted_since(since)
    return recent


def held(found: Survey, shut: Sequence[Closed]) -> frozenset[str]:
    """The ids of the changes that wait while these gates are closed; the others go ahead."""
    if not shut:
        return frozenset()
    return gates.held(found.plan, frozenset(c.gate for c in shut), _users(found))


def waiting(found: Survey, shut: tuple[Closed, ...]) -> Waiting:
    """Everything that an apply leaves undone: at closed gates, and because of pauses."""
    plan = found.plan
    losers = gates.losers(plan, frozenset(c.gate for c in shut)) | plan.still
    return Waiting(held(found, shut), plan.stopped, losers, shut)


def not_paused(pauses: Sequence[Pause], zone: tzinfo) -> None:
    """A pause of everything leaves nothing to begin with. Raises Refusal."""
    for one in pauses:
        if one.kind == "everything" or (one.kind == "target" and one.name == TARGET):
            by = f" by {one.by}" if one.by else ""
            text = f"{one.what} is paused until {one.until.astimezone(zone):%Y-%m-%d %H:%M}{by}: {one.reason}"
            raise Refusal(Problem("E614", text, advice=f"It ends by itself; to go on now: ispctl resume {one.id}"))


def _users(found: Survey) -> Mapping[str, frozenset[str]]:
    """Who stands on each shared key, before or after: what they share waits with them."""
    users: dict[str, set[str]] = {}
    platforms = found.intent.platforms
    for service in found.plan.services:
        for entitlement in (service.was, service.will_be):
            if entitlement:
                for platform in platforms:
                    users.setdefault(f"isp:{entitlement.terms.name}@{platform}", set()).add(service.owner)
                users.setdefault(entitlement.pop, set()).add(service.owner)
    return {key: frozenset(owners) for key, owners in users.items()}
