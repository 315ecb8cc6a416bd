"""Pauses: what people told us to leave alone for a time. A fact of operation and no intent, so it is not in git."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ispctl.store._database import Database
from ispctl.store.records import EPOCH, Pause, moment, stamp, stamp_or_none

_COLUMNS: Final = "pause, kind, name, since, ends, reason, actor, resumed, resumed_by"
_WIDEST: Final = {"everything": 0, "target": 1, "group": 2, "service": 3}


def pauses(database: Database, now: datetime) -> tuple[Pause, ...]:
    """Those that hold at `now`, the widest first."""
    rows = database.query(f"SELECT {_COLUMNS} FROM ispctl_pause WHERE resumed IS NULL AND ends > ?", (stamp(now),))
    found = (
        Pause(id, kind, name, moment(since) or EPOCH, moment(ends) or EPOCH, reason, actor, moment(resumed), by)
        for id, kind, name, since, ends, reason, actor, resumed, by in rows
    )
    return tuple(sorted((one for one in found if one.is_on(now)), key=lambda one: (_WIDEST[one.kind], one.name)))


def over(database: Database, since: datetime, now: datetime) -> frozenset[tuple[str, datetime | None]]:
    """The ids of those that ended by `now`, by themselves or before, and when; none that ended before `since`."""
    sql = (
        "SELECT pause, coalesce(resumed, ends) FROM ispctl_pause"
        " WHERE ends >= ? AND coalesce(resumed, ends) BETWEEN ? AND ?"
    )
    rows = database.query(sql, (stamp(since), stamp(since), stamp(now)))
    return frozenset((id, moment(ended)) for id, ended in rows)


def put(database: Database, pause: Pause) -> None:
    names = _COLUMNS.split(", ")
    updates = ", ".join(f"{name} = excluded.{name}" for name in names[3:])
    database.write(
        f"INSERT INTO ispctl_pause ({_COLUMNS}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT (pause) DO UPDATE SET {updates}",
        (
            pause.id,
            pause.kind,
            pause.name,
            stamp(pause.since),
            stamp(pause.until),
            pause.reason,
            pause.by,
            stamp_or_none(pause.resumed),
            pause.resumed_by,
        ),
    )
