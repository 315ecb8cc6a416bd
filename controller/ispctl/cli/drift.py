"""`ispctl drift`: what somebody changed by hand, and writing back what was applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ispctl.cli.common import Session
from ispctl.cli.plans import world
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from ispctl.backend import Outcome
    from ispctl.plan import Change
    from ispctl.repo import Snapshot


@dataclass(frozen=True)
class Found:
    """The keys that differ from what was applied, and with a repair what became of each."""

    changes: tuple[Change, ...]
    outcomes: tuple[Outcome, ...]
    commit: str
    snapshot: Snapshot


def find_drift(session: Session, *, repair: bool) -> Found:
    """Compare the whole database with what was applied. Raises Refusal, also where it gives no answer to trust."""
    from ispctl import reconcile
    from ispctl.backend import Unreachable

    with session.repository() as repository:
        snapshot = repository.at("HEAD")
        with world(session, repository, snapshot, session.now, readonly=not repair) as opened:
            try:
                changes, outcomes = reconcile.repair(opened) if repair else (reconcile.drifted(opened), ())
            except Unreachable as error:
                raise Refusal(Problem("E319", error.text, advice="ispstat health says more")) from None
            applied = opened.store.applied
            return Found(changes, outcomes, applied.commit if applied else "", snapshot)
