"""What the rows of the RADIUS database are to look like, and whose they are."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import ispctl
from ispctl.backend import Outcome, Unreachable
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Change, Fields, Key, Value, diff
from ispctl.radius.rows import RadiusRows, order
from ispctl.store import Store
from tests.radius import world

ANITA = ("login", "anita@home.example")
HOME = ("group", "isp:home-50@routeros")
ROUTER = ("nas", "192.0.2.1")
POP = ("pop", "pop-lalitpur")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with world.make(tmp_path, foreign=False) as made:
        yield made


@pytest.fixture
def rows(store: Store) -> RadiusRows:
    return RadiusRows(store)


@pytest.fixture
def full(rows: RadiusRows) -> RadiusRows:
    wanted: dict[Key, Fields] = {
        ANITA: world.login(),
        HOME: world.group(HOME[1]),
        ROUTER: world.nas(),
        POP: {"nas": ("kathmandu-1", "lalitpur-1")},
    }
    assert world.go(rows, wanted) == []
    return rows


def one(rows: RadiusRows, key: Key, before: Fields | None, after: Fields | None) -> Outcome:
    (outcome,) = rows.apply([Change("radius", key, before, after)], world.OPEN.__getitem__)
    return outcome


def hand(store: Store, sql: str) -> None:
    """An edit by somebody else, on a connection of his own."""
    with closing(sqlite3.connect(store.path)) as database, database:
        database.execute(sql)


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
        ("INSERT INTO radusergroup (username, groupname) VALUES ('anita@home.example', 'vip')", "group",
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


def test_a_login_with_rows_of_others_is_refused_alone(store: Store, rows: RadiusRows) -> None:
    hand(store, f"INSERT INTO radreply (username, attribute, value) VALUES ('{ANITA[1]}', 'Session-Timeout', '60')")
    hand(store, "INSERT INTO nas (nasname, shortname) VALUES ('192.0.2.1', 'old')")
    hand(store, "INSERT INTO ispctl_pop VALUES ('pop-lalitpur', 'old')")
    other = ("login", "bina@home.example")
    before = world.content(store.database)
    wanted: dict[Key, Fields] = {
        ANITA: world.login(),
        other: world.login(owner="sub-2/main"),
        ROUTER: world.nas(),
        POP: {"nas": ("x",)},
    }
    assert world.go(rows, wanted) == ["E314", "E314", "E314"]
    assert rows.read(None) == {other: wanted[other]}
    assert world.go(rows, {}) == []
    assert world.content(store.database) == before


def test_a_key_that_changed_since_the_plan_is_left_as_it_is(store: Store, full: RadiusRows) -> None:
    wanted = full.read([ANITA])[ANITA]
    hand(store, "UPDATE ispctl_login SET sessions = 7")
    before = world.content(store.database)
    outcome = one(full, ANITA, wanted, world.login(sessions=3, reply=()))
    assert (outcome.code, outcome.error.partition(":")[0]) == ("E313", "changed meanwhile")
    assert one(full, ANITA, wanted, None).code == "E313"
    assert one(full, HOME, None, world.group(HOME[1], "1M/1M")).code == "E313"
    assert world.content(store.database) == before


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


def test_without_a_key_only_what_needs_one_fails(rows: RadiusRows) -> None:
    bina = ("login", "bina@home.example")
    wanted = {ANITA: world.login(), bina: world.login(password=None, owner="sub-2/main")}
    outcomes = list(rows.apply(diff("radius", wanted, {})))
    assert [(o.change.key, o.code) for o in outcomes] == [(ANITA, "E201"), (bina, "")]
    assert rows.read(None) == {bina: wanted[bina]}


def test_what_stands_beside_is_written_with_the_rows_or_not_at_all(store: Store, rows: RadiusRows) -> None:
    def beside(change: Change) -> None:
        store.meta.set(f"note {change.key[1]}", change.action)
        if change.key == ANITA:
            raise Refusal(Problem("E311", "no"))

    bina = ("login", "bina@home.example")
    wanted = {ANITA: world.login(), bina: world.login(owner="sub-2/main")}
    outcomes = list(rows.apply(diff("radius", wanted, {}), world.OPEN.__getitem__, beside))
    assert [o.code for o in outcomes] == ["E311", ""]
    assert store.meta.get(f"note {ANITA[1]}") is None
    assert store.meta.get(f"note {bina[1]}") == "create"
    assert list(rows.read(None)) == [bina]


def test_a_change_already_made_is_done_and_still_noted(rows: RadiusRows, full: RadiusRows) -> None:
    noted: list[Key] = []
    change = Change("radius", ANITA, world.login(sessions=9), world.login())
    (outcome,) = full.apply([change], beside=lambda c: noted.append(c.key))
    assert (outcome.code, noted) == ("", [ANITA])


def test_learned_addresses_outlive_everything_but_the_end_of_learning(store: Store, rows: RadiusRows) -> None:
    learn = world.login(mac_mode="learn", mac_max=4, macs=("02:00:5e:10:00:01",))
    assert world.go(rows, {ANITA: learn}) == []
    hand(store, f"INSERT INTO ispctl_mac VALUES ('{ANITA[1]}', '02:00:5e:10:00:07', 2, 5)")
    hand(store, f"INSERT INTO ispctl_mac VALUES ('{ANITA[1]}', '02:00:5e:10:00:08', 3, 5)")
    assert rows.read(None) == {ANITA: learn}
    promoted = learn | {"macs": ("02:00:5e:10:00:07", "02:00:5e:10:00:09"), "reply": ()}
    assert world.go(rows, {ANITA: promoted}) == []
    macs = "SELECT mac, slot, learned FROM ispctl_mac ORDER BY slot"
    assert store.database.query(macs) == [
        ("02:00:5e:10:00:09", 1, None),
        ("02:00:5e:10:00:07", 2, None),
        ("02:00:5e:10:00:08", 3, 5),
    ]
    assert world.go(rows, {ANITA: promoted | {"mac_mode": "fixed"}}) == []
    assert [row[0] for row in store.database.query(macs)] == ["02:00:5e:10:00:09", "02:00:5e:10:00:07"]
    assert world.go(rows, {}) == []
    assert store.database.query(macs) == []


def test_groups_come_before_the_logins_that_use_them_and_go_after() -> None:
    before: dict[Key, Fields] = {
        ANITA: world.login(),
        HOME: world.group(HOME[1]),
        POP: {"nas": ("x",)},
        ROUTER: world.nas(),
    }
    new = ("group", "isp:home-100@routeros")
    after = {ANITA: world.login(group="isp:home-100"), new: world.group(new[1])}
    planned = [(change.action, change.key) for change in order(diff("radius", after, before))]
    assert planned == [("create", new), ("update", ANITA), ("delete", HOME), ("delete", POP), ("delete", ROUTER)]


def test_a_renamed_login_moves_in_one_transaction(store: Store, rows: RadiusRows) -> None:
    logins: dict[Key, Fields] = {
        ("login", f"l{number:04}@home.example"): world.login(owner=f"sub-{number:06}/main", password=None)
        for number in range(400)
    }
    assert world.go(rows, logins) == []
    old, new = ("login", "l0199@home.example"), ("login", "a@home.example")
    wanted = {k: {**v, "sessions": 5} for k, v in logins.items() if k != old} | {new: logins[old]}
    seen: list[bool] = []
    with Store.open(world.DSN, base=store.path.parent, readonly=True) as reader:
        other = RadiusRows(reader)
        for outcome in rows.apply(order(diff("radius", wanted, logins))):
            assert not outcome.error
            seen.append(len(other.read([old, new])) == 1)
    assert all(seen)
    assert rows.read(None) == wanted


def test_what_depends_on_a_failed_change_is_held_back(full: RadiusRows, store: Store) -> None:
    before = full.read(None)
    new = ("group", "isp:home-100@routeros")
    bina = ("login", "bina@home.example")
    bad = world.group(new[1]) | {"reply": (("Mikrotik-Rate-Limitt", "=", "1M/1M"),)}
    wanted: dict[Key, Fields] = {
        ANITA: world.login(group="isp:home-100"),
        new: bad,
        bina: world.login(owner="sub-2/main"),
        ROUTER: before[ROUTER],
        POP: before[POP],
    }
    changes = order(diff("radius", wanted, before))
    outcomes = {o.change.key: o.code for o in full.apply(changes, world.OPEN.__getitem__)}
    assert outcomes == {new: "E316", ANITA: "E318", bina: "", HOME: "E318"}
    assert full.read([ANITA, HOME]) == {ANITA: before[ANITA], HOME: before[HOME]}


def test_a_change_whose_need_failed_is_held_back(rows: RadiusRows) -> None:
    first = Change("radius", POP, {"nas": ()}, {"nas": ("x",)})
    second = Change("radius", ANITA, None, world.login(), needs=frozenset({first.id}))
    assert [o.code for o in rows.apply([first, second], world.OPEN.__getitem__)] == ["E313", "E318"]


def test_a_plan_read_from_a_file_means_the_same(rows: RadiusRows) -> None:
    said = json.loads(json.dumps(world.login()))
    said["macs"] = said["macs"][::-1]
    assert one(rows, ANITA, None, said).error == ""
    assert rows.read([ANITA]) == {ANITA: world.login()}
    assert one(rows, ANITA, said, None).error == ""


def test_a_database_that_fails_stops_the_rest_and_writes_no_half(store: Store, rows: RadiusRows) -> None:
    ((pages,),) = store.database.query("PRAGMA page_count")
    store.database.query(f"PRAGMA max_page_count = {pages + 20}")
    logins: dict[Key, Fields] = {
        ("login", f"l{n:04}@home.example"): world.login(owner=f"sub-{n:06}/main", password=None) for n in range(900)
    }
    outcomes = list(rows.apply(order(diff("radius", logins, {}))))
    codes = [o.code for o in outcomes]
    assert len(codes) == 900
    assert codes[-1] == "E309"
    done = {o.change.key for o in outcomes if not o.code}
    assert codes == [""] * len(done) + ["E309"] * (900 - len(done))
    store.database.query("PRAGMA max_page_count = 1000000")
    assert rows.read(None) == {key: logins[key] for key in done}


def test_a_database_that_cannot_be_read_is_unknown_and_not_empty(store: Store, rows: RadiusRows) -> None:
    hand(store, "DROP TABLE radreply")
    with pytest.raises(Unreachable, match="radius: E311"):
        rows.read(None)


def test_reading_one_login_among_many_reads_its_rows_only(store: Store, rows: RadiusRows) -> None:
    logins: dict[Key, Fields] = {
        ("login", f"l{n:04}@home.example"): world.login(owner=f"sub-{n:06}/main") for n in range(500)
    }
    assert world.go(rows, logins) == []
    before, written = store.rows_read, store.rows_written
    assert rows.read([("login", "l0007@home.example")]) == {
        ("login", "l0007@home.example"): logins["login", "l0007@home.example"]
    }
    assert store.rows_read - before == 8  # the key, the login, its password, group, two replies, two addresses
    slower = {**logins["login", "l0007@home.example"], "group": "isp:home-10"}
    assert one(rows, ("login", "l0007@home.example"), logins["login", "l0007@home.example"], slower).error == ""
    assert store.rows_written - written == 2  # the membership, gone and new


def test_killed_for_real_in_the_middle_it_ends_whole_when_run_again(tmp_path: Path) -> None:
    world.make(tmp_path).close()
    script = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from ispctl.plan import diff\nfrom ispctl.radius.rows import RadiusRows, order\n"
        "from ispctl.store import Store\nfrom tests.radius import world\n"
        "wanted = {('login', f'l{n:04}@home.example'): world.login(owner=f'sub-{n:06}/main') for n in range(300)}\n"
        "def beside(change):\n"
        "    if change.key[1] == 'l0250@home.example': os.kill(os.getpid(), signal.SIGKILL)\n"
        "with Store.open(world.DSN, base=Path(sys.argv[1])) as store:\n"
        "    list(RadiusRows(store).apply(order(diff('radius', wanted, {})), world.OPEN.__getitem__, beside))\n"
    )
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), str(Path(ispctl.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], env=environment, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    wanted: dict[Key, Fields] = {
        ("login", f"l{n:04}@home.example"): world.login(owner=f"sub-{n:06}/main") for n in range(300)
    }
    with Store.open(world.DSN, base=tmp_path) as store:
        rows = RadiusRows(store)
        assert len(rows.read(None)) == 200
        assert world.go(rows, wanted, {}) == []
        assert rows.read(None) == wanted
