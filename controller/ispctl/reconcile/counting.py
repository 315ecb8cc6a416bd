"""What services used, counted from the accounting by what git says of the NAS and of the ISP's days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.radius.live import nas_by_address
from ispctl.repo import Snapshot
from ispctl.store import Heartbeat, Holder, Store, usage
from ispctl.store.usage import Counted, Way

_OFTEN: Final = timedelta(minutes=3)
"""A loop counts more often. An apply does where none runs, so that each need not look at all sessions."""


def count_usage(store: Store, snapshot: Snapshot, now: datetime, enough: Callable[[], bool] = lambda: False) -> Counted:
    """Count what was used since the last time, beside nobody else; a part, once `enough` says so. Raises Refusal: E312
    while somebody applies."""
    with store.lock(Holder("", now, "count")):
        return _count(store, snapshot, now, enough)


def count_before_apply(store: Store, snapshot: Snapshot, now: datetime) -> None:
    """The same under the lock that an apply holds, where nobody did so lately and no loop is there to do it: it rests
    the longer the more there is to count, and nobody who pays waits for that."""
    last = usage.last_count(store)
    if last is None or (not timedelta() <= now - last < _OFTEN and not Heartbeat(store.database).lives(now)):
        _count(store, snapshot, now)


def _count(store: Store, snapshot: Snapshot, now: datetime, enough: Callable[[], bool] = lambda: False) -> Counted:
    ways = {
        address: Way(nas.accounting.direction == "subscriber", nas.accounting.gigawords)
        for address, nas in nas_by_address(snapshot.nas.values()).items()
    }
    return usage.count(store, ways, ZoneInfo(snapshot.policy.value.timezone), now, enough)
