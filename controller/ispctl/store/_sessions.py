"""What the server wrote down, sessions and refusals; what each NAS cannot do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from ispctl.store._database import Database
from ispctl.store._link import Row
from ispctl.store.records import Limit, Reject, Session, moment, stamp, stamp_or_none

_COLUMNS: Final = (
    *("acctuniqueid", "acctsessionid", "username", "nasipaddress", "nasportid", "callingstationid", "acctstarttime"),
    *("acctupdatetime", "acctstoptime", "acctsessiontime", "acctinputoctets", "acctoutputoctets", "framedipaddress"),
    *("framedipv6address", "framedipv6prefix", "delegatedipv6prefix", "class", "acctterminatecause", "sentname"),
)
_SESSION: Final = f"SELECT {', '.join(_COLUMNS)} FROM radacct"
_LIMIT: Final = "nas, what, subject, error_cause, learned, entry"
_REFUSED: Final = (
    (
        "radpostauth",
        "reply = 'Access-Reject'",
        {
            "at": "authdate",
            "login": "username",
            "nas": "nas",
            "mac": "callingstationid",
            "reason": "reason",
            "detail": "detail",
        },
        True,
    ),
    (
        "ispctl_stranger",
        "packets > 0",
        {
            "at": "last_seen",
            "login": "''",
            "nas": "address",
            "mac": "''",
            "reason": "'unknown-client'",
            "detail": "packets || ' packets'",
        },
        False,
    ),
)
"""The two parts of the view ispctl_rejects: table, condition, columns, and whether `at` is kept as FreeRADIUS does."""
# Never by an index: to have the order for nothing, SQLite would read every session there ever was.
_ORDER: Final = " ORDER BY username || '', acctstarttime, acctuniqueid"


def columns(alias: str) -> str:
    """Those of radacct that make a session, for `session`."""
    return ", ".join(f"{alias}.{name}" for name in _COLUMNS)


def sessions(database: Database, *, open_only: bool, logins: Sequence[str] | None) -> Iterator[Session]:
    return select_sessions(database, "acctstoptime IS NULL" if open_only else "1 = 1", (), logins)


def select_sessions(
    database: Database, condition: str, parameters: Sequence[int | str], logins: Sequence[str] | None
) -> Iterator[Session]:
    """The rows of radacct for which a condition of ours holds."""
    if logins is None:
        return map(session, database.stream(f"{_SESSION} WHERE {condition}{_ORDER}", parameters))
    # The names come first: they are what `among` fills in, and a query names its parameters in their order.
    rows = database.among(
        f"{_SESSION} WHERE username IN ({{}}) AND {condition}{_ORDER}", sorted(set(logins)), parameters
    )
    return map(session, rows)


def limits(database: Database) -> Iterator[Limit]:
    for *head, learned, entry in database.query(f"SELECT {_LIMIT} FROM ispctl_nas_limit ORDER BY nas, what, subject"):
        at = moment(learned)
        if at is not None:
            yield Limit(*[*head, at, entry])


def put_limit(database: Database, limit: Limit) -> None:
    database.write(
        f"INSERT INTO ispctl_nas_limit ({_LIMIT}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (nas, what, subject)"
        " DO UPDATE SET error_cause = excluded.error_cause, learned = excluded.learned, entry = excluded.entry",
        (limit.nas, limit.what, limit.subject, limit.error_cause, stamp(limit.learned), limit.entry),
    )


def rejects(
    database: Database,
    *,
    login: str | None,
    nas: str | None,
    reason: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> Iterator[Reject]:
    asked: dict[str, str | int | None] = {"login = ?": login, "nas = ?": nas, "reason = ?": reason}
    asked |= {"at >= ?": stamp_or_none(since), "at <= ?": stamp_or_none(until)}
    wanted = {condition: value for condition, value in asked.items() if value is not None}
    found = [row for part in _REFUSED for row in _newest(database, part, wanted, limit)]
    for at, *fields in sorted(found, key=lambda row: row[0] or 0, reverse=True)[:limit]:
        yield Reject(moment(at), *(str(value or "") for value in fields))


def _newest(
    database: Database, part: tuple[str, str, Mapping[str, str], bool], wanted: Mapping[str, str | int], limit: int
) -> list[Row]:
    """The newest of one part of the view of refusals: of all of it, SQLite reads all before it sorts."""
    table, condition, columns, instant = part
    conditions = [condition]
    for text in wanted:
        name, operator, mark = text.split()
        mark = database.dialect.instant if name == "at" and instant else mark
        conditions.append(f"{columns[name]} {operator} {mark}")
    sql = f"SELECT {', '.join(columns.values())} FROM {table} WHERE {' AND '.join(conditions)}"
    return database.query(f"{sql} ORDER BY {columns['at']} DESC LIMIT ?", (*wanted.values(), limit))


def session(row: Row) -> Session:
    """One row of `columns`."""
    unique, id, login, nas, port, mac, started, updated, stopped, seconds, received, given, *rest = row
    *text, sent = [str(value or "") for value in rest]
    return Session(
        str(unique),
        str(id),
        str(login),
        str(nas),
        str(port or ""),
        str(mac or ""),
        moment(started),
        moment(updated),
        moment(stopped),
        _count(seconds),
        _count(received),
        _count(given),
        *[*text, _clear(sent)],
    )


def _clear(name: str) -> str:
    """What the server keeps as =XX, as the octets that they were; it keeps "=" itself so as well."""
    parts = re.split("=([0-9A-F]{2})", name)
    octets = b"".join(bytes.fromhex(part) if i % 2 else part.encode() for i, part in enumerate(parts))
    return octets.decode("utf-8", "replace")


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
