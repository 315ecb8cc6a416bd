"""What rows look like in the normal form, and which ones are not written."""

from __future__ import annotations

import pytest

from ispctl.plan import Change, Key, Value
from ispctl.radius.rows import RadiusRows
from ispctl.store import Store
from tests.radius import world
from tests.radius.world import ANITA, ROUTER, hand, one


def test_a_login_is_written_as_the_server_reads_it(store: Store, full: RadiusRows) -> None:
    name = ANITA[1]
    password = world.OPEN[world.DIGESTS[0]]
    check = "SELECT attribute, op, value = ? FROM radcheck WHERE username = ?"
    assert store.database.query(check, (password, name)) == [("Cleartext-Password", ":=", 1)]
    assert store.database.query("SELECT groupname, priority FROM radusergroup WHERE username = ?", (name,)) == [
        ("isp:home-50", 1)
    ]
    assert store.database.query("SELECT mac, slot, learned FROM ispctl_mac WHERE login = ?", (name,)) == [
        ("02:00:5e:10:00:01", 1, None),
        ("02:00:5e:10:00:02", 2, None),
    ]
    assert store.database.query("SELECT nasname, shortname, type, require_ma FROM nas") == [
        ("192.0.2.1", "lalitpur-1", "routeros", 1)
    ]
    assert store.database.query("SELECT * FROM ispctl_pop") == [
        ("pop-lalitpur", "kathmandu-1"),
        ("pop-lalitpur", "lalitpur-1"),
    ]


def test_a_password_is_escaped_for_the_server_and_compared_without_being_opened(store: Store, rows: RadiusRows) -> None:
    wanted = world.login(password=world.HARD)
    assert world.go(rows, {ANITA: wanted}) == []
    ((value,),) = store.database.query("SELECT value FROM radcheck")
    assert value == world.OPEN[world.HARD].replace("\\", "\\\\")
    assert rows.read([ANITA]) == {ANITA: wanted}
    slower = wanted | {"sessions": 2}
    assert [o.error for o in rows.apply([Change("radius", ANITA, wanted, slower)])] == [""]  # no key was needed


def test_equal_passwords_leave_different_marks(store: Store, rows: RadiusRows) -> None:
    logins = {("login", f"a{n}@home.example"): world.login() for n in range(3)}
    assert world.go(rows, logins) == []
    ((marks,),) = store.database.query("SELECT count(DISTINCT password_mac) FROM ispctl_login")
    assert marks == 3


@pytest.mark.parametrize(
    ("edit", "field", "seen"),
    [
        ("UPDATE radcheck SET value = 'canary-pw-hand'", "password", "altered"),
        ("DELETE FROM radcheck", "password", None),
        ("INSERT INTO radcheck (username, attribute, op, value) SELECT username, attribute, op, value FROM radcheck",
         "password", "altered"),
        ("UPDATE radusergroup SET groupname = 'isp:home-1000'", "group", "isp:home-1000"),
        ("UPDATE radusergroup SET priority = 9", "group", "isp:home-50 at 9"),
        ("DELETE FROM radusergroup", "group", ""),
        ("INSERT INTO radusergroup (username, groupname, priority) VALUES ('anita@home.example', 'vip', 1)", "group",
         "isp:home-50, vip"),
        ("DELETE FROM radreply WHERE attribute = 'Framed-Route'", "reply",
         (("Framed-IP-Address", ":=", "203.0.113.7"),)),
        ("DELETE FROM ispctl_mac WHERE slot = 1", "macs", ("02:00:5e:10:00:02",)),
        ("INSERT INTO ispctl_mac VALUES ('anita@home.example', '02:00:5e:10:00:03', 3, 5)", "macs",
         ("02:00:5e:10:00:01", "02:00:5e:10:00:02", "02:00:5e:10:00:03")),
        ("UPDATE ispctl_login SET refuse = 'x'", "refuse", "x"),
        ("UPDATE ispctl_login SET expires = 1.5", "expires", "1.5"),
        ("INSERT INTO radcheck (username, attribute, op, value)"
         " VALUES ('anita@home.example', 'Auth-Type', ':=', 'Accept')", "check", (("Auth-Type", ":=", "Accept"),)),
    ],
)  # fmt: skip
def test_a_hand_edit_is_seen_and_repaired(store: Store, full: RadiusRows, edit: str, field: str, seen: Value) -> None:
    wanted = full.read(None)
    hand(store, edit)
    now = full.read([ANITA])[ANITA]
    if store.database.dialect.name == "postgresql" and seen == "1.5":
        seen = 2  # a column that holds numbers rounds it
    assert now[field] == seen
    assert {name for name in now if now[name] != wanted[ANITA].get(name)} == {field}
    assert world.go(full, wanted) == []
    assert full.read(None) == wanted


def test_somebodys_password_in_another_row_is_never_told(store: Store, full: RadiusRows) -> None:
    for table, attribute in (("radcheck", "NT-Password"), ("radreply", "Tunnel-Password"), ("radcheck", "Odd")):
        values = f"VALUES ('{ANITA[1]}', '{attribute}', ':=', 'canary-x')"
        hand(store, f"INSERT INTO {table} (username, attribute, op, value) {values}")
    told = repr(full.read(None))
    assert "canary" not in told
    assert told.count("hidden:") == 3


def test_a_changed_nas_secret_is_seen_and_written_again(store: Store, full: RadiusRows) -> None:
    wanted = full.read(None)
    hand(store, "UPDATE nas SET secret = 'canary-pw-hand', type = 'wispr'")
    assert full.read([ROUTER])[ROUTER] == world.nas(secret="altered", type="wispr")
    assert world.go(full, wanted) == []
    hand(store, "DELETE FROM nas")
    assert full.read([ROUTER])[ROUTER] == {"host": "", "type": "", "secret": None, "require_ma": 0}
    assert world.go(full, wanted) == []
    assert full.read(None) == wanted


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"reply": (("Framed-Route", "+=", "`x`"),)}, "E315"),
        ({"reply": (("Framed-Route", "+=", "'x'"),)}, "E315"),
        ({"reply": (("Framed-Route", "+=", ""),)}, "E315"),
        ({"reply": (("Framed-Route", "+=", "a\nb"),)}, "E315"),
        ({"reply": (("Framed-Route", "+=", "x" * 254),)}, "E315"),
        ({"reply": (("Framed-IP-Address", ":=", "203.0.113.777"),)}, "E315"),
        ({"reply": (("Framed-IPv6-Address", ":=", "203.0.113.7"),)}, "E315"),
        ({"reply": (("Delegated-IPv6-Prefix", ":=", "2001:db8::/129"),)}, "E315"),
        ({"reply": (("Session-Timeout", ":=", "-1"),)}, "E315"),
        ({"reply": (("Service-Type", ":=", "Framed-Usre"),)}, "E315"),
        ({"reply": (("Framed-Ruote", "+=", "x"),)}, "E316"),
        ({"reply": (("User-Password", ":=", "x"),)}, "E316"),
        ({"reply": (("Class", ":=", "x"),)}, "E316"),
        ({"reply": (("Framed-Route", "!*", "x"),)}, "E316"),
        ({"reply": (("Framed-Route", "+="),)}, "E315"),
        ({"group": "legacy"}, "E315"),
        ({"class": "0x41"}, "E315"),
        ({"refuse": "ok'; --"}, "E315"),
        ({"on_expiry": "later"}, "E315"),
        ({"mac_max": "2"}, "E315"),
        ({"macs": ("02-00-5e-10-00-01",)}, "E315"),
        ({"password": "canary-pw-clear"}, "E315"),
        ({"check": (("Auth-Type", ":=", "Accept"),)}, "E315"),
    ],
)
def test_a_row_the_server_would_misread_is_refused_and_nothing_is_written(
    store: Store, rows: RadiusRows, fields: dict[str, Value], code: str
) -> None:
    before = world.content(store.database)
    outcome = one(rows, ANITA, None, world.login(**fields))
    assert outcome.code == code
    assert "canary" not in outcome.error
    assert world.content(store.database) == before


def test_values_of_the_dictionary_are_written(rows: RadiusRows) -> None:
    reply = (
        ("Delegated-IPv6-Prefix", ":=", "2001:db8:100::/56"),
        ("Framed-IPv6-Address", ":=", "2001:db8::1"),
        ("Mikrotik-Rate-Limit", "=", "25M/50M 40M/80M 20M/40M 10/10"),
        ("Service-Type", ":=", "Framed-User"),
        ("Session-Timeout", ":=", "3600"),
    )
    assert world.go(rows, {ANITA: world.login(reply=reply)}) == []
    assert rows.read([ANITA])[ANITA]["reply"] == reply


@pytest.mark.parametrize(
    "key",
    [
        ("login", "a=b@home.example"),
        ("login", "a'b"),
        ("login", ""),
        ("login", "a" * 65),
        ("login", "a\\b"),
        ("login", "a b"),
        ("group", "legacy@routeros"),
        ("nas", "lalitpur-1"),
        ("nas", "2001:DB8::1"),
        ("table", "radacct"),
    ],
)
def test_a_name_the_server_can_never_match_is_refused(rows: RadiusRows, key: Key) -> None:
    kinds = {"login": world.login(), "group": world.group("x"), "nas": world.nas()}
    assert one(rows, key, None, kinds.get(key[0], {})).code == "E317"


@pytest.mark.parametrize("secret", ["canary-pw-'", "'canary-pw-'", "canary-pw-\x07", "", "canary-pw-" + "x" * 250])
def test_a_password_that_cannot_be_written_is_refused_without_being_told(rows: RadiusRows, secret: str) -> None:
    (outcome,) = rows.apply([Change("radius", ANITA, None, world.login())], lambda _: secret)
    assert "canary" not in outcome.error
    assert (outcome.code, rows.read(None)) == (
        ("", {ANITA: world.login()}) if secret == "canary-pw-'" else ("E315", {})
    )


def test_a_nas_secret_with_a_backslash_is_refused(rows: RadiusRows) -> None:
    outcome = one(rows, ROUTER, None, world.nas(secret=world.HARD))
    assert outcome.code == "E315"
    assert "canary" not in outcome.error
    assert rows.read(None) == {}
