"""Normal form -> rows: writes one key, and of it only what differs. Always called inside a transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from operator import itemgetter
from typing import Any, Final

from ispctl.plan import Change, Fields, Key, Value
from ispctl.radius import _rows_text as text
from ispctl.radius._rows_pool import Ranges, Realms
from ispctl.radius._rows_read import PASSWORD, Reader
from ispctl.store import Database
from ispctl.store.prints import COLUMNS

Opener = Callable[[str], str]
"""The digest of a sealed value -> its clear text; raises Refusal when it cannot be opened."""
_GONE: Final = (
    "DELETE FROM radcheck WHERE username = ?",
    "DELETE FROM radreply WHERE username = ?",
    "DELETE FROM radusergroup WHERE username = ?",
    "DELETE FROM ispctl_mac WHERE login = ?",
    "DELETE FROM ispctl_identity WHERE login = ?",
    "DELETE FROM ispctl_login WHERE login = ?",
)
_MAKE: Final = (
    f"INSERT INTO ispctl_login (login, {', '.join(COLUMNS)}, password_digest, password_mac)"
    f" VALUES ({', '.join('?' * (len(COLUMNS) + 3))})"
)
_OWN: Final = itemgetter(*COLUMNS)
_JOIN: Final = "INSERT INTO radusergroup (username, groupname, priority) VALUES (?, ?, 1)"
_NOTE: Final = (
    "INSERT INTO ispctl_object (kind, key, value) VALUES (?, ?, ?)"
    " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value"
)


class Writer:
    """Makes a key equal to what is wanted. A clear secret lives no longer than the statement that writes it."""

    def __init__(self, database: Database, reader: Reader, opener: Opener) -> None:
        self._database = database
        self._reader = reader
        self._open = opener
        self._there: dict[str, list[tuple[Any, ...]]] = {}
        self._bound: dict[str, list[tuple[Any, ...]]] = {}

    def expect(self, changes: Iterable[Change]) -> None:
        """Read at once which reply rows and devices stand there now, of the logins that get others."""
        both = [(c.key[1], c.before, c.after) for c in changes if c.key[0] == "login" and c.after]
        self._there = {name: [] for name, old, new in both if old and old.get("reply") != new.get("reply")}
        self._bound = {name: [] for name, old, new in both if not old or _devices(old) != _devices(new)}
        for sql, found in (
            ("SELECT username, id, attribute, op, value FROM radreply WHERE username IN ({})", self._there),
            ("SELECT login, mac, slot, learned FROM ispctl_mac WHERE login IN ({})", self._bound),
        ):
            for name, *row in self._database.among(sql, list(found)):
                found[name].append(tuple(row))

    def expect_new(self, logins: Iterable[str]) -> None:
        """Take it that nothing stands there of these logins."""
        self._bound.update((login, []) for login in logins)

    def clear(self, key: Key) -> None:
        """Take away what somebody else wrote under a name that becomes ours; a NAS is written over."""
        kind, name = key
        if kind == "login":
            self._bound.pop(name, None)
            for sql in _GONE:
                self._database.write(sql, (name,))
        elif kind == "pop":
            self._database.write("DELETE FROM ispctl_pop WHERE pop = ?", (name,))

    def write(self, key: Key, now: Fields | None, want: Fields | None) -> None:
        """`now` is what was read in this transaction."""
        kind, name = key
        match kind:
            case "login":
                self._login(name, now, want)
            case "group":
                self._group(name, now, want)
            case "nas":
                self._nas(name, now, want)
            case "pop":
                self._pop(name, now, want)
            case "range":
                Ranges(self._database).write(name, now, want)
            case "realm":
                Realms(self._database).write(name, now, want)
            case _:
                raise KeyError(kind)

    def make(self, login: str, want: Fields) -> None:
        """Write a login of which nothing stands there."""
        digest = want["password"] if isinstance(want["password"], str) else None
        mark = self._password(login, digest, fresh=True)
        self._database.write(_MAKE, (login, *_OWN(want), digest, mark))
        self._database.write(_JOIN, (login, str(want["group"])))
        if want["reply"]:
            self._rows("radreply", login, None, want["reply"])
        if want["macs"]:
            self._macs(login, want)
        if want["identities"]:
            self._identities(login, want["identities"], fresh=True)

    def _login(self, login: str, now: Fields | None, want: Fields | None) -> None:
        if want is None:
            for sql in _GONE:
                self._database.write(sql, (login,))
            return
        if now is None:
            self.make(login, want)
            if not want["macs"]:  # devices may stand there that were learned before
                self._macs(login, want)
            return
        self._entry(login, now, want)
        if now["group"] != want["group"]:
            self._database.write("DELETE FROM radusergroup WHERE username = ?", (login,))
            self._database.write(_JOIN, (login, str(want["group"])))
        self._rows("radreply", login, now["reply"], want["reply"])
        if (now["macs"], now["mac_mode"]) != (want["macs"], want["mac_mode"]):
            self._macs(login, want)
        if now["identities"] != want["identities"]:
            self._identities(login, want["identities"], fresh=False)

    def _entry(self, login: str, now: Fields, want: Fields) -> None:
        columns = [column for column in COLUMNS if now[column] != want[column]]
        values: list[Value] = [want[column] for column in columns]
        if now["password"] != want["password"]:
            columns += ["password_digest", "password_mac"]
            values += [want["password"], self._password(login, want["password"], fresh=False)]
        elif "check" in now:
            sql = "DELETE FROM radcheck WHERE username = ? AND NOT (attribute = ? AND op = ':=')"
            self._database.write(sql, (login, PASSWORD))
        parameters = [value for value in values if not isinstance(value, tuple)]
        if columns:
            changes = ", ".join(f"{column} = ?" for column in columns)
            self._database.write(f"UPDATE ispctl_login SET {changes} WHERE login = ?", [*parameters, login])

    def _password(self, login: str, digest: Value, *, fresh: bool) -> str | None:
        """Replace every check row; the mark of the password that was written."""
        if not fresh:
            self._database.write("DELETE FROM radcheck WHERE username = ?", (login,))
        if not isinstance(digest, str):
            return None
        value = text.stored(self._open(digest), "the password")
        sql = "INSERT INTO radcheck (username, attribute, op, value) VALUES (?, ?, ':=', ?)"
        self._database.write(sql, (login, PASSWORD, value))
        return self._reader.sight.login_mark(login, (value,))

    def _macs(self, login: str, want: Fields) -> None:
        """Learned addresses stay while the mode is `learn`; one that is now written down stops being learned."""
        macs = want["macs"]
        wanted = set(macs) if isinstance(macs, tuple) else set()
        used: set[int] = set()
        there = self._bound.get(login)
        if there is None:
            there = self._database.query("SELECT mac, slot, learned FROM ispctl_mac WHERE login = ?", (login,))
        for mac, slot, learned in there:
            if mac in wanted:
                wanted.discard(mac)
                if learned is not None:
                    sql = "UPDATE ispctl_mac SET learned = NULL WHERE login = ? AND mac = ?"
                    self._database.write(sql, (login, mac))
            elif learned is None or want["mac_mode"] != "learn":
                self._database.write("DELETE FROM ispctl_mac WHERE login = ? AND mac = ?", (login, mac))
                continue
            used.add(slot)
        free = (slot for slot in count(1) if slot not in used)
        for mac in sorted(map(str, wanted)):
            sql = "INSERT INTO ispctl_mac (login, mac, slot) VALUES (?, ?, ?)"
            self._database.write(sql, (login, mac, next(free)))

    def _identities(self, login: str, want: Value, *, fresh: bool) -> None:
        """What the network calls this login."""
        if not fresh:
            self._database.write("DELETE FROM ispctl_identity WHERE login = ?", (login,))
        sql = "INSERT INTO ispctl_identity (identity, login) VALUES (?, ?)"
        names = want if isinstance(want, tuple) else ()
        self._database.write_many(sql, [(str(name), login) for name in names])

    def _group(self, name: str, now: Fields | None, want: Fields | None) -> None:
        for side in ("check", "reply"):
            self._rows(f"radgroup{side}", name, now[side] if now else None, want[side] if want else ())

    def _rows(self, table: str, name: str, now: Value, want: Value) -> None:
        """Make the rows of one name equal to `want`, as a bag: equal rows are kept, so that a small change is small."""
        wanted = text.rows(want)
        if now == wanted:
            return
        column = "groupname" if table.startswith("radgroup") else "username"
        missing = Counter((attribute, op, text.stored(value, attribute)) for attribute, op, value in wanted)
        if now is not None:
            there = self._there.get(name) if table == "radreply" else None
            if there is None:
                there = self._database.query(
                    f"SELECT id, attribute, op, value FROM {table} WHERE {column} = ?", (name,)
                )
            for number, *row in there:
                if missing[row[0], row[1], row[2]] > 0:
                    missing[row[0], row[1], row[2]] -= 1
                else:
                    self._database.write(f"DELETE FROM {table} WHERE id = ?", (number,))
        sql = f"INSERT INTO {table} ({column}, attribute, op, value) VALUES (?, ?, ?, ?)"
        self._database.write_many(sql, [(name, *row) for row in missing.elements()])

    def _nas(self, address: str, now: Fields | None, want: Fields | None) -> None:
        if want is None:
            self._database.write("DELETE FROM nas WHERE nasname = ?", (address,))
            self._database.write("DELETE FROM ispctl_object WHERE kind = 'nas' AND key = ?", (address,))
            return
        own = (str(want["host"]), str(want["type"]), int(str(want["require_ma"])))
        if now is not None and now["secret"] == want["secret"]:
            sql = "UPDATE nas SET shortname = ?, type = ?, require_ma = ? WHERE nasname = ?"
            self._database.write(sql, (*own, address))
            return
        digest = str(want["secret"])
        secret = text.nas_secret(self._open(digest))
        self._database.write(
            "INSERT INTO nas (shortname, type, require_ma, nasname, secret, description)"
            " VALUES (?, ?, ?, ?, ?, 'ispctl') ON CONFLICT (nasname) DO UPDATE SET shortname = excluded.shortname,"
            " type = excluded.type, require_ma = excluded.require_ma, secret = excluded.secret,"
            " description = excluded.description",
            (*own, address, secret),
        )
        noted = {"secret": digest, "mark": self._reader.sight.nas_mark(address, secret)}
        self._database.write(_NOTE, ("nas", address, json.dumps(noted, sort_keys=True)))

    def _pop(self, pop: str, now: Fields | None, want: Fields | None) -> None:
        have, wanted = _names(now), _names(want)
        for nas in sorted(have - wanted):
            self._database.write("DELETE FROM ispctl_pop WHERE pop = ? AND nas = ?", (pop, nas))
        rows = [(pop, nas) for nas in sorted(wanted - have)]
        self._database.write_many("INSERT INTO ispctl_pop (pop, nas) VALUES (?, ?)", rows)
        if want is None:
            self._database.write("DELETE FROM ispctl_object WHERE kind = 'pop' AND key = ?", (pop,))
        elif now is None:
            self._database.write(_NOTE, ("pop", pop, "{}"))


def _devices(fields: Fields) -> tuple[Value, Value]:
    return fields.get("macs"), fields.get("mac_mode")


def _names(fields: Fields | None) -> set[str]:
    names = fields["nas"] if fields else ()
    return set(map(str, names)) if isinstance(names, tuple) else set()
