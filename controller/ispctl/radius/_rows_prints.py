"""What an apply leaves of each login: how many rows, and the sum of their hashes, both reckoned by the database.

A row that was changed, is missing, is one too many or stands there twice makes the sum another one (which an exclusive
or would not), so that only logins that stand otherwise have to be read. Sums of many logins together come first: most
of them are equal. Sums tell something of passwords to whoever tries many, so that a reading role does not see them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ispctl.radius._rows_read import COLUMNS
from ispctl.store import Database

_PARTS: Final = 4096
"""Of all logins, by the hash of their names."""
_OURS: Final = "IN (SELECT login FROM ispctl_login)"
_MINE: Final = "IN (SELECT login FROM mine)"


def _text(table: str, login: str, *columns: str) -> str:
    """One row as text, with a line end after each of its parts: whose, from where, and what it says."""
    said = (f"COALESCE('=' || CAST({column} AS text), '-')" for column in columns)
    return " || '\n' || ".join([f"'{table}'", login, *said])


_LOGIN: Final = ("password_digest", "password_mac", *COLUMNS)
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
        f"SELECT {_NAME}, {_text('login', _NAME, *_LOGIN)} FROM ispctl_login WHERE {{1}}",
    )
)


class Prints:
    """The table ispctl_print, and how it is compared with the rows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._part = f"({database.dialect.hash.format('login')}) & {_PARTS - 1}"
        self._sums = f"count(*) AS number, CAST(sum({database.dialect.hash.format('said')}) AS bigint) AS total"

    def take(self, logins: Sequence[str]) -> None:
        """Note what stands there now of a batch, in the transaction in which it was written or found right."""
        if not logins:
            return
        self._database.write_many("DELETE FROM ispctl_print WHERE login = ?", [(login,) for login in logins])
        marks = ", ".join(["(?)"] * len(logins))
        rows = _ROWS.format(_MINE, f"login {_MINE}")
        self._database.write(
            f"INSERT INTO ispctl_print (login, number, total) WITH mine (login) AS (VALUES {marks})"
            f" SELECT login, {self._sums} FROM ({rows}) AS found GROUP BY login",
            logins,
        )

    def differing(self) -> frozenset[str]:
        """The logins of ours that stand otherwise than when their print was taken, or have none, or are gone."""
        rows = _ROWS.format(_OURS, "1 = 1")
        now = f"SELECT {self._part} AS part, {self._sums} FROM ({rows}) AS found GROUP BY 1"
        then = f"SELECT {self._part} AS part, sum(number), CAST(sum(total) AS bigint) FROM ispctl_print GROUP BY 1"
        parts = [str(int(part)) for (part,) in self._database.query(_unequal("part", now, then))]
        if not parts:
            return frozenset()
        among = f"{self._part} IN ({','.join(parts)})" if len(parts) < _PARTS // 4 else "1 = 1"
        now = f"SELECT login, {self._sums} FROM ({rows}) AS found WHERE {among} GROUP BY login"
        then = f"SELECT login, number, total FROM ispctl_print WHERE {among}"
        return frozenset(str(login) for (login,) in self._database.stream(_unequal("login", now, then)))


def _unequal(column: str, now: str, then: str) -> str:
    """What stands on one side only."""
    return (
        f"WITH n AS ({now}), t AS ({then})"
        f" SELECT {column} FROM (SELECT * FROM n EXCEPT SELECT * FROM t) AS gained"
        f" UNION SELECT {column} FROM (SELECT * FROM t EXCEPT SELECT * FROM n) AS lost"
    )
