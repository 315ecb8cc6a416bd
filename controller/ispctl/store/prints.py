"""What an apply leaves of each login: how many rows, and the sum of their hashes, both reckoned by the database.

A row that was changed, is missing, is one too many or stands there twice makes the sum another one (which an exclusive
or would not), so that only logins that stand otherwise have to be read. Sums of many logins together come first: most
of them are equal. Sums tell something of passwords to whoever tries many, so that a reading role does not see them: it
asks views, which say who stands otherwise and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.store._database import Database
from ispctl.store._dialect import Dialect

COLUMNS: Final = (
    "owner",
    "class",
    "refuse",
    "expires",
    "on_expiry",
    "pop",
    "on_roam",
    "mac_mode",
    "mac_max",
    "on_mismatch",
    "sessions",
    "method",
)
"""Columns of ispctl_login that say what a login may do; its password is told by two more."""
TABLE: Final = "ispctl_print"
_VIEWS: Final = ("ispctl_seen_parts", "ispctl_seen_own_parts", "ispctl_seen_differing")
_ANYBODY: Final = "IS NOT NULL"
_OURS: Final = "IN (SELECT login FROM ispctl_login)"
_MINE: Final = "IN (SELECT login FROM mine)"


def _text(table: str, login: str, *columns: str) -> str:
    """One row as text, with a line end after each of its parts: whose, from where, and what it says."""
    said = (f"COALESCE('=' || CAST({column} AS text), '-')" for column in columns)
    return " || '\n' || ".join([f"'{table}'", login, *said])


_NAME: Final = "COALESCE(login, '')"
"""SQLite takes NULL for a key."""
_ROWS: Final = " UNION ALL ".join(
    (
        *(
            f"SELECT username AS login, {_text(table, 'username', 'attribute', 'op', 'value')} AS said FROM {table}"
            " WHERE username {0}"
            for table in ("radcheck", "radreply")
        ),
        f"SELECT username, {_text('group', 'username', 'groupname', 'priority')} FROM radusergroup"
        " WHERE username {0}",
        f"SELECT login, {_text('line', 'login', 'identity')} FROM ispctl_identity WHERE login {{0}}",
        # what the server learned is a fact, as for whoever reads rows
        f"SELECT m.login, {_text('mac', 'm.login', 'm.mac')} FROM ispctl_mac m JOIN ispctl_login l"
        " ON l.login = m.login WHERE (m.learned IS NULL OR l.mac_mode <> 'learn') AND m.login {0}",
        f"SELECT {_NAME}, {_text('login', _NAME, 'password_digest', 'password_mac', *COLUMNS)} FROM ispctl_login"
        " WHERE {1}",
    )
)
_LOST: Final = (
    "SELECT s.login FROM ispctl_service s WHERE s.digest <> ''"
    " AND NOT EXISTS (SELECT 1 FROM ispctl_login l WHERE l.login = s.login)"
)
"""Who was given rows and is not ours any more."""


class Prints:
    """The table ispctl_print, and how it is compared with the rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, logins: Sequence[str], gone: Sequence[str] = ()) -> None:
        """Note what stands there now of a batch, in the transaction in which it was written or found right. Nothing
        stands there of those who are `gone`."""
        self._database.write_many(f"DELETE FROM {TABLE} WHERE login = ?", [(login,) for login in gone])
        if not logins:
            return
        marks = ", ".join(["(?)"] * len(logins))
        rows = _ROWS.format(_MINE, f"login {_MINE}")
        total = self._database.dialect.hash.format("said")
        self._database.write(
            f"INSERT INTO {TABLE} (login, number, total) WITH mine (login) AS (VALUES {marks})"
            f" SELECT login, count(*), CAST(sum({total}) AS bigint) FROM ({rows}) AS found GROUP BY login"
            " ON CONFLICT (login) DO UPDATE SET number = excluded.number, total = excluded.total",
            logins,
        )

    def differing(self) -> Iterator[str]:
        """The logins of ours that stand otherwise than when their print was taken, or have none, or are gone."""
        dialect = self._database.dialect
        anybodys, own, logins = self._questions()
        found = self._database.query(anybodys)
        if found and len(found) >= dialect.parts // 4:  # others have rows there too
            found = self._database.query(own)
        if found:
            parts = ", ".join(str(int(part)) for (part,) in found)
            among = f"part IN ({parts})" if len(found) < dialect.parts // 4 else "1 = 1"
            yield from (str(login) for _, login in self._database.stream(logins.format(among)))
        if self._database.query(_given(dialect)) != [(0, 0)]:
            yield from (str(login) for (login,) in self._database.stream(_LOST))

    def _questions(self) -> tuple[str, str, str]:
        """The parts that differ by anybody's rows; by those of our logins; and (part, login) of our logins that differ,
        where a condition `{}` on parts holds."""
        if self._database.may_read(TABLE):
            dialect = self._database.dialect
            return _parts(dialect, _ANYBODY), _parts(dialect, _OURS), _logins(dialect, "{}")
        if not set(_VIEWS) <= self._database.tables():
            advice = "Bring it up to date with: ispctl radius init"
            raise Refusal(Problem("E306", f"{self._database.place} lacks a view for this role", advice=advice))
        anybodys, own, logins = _VIEWS
        return f"SELECT part FROM {anybodys}", f"SELECT part FROM {own}", f"SELECT part, login FROM {logins} WHERE {{}}"


def views(dialect: Dialect) -> Iterator[str]:
    """For roles that may not read sums."""
    queries = _parts(dialect, _ANYBODY), _parts(dialect, _OURS), _logins(dialect, "1 = 1")
    for name, query in zip(_VIEWS, queries, strict=True):
        yield f"CREATE OR REPLACE VIEW {name} AS {query}"


def _parts(dialect: Dialect, whose: str) -> str:
    return f"SELECT part FROM ({_both(dialect, whose)}) AS found GROUP BY part {_UNEQUAL}"


def _logins(dialect: Dialect, among: str) -> str:
    return f"SELECT part, login FROM ({_both(dialect, _OURS)}) AS found WHERE {among} GROUP BY part, login {_UNEQUAL}"


_UNEQUAL: Final = "HAVING sum(number) <> 0 OR sum(total) <> 0"


def _given(dialect: Dialect) -> str:
    """(0, 0) where those who were given rows are just those who are ours: much cheaper than asking for each."""
    login = f"{dialect.hash.format('login')} - {dialect.middle}"
    return (
        "SELECT COALESCE(sum(number), 0), COALESCE(sum(total), 0)"
        f" FROM (SELECT 1 AS number, {login} AS total FROM ispctl_login"
        f" UNION ALL SELECT -1, -({login}) FROM ispctl_service WHERE digest <> '') AS given"
    )


def _both(dialect: Dialect, whose: str) -> str:
    """The rows as they are, less what was noted of them. `whose`: a condition on their login."""
    rows, total = _ROWS.format(whose, "1 = 1"), dialect.hash.format("said")
    part, middle = dialect.part.format("login"), dialect.middle
    return (
        f"SELECT {part} AS part, login, 1 AS number, {total} - {middle} AS total FROM ({rows}) AS standing"
        f" UNION ALL SELECT {part}, login, -number, number * {middle} - total FROM {TABLE}"
    )
