"""What stood on NAS before runs changed it: kept for going back by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from ispctl.store._store import Store
from ispctl.store.records import EPOCH, moment, stamp

LEAST: Final = 3
"""So many of each host stay, however old they are: going back by hand is for a bad day."""
OVER: Final = (
    "at < ? AND (SELECT count(*) FROM ispctl_nas_backup AS newer WHERE newer.host = ispctl_nas_backup.host"
    " AND (newer.at > ispctl_nas_backup.at OR newer.at = ispctl_nas_backup.at AND newer.run > ispctl_nas_backup.run))"
    f" >= {LEAST}"
)
"""Which rows are over at a moment, in SQL."""

_COUNTS: Final = "SELECT host, count(*) FROM ispctl_nas_backup GROUP BY host"


class Backup(NamedTuple):
    """`slice`: JSON of the resources, digests in place of secrets, with the commit that said them."""

    run: str
    at: datetime
    slice: str


def put(store: Store, host: str, backup: Backup) -> None:
    """Of one run the first stands: that is what was there before it."""
    store.database.write(
        "INSERT INTO ispctl_nas_backup (run, host, at, slice) VALUES (?, ?, ?, ?) ON CONFLICT (run, host) DO NOTHING",
        (backup.run, host, stamp(backup.at), backup.slice),
    )


def forget(store: Store, run: str, host: str) -> None:
    store.database.write("DELETE FROM ispctl_nas_backup WHERE run = ? AND host = ?", (run, host))


def of(store: Store, host: str, limit: int = 50) -> list[Backup]:
    """Newest first."""
    sql = "SELECT run, at, slice FROM ispctl_nas_backup WHERE host = ? ORDER BY at DESC, run DESC LIMIT ?"
    rows = store.database.query(sql, (host, limit))
    return [Backup(run, moment(at) or EPOCH, text) for run, at, text in rows]


def counts(store: Store) -> dict[str, int]:
    """How many are kept, by host."""
    return {host: int(count) for host, count in store.database.query(_COUNTS)}
