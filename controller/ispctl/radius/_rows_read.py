"""Rows of the database -> normal form. Reads what is ours, by key, and nothing else."""

from __future__ import annotations

import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from ispctl.plan import Fields, Key, Value
from ispctl.radius import _rows_text as text
from ispctl.radius._rows_marks import sight
from ispctl.radius._rows_pool import Ranges, Realms
from ispctl.store import LAB_CLIENT, Store
from ispctl.store.prints import COLUMNS

ALTERED: Final = "altered"
_KNOWN: Final = "WITH mine (login) AS (VALUES {logins}) " + " UNION ALL ".join(
    f"SELECT {column} FROM {table} WHERE {column} {{mine}}"
    for table, column in (
        *((table, "login") for table in ("ispctl_login", "ispctl_mac", "ispctl_identity")),
        *((table, "username") for table in ("radcheck", "radreply", "radusergroup")),
    )
)
PASSWORD: Final = "Cleartext-Password"  # noqa: S105  # the name of an attribute


class Reader:
    """Reads normal form, on the connection that the store lends."""

    def __init__(self, store: Store) -> None:
        self._database = store.database
        self.sight = sight(store)

    def read(self, keys: Sequence[Key] | None, *, every: frozenset[str] = frozenset()) -> dict[Key, Fields]:
        """Everything of ours among `keys`, and of the kinds `every`; None: everything of ours."""
        found: dict[Key, Fields] = {}
        readers = {
            "group": self._groups,
            "login": self._logins,
            "nas": self._nas,
            "pop": self._pops,
            "range": Ranges(self._database).read,
            "realm": Realms(self._database).read,
        }
        for kind, reader in readers.items():
            names = None if keys is None or kind in every else sorted({name for k, name in keys if k == kind})
            if names is None or names:
                found.update(((kind, name), fields) for name, fields in reader(names))
        return found

    def known(self, logins: Sequence[str]) -> frozenset[str]:
        """Which of these logins have any row, whoever wrote it."""
        if not logins:
            return frozenset()
        sql = _KNOWN.format(logins=", ".join(["(?)"] * len(logins)), mine=self._database.dialect.mine)
        return frozenset(str(name) for (name,) in self._database.query(sql, logins))

    def foreign(self, logins: Sequence[str]) -> frozenset[str]:
        """Which of these logins have rows in any table; asked about logins that are not ours. What the server learned
        is a fact that a backup brought back, and no row of anybody."""
        questions = (
            *(f"username FROM {table} WHERE username IN ({{}})" for table in ("radcheck", "radreply", "radusergroup")),
            "login FROM ispctl_mac WHERE learned IS NULL AND login IN ({})",
            "login FROM ispctl_identity WHERE login IN ({})",
        )
        return frozenset(
            str(name)
            for question in questions
            for (name,) in self._database.among(f"SELECT DISTINCT {question}", sorted(logins))
        )

    def foreign_nas(self, addresses: Sequence[str]) -> frozenset[str]:
        # what the lab introduced for its stand-ins yields to the inventory
        sql = f"SELECT nasname FROM nas WHERE COALESCE(description, '') <> '{LAB_CLIENT}' AND nasname IN ({{}})"
        rows = self._database.among(sql, sorted(addresses))
        return frozenset(str(name) for (name,) in rows)

    def foreign_pops(self, pops: Sequence[str]) -> frozenset[str]:
        rows = self._database.among("SELECT DISTINCT pop FROM ispctl_pop WHERE pop IN ({})", sorted(pops))
        return frozenset(str(name) for (name,) in rows)

    def foreign_ranges(self, ranges: Sequence[str]) -> frozenset[str]:
        return Ranges(self._database).foreign(ranges)

    def _logins(self, names: Sequence[str] | None) -> Iterator[tuple[str, Fields]]:
        columns = f"SELECT login, password_digest, password_mac, {', '.join(COLUMNS)} FROM ispctl_login"
        entries: Iterable[tuple[Any, ...]] = self._select(columns, "login", names)
        if names is not None:
            entries = list(entries)
            names = [str(login) for login, *_ in entries]  # of those who are not ours nothing is read
        check, reply = (
            self._of_logins(self.sight.table(table), f"username, {self.sight.columns}", names)
            for table in ("radcheck", "radreply")
        )
        groups = self._of_logins("radusergroup", "username, groupname, priority", names)
        macs = self._of_logins("ispctl_mac", "login, mac, learned", names, column="login")
        lines = self._of_logins("ispctl_identity", "login, identity", names, column="login")
        for name, digest, mark, *own in entries:
            login = str(name or "")  # SQLite takes NULL for a key
            fields: dict[str, Value] = dict(zip(COLUMNS, map(_plain, own), strict=True))
            rows = check.get(login, [])
            passwords = [rest for attribute, op, *rest in rows if (attribute, op) == (PASSWORD, ":=")]
            others = [row for row in rows if row[:2] != (PASSWORD, ":=")]
            fields["password"] = self._password(login, passwords, digest, mark)
            fields["group"] = _membership(groups.get(login, []))
            # In the mode `learn` what the server learned is a fact; in another mode such a row is somebody's edit.
            learning = fields["mac_mode"] == "learn"
            fields["macs"] = tuple(sorted(m for m, at in macs.get(login, []) if at is None or not learning))
            fields["identities"] = tuple(sorted(identity for (identity,) in lines.get(login, [])))
            fields["reply"] = self._rows(reply.get(login, []))
            if others:
                fields["check"] = self._rows(others)
            yield login, fields

    def _groups(self, names: Sequence[str] | None) -> Iterator[tuple[str, Fields]]:
        found: dict[str, dict[str, list[tuple[str, ...]]]] = defaultdict(lambda: {"check": [], "reply": []})
        for side in ("check", "reply"):
            columns = f"SELECT groupname, {self.sight.columns} FROM {self.sight.table(f'radgroup{side}')}"
            rows: Iterable[tuple[Any, ...]]
            if names is None:
                rows = self._database.stream(f"{columns} WHERE substr(groupname, 1, 4) = 'isp:'")
            else:
                ours = [name for name in names if name.startswith("isp:")]
                rows = self._database.among(f"{columns} WHERE groupname IN ({{}})", ours)
            for name, *row in rows:
                found[name][side].append(tuple(row))
        for name in sorted(found):
            yield name, {side: self._rows(rows) for side, rows in found[name].items()}

    def _nas(self, names: Sequence[str] | None) -> Iterator[tuple[str, Fields]]:
        sql = (
            "SELECT o.key, o.value, n.shortname, n.type, n.secret, n.require_ma FROM ispctl_object o"
            f" LEFT JOIN {self.sight.table('nas')} n ON n.nasname = o.key WHERE o.kind = 'nas'"
        )
        rows = self._database.stream(sql) if names is None else self._database.among(sql + " AND o.key IN ({})", names)
        for address, noted, host, kind, secret, require_ma in rows:
            known = _noted(noted)
            same = secret is not None and hmac.compare_digest(
                self.sight.nas_mark(address, str(secret)), str(known.get("mark"))
            )
            digest = None if secret is None else str(known.get("secret")) if same else ALTERED
            # Ours, but its row is gone: every field is empty, so that it differs from whatever is wanted.
            yield (
                address,
                {
                    "host": _plain(host) or "",
                    "type": _plain(kind) or "",
                    "secret": digest,
                    "require_ma": _plain(require_ma) or 0,
                },
            )

    def _pops(self, names: Sequence[str] | None) -> Iterator[tuple[str, Fields]]:
        sql = "SELECT o.key, p.nas FROM ispctl_object o LEFT JOIN ispctl_pop p ON p.pop = o.key WHERE o.kind = 'pop'"
        rows = self._database.stream(sql) if names is None else self._database.among(sql + " AND o.key IN ({})", names)
        found: dict[str, list[str]] = defaultdict(list)
        for pop, nas in rows:
            found[pop].extend([] if nas is None else [nas])
        for pop in sorted(found):
            yield pop, {"nas": tuple(sorted(found[pop]))}

    def _of_logins(
        self, table: str, columns: str, names: Sequence[str] | None, *, column: str = "username"
    ) -> dict[str, list[tuple[Any, ...]]]:
        found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        sql = f"SELECT {columns} FROM {table} WHERE {column} IN "
        if names is None:
            rows: Iterable[tuple[Any, ...]] = self._database.stream(sql + "(SELECT login FROM ispctl_login)")
        else:
            rows = self._database.among(sql + "({})", names)
        for name, *row in rows:
            found[name].append(tuple(row))
        return found

    def _select(self, columns: str, column: str, names: Sequence[str] | None) -> Iterator[tuple[Any, ...]]:
        if names is None:
            return self._database.stream(f"{columns} ORDER BY {column}")
        return self._database.among(f"{columns} WHERE {column} IN ({{}}) ORDER BY {column}", names)

    def _password(self, login: str, values: list[list[Any]], digest: str | None, mark: str | None) -> str | None:
        if not values:
            return None
        same = len(values) == 1 and hmac.compare_digest(self.sight.login_mark(login, values[0]), str(mark))
        return digest if same and digest else ALTERED

    def _rows(self, rows: Iterable[tuple[Any, ...]]) -> tuple[text.Row, ...]:
        return tuple(sorted((str(name), str(op), self.sight.value(str(name), rest)) for name, op, *rest in rows))


def _membership(rows: list[tuple[Any, ...]]) -> str:
    """The one group, at the priority we write; anything else says what is odd about it."""
    said = sorted((str(name), str(priority)) for name, priority in rows)
    return ", ".join(name if priority == "1" else f"{name} at {priority}" for name, priority in said)


def _noted(value: str) -> Mapping[str, Any]:
    """What we noted about a NAS; an edit that left no JSON noted nothing."""
    try:
        known = json.loads(value)
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}


def _plain(value: object) -> Value:
    """A column as a value of normal form; what somebody forced into it (a float, bytes) becomes text."""
    return value if value is None or isinstance(value, (str, int)) else str(value)
