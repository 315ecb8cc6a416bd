"""`ispctl drift`: what somebody changed by hand, and writing back what was applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ispctl.cli.common import Session
from ispctl.cli.plans import world

if TYPE_CHECKING:
    from ispctl.backend import Outcome
    from ispctl.plan import Change
    from ispctl.repo import Snapshot


def find_drift(session: Session, *, repair: bool) -> tuple[tuple[Change, ...], tuple[Outcome, ...], Snapshot]:
    """The keys that differ from what was applied; with `repair` also what became of each. Raises Refusal."""
    from ispctl import reconcile

    with session.repository() as repository:
        snapshot = repository.at("HEAD")
        with world(session, repository, snapshot, session.now, readonly=not repair) as opened:
            if repair:
                changes, outcomes = reconcile.repair(opened)
                return changes, outcomes, snapshot
            return reconcile.drifted(opened), (), snapshot
