"""Standbys next to other FreeRADIUS servers: do they hold what was written here? A mark that follows the rows tells."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.store._dsn import address
from ispctl.store._store import Store
from ispctl.structs import Struct

_MARK: Final = "written"
"""Key in ispctl_meta: the run whose rows are all written. A standby replays in order: if it has this, it has them."""
_PAUSE: Final = 0.1


class Missing(Struct):
    """A standby that does not hold what a run has written. `reachable`: it answers, and so does a server
    beside it, from what it holds."""

    place: str
    reachable: bool
    problem: Problem


def mark(store: Store, run: str) -> None:
    """After the last row of a run."""
    store.meta.set(_MARK, run)


def missing(dsns: Sequence[str], run: str, patience: float, alive: Callable[[], object]) -> tuple[Missing, ...]:
    """The standbys that do not hold the rows of a run after at most `patience` seconds; `alive` is called meanwhile."""
    end = time.monotonic() + patience
    while True:
        found = tuple(one for number, dsn in enumerate(dsns, 1) if (one := _ask(dsn, run, number)) is not None)
        if not any(one.reachable for one in found) or time.monotonic() >= end:
            return found
        alive()
        time.sleep(_PAUSE)


def _ask(dsn: str, run: str, number: int) -> Missing | None:
    place = f"replica {number}"
    try:
        place = address(dsn, Path()).place
        with Store.open(dsn, readonly=True) as replica:
            newest = replica.meta.get(_MARK)
    except Refusal as refusal:
        return Missing(place, False, refusal.problems[0])
    if newest == run:
        return None
    advice = "See pg_stat_replication on the primary; the next run tells the sessions"
    text = "it does not hold what this run has written, so that no session is told yet"
    return Missing(place, True, Problem("E331", text, advice=advice))
