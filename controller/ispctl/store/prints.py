"""What an apply leaves of each login: how many rows, and the sum of their hashes, both reckoned by the database.

A row that was changed, is missing, is one too many or stands there twice makes the sum another one (which an exclusive
or would not), so that only logins that stand otherwise have to be read. Sums of many logins together come first: most
of them are equal. Sums tell something of passwords to whoever tries many, so that a reading role does not see them: it
asks views, which say who stands otherwise and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

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
_NEVER_NULL: Final = frozenset(COLUMNS) - {"expires", "pop"}
"""Of our own table: somebody else's may hold NULL wherever its maker let it."""
TABLE: Final = "ispctl_print"
_VIEWS: Final = ("ispctl_seen_all", "ispctl_seen_parts", "ispctl_seen_own_parts", "ispctl_seen_differing")
_ANYBODY: Final = "IS NOT NULL"
_OURS: Final = "IN (SELECT login FROM ispctl_login)"
_NAME: Final = "COALESCE(login, '')"
"""SQLite takes NULL for a key."""


class _Part(NamedTuple):
    """Where rows of logins stand."""

    name: str
    """As each row of them begins, so that one is not taken for a row of another table."""
    place: str
    login: str
    """Whose a row is."""
    columns: Sequence[str]
    """What it says."""
    counts: str = ""
    """Which of them count."""
    reckoned: str = ""
    """The column that holds the hash of a row, where a table reckons: for the widest, of which it is the most."""

    def total(self, dialect: Dialect) -> str:
        """The hash of a row."""
        return self.reckoned if self.reckoned and dialect.reckons else dialect.hash.format(self.text)

    @property
    def text(self) -> str:
        """A row as text, with a line end after each of its parts: whose, from where, and what it says."""
        return " || ".join([f"'{self.name}\n' || {self.login}", *map(_said, self.columns)])


def _said(column: str) -> str:
    """A value on a line of its own. Few steps: they are most of what it costs to compare a million."""
    value = f"'\n=' || CAST({column} AS text)"
    return value if column in _NEVER_NULL else f"COALESCE({value}, '\n-')"


_PARTS: Final = (
    *(_Part(table, table, "username", ("attribute", "op", "value")) for table in ("radcheck", "radreply")),
    _Part("group", "radusergroup", "username", ("groupname", "priority")),
    _Part("line", "ispctl_identity", "login", ("identity",)),
    # What the server learned is a fact, as for whoever reads rows. Few are joined: most were bound, or are no fact.
    _Part("mac", "ispctl_mac", "login", ("mac",), "learned IS NULL"),
    _Part(
        "mac",
        "ispctl_mac m JOIN ispctl_login l ON l.login = m.login",
        "m.login",
        ("m.mac",),
        "m.learned IS NOT NULL AND l.mac_mode <> 'learn'",
    ),
    _Part("login", "ispctl_login", _NAME, ("password_digest", "password_mac", *COLUMNS), reckoned="seen"),
)
_LOST: Final = (
    "SELECT s.login FROM ispctl_service s WHERE s.digest <> ''"
    " AND NOT EXISTS (SELECT 1 FROM ispctl_login l WHERE l.login = s.login)"
)
"""Who was given rows and is not ours any more."""


class Sums(NamedTuple):
    """What two sums over everything say."""

    differs: bool
    """Whether some row stands otherwise than it was noted; taken for granted where there is one part alone."""
    lost: bool
    """Whether who was given rows and who is ours are not the same."""


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
        self._database.write(
            f"INSERT INTO {TABLE} (login, number, total) {self._standing(logins)}"
            " ON CONFLICT (login) DO UPDATE SET number = excluded.number, total = excluded.total",
            logins,
        )

    def add(self, written: Mapping[str, int]) -> bool:
        """The same for logins of which nothing stood there, with the number of rows that were written. False where
        there are others: nothing is noted then."""
        logins = list(written)
        found = self._database.query(self._standing(logins), logins)
        if {login: number for login, number, _ in found} != written:
            return False
        sql = f"INSERT INTO {TABLE} (login, number, total) VALUES (?, ?, ?)"
        self._database.together([(sql, row) for row in found], new=True)()
        return True

    def _standing(self, logins: Sequence[str]) -> str:
        """A query for the print of each of these logins as it stands there now."""
        marks, dialect = ", ".join(["(?)"] * len(logins)), self._database.dialect
        rows = " UNION ALL ".join(_rows(dialect, "{login} AS login, {total} AS total", dialect.mine, dialect.mine))
        return (
            f"WITH mine (login) AS (VALUES {marks})"
            f" SELECT login, count(*), CAST(sum(total) AS bigint) FROM ({rows}) AS found GROUP BY login"
        )

    def sums(self) -> Sums:
        """What takes longest where nothing differs."""
        dialect = self._database.dialect
        everything, *_ = self._questions()
        differs = dialect.parts == 1 or bool(self._database.query(everything))
        return Sums(differs, self._database.query(_given(dialect)) != [(0, 0)])

    def differing(self, sums: Sums | None = None) -> Iterator[str]:
        """The logins of ours that stand otherwise than when their print was taken, or have none, or are gone. `sums`:
        what was found a moment ago."""
        dialect = self._database.dialect
        _, anybodys, own, logins = self._questions()
        differs, lost = sums or self.sums()
        found = self._database.query(anybodys) if differs else []
        if found and len(found) >= dialect.parts // 4:  # others have rows there too
            found = self._database.query(own)
        if found:
            parts = ", ".join(str(int(part)) for (part,) in found)
            among = f"part IN ({parts})" if len(found) < dialect.parts // 4 else "1 = 1"
            yield from (str(login) for _, login in self._database.stream(logins.format(among)))
        if lost:
            yield from (str(login) for (login,) in self._database.stream(_LOST))

    def _questions(self) -> tuple[str, str, str, str]:
        """Whether anything differs, by a row; the parts that differ by anybody's rows; by those of our logins; and
        (part, login) of our logins that differ, where a condition `{}` on parts holds."""
        if self._database.may_read(TABLE):
            dialect = self._database.dialect
            return _all(dialect), _parts(dialect, _ANYBODY), _parts(dialect, _OURS), _logins(dialect, "{}")
        if not set(_VIEWS) <= self._database.tables():
            advice = "Bring it up to date with: ispctl radius init"
            raise Refusal(Problem("E306", f"{self._database.place} lacks a view for this role", advice=advice))
        everything, anybodys, own, logins = _VIEWS
        parts = f"SELECT part FROM {anybodys}", f"SELECT part FROM {own}"
        return f"SELECT differs FROM {everything}", *parts, f"SELECT part, login FROM {logins} WHERE {{}}"


def views(dialect: Dialect) -> Iterator[str]:
    """For roles that may not read sums."""
    queries = _all(dialect), _parts(dialect, _ANYBODY), _parts(dialect, _OURS), _logins(dialect, "1 = 1")
    for name, query in zip(_VIEWS, queries, strict=True):
        yield f"CREATE OR REPLACE VIEW {name} AS {query}"


def _all(dialect: Dialect) -> str:
    """One sum of all: half of what it costs to tell parts apart, and mostly nothing differs."""
    return f"SELECT 1 AS differs FROM ({_both(dialect, _ANYBODY, '')}) AS found {_UNEQUAL}"


def _parts(dialect: Dialect, whose: str) -> str:
    part = f"{dialect.part.format('{0}')} AS part, "
    return f"SELECT part FROM ({_both(dialect, whose, part)}) AS found GROUP BY part {_UNEQUAL}"


def _logins(dialect: Dialect, among: str) -> str:
    found = _both(dialect, _OURS, f"{dialect.part.format('{0}')} AS part, {{0}} AS login, ")
    return f"SELECT part, login FROM ({found}) AS found WHERE {among} GROUP BY part, login {_UNEQUAL}"


_UNEQUAL: Final = "HAVING sum(number) <> 0 OR sum(total) <> 0"


def _given(dialect: Dialect) -> str:
    """(0, 0) where those who were given rows are just those who are ours: much cheaper than asking for each."""
    login = f"{dialect.hash.format('login')} - {dialect.middle}"
    return (
        "SELECT COALESCE(sum(number), 0), COALESCE(sum(total), 0)"
        f" FROM (SELECT 1 AS number, {login} AS total FROM ispctl_login"
        f" UNION ALL SELECT -1, -({login}) FROM ispctl_service WHERE digest <> '') AS given"
    )


def _both(dialect: Dialect, whose: str, shown: str) -> str:
    """The rows as they are, less what was noted of them. `whose`: a condition on their login; `shown`: columns made of
    that, `{0}`.

    One level of selects with columns of the same types, all of which are wanted: so the server reads each table by all
    cores and sums as it reads, instead of one reading all of them one after the other.
    """
    middle = dialect.middle
    row = f"{shown.format('{login}')}CAST(1 AS bigint) AS number, ({{total}}) - {middle} AS total"
    noted = f"SELECT {shown.format('login')}-number, number * {middle} - total FROM {TABLE}"
    return " UNION ALL ".join([*_rows(dialect, row, whose, ""), noted])


def _rows(dialect: Dialect, columns: str, whose: str, ours: str) -> Iterator[str]:
    """Queries for the rows of logins, with `columns` of `{login}` and `{total}`. `whose`: a condition on the login;
    `ours`: the one on that of ispctl_login, where somebody made it NULL too if there is none."""
    for part in _PARTS:
        among = f"login {ours}" if ours else "1 = 1"
        condition = among if part.place == "ispctl_login" else f"{part.login} {whose}"
        both = f"{condition} AND {part.counts}" if part.counts else condition
        shown = columns.format(login=part.login, total=part.total(dialect))
        yield f"SELECT {shown} FROM {part.place} WHERE {both}"
