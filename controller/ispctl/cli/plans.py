"""What `plan`, `apply` and `drift` share: opening the world, and the plan as an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from ispctl.cli.common import Session, clock, tell
from ispctl.cli.progress import Progress
from ispctl.model.problem import Problem, Refusal
from ispctl.structs import Struct, replace

if TYPE_CHECKING:
    from ispctl.gates import Closed
    from ispctl.index import Look, Rates
    from ispctl.model.device import NasTarget
    from ispctl.nas import Fleet
    from ispctl.plan import Plan
    from ispctl.reconcile import Permission, Result, World
    from ispctl.repo import Repository, Snapshot
    from ispctl.report.gist import Gist
    from ispctl.report.saved import Saved
    from ispctl.store import Store


class Scope(Struct):
    """What a command is about. `hosts`: NAS alone, these or (None) all of them."""

    rows: bool = True
    devices: bool = True
    hosts: tuple[str, ...] | None = None


def scope(target: str | None) -> Scope:
    """What --target means: radius, nas, nas:HOST; without it everything. Raises Refusal."""
    if target is None:
        return Scope()
    kind, _, host = target.partition(":")
    if target == "radius":
        return Scope(devices=False)
    if kind == "nas" and (host or target == "nas"):
        return Scope(rows=False, hosts=(host,) if host else None)
    text = f"there is no target {target}"
    raise Refusal(Problem("E607", text, advice="There are: radius, nas (all of them), nas:HOST"))


EVERYTHING: Final = Scope()


def verified(look: Look, rev: str) -> Snapshot:
    """A commit without errors, as far as it had to be read. Raises one Refusal with all of them."""
    if errors := look.errors(rev):
        raise Refusal(*errors)
    return look.parts[rev]


def looked(
    session: Session, repository: Repository, revs: Sequence[str], now: datetime, rates: Rates = "left out"
) -> Look:
    """These commits, as far as they can differ: by default as far as rules may find something. Where that takes long,
    it is seen to go on."""
    with Progress() as progress:
        return session.index(repository, progress).look(revs, now, slicing=True, rates=rates)


class Planned(Struct):
    """A plan with what its answer needs: the commit it is about, and the gates that refuse it."""

    plan: Plan
    snapshot: Snapshot
    closed: tuple[Closed, ...] = ()
    held: frozenset[str] = frozenset()
    about: str = "RADIUS"
    """What is equal to the commit where there is nothing to do."""
    refused: tuple[Problem, ...] | None = None
    """Why an apply of it would be refused, whatever its gates say; None where that was not asked."""

    @cached_property
    def gist(self) -> Gist:
        """What is printed of it, as text and as a note."""
        from ispctl.cli.answers import zone_of
        from ispctl.report.gist import gather

        return gather(self.plan, zone_of(self.snapshot), self.held)


def proposed(session: Session, repository: Repository, base: str, commit: str, now: datetime, *, each: bool) -> Planned:
    """The plan between two commits; the base may be older than today's rules, the commit may not break them. `each`:
    whether it is asked for with everybody in it, or to be told in words."""
    from ispctl.reconcile import EachItself

    if not each:
        with suppress(EachItself):
            return _proposed(session, repository, base, commit, now, "counted")
    return _proposed(session, repository, base, commit, now, "read")


def _proposed(session: Session, repository: Repository, base: str, commit: str, now: datetime, rates: Rates) -> Planned:
    from ispctl.reconcile import propose
    from ispctl.repo.rules.appended import rewritten

    named, base, commit = base, repository.resolve(base), repository.resolve(commit)  # both may move meanwhile
    look = looked(session, repository, (base, commit), now, rates)
    if look.errors(commit, near=True):
        verified(look, commit)
    if rewrites := rewritten(repository, base, commit):
        raise Refusal(*rewrites)
    snapshot = look.parts[commit]
    if errors := look.errors(base):
        text = f"the base {named} has {len(errors)} errors: nothing can be said against it"
        advice = f"ispctl validate --commit {named} shows them; ispctl plan --live compares with what was applied"
        raise Refusal(Problem("E609", text, advice=advice))
    plan = propose(repository, look, base, commit)
    return Planned(plan, snapshot, preview(plan, snapshot))


@contextmanager
def world(
    session: Session,
    repository: Repository,
    snapshot: Snapshot,
    now: datetime,
    about: Scope = EVERYTHING,
    *,
    readonly: bool = False,
) -> Iterator[World]:
    """The repository with its database; a plan asks for it read-only."""
    from ispctl.reconcile import World

    with session.store(snapshot, readonly=readonly) as store, Progress() as progress:
        lab = store.is_lab
        keyring = lambda: session.keyring(snapshot, lab=lab)  # noqa: E731
        replicas = session.replicas(snapshot)
        index = session.index(repository, progress)
        target = nas_target(snapshot, store, lab=lab)
        fleet = fleet_of(target) if target and about.devices else None
        yield World(
            repository,
            store,
            keyring,
            now,
            clock,
            progress,
            session.actor,
            replicas=replicas,
            index=index,
            reviews=session.reviews,
            nas=fleet,
        )


def nas_target(snapshot: Snapshot, store: Store, *, lab: bool) -> NasTarget | None:
    """How NAS are reached; in a lab its stand-ins are, from here, also where git names none. None: not at all."""
    from ispctl.model.device import NasTarget
    from ispctl.reconcile.stand_ins import stand_ins

    if lab:
        return NasTarget() if stand_ins(store) else None
    return snapshot.targets.value.nas if snapshot.targets else None


def fleet_of(target: NasTarget) -> Fleet:
    """Who speaks to NAS: threads of this process, or workers elsewhere."""
    from ispctl.nas import Far, Fleet

    if target.scheduler is None or target.runner == "threads":
        return Fleet(target.workers, target.attempts)
    return Fleet(target.workers, target.attempts, Far(target.scheduler, target.label or "", float(target.patience)))


def live(
    session: Session,
    repository: Repository,
    commit: str,
    now: datetime,
    about: Scope = EVERYTHING,
    permission: Permission | None = None,
) -> Planned:
    """The plan of a commit against what was applied, the gates that would refuse it, and whatever else would.
    `permission`: with which it is to be applied."""
    from ispctl.backend import Unreachable
    from ispctl.reconcile import (
        Permission,
        closed_gates,
        empty,
        held,
        live,
        live_devices,
        older_copy,
        refusals,
        with_unread,
    )

    commit = repository.resolve(commit)
    snapshot = verified(looked(session, repository, (commit,), now), commit)
    with world(session, repository, snapshot, now, about, readonly=True) as opened:
        if not about.rows:
            plan, closed, held_back = live_devices(opened, commit, about.hosts)
            hosts = ", ".join(about.hosts or ("every NAS that is configured",))
            return Planned(plan, snapshot, closed, held_back, hosts)
        try:
            found = live(opened, commit)
        except Unreachable as error:
            return Planned(with_unread(empty(snapshot.commit, now), error), snapshot)
        if older := older_copy(repository, opened.store, found.applied):
            tell(f"{older}.")
        closed = closed_gates(opened, found, {})
        refused = refusals(opened, found, permission or Permission()) if now == session.now else None
        return Planned(found.plan, snapshot, closed, held(found, closed), refused=refused)


def apply_to(
    session: Session,
    commit: str,
    permission: Permission | None = None,
    patience: float = 0,
    about: Scope = EVERYTHING,
) -> tuple[Result, Snapshot]:
    """Apply a commit. Raises Refusal before anything is written."""
    from ispctl.reconcile import Permission, apply, apply_devices
    from ispctl.repo.remote import Remote
    from ispctl.workers import kept

    with session.repository() as repository, kept():
        commit = repository.resolve(commit)  # a branch may move on to what nobody has verified
        snapshot = verified(looked(session, repository, (commit,), session.now), commit)
        with world(session, repository, snapshot, session.now, about) as opened:
            if not about.rows:
                return apply_devices(opened, commit, permission or Permission(), about.hosts), snapshot
            result = apply(replace(opened, patience=patience), commit, permission)
        if result.older:
            tell(f"{result.older}.")
        if found := len(result.untaken):
            some = ", ".join(result.untaken[:3]) + (", …" if found > 3 else "")
            tell(f"New passwords that hold though the device has not taken them: {found} ({some}). See: ispstat cpe")
        if not result.closed and not result.unread:
            Remote(session.repo, "", session.env).keep(snapshot.commit)
        return result, snapshot


def tell_whether_done(saved: Saved, result: Result) -> None:
    """Say that nothing of a saved plan was left to do. That is no failure: an apply that was killed is run again."""
    if not result.read or result.unread or not saved.is_done(result.plan):
        return
    if saved.commit == result.commit:
        tell("Nothing of the saved plan is left to do: it was done already.")
        return
    tell(
        f"Nothing of the saved plan, made of commit {saved.commit[:12]}, is left to do: it was done already, or commit"
        f" {result.commit[:12]}, which is applied, says otherwise."
    )


def warn_of_edits(repository: Repository, commit: str) -> None:
    """What is not committed is in no plan: say so, or somebody believes it is."""
    edited = repository.git.dirty() if commit == "HEAD" else []
    if edited:
        more = f" and {len(edited) - 3} more" if len(edited) > 3 else ""
        tell(f"Not in this plan, since it is not committed: {', '.join(edited[:3])}{more}")


def preview(plan: Plan, snapshot: Snapshot) -> tuple[Closed, ...]:
    """The gates a proposed plan would meet if nothing else happened today."""
    from ispctl.gates import closed

    return closed(plan, snapshot.facts.services, {}, snapshot.policy.value.limits, {})
