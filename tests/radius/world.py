"""A database with rows of others in every table, and random wishes for ours."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from hypothesis import strategies as st

from ispctl.backend import Outcome
from ispctl.plan import Change, Fields, Key, Resources, Value, diff
from ispctl.radius.rows import RadiusRows, order
from ispctl.store import Database, File, Store
from tests import canary
from tests.databases import Place

SECRETS = [canary.PASSWORD, canary.OTHER_PASSWORD, canary.PASSWORD_MARK + "back\\slash\\"]
OPEN = {"sha256:" + hashlib.sha256(text.encode()).hexdigest(): text for text in SECRETS}
DIGESTS = sorted(digest for digest, text in OPEN.items() if "\\" not in text)
HARD = next(digest for digest, text in OPEN.items() if "\\" in text)
FOREIGN = (
    "INSERT INTO radcheck (username, attribute, op, value) VALUES ('old', 'Cleartext-Password', ':=', 'canary-pw-old')",
    "INSERT INTO radreply (username, attribute, op, value) VALUES ('old', 'Framed-IP-Address', '=', '198.51.100.3')",
    "INSERT INTO radusergroup (username, groupname, priority) VALUES ('old', 'legacy', 5)",
    "INSERT INTO radusergroup (username, groupname) VALUES ('old', 'isp:home-0')",
    "INSERT INTO radgroupcheck (groupname, attribute, op, value) VALUES ('legacy', 'Simultaneous-Use', ':=', '1')",
    "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('legacy', 'Session-Timeout', ':=', '60')",
    "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('ISP:home-0@x', 'Idle-Timeout', ':=', '9')",
    "INSERT INTO nas (nasname, shortname, secret) VALUES ('198.51.100.1', 'old', 'canary-pw-nas')",
    "INSERT INTO nasreload (nasipaddress, reloadtime) VALUES ('198.51.100.1', {instant})",
    "INSERT INTO radacct (acctuniqueid, acctsessionid, nasipaddress, username, acctstarttime)"
    " VALUES ('u0', 's0', '198.51.100.1', 'a0@home.example', {instant})",
    "INSERT INTO radpostauth (username, reply, authdate) VALUES ('a0@home.example', 'Access-Reject', {instant})",
    "INSERT INTO radippool (pool_name, framedipaddress, username) VALUES ('p', '198.51.100.4', 'a0@home.example')",
    "INSERT INTO ispctl_pop (pop, nas) VALUES ('pop-foreign', 'old')",
    "INSERT INTO ispctl_mac (login, mac, slot, learned) VALUES ('old', '02:00:5e:10:00:99', 1, 5)",
    "INSERT INTO ispctl_identity VALUES ('mac:02:00:5e:10:00:99', 'old')",
    "INSERT INTO ispctl_stranger VALUES ('198.51.100.5', 1, 2, 3)",
    "INSERT INTO ispctl_object VALUES ('tariff', 'home-0', '{{}}')",
)
TABLES = (
    "radcheck radreply radgroupcheck radgroupreply radusergroup nas nasreload radacct radpostauth radippool"
    " ispctl_login ispctl_identity ispctl_mac ispctl_pop ispctl_stranger ispctl_object"
).split()

ANITA = ("login", "anita@home.example")
HOME = ("group", "isp:home-50@routeros")
ROUTER = ("nas", "192.0.2.1")
POP = ("pop", "pop-lalitpur")


def make(place: Place, *, foreign: bool = True) -> Store:
    """A new database, of which a fixture has made the tables."""
    store = hasty(place.open())
    for statement in FOREIGN if foreign else ():
        store.database.write(statement.format(instant=place.instant("5")))
    return store


def hasty(store: Store) -> Store:
    """Without waiting for the disk, since nobody needs it after a power cut."""
    if store.database.dialect.name == "sqlite":
        store.database.query("PRAGMA synchronous = OFF")
    return store


def content(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, byte for byte."""
    return {table: sorted(database.query(f"SELECT * FROM {table}"), key=repr) for table in TABLES}


def login(**fields: Value) -> dict[str, Value]:
    """A login as rendering makes it, with some fields otherwise."""
    usual: dict[str, Value] = {
        "owner": "sub-000001/main",
        "password": DIGESTS[0],
        "group": "isp:home-50",
        "class": "0123456789abcdef",
        "refuse": "",
        "expires": 1_800_000_000,
        "on_expiry": "wall",
        "pop": "pop-lalitpur",
        "on_roam": "alert",
        "mac_mode": "fixed",
        "mac_max": 2,
        "on_mismatch": "reject",
        "sessions": 1,
        "macs": ("02:00:5e:10:00:01", "02:00:5e:10:00:02"),
        "method": "password",
        "identities": (),
        "reply": (("Framed-IP-Address", ":=", "203.0.113.7"), ("Framed-Route", "+=", "203.0.113.64/29 0.0.0.0 1")),
    }
    return usual | fields


def group(name: str, limit: str = "25M/50M") -> dict[str, Value]:
    check: Value = (("ISP-Profile", ":=", name), ("ISP-Rendering", ":=", "0123456789abcdef"))
    return {"check": check, "reply": (("Mikrotik-Rate-Limit", "=", limit),)}


def nas(**fields: Value) -> dict[str, Value]:
    usual: dict[str, Value] = {"host": "lalitpur-1", "type": "routeros", "secret": DIGESTS[0], "require_ma": 1}
    return usual | fields


def go(rows: RadiusRows, want: Resources, have: Resources | None = None) -> list[str]:
    """Make the database equal to `want`; the codes of what failed."""
    changes = order(diff("radius", want, rows.read(None) if have is None else have))
    return [outcome.code for outcome in rows.apply(changes, OPEN.__getitem__) if outcome.error]


def one(rows: RadiusRows, key: Key, before: Fields | None, after: Fields | None) -> Outcome:
    (outcome,) = rows.apply([Change("radius", key, before, after)], OPEN.__getitem__)
    return outcome


def place_of(store: Store) -> Place:
    found = store.database.address
    return Place(f"sqlite:///{found.path}" if isinstance(found, File) else found.dsn, Path())


def hand(store: Store, sql: str) -> None:
    """An edit by somebody else, on a connection of his own."""
    place_of(store).hand(sql)


_LOGINS = [f"a{number}@home.example" for number in range(4)]
_MACS = [f"02:00:5e:10:00:{number:02x}" for number in range(1, 5)]
_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(
    lambda text: not (len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`")
)
_REPLY = st.one_of(
    st.builds(lambda n: ("Framed-IP-Address", ":=", f"203.0.113.{n}"), st.integers(1, 3)),
    st.builds(lambda text: ("Framed-Route", "+=", text), _TEXT),
    st.builds(lambda text: ("Filter-Id", "=", text), _TEXT),
)


def bags(of: st.SearchStrategy[tuple[str, str, str]]) -> st.SearchStrategy[Value]:
    return st.lists(of, max_size=4).map(lambda rows: tuple(sorted(rows)))


def names(of: list[str]) -> st.SearchStrategy[Value]:
    return st.sets(st.sampled_from(of)).map(lambda found: tuple(sorted(found)))


_LOGIN: st.SearchStrategy[Fields] = st.fixed_dictionaries(
    {
        "owner": st.sampled_from(["sub-000001/main", "sub-000002/main"]),
        "password": st.sampled_from([*DIGESTS, HARD, None]),
        "group": st.sampled_from(["isp:home-0", "isp:home-1", "isp:walled"]),
        "class": st.sampled_from(["", "00ff00ff00ff00ff"]),
        "refuse": st.sampled_from(["", "suspended"]),
        "expires": st.sampled_from([None, 0, 1_800_000_000]),
        "on_expiry": st.sampled_from(["wall", "reject"]),
        "pop": st.sampled_from([None, "pop-lalitpur"]),
        "on_roam": st.sampled_from(["allow", "alert", "reject"]),
        "mac_mode": st.sampled_from(["off", "learn", "fixed"]),
        "mac_max": st.integers(0, 3),
        "on_mismatch": st.sampled_from(["reject", "wall", "alert"]),
        "sessions": st.integers(0, 2),
        "macs": names(_MACS),
        "method": st.sampled_from(["password", "line"]),
        "identities": names(["mac:02:00:5e:10:00:01", "circuit:686f6d65", "circuit:686f6d65/0102"]),
        "reply": bags(_REPLY),
    }
)
_GROUP: st.SearchStrategy[Fields] = st.fixed_dictionaries(
    {
        "check": bags(st.builds(lambda text: ("ISP-Profile", ":=", text), _TEXT)).filter(bool),
        "reply": bags(_REPLY),
    }
)
_NAS: st.SearchStrategy[Fields] = st.fixed_dictionaries(
    {
        "host": st.sampled_from(["lalitpur-1", "kathmandu-1"]),
        "type": st.sampled_from(["routeros", "wispr"]),
        "secret": st.sampled_from(DIGESTS),
        "require_ma": st.integers(0, 1),
    }
)
_POP: st.SearchStrategy[Fields] = st.fixed_dictionaries({"nas": names(["lalitpur-1", "kathmandu-1"])})


def _kind(kind: str, keys: list[str], fields: st.SearchStrategy[Fields]) -> st.SearchStrategy[Mapping[Key, Fields]]:
    found = st.dictionaries(st.sampled_from(keys), fields, max_size=4)
    return found.map(lambda named: {(kind, name): value for name, value in named.items()})


STATES: st.SearchStrategy[Resources] = st.tuples(
    _kind("login", _LOGINS, _LOGIN),
    _kind("group", ["isp:home-0@routeros", "isp:home-1@routeros", "isp:walled@wispr"], _GROUP),
    _kind("nas", ["192.0.2.1", "2001:db8::1"], _NAS),
    _kind("pop", ["pop-lalitpur", "pop-kathmandu"], _POP),
).map(lambda parts: {key: fields for part in parts for key, fields in part.items()})
"""What the database may be wanted to hold."""
