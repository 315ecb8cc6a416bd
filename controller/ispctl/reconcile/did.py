"""What a run did, in numbers, for the journal: what it left undone is not among them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from ispctl.plan import LOSSES, Plan, dropped
from ispctl.reconcile.world import Result, Waiting


def did(plan: Plan, waits: Waiting, result: Result) -> Mapping[str, int]:
    """How many people were touched and how, rows written by action, and sessions told or ended."""
    left = waits.owners(plan) | {outcome.change.owner for outcome in result.failed}
    return {**_people(plan, waits, left), **result.written, "sessions": len(result.sessions)}


def _people(plan: Plan, waits: Waiting, left: frozenset[str]) -> Mapping[str, int]:
    """As in the summary of the plan, of all but those who are `left`."""
    if not left:
        return {name: plan.summary[name] for name in ("subscribers", "services", "cut_off", "dropped", "slower")}
    ids, ended = set[str](), set[str]()
    found = dict.fromkeys(("services", "cut_off", "slower"), 0)
    alike = [(one.example, [owner for owner in one.owners if owner not in left]) for one in plan.many]
    alone = ((one, [one.owner]) for one in plan.services if one.owner not in left)
    for one, owners in chain(alike, alone):
        ids.update(owner.partition("/")[0] for owner in owners)
        ended.update(owners if dropped(one) else ())
        found["services"] += len(owners)
        found["cut_off"] += len(owners) * bool(LOSSES & set(one.effects))
        found["slower"] += len(owners) * ("slower" in one.effects)
    ended.update(*(one.names for one in plan.endings if not waits.changes.issuperset(one.changes)))
    return {"subscribers": len(ids), **found, "dropped": len(ended)}
