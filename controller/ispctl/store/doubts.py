"""Which open sessions may run something else than their rows say: found among few, whoever else is online.

A session that was looked at and runs what it should goes on doing so until its login, its group or its NAS changes, it
begins anew, or it is told something. Each of these writes it down as doubtful, in its own transaction: `of_logins`,
`of_rendering` and `of_nas` belong beside the rows that they speak of, and what the server writes of sessions a trigger
of the database sees, whatever configuration that server runs. So neither a kill nor an order of commits can lose one.

What a hand changes in our rows is not seen so. Therefore everybody is compared with everything once a day, and
whenever more is doubtful than is worth to be looked up one by one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from ispctl.store._database import Database
from ispctl.store._store import Store
from ispctl.store.records import stamp

_TABLE: Final = "ispctl_doubt"
RENDERING: Final = "substr({}, 18, 16)"
"""Of a Class: what its group grants, after 16 digits for what its login does and a hyphen. As in the indexes."""
OVER: Final = "(a.acctuniqueid IS NULL OR a.acctstarttime > {counted})"
"""Of what is noted of a session (p), beside its open row (a): it has ended, or another one bears its id."""
BESIDE: Final = "LEFT JOIN radacct a ON a.acctuniqueid = p.acctuniqueid AND a.acctstoptime IS NULL"
_UNSURE: Final = "kind <> 'coa' OR answer <> 'ack'"
"""As in the index."""
EVERYBODY: Final = timedelta(days=1)
_MANY: Final = 20_000
"""Doubtful sessions that cost as much as all there may be."""
LOOKED: Final = "looked"
"""Key in ispctl_meta: when everybody was looked at last."""
_FROM: Final = """
FROM radacct a JOIN ispctl_login l ON l.login = a.username
LEFT JOIN ispctl_session p ON p.acctuniqueid = a.acctuniqueid
LEFT JOIN radusergroup u ON u.username = l.login
LEFT JOIN {nas} n ON n.nasname = {address}
WHERE a.acctstoptime IS NULL AND (l.refuse <> '' OR p.kind <> 'coa' OR p.answer <> 'ack'
    OR COALESCE(p.class_to, a.class, '') <> '' AND (substr(COALESCE(p.class_to, a.class), 1, 17) <> l.class || '-'
    OR COALESCE(u.groupname, '') || '@' || COALESCE(n.type, '') || ' ' || substr(COALESCE(p.class_to, a.class), 18)
        NOT IN (SELECT c.groupname || ' ' || c.value FROM {groups} c WHERE c.attribute = 'ISP-Rendering' UNION ALL
            SELECT {logical} || '@ ' || c.value FROM {groups} c WHERE c.attribute = 'ISP-Rendering')))
"""
"""The group of a session is that of its login with "@" and the platform of its NAS, or any where the session names its
NAS by an address that is no client's. What was told and acknowledged is run; of what was asked and not acknowledged
nobody knows; and of a session without Class neither. What all groups render is few words, which the server keeps at
hand: to look for those of each session took three times as long."""
_OPEN: Final = f"INSERT INTO {_TABLE} (acctuniqueid) SELECT acctuniqueid FROM radacct WHERE acctstoptime IS NULL AND "


def behind(store: Store, *, everybody: bool = False) -> frozenset[str]:
    """The services with an open session that may run something else than its rows say; some of them do not.
    `everybody`: by a comparison of all there are, whatever is written down."""
    database = store.database
    sql = f"SELECT DISTINCT l.owner {_compared(database)}"
    doubtful = None if everybody else written(store)
    if doubtful is None:
        return frozenset(str(owner) for (owner,) in database.query(sql))
    unsure = database.query(f"SELECT acctuniqueid FROM ispctl_session WHERE {_UNSURE}")
    ids = sorted(doubtful.union(str(id) for (id,) in unsure))
    return frozenset(str(owner) for (owner,) in database.among(f"{sql} AND a.acctuniqueid IN ({{}})", ids))


def written(store: Store) -> frozenset[str] | None:
    """The sessions that are written down as doubtful, by name, so that a database that does not know how few they are
    looks each of them up. None where that is not to be had, or too many: then all there are have to be compared."""
    if not known(store.database) or _too_many(store.database):
        return None
    return frozenset(str(id) for (id,) in store.database.query(f"SELECT acctuniqueid FROM {_TABLE}"))


def look(store: Store, now: datetime, *, everybody: bool = False) -> None:
    """Forget the doubts about sessions that run what they should. Once a day, and where many are doubtful, everybody is
    compared instead, as with `everybody`. Belongs under the lock."""
    database = store.database
    lately = "key = ? AND value > ? AND value <= ?"  # of as many digits for some centuries
    if everybody or _too_many(database) or not known(database, lately, str(stamp(now - EVERYBODY)), str(stamp(now))):
        with store.transaction():
            _look_at_everybody(database)
            store.meta.set(LOOKED, str(stamp(now)))
    elif database.query(f"SELECT 1 FROM {_TABLE} LIMIT 1"):
        # One statement, and so one moment: who becomes doubtful after it stays so.
        with store.transaction():
            database.write(
                f"DELETE FROM {_TABLE} WHERE NOT EXISTS (SELECT 1 {_compared(database)}"
                f" AND a.acctuniqueid = {_TABLE}.acctuniqueid) AND NOT EXISTS ({_over(database)}"
                f" AND p.acctuniqueid = {_TABLE}.acctuniqueid)"
            )


def _look_at_everybody(database: Database) -> None:
    """Who becomes doubtful in between is met by the second statement at the latest, or stays so."""
    database.write(f"DELETE FROM {_TABLE}")
    found = f"SELECT a.acctuniqueid {_compared(database)} UNION {_over(database)}"
    database.write(f"INSERT INTO {_TABLE} (acctuniqueid) {found}")


def running(store: Store, renderings: Collection[str]) -> frozenset[str]:
    """Which of these renderings of groups an open session may run, by its Class or by what it was told."""
    told = f"SELECT 1 FROM ispctl_session WHERE {RENDERING.format('class_to')} = ? LIMIT 1"
    open_ = f"SELECT 1 FROM radacct WHERE acctstoptime IS NULL AND {RENDERING.format('class')} = ? LIMIT 1"
    query = store.database.query
    return frozenset(name for name in renderings if query(told, (name,)) or query(open_, (name,)))


def of_sessions(store: Store, ids: Collection[str]) -> None:
    """These (Acct-Unique-Session-Id) may run something else from now on."""
    _doubt(store.database, f"{_OPEN}acctuniqueid IN ({{}})", ids)


def of_logins(database: Database, logins: Collection[str]) -> None:
    """So may whoever is online by one of these logins, whose class, group or refusal was written."""
    _doubt(database, f"{_OPEN}username IN ({{}})", logins)


def of_rendering(database: Database, rendering: str) -> None:
    """So may whoever runs what a group rendered until now."""
    database.write(f"{_OPEN}{RENDERING.format('class')} = ?", (rendering,))
    told = f"SELECT acctuniqueid FROM ispctl_session WHERE {RENDERING.format('class_to')} = ?"
    database.write(f"INSERT INTO {_TABLE} (acctuniqueid) {told}", (rendering,))


def of_nas(database: Database, address: str) -> None:
    """So may whoever is online at this address, of which RADIUS is told another platform."""
    database.write(f"{_OPEN}{database.dialect.address.format('nasipaddress')} = ?", (address,))


def _doubt(database: Database, sql: str, keys: Collection[str]) -> None:
    names = sorted(set(keys))
    for start in range(0, len(names), database.dialect.chunk):
        part = names[start : start + database.dialect.chunk]
        database.write(sql.format(",".join("?" * len(part))), part)


def known(database: Database, condition: str = "key = ?", *values: str) -> bool:
    """Whether everybody was looked at since triggers watch: else nothing is known of anybody. Read without a row."""
    absent = f"SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM ispctl_meta WHERE {condition})"
    return not database.query(absent, (LOOKED, *values))


def unwatched(database: Database) -> tuple[str, ...]:
    """The triggers that are not there, or switched off: what the server writes would make nobody doubtful."""
    there = {name for (name,) in database.query(database.dialect.watching)}
    return tuple(name for name in database.dialect.watchers if name not in there)


def _too_many(database: Database) -> bool:
    return bool(database.query(f"SELECT 1 FROM {_TABLE} LIMIT 1 OFFSET {_MANY}"))


def _over(database: Database) -> str:
    counted = database.dialect.instant.replace("?", "p.counted")
    return f"SELECT p.acctuniqueid FROM ispctl_session p {BESIDE} WHERE {OVER.format(counted=counted)}"


def _compared(database: Database) -> str:
    # A role without secrets reads the views, in which what a group renders is not hidden.
    tables = ("radgroupcheck", "nas")
    groups, nas = (name if database.may_read(name) else f"ispctl_seen_{name}" for name in tables)
    dialect = database.dialect
    logical, address = dialect.before_at.format("c.groupname"), dialect.address.format("a.nasipaddress")
    return _FROM.format(groups=groups, nas=nas, logical=logical, address=address)
