"""Who else works in a PostgreSQL database, and what each may do: ispstat reads, FreeRADIUS serves. Neither owns.

A role of ispstat sees no password, no shared secret and no key. Where they stand it sees marks, by way of the views
`ispctl_seen_…`: equal for equal secrets, and telling nothing else. So it finds a hand edit all the same. What stood on
NAS it sees as it is kept: digests of sealed texts in place of secrets, and of how devices show these, digests under a
key that it does not see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, Literal

from ispctl.model.problem import Problem, Refusal
from ispctl.store import prints
from ispctl.store._store import Store

Kind = Literal["stat", "server"]
_ROLES: Final = "roles"
"""Key in ispctl_meta: JSON {role: kind}, so that what is made later can be granted again."""
_NAME: Final = re.compile(r"[a-z_][a-z0-9_-]{0,62}")
_INNER, _OUTER = "rows-inner", "rows-outer"
"""Names in ispctl_secret: the key of row marks, prepared as HMAC wants it (RFC 2104), so that SQL can reckon marks."""
_HIDDEN: Final = frozenset(
    {
        "radcheck",
        "radreply",
        "radgroupcheck",
        "radgroupreply",
        "nas",
        "ispctl_secret",
        "ispctl_print",
        "ispctl_cpe_wanted",
    }
)
_BARE: Final = {
    "radcheck": "id, username, attribute, op",
    "radreply": "id, username, attribute, op",
    "radgroupcheck": "id, groupname, attribute, op",
    "radgroupreply": "id, groupname, attribute, op",
    "ispctl_cpe_wanted": "serial, id, key, profile, login, changed, ends, holds, since",
    "nas": "id, nasname, shortname, type, ports, server, description, require_ma",
}
"""What ispstat reads of tables with secrets in them."""
_SERVES: Final = (
    "SELECT ON radcheck, radreply, radgroupcheck, radgroupreply, radusergroup, nas, ispctl_login, ispctl_pop",
    "SELECT ON ispctl_identity, ispctl_object",
    "SELECT, INSERT, UPDATE ON radacct, ispctl_stranger, ispctl_clock",
    "SELECT, INSERT ON radpostauth, ispctl_mac",
    "SELECT, UPDATE, DELETE ON radippool",
    "USAGE ON SEQUENCE radacct_radacctid_seq, radpostauth_id_seq",
)


def grant(store: Store, role: str, kind: Kind) -> bool:
    """Let a role do its work and no more; made where it is missing, without a password. Whether it was made.

    Refuses E332 for SQLite and for a name that is none, E308 when this role may not do that.
    """
    if store.database.dialect.name != "postgresql":
        text = f"{store.place} has no roles: whoever may read the file reads all of it"
        raise Refusal(Problem("E332", text, advice="Owner and mode of the file decide; roles need PostgreSQL"))
    if not _NAME.fullmatch(role):
        advice = "Small letters, digits, - and _; beginning with a letter"
        raise Refusal(Problem("E332", "that is no name for a role", advice=advice))
    with store.transaction():
        known = store.database.query("SELECT 1 FROM pg_roles WHERE rolname = ?", (role,))
        if not known:
            store.database.write(f'CREATE ROLE "{role}" LOGIN')
        store.meta.set(_ROLES, json.dumps({**_known(store), role: kind}, sort_keys=True))
        _renew(store)
    return not known


def renew(store: Store) -> None:
    """Grant again what tables made since then need; nothing to do on SQLite, or without roles."""
    if store.database.dialect.name == "postgresql" and _known(store):
        with store.transaction():
            _renew(store)


def _known(store: Store) -> dict[str, Kind]:
    found: dict[str, Kind] = json.loads(store.meta.get(_ROLES) or "{}")
    return found


def _renew(store: Store) -> None:
    _prepare_key(store)
    for view in (*_views(), *prints.views(store.database.dialect)):
        store.database.write(view)
    for role, kind in _known(store).items():
        ((schema,),) = store.database.query("SELECT quote_ident(current_schema())")
        store.database.write(f'REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM "{role}"')
        store.database.write(f'GRANT USAGE ON SCHEMA {schema} TO "{role}"')
        for what in _SERVES if kind == "server" else _reads(store):
            store.database.write(f'GRANT {what} TO "{role}"')


def _reads(store: Store) -> Iterator[str]:
    ours = [name for name in store.database.tables() if name.startswith(("ispctl_", "rad")) and name not in _HIDDEN]
    yield f"SELECT ON {', '.join(sorted(ours))}"
    for table, columns in _BARE.items():
        yield f"SELECT ({columns}) ON {table}"


def _prepare_key(store: Store) -> None:
    block = store.row_key.ljust(64, b"\0")
    for name, pad in ((_INNER, 0x36), (_OUTER, 0x5C)):
        store.database.write(
            "INSERT INTO ispctl_secret (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
            (name, bytes(byte ^ pad for byte in block).hex()),
        )


def _views() -> Iterator[str]:
    """They read with the rights of their owner. `value` is empty where it may be a secret."""
    harmless = "attribute IN ('Auth-Type', 'Expiration', 'Simultaneous-Use', 'Pool-Name')"
    hidden = "attribute ~* '(password|secret|key|chap|challenge)'"
    for table, column, shown in (
        ("radcheck", "username", harmless),
        ("radreply", "username", f"NOT {hidden}"),
        ("radgroupcheck", "groupname", f"NOT {hidden}"),
        ("radgroupreply", "groupname", f"NOT {hidden}"),
    ):
        row, login = _mark("row", "attribute", "value"), _mark("login", column, "value")
        yield (
            f"CREATE OR REPLACE VIEW ispctl_seen_{table} AS SELECT id, {column}, attribute, op,"
            f" CASE WHEN {shown} THEN value END AS value, {row} AS row_mark, {login} AS login_mark FROM {table}"
        )
    secret = _mark("nas", "nasname", "secret")
    yield (
        "CREATE OR REPLACE VIEW ispctl_seen_nas AS"
        f" SELECT nasname, shortname, type, require_ma, {secret} AS secret FROM nas"
    )


def _mark(word: str, *columns: str) -> str:
    r"""HMAC-SHA256 of a word and some columns with \0 between them, as SQL; Python reckons it in radius/_rows_marks."""
    parts = [f"'{word}'", *columns]
    message = r" || '\x00'::bytea || ".join(f"convert_to({part}, 'UTF8')" for part in parts)
    inner, outer = (f"(SELECT decode(value, 'hex') FROM ispctl_secret WHERE name = '{n}')" for n in (_INNER, _OUTER))
    return f"encode(sha256({outer} || sha256({inner} || {message})), 'hex')"
