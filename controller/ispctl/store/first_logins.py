"""Who begins with a first login: who waits for it, and when it came.

The accounting tells, as long as it is kept; what it told is written down once, by the apply that acts upon it. Asked of
those who wait, by their logins, however many others there are. A session that the server put behind the wall is none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from ispctl.store._store import Store
from ispctl.store.records import moment, stamp, stamp_or_none

_ROW: Final = "SELECT id, key, login, since, at, until FROM ispctl_first_login"


class Begins(NamedTuple):
    """A service that begins with a first login. `since`: from when on a session counts; `at`: when it began, None while
    it waits; `until`: when time changes it next."""

    id: str
    key: str
    login: str
    since: datetime
    at: datetime | None = None
    until: datetime | None = None

    @property
    def owner(self) -> str:
        return f"{self.id}/{self.key}"


def known(store: Store, owners: Collection[str]) -> dict[str, Begins]:
    """What is written down of these services (id/key), by service."""
    ids = sorted({owner.partition("/")[0] for owner in owners})
    rows = map(_begins, store.database.among(f"{_ROW} WHERE id IN ({{}})", ids))
    return {row.owner: row for row in rows if row.owner in owners}


def told(store: Store, owners: Collection[str], now: datetime) -> dict[str, datetime]:
    """When each of these services began: written down, or as the accounting tells of those who wait."""
    rows = known(store, owners)
    found = {owner: row.at for owner, row in rows.items() if row.at is not None}
    waiting = sorted({row.id for row in rows.values() if row.at is None})
    heard = store.database.among(f"{_heard(store)} AND id IN ({{}})", waiting)
    return found | {owner: at for owner, at in _starts(heard, now) if owner in owners}


def to_look_at(store: Store, now: datetime, until: datetime) -> frozenset[str]:
    """The services that may be another than they were at their last apply: who waits and was online, and who has begun
    and is changed by time up to `until`."""
    sql = "SELECT id, key FROM ispctl_first_login WHERE at IS NOT NULL AND until <= ?"
    began = (f"{id}/{key}" for id, key in store.database.query(sql, (stamp(until),)))
    return frozenset({*began, *came(store, now)})


def came(store: Store, now: datetime) -> frozenset[str]:
    """The services that wait no more: who was online since."""
    return frozenset(owner for owner, _ in _starts(store.database.stream(_heard(store)), now))


def next_turn(store: Store, after: datetime, without: Collection[str] = ()) -> datetime | None:
    """When time changes a service next that has begun, but these; not before `after`."""
    sql = f"{_ROW} WHERE at IS NOT NULL AND until > ? ORDER BY until"
    rows = map(_begins, store.database.stream(sql, (stamp(after),)))
    return next((row.until for row in rows if row.owner not in without), None)


def put(store: Store, row: Begins) -> None:
    """Belongs into the transaction that writes the rows of its login."""
    store.database.write(
        "INSERT INTO ispctl_first_login (id, key, login, since, at, until) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id, key) DO UPDATE SET login = excluded.login, since = excluded.since, at = excluded.at,"
        " until = excluded.until",
        (row.id, row.key, row.login, stamp(row.since), stamp_or_none(row.at), stamp_or_none(row.until)),
    )


def forget(store: Store, row: Begins) -> None:
    """Of a service whose file says by now when it began, or that waits no more."""
    store.database.write("DELETE FROM ispctl_first_login WHERE id = ? AND key = ?", (row.id, row.key))


def _heard(store: Store) -> str:
    """(id, key, since, start of the first session that counts) of who waits: one that was heard of since then, and that
    the server itself did not put behind the wall. Nor is it one of whoever had the login before, which ends by now: as
    it was counted. Asked login by login, so that the databases have no choice."""
    since = store.database.dialect.instant.replace("?", "f.since")
    start = (
        "SELECT min(COALESCE(a.acctstarttime, a.acctupdatetime)) FROM radacct a WHERE a.username = f.login"
        f" AND COALESCE(a.acctstoptime, a.acctupdatetime, a.acctstarttime) >= {since}"
        " AND COALESCE(a.class, '') NOT LIKE '%/wall:%' AND NOT EXISTS (SELECT 1 FROM ispctl_counted c"
        " WHERE c.acctid = a.radacctid AND c.owner <> f.id || '/' || f.key)"
    )
    waiting = f"SELECT f.id, f.key, f.since, ({start}) AS start FROM ispctl_first_login f WHERE f.at IS NULL"
    return f"SELECT id, key, since, start FROM ({waiting}) AS waiting WHERE start IS NOT NULL"


def _starts(rows: Iterable[tuple[Any, ...]], now: datetime) -> Iterator[tuple[str, datetime]]:
    """Who was online, and from when on. The clock of a NAS that is ahead tells nothing of the future."""
    for id, key, since, start in rows:
        began, waits = moment(start), moment(since)
        if began is not None and waits is not None:
            yield f"{id}/{key}", min(max(began, waits), now.replace(microsecond=0))


def _begins(row: tuple[Any, ...]) -> Begins:
    id, key, login, since, at, until = row
    began = moment(since)
    assert began is not None
    return Begins(str(id), str(key), str(login), began, moment(at), moment(until))
