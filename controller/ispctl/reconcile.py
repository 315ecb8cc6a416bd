"""The only orchestrator: commit + facts + now -> plan -> gates -> rows -> sessions -> journal.

Every step can be killed and run again: rows and the applied entitlement of a service change in one transaction, the
applied commit advances after the last of them, and a session that was not told is found behind by the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from ispctl import gates
from ispctl.applied import digest_of, terms_to_value, to_text
from ispctl.backend import Outcome, Unreachable
from ispctl.desired import Entitlement
from ispctl.door import Doors
from ispctl.gates import Closed
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Change, Fields, Key, Plan, Unread, dropped
from ispctl.radius.rows import TARGET, RadiusRows, order
from ispctl.repo import Repository
from ispctl.sealed_values import SealedValues
from ispctl.secrets import Keyring
from ispctl.store import Applied, AppliedService, Holder, Run, Store
from ispctl.survey import LEFT, RENDERED, SHARED, TERMS, Reading, Survey, drift, shared_key, survey
from ispctl.touch import SessionOutcome, await_proof, settle, touch

DAY: Final = timedelta(hours=24)
BACKWARDS: Final = timedelta(seconds=60)
LASTING: Final = frozenset({"E314", "E318"})
"""Failures that wait for a person (rows of somebody else), and what waits for those: the commit counts as applied."""
Progress = Callable[[str, int, int], None]
"""(what, done, all)"""


def _silent(_what: str, _done: int, _all: int) -> None: ...


@dataclass(frozen=True)
class Permission:
    """What the person at the command line allows, once: at most so many, and whether history may go backwards."""

    most: Mapping[str, int | None] = field(default_factory=dict)
    rollback: bool = False
    differences: Callable[[Plan], Sequence[str]] = lambda _plan: ()
    """How a plan differs from the one that somebody saved and read, a sentence each."""


@dataclass(frozen=True)
class Result:
    """What an apply did."""

    run: str
    commit: str
    plan: Plan
    outcomes: tuple[Outcome, ...] = ()
    sessions: tuple[SessionOutcome, ...] = ()
    held: tuple[str, ...] = ()
    closed: tuple[Closed, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 done · 1 refused or failed."""
        failed = any(outcome.error for outcome in self.outcomes) or any(s.code for s in self.sessions)
        return 1 if self.closed or self.unread or failed else 0


@dataclass(frozen=True)
class World:
    """What an apply acts upon. `keyring` is opened only when a secret has to be written."""

    repository: Repository
    store: Store
    keyring: Callable[[], Keyring]
    now: datetime
    clock: Callable[[], datetime]
    """What time it is, for what takes time: `now` is the moment that everything is decided for."""
    progress: Progress = _silent
    patience: float = 0.0
    """Seconds to wait for the accounting to prove what sessions acknowledged."""


def live(world: World, commit: str) -> Survey:
    """The live plan of a commit; changes nothing. Raises Refusal, Unreachable."""
    return survey(_reading(world, commit))


def apply(world: World, commit: str, permission: Permission = Permission()) -> Result:
    """Make RADIUS and every live session equal to a commit. Raises Refusal before anything is written."""
    with world.store.lock(Holder("", world.now)):
        reading = _reading(world, commit)
        _may_begin(world, reading, permission)
        contradicted = settle(world.store, reading.snapshot.nas, world.now)
        try:
            found = survey(reading, contradicted)
        except Unreachable as error:
            unread = (Unread(error.target, "E319", error.text),)
            return Result("", reading.commit, empty(reading.commit, world.now), unread=unread)
        _is_the_plan(found.plan, permission)
        refused = closed_gates(world, found, permission.most)
        waits = Waiting(held(found, refused), gates.losers(found.plan, frozenset(c.gate for c in refused)), refused)
        rows = [c for c in found.plan.changes if c.key[0] != "session" and c.id not in waits.changes]
        secrets = SealedValues(reading.snapshot.nas, found.intent.entitlements, world.keyring)
        secrets.check(rows)
        doors = Doors(reading.snapshot.nas, world.store, secrets)
        doors.check(one.nas.name for one in found.behind if one.change.id not in waits.changes)
        result = _write(world, found, rows, secrets, waits)
        return _tell(world, found, result, doors, waits, contradicted)


def drifted(world: World) -> tuple[Change, ...]:
    """What stands in the database otherwise than the last apply left it. Raises Refusal, Unreachable."""
    return drift(_applied_reading(world))[1]


def repair(world: World) -> tuple[tuple[Change, ...], tuple[Outcome, ...]]:
    """Write back what was applied where somebody changed rows by hand; what time has made due is left to an apply.
    Raises Refusal, Unreachable."""
    with world.store.lock(Holder("", world.now, "drift --repair")):
        reading = _applied_reading(world)
        intent, changes = drift(reading)
        secrets = SealedValues(reading.snapshot.nas, intent.entitlements, world.keyring)
        secrets.check(changes)
        run = world.store.begin_run("repair", world.now, commit=reading.commit)
        beside = partial(run.change, at=world.now)
        outcomes = tuple(RadiusRows(world.store).apply(order(changes), secrets.open, beside))
        failed = sum(bool(outcome.error) for outcome in outcomes)
        run.finish("failed" if failed else "done", world.clock(), {"rows": len(outcomes), "failed": failed})
        return changes, outcomes


@dataclass(frozen=True)
class Waiting:
    """What the closed gates hold back: changes, and people, whether or not a row of theirs changes."""

    changes: frozenset[str]
    losers: frozenset[str]
    closed: tuple[Closed, ...]

    def owners(self, plan: Plan) -> frozenset[str]:
        """Every service for which something waits."""
        return self.losers | {c.owner for c in plan.changes if c.id in self.changes}


def _write(
    world: World, found: Survey, rows: list[Change], secrets: SealedValues, waits: Waiting
) -> tuple[Run, tuple[Outcome, ...]]:
    """The rows, and what stands beside them; each step leaves a state the next run can go on from."""
    plan, store = found.plan, world.store
    run = store.begin_run("apply", world.now, commit=plan.commit, base=plan.base, digest=plan.digest)
    note = _Note(world, found, run)
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
    quiet = waits.owners(plan) | {outcome.change.owner for outcome in outcomes if outcome.error}
    unread: tuple[Unread, ...] = ()
    sessions: tuple[SessionOutcome, ...] = ()
    try:
        behind = survey(_reading(world, plan.commit), contradicted).behind
        todo = [one for one in behind if one.owner not in quiet and one.change.id not in waits.changes]
        answers = tuple(touch(world.store, todo, doors, _rates(found), world.clock, world.progress))
        sessions = await_proof(world.store, found.intent.nas, answers, world.clock, world.patience)
    except Unreachable as error:
        unread = (Unread(error.target, "E319", error.text),)
    held_back = tuple(sorted(waits.changes))
    result = Result(run.id, plan.commit, plan, outcomes, sessions, held_back, waits.closed, unread)
    run.finish("done" if result.exit_code == 0 else "failed", world.clock(), plan.summary)
    return result


class _Note:
    """Writes the applied entitlement and the journal, in the transaction of the rows they belong to."""

    def __init__(self, world: World, found: Survey, run: Run) -> None:
        self.store, self.run, self.now = world.store, run, world.now
        self.found, self.entitlements = found, found.entitlements
        self.services = {service.owner: service for service in found.plan.services}
        self.journalled: set[str] = set()
        self.written: set[str] = set()

    def beside(self, change: Change) -> None:
        kind = change.key[0]
        self.run.change(change, self.now)
        if kind in SHARED:
            self._shared(change.key, change.after)
        else:
            self._left(change)
            self._service(change.owner)

    def rest(self, failed: Sequence[Outcome], waits: Waiting) -> None:
        """What has no row of its own: entitlements whose rows stay the same, terms of tariffs, the applied commit."""
        plan = self.found.plan
        quiet = waits.owners(plan) | {outcome.change.owner for outcome in failed}
        stuck = {o.change.key for o in failed} | {c.key for c in plan.changes if c.id in waits.changes}
        with self.store.transaction():
            for key in self.found.equal:
                if key[0] in SHARED:
                    self._shared(key, self.found.want.get(key))
            for owner in sorted(self.entitlements.keys() | self.found.stored.keys()):
                if owner not in self.written and owner not in quiet and self._is_stale(owner):
                    self._service(owner)
            self._terms(frozenset(_tariff_of(name) for kind, name in stuck if kind == "group"))
            if not waits.closed and all(outcome.code in LASTING for outcome in failed):
                self.store.put_applied(Applied(plan.commit, self.now, plan.digest))

    def _is_stale(self, owner: str) -> bool:
        row, entitlement = self.found.stored.get(owner), self.entitlements.get(owner)
        if row is None or entitlement is None:
            return True
        rendered = digest_of(self.found.want.get(("login", entitlement.login)))
        return (row.entitlement, row.digest) != (to_text(entitlement), rendered) or owner in self.services

    def _service(self, owner: str) -> None:
        self.written.add(owner)
        entitlement = self.entitlements.get(owner)
        id, _, key = owner.partition("/")
        if entitlement is None:
            self.store.forget_entitlement((id, key))
        else:
            self.store.put_entitlement(self._applied(entitlement))
        self._effects(owner)

    def _applied(self, entitlement: Entitlement) -> AppliedService:
        rendered = digest_of(self.found.want.get(("login", entitlement.login)))
        commit = self.found.plan.commit
        text = to_text(entitlement)
        return AppliedService(entitlement.id, entitlement.key, entitlement.login, text, rendered, commit, self.now)

    def _effects(self, owner: str) -> None:
        service = self.services.get(owner)
        if service is None or owner in self.journalled:
            return
        self.journalled.add(owner)
        for effect in (*service.effects, *(["dropped"] if dropped(service) else [])):
            self.run.service((service.now.id, service.now.key), effect, service.cause, self.now)

    def _left(self, change: Change) -> None:
        """Who is online on a login that goes has to be found by whichever run ends the session."""
        login = change.key[1]
        if change.after is None:
            self.store.put_object(LEFT, login, {"owner": change.owner})
        elif change.before is None:
            self.store.forget_object(LEFT, login)

    def _shared(self, key: Key, after: Fields | None) -> None:
        if after is None:
            self.store.forget_object(RENDERED, shared_key(key))
        else:
            self.store.put_object(RENDERED, shared_key(key), {"digest": digest_of(after)})

    def _terms(self, stuck: frozenset[str]) -> None:
        """What each tariff grants; `stuck` are those whose groups stand as they were."""
        before = self.store.objects(TERMS)
        wanted = {name: terms_to_value(terms) for name, terms in self.found.intent.terms.items()}
        for name, value in wanted.items():
            if before.get(name) != value and name not in stuck:
                self.store.put_object(TERMS, name, value)
        for name in before.keys() - wanted.keys() - stuck:
            self.store.forget_object(TERMS, name)


def _tariff_of(group: str) -> str:
    return group.removeprefix("isp:").partition("@")[0]


def _reading(world: World, commit: str) -> Reading:
    resolved = world.repository.resolve(commit)
    return Reading(world.repository, world.store, RadiusRows(world.store), resolved, world.now)


def _applied_reading(world: World) -> Reading:
    applied = world.store.applied
    if applied is None:
        text = "nothing has been applied to this database, so there is nothing to compare it with"
        raise Refusal(Problem("E608", text, advice="ispctl apply makes it equal to a commit"))
    return _reading(world, applied.commit)


def _may_begin(world: World, reading: Reading, permission: Permission) -> None:
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


def _is_the_plan(plan: Plan, permission: Permission) -> None:
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
