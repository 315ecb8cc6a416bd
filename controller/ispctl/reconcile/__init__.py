"""The only orchestrator: commit + facts + now -> plan -> gates -> rows -> sessions -> journal. Imported by cli alone.

`World` is what a run acts upon; `live` and `propose` plan, `apply` does, `settle` looks for proof between two applies,
`drifted` and `repair` mind hand edits, `prune` old facts, `count_usage` what people use, `take` makes rows ours that
were there before.

Each is read when it is first asked for: a plan of two commits needs neither devices nor sessions, and takes no longer
to make than those take to be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ispctl.on_demand import on_demand

if TYPE_CHECKING:
    from ispctl.reconcile.beside import Beside, Ended, News
    from ispctl.reconcile.counting import count_usage
    from ispctl.reconcile.devices import apply_devices, live_devices, plan_restore, restorable, restore
    from ispctl.reconcile.guards import closed_gates, held
    from ispctl.reconcile.hands import drifted, repair
    from ispctl.reconcile.many import EachItself
    from ispctl.reconcile.older import older_copy
    from ispctl.reconcile.ownership import take
    from ispctl.reconcile.proof import Settled, awaited_reports
    from ispctl.reconcile.proposal import propose
    from ispctl.reconcile.run import apply, empty, live, refusals, settle, with_unread
    from ispctl.reconcile.touch import SessionOutcome
    from ispctl.reconcile.undo import undoable
    from ispctl.reconcile.upkeep import keep, prune, prune_is_due
    from ispctl.reconcile.world import Drift, Permission, Result, World

__all__ = [
    "Beside",
    "Drift",
    "EachItself",
    "Ended",
    "News",
    "Permission",
    "Result",
    "SessionOutcome",
    "Settled",
    "World",
    "apply",
    "apply_devices",
    "awaited_reports",
    "closed_gates",
    "count_usage",
    "drifted",
    "empty",
    "held",
    "keep",
    "live",
    "live_devices",
    "older_copy",
    "plan_restore",
    "propose",
    "prune",
    "prune_is_due",
    "refusals",
    "repair",
    "restorable",
    "restore",
    "settle",
    "take",
    "undoable",
    "with_unread",
]
__getattr__ = on_demand(
    __name__,
    {
        "beside": ("Beside", "Ended", "News"),
        "counting": ("count_usage",),
        "devices": ("apply_devices", "live_devices", "plan_restore", "restorable", "restore"),
        "guards": ("closed_gates", "held"),
        "hands": ("drifted", "repair"),
        "many": ("EachItself",),
        "older": ("older_copy",),
        "ownership": ("take",),
        "proof": ("Settled", "awaited_reports"),
        "proposal": ("propose",),
        "run": ("apply", "empty", "live", "refusals", "settle", "with_unread"),
        "touch": ("SessionOutcome",),
        "undo": ("undoable",),
        "upkeep": ("keep", "prune", "prune_is_due"),
        "world": ("Drift", "Permission", "Result", "World"),
    },
)
