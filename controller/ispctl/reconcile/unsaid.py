"""Ends by the clock that no plan has announced. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ispctl.desired import entitle
from ispctl.index import ANNOUNCED
from ispctl.plan import LOSSES, Plan, ServiceChange, effects
from ispctl.repo import Snapshot

if TYPE_CHECKING:
    from ispctl.store import Applied


def unsaid(plan: Plan, snapshot: Snapshot, applied: Applied | None) -> int:
    """How many services of a plan end by the clock alone, later than the plan of the last apply looked ahead.
    `snapshot`: the commit, as far as it says something of them."""
    if applied is None or plan.now <= applied.at + ANNOUNCED:
        return 0
    ended = (one for one in plan.going.services if one.cause == "clock" and LOSSES & set(one.effects))
    return sum(not _lost_at(one, snapshot, applied.at + ANNOUNCED) for one in ended)


def _lost_at(service: ServiceChange, snapshot: Snapshot, then: datetime) -> bool:
    """Whether the loss had come by that moment already."""
    at_last = (entitle(h.document, h.number, snapshot, then) for h in snapshot.find(service.owner))
    return any(LOSSES & set(effects(service.was, e)) for e in at_last)
