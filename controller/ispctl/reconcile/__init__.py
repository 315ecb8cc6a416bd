"""The only orchestrator: commit + facts + now -> plan -> gates -> rows -> sessions -> journal. Imported by cli alone.

`World` is what a run acts upon; `live` and `propose` plan, `apply` does, `settle` looks for proof between two applies,
`drifted` and `repair` mind hand edits, `prune` old facts, `take` makes rows ours that were there before.
"""

from ispctl.reconcile.guards import closed_gates, held
from ispctl.reconcile.hands import drifted, repair
from ispctl.reconcile.many import EachItself
from ispctl.reconcile.older import older_copy
from ispctl.reconcile.proof import Settled, awaited_reports
from ispctl.reconcile.propose import propose
from ispctl.reconcile.run import apply, empty, live, refusals, settle, with_unread
from ispctl.reconcile.take import take
from ispctl.reconcile.touch import SessionOutcome
from ispctl.reconcile.undo import undoable
from ispctl.reconcile.upkeep import keep, prune, prune_is_due
from ispctl.reconcile.world import Drift, Permission, Result, World

__all__ = [
    "Drift",
    "EachItself",
    "Permission",
    "Result",
    "SessionOutcome",
    "Settled",
    "World",
    "apply",
    "awaited_reports",
    "closed_gates",
    "drifted",
    "empty",
    "held",
    "keep",
    "live",
    "older_copy",
    "propose",
    "prune",
    "prune_is_due",
    "refusals",
    "repair",
    "settle",
    "take",
    "undoable",
    "with_unread",
]
