"""What stood on NAS before runs changed it: kept for going back by hand."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ispctl.store._store import Store
from ispctl.store.records import EPOCH, moment, stamp


class Backup(NamedTuple):
    """`slice`: JSON of the resources, digests in place of secrets."""

    run: str
    at: datetime
    slice: str


def put(store: Store, host: str, backup: Backup) -> None:
    """Of one run the first stands: that is what was there before it."""
    store.database.write(
        "INSERT INTO ispctl_nas_backup (run, host, at, slice) VALUES (?, ?, ?, ?) ON CONFLICT (run, host) DO NOTHING",
        (backup.run, host, stamp(backup.at), backup.slice),
    )


def of(store: Store, host: str, limit: int = 50) -> list[Backup]:
    """Newest first."""
    sql = "SELECT run, at, slice FROM ispctl_nas_backup WHERE host = ? ORDER BY at DESC, run DESC LIMIT ?"
    rows = store.database.query(sql, (host, limit))
    return [Backup(run, moment(at) or EPOCH, text) for run, at, text in rows]
