"""`ispctl drift`: what somebody changed by hand, writing back what was applied, or taking the edit into git."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ispctl.cli.common import Session
from ispctl.cli.plans import world
from ispctl.model.problem import Problem, Refusal
from ispctl.structs import Struct, field, replace

if TYPE_CHECKING:
    from ispctl.reconcile import Drift
    from ispctl.repo import Repository, Snapshot
    from ispctl.store.ahead import SumsAhead


class Compared(Struct):
    """What stands otherwise, and what HEAD says of all of them together."""

    found: Drift
    shared: Snapshot

    def answer(self, format: str) -> str:
        """To print."""
        from ispctl.cli.answers import drift_answer

        return drift_answer(self.found, self.shared, format)


def find_drift(session: Session, most: Mapping[str, int | None] | None) -> Compared:
    """Compare the whole database with what was applied; with `most` that may be done, put it right. Raises Refusal,
    also where the database gives no answer to trust."""
    looks = most is None
    ahead = _sums(session, None) if looks else None  # before the rest of the program is loaded
    with session.repository() as repository:
        shared = repository.part("HEAD", ())
        ahead = ahead or (_sums(session, shared) if looks else None)
        from ispctl import reconcile
        from ispctl.backend import Unreachable

        with world(session, repository, shared, session.now, readonly=looks) as opened:
            try:
                if most is None:
                    found = reconcile.drifted(replace(opened, sums=ahead.take) if ahead else opened)
                else:
                    found = reconcile.repair(opened, reconcile.Permission(most))
            except Unreachable as error:
                raise Refusal(Problem("E319", error.text, advice="ispstat health says more")) from None
            return Compared(found, shared)


def _sums(session: Session, snapshot: Snapshot | None) -> SumsAhead | None:
    """Asked of the database that is named; None where that cannot be, which is told to whoever opens it."""
    from ispctl.store.ahead import SumsAhead

    try:
        return SumsAhead.of(session.dsn(snapshot), session.repo)
    except Refusal:
        return None


class HandEdits(Struct):
    """What became YAML: the answer's JSON, and the files before and after."""

    document: dict[str, Any]
    before: Mapping[str, bytes] = field(repr=False)
    after: Mapping[str, bytes] = field(repr=False)

    @property
    def unsaid(self) -> bool:
        return any(one["unsaid"] for one in self.document["items"])

    def answer(self, format: str) -> str:
        """To print."""
        from ispctl.cli.answers import hand_edits_answer

        return hand_edits_answer(self, format)


def adopt_drift(session: Session, branch: str | None) -> HandEdits:
    """Say in YAML what somebody did in SQL: in the files of the work tree, or in a commit on a new branch. Raises
    Refusal."""
    from ispctl import reconcile
    from ispctl.adopt.handed import Source, hand_edits
    from ispctl.adopt.reading import OldDatabase
    from ispctl.backend import Unreachable
    from ispctl.report import handed

    with session.repository() as repository:
        if repository.git.bare and branch is None:
            advice = "Name a branch for the commit: --branch NAME"
            raise Refusal(Problem("E210", "a bare repository has no files to write", advice=advice))
        snapshot = repository.work() if branch is None else repository.at("HEAD")
        source = Source(snapshot, repository.contents() if branch is None else repository.contents("HEAD"))
        with world(session, repository, snapshot, session.now, readonly=True) as opened:
            try:
                changes = reconcile.drifted(replace(opened, nas=None)).changes
            except Unreachable as error:
                raise Refusal(Problem("E319", error.text, advice="ispstat health says more")) from None
            old = OldDatabase(opened.store.database)
            keyring = cache(opened.keyring)

            def seal(owner: str, clear: str) -> str:
                return keyring().seal("service", owner, "password", clear).text

            found = hand_edits(source, changes, lambda login: next(iter(old.people([login]))), seal, session.now)
            applied = opened.store.applied
        made = _kept(session, repository, found.files, branch) if found.files else ""
    document = handed.document(
        found.said,
        now=session.now,
        zone=ZoneInfo(snapshot.policy.value.timezone),
        applied=applied.commit if applied else "",
        branch=branch or "",
        commit=made,
    )
    return HandEdits(document, source.contents, found.files)


def _kept(session: Session, repository: Repository, files: Mapping[str, bytes], branch: str | None) -> str:
    from ispctl.repo.remote import LOCAL, Push, Remote
    from ispctl.repo.scratch import Scratch
    from ispctl.verbs.rotate import write_whole

    if branch is None:
        for path, data in files.items():
            write_whole(session.repo / path, data)
        return ""
    message = f"Say in git what was done by hand: {len(files)} files\n\nEvent: drift-adopt\n"
    with Scratch(repository.git, session.env) as scratch:
        made = scratch.commit(repository.resolve("HEAD"), files, message)
        scratch.publish(made, Remote(session.repo, branch, session.env, LOCAL), Push(branch))
    return made
