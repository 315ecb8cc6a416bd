"""Somebody's FreeRADIUS tables, read in their own terms: columns may be missing, nothing is ever written."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any, Final

from ispctl.adopt.meaning import spelt
from ispctl.adopt.old import OldGroup, OldNas, Person, Row
from ispctl.model.problem import Problem, Refusal
from ispctl.store import Database

_ROWS: Final[Mapping[str, str | int]] = {"id": 0, "attribute": "", "op": "", "value": ""}
_CHUNK: Final = 500


class OldDatabase:
    """Reads one database, by login, on a connection that somebody else opened. Logins that are ours are left out."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables = database.tables()
        self._columns: dict[str, frozenset[str]] = {}
        if not {"radcheck", "radreply"} & self._tables:
            text = "there is neither radcheck nor radreply: this is no database of FreeRADIUS"
            advice = "Look at --dsn; on PostgreSQL also at the schema that this role sees first"
            raise Refusal(Problem("E650", text, advice=advice))

    def logins(self) -> Sequence[str]:
        """Every login with a row in any table, sorted by code point, whatever the database's own order is."""
        found: set[str] = set()
        for table in ("radcheck", "radreply", "radusergroup"):
            if table in self._tables:
                found.update(str(name) for (name,) in self._database.stream(f"SELECT DISTINCT username FROM {table}"))
        if "ispctl_login" in self._tables:
            found.difference_update(str(name) for (name,) in self._database.stream("SELECT login FROM ispctl_login"))
        return sorted(found)

    def people(self, logins: Sequence[str]) -> Iterator[Person]:
        """What stands under these logins, in their order; a few hundred at a time."""
        for start in range(0, len(logins), _CHUNK):
            yield from self._people(logins[start : start + _CHUNK])

    def groups(self) -> Mapping[str, OldGroup]:
        """Every group with a row; ours (`isp:…`) are left out."""
        check, reply = (self._by_name(f"radgroup{side}", "groupname", None) for side in ("check", "reply"))
        names = sorted(name for name in check.keys() | reply.keys() if not name.startswith("isp:"))
        return {name: OldGroup(name, tuple(check[name]), tuple(reply[name])) for name in names}

    def members(self) -> Mapping[str, int]:
        """How many logins name each group."""
        if "radusergroup" not in self._tables:
            return {}
        sql = "SELECT groupname, count(*) FROM radusergroup GROUP BY groupname"
        return {str(name): int(count) for name, count in self._database.query(sql)}

    def nas(self) -> tuple[OldNas, ...]:
        """The rows of `nas` that are not ours, in order of id."""
        if "nas" not in self._tables:
            return ()
        ours: set[str] = set()
        if "ispctl_object" in self._tables:
            ours = {str(key) for (key,) in self._database.query("SELECT key FROM ispctl_object WHERE kind = 'nas'")}
        columns: Mapping[str, str | int] = {"id": 0, "nasname": "", "shortname": "", "type": "", "secret": ""}
        rows = self._database.query(self._select("nas", columns))
        found = (OldNas(int(id or 0), *(str(part or "") for part in rest)) for id, *rest in rows)
        return tuple(sorted((one for one in found if one.address not in ours), key=lambda one: (one.id, one.address)))

    def pools(self) -> Mapping[str, tuple[IPv4Address, ...]]:
        """The addresses of radippool by pool."""
        if "radippool" not in self._tables:
            return {}
        found: dict[str, list[IPv4Address]] = defaultdict(list)
        for name, text in self._database.stream("SELECT pool_name, framedipaddress FROM radippool"):
            with suppress(ValueError):
                found[str(name)].append(ipaddress.IPv4Address(str(text).partition("/")[0]))
        return {name: tuple(sorted(set(found[name]))) for name in sorted(found)}

    def _people(self, logins: Sequence[str]) -> Iterator[Person]:
        check = self._by_name("radcheck", "username", logins)
        reply = self._by_name("radreply", "username", logins)
        groups: dict[str, list[tuple[int, str]]] = defaultdict(list)
        if "radusergroup" in self._tables:
            sql = self._select("radusergroup", {"username": "", "groupname": "", "priority": 1})
            for name, group, priority in self._database.among(sql + " WHERE username IN ({})", logins):
                groups[str(name)].append((int(priority or 0), str(group)))
        for login in logins:
            named = tuple(dict.fromkeys(group for _, group in sorted(groups[login], key=lambda one: one[0])))
            yield Person(login, tuple(check[login]), tuple(reply[login]), named)

    def _by_name(self, table: str, column: str, names: Sequence[str] | None) -> Mapping[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        if table not in self._tables:
            return found
        sql = self._select(table, {column: "", **_ROWS})
        rows: Iterator[tuple[Any, ...]]
        if names is None:
            rows = self._database.stream(sql)
        else:
            rows = self._database.among(sql + f" WHERE {column} IN ({{}})", list(names))
        for name, id, *rest in rows:
            attribute, op, value = map(_text, rest)
            found[str(name)].append(Row(table, int(id or 0), spelt(attribute.strip()), op.strip(), value))
        for one in found.values():
            one.sort(key=lambda row: row.id)
        return found

    def _select(self, table: str, wanted: Mapping[str, str | int]) -> str:
        """A query for these columns; one that the table lacks has the value given here."""
        if table not in self._columns:
            self._columns[table] = self._database.columns(table)
        there = self._columns[table]
        parts = (
            name if name in there else f"'{value}' AS {name}" if isinstance(value, str) else f"{value} AS {name}"
            for name, value in wanted.items()
        )
        return f"SELECT {', '.join(parts)} FROM {table}"


def _text(value: object) -> str:
    """A column as text; char(2) is padded on PostgreSQL, which the server does not mind either."""
    return "" if value is None else str(value)
