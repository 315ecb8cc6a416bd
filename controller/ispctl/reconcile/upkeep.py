"""What a policy says of old facts, done: sessions that fell silent are closed, what is too old is deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.model.record import fields_of
from ispctl.radius.server import stale_after
from ispctl.reconcile.guards import not_paused
from ispctl.reconcile.world import Progress, silent
from ispctl.repo import Snapshot
from ispctl.store import Store, retention
from ispctl.store.retention import Keep, Pruned

DAILY: Final = timedelta(days=1)


def keep(snapshot: Snapshot) -> Keep:
    """What a commit says. A session is silent by the rule of the server: two reports of the slowest NAS and a half."""
    said = snapshot.policy.value.retention
    ages = {name: getattr(said, name) for name in fields_of(type(said))}
    lasts = {name: None if age is None else timedelta(seconds=age) for name, age in ages.items()}
    return Keep(timedelta(seconds=stale_after(nas.accounting.interim for nas in snapshot.nas.values())), **lasts)


def prune(
    store: Store,
    snapshot: Snapshot,
    now: datetime,
    *,
    actor: str,
    progress: Progress = silent,
    enough: Callable[[], bool] = lambda: False,
) -> Pruned:
    """As `store.retention.prune`. Raises Refusal E614 while everything is paused."""
    not_paused(store.pauses(now), ZoneInfo(snapshot.policy.value.timezone))
    return retention.prune(store, keep(snapshot), now, actor=actor, progress=progress, enough=enough)


def prune_is_due(store: Store, now: datetime) -> bool:
    """Once a day, whoever did it last."""
    last = retention.last_pruned(store)
    return last is None or now - last >= DAILY
