"""What the database knows beside rows and sessions: when it was last told something, strangers, what failed."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ispctl.store import Store
from ispctl.store.records import moment


class Stranger(NamedTuple):
    """An address that speaks RADIUS to us and is no NAS of ours."""

    address: str
    last_seen: datetime | None
    packets: int


def last_report(store: Store) -> datetime | None:
    """When the newest accounting report came."""
    return moment(store.database.query("SELECT max(acctupdatetime) FROM radacct")[0][0])


def last_seen(store: Store) -> dict[str, datetime]:
    """login -> when it was last online, for every login that ever was."""
    sql = "SELECT username, max(COALESCE(acctstoptime, acctupdatetime, acctstarttime)) FROM radacct GROUP BY username"
    return {str(login): at for login, seconds in store.database.stream(sql) if (at := moment(seconds))}


def strangers(store: Store) -> tuple[Stranger, ...]:
    """The ten that spoke last, newest first."""
    sql = "SELECT address, last_seen, packets FROM ispctl_stranger ORDER BY last_seen DESC, address LIMIT 10"
    return tuple(Stranger(str(a), moment(at), int(packets)) for a, at, packets in store.database.query(sql))


def failures(store: Store, run: str) -> tuple[str, ...]:
    """What a run could not do: one sentence a change, the same sentence once."""
    sql = "SELECT DISTINCT outcome FROM ispctl_journal_change WHERE run = ? AND outcome <> '' ORDER BY outcome LIMIT 10"
    return tuple(str(outcome) for (outcome,) in store.database.query(sql, (run,)))
