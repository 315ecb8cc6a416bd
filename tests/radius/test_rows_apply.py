"""What an apply does: whose rows it writes, in which order, and what is left when something fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import ispctl
from ispctl.backend import Unreachable
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Change, Fields, Key, diff
from ispctl.radius.rows import BATCH, RadiusRows, order
from ispctl.store import Store
from ispctl.structs import replace
from tests.databases import Place
from tests.radius import world
from tests.radius.world import ANITA, HOME, POP, ROUTER, hand, one


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


@pytest.mark.parametrize(
    ("foreign", "code"),
    [
        ("INSERT INTO radcheck (username, attribute, value) VALUES ('{}', 'Auth-Type', 'Accept')", "E314"),
        ("INSERT INTO radreply (username, attribute, value) VALUES ('{}', 'Session-Timeout', '60')", "E314"),
        ("INSERT INTO radusergroup (username, groupname) VALUES ('{}', 'legacy')", "E314"),
        ("INSERT INTO ispctl_identity (identity, login) VALUES ('circuit:77', '{}')", "E314"),
        ("INSERT INTO ispctl_mac (login, mac, slot) VALUES ('{}', '02:00:5e:10:00:77', 9)", "E314"),
        ("INSERT INTO ispctl_mac (login, mac, slot, learned) VALUES ('{}', '02:00:5e:10:00:77', 9, 5)", ""),
        ("INSERT INTO ispctl_mac (login, mac, slot, learned) VALUES ('{}', '02:00:5e:10:00:77', 1, 5)", ""),
        ("INSERT INTO ispctl_print (login, number, total) VALUES ('{}', 3, 4)", ""),
    ],
)
def test_what_stands_there_of_a_login_that_was_taken_for_new_is_seen(
    store: Store, rows: RadiusRows, foreign: str, code: str
) -> None:
    hand(store, foreign.format(ANITA[1]))
    others: dict[Key, Fields] = {
        ("login", f"l{number}@home.example"): world.login(owner=f"sub-{number}/main") for number in range(2)
    }
    wanted = {ANITA: world.login(), **others}
    assert world.go(rows, wanted) == [code] * bool(code)
    assert rows.read(None) == (others if code else wanted)
    assert rows.suspect() == frozenset()
    assert world.go(rows, others) == []
    assert rows.suspect() == frozenset()


def test_a_key_that_changed_since_the_plan_is_left_as_it_is(store: Store, full: RadiusRows) -> None:
    wanted = full.read([ANITA])[ANITA]
    hand(store, "UPDATE ispctl_login SET sessions = 7")
    before = world.content(store.database)
    outcome = one(full, ANITA, wanted, world.login(sessions=3, reply=()))
    assert (outcome.code, outcome.error.partition(":")[0]) == ("E313", "changed meanwhile")
    assert one(full, ANITA, wanted, None).code == "E313"
    assert one(full, HOME, None, world.group(HOME[1], "1M/1M")).code == "E313"
    assert world.content(store.database) == before


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


def test_a_login_that_the_database_refuses_fails_alone(store: Store, rows: RadiusRows) -> None:
    """Logins of a batch are written together; what is wrong with one is found where it stands for itself."""
    refuse(store, "l0150@home.example")
    logins: dict[Key, Fields] = {
        ("login", f"l{number:04}@home.example"): world.login(owner=f"sub-{number:06}/main") for number in range(200)
    }
    bad, next_to_it = ("login", "l0150@home.example"), ("login", "l0151@home.example")
    changes = [
        replace(change, needs=frozenset({Change("radius", bad, None, logins[bad]).id}))
        if change.key == next_to_it
        else change
        for change in order(diff("radius", logins, {}))
    ]
    noted: Counter[Key] = Counter()

    def beside(change: Change) -> None:
        noted[change.key] += 1
        store.meta.set(f"note {change.key[1]}", change.action)

    outcomes = list(rows.apply(changes, world.OPEN.__getitem__, beside))
    assert [outcome.change.key for outcome in outcomes] == sorted(logins)
    codes = {outcome.change.key: outcome.code for outcome in outcomes if outcome.code}
    assert codes == {bad: "E311", next_to_it: "E318"}
    assert rows.read(None) == {key: fields for key, fields in logins.items() if key not in codes}
    assert [store.meta.get(f"note {key[1]}") for key in (bad, next_to_it, ("login", "l0152@home.example"))] == [
        None,
        None,
        "create",
    ]
    assert set(noted.values()) == {1}


def test_many_logins_are_written_with_few_statements(rows: RadiusRows, monkeypatch: pytest.MonkeyPatch) -> None:
    logins: dict[Key, Fields] = {
        ("login", f"l{number:04}@home.example"): world.login(owner=f"sub-{number:06}/main") for number in range(200)
    }
    asked: list[str] = []
    link = type(rows._database._link)
    for name in ("execute", "execute_many", "add_many"):
        real = getattr(link, name)

        def counted(self: object, sql: str, *more: object, real: Callable[..., object] = real) -> object:
            asked.append(sql)
            return real(self, sql, *more)

        monkeypatch.setattr(link, name, counted)
    assert world.go(rows, logins, {}) == []
    written, asked[:] = len(asked), []
    others: dict[Key, Fields] = {key: {**fields, "reply": ()} for key, fields in logins.items()}
    assert world.go(rows, others, logins) == []
    changed, asked[:] = len(asked), []
    assert world.go(rows, {}, others) == []
    assert max(written, changed, len(asked)) < 40


def test_logins_that_come_back_are_written_beside_what_was_noted_of_them(
    store: Store, rows: RadiusRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins: dict[Key, Fields] = {
        ("login", f"l{number}@home.example"): world.login(owner=f"sub-{number}/main") for number in range(20)
    }
    note = "INSERT INTO ispctl_object (kind, key, value) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET value"
    store.database.write(f"{note} = excluded.value", ("note", "l7@home.example", "old"))

    def beside(change: Change) -> None:
        store.database.write(f"{note} = excluded.value", ("note", change.key[1], "new"))

    alone: list[object] = []
    monkeypatch.setattr(rows, "_alone", alone.append)
    changes = order(diff("radius", logins, {}))
    assert [outcome.error for outcome in rows.apply(changes, world.OPEN.__getitem__, beside)] == [""] * 20
    assert rows.read(None) == logins
    sql = "SELECT key, value FROM ispctl_object WHERE kind = 'note'"
    assert dict(store.database.query(sql)) == {name: "new" for _, name in logins}
    assert (alone, rows.suspect()) == ([], frozenset())


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


def test_what_was_learned_of_a_login_before_it_was_made_is_dealt_with(store: Store, rows: RadiusRows) -> None:
    """A backup brings back what the server had learned, and rows come from git after that."""
    bina = ("login", "bina@home.example")
    for login in (ANITA[1], bina[1]):
        hand(store, f"INSERT INTO ispctl_mac VALUES ('{login}', '02:00:5e:10:00:07', 1, 5)")
    wanted: dict[Key, Fields] = {
        ANITA: world.login(mac_mode="learn", mac_max=4),
        bina: world.login(owner="sub-2/main", mac_mode="fixed"),
    }
    assert world.go(rows, wanted) == []
    assert rows.read(None) == wanted
    kept = "SELECT login, slot FROM ispctl_mac WHERE mac = '02:00:5e:10:00:07'"
    assert store.database.query(kept) == [(ANITA[1], 1)]


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
    with world.place_of(store).open(readonly=True) as reader:
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
    fill(store)
    logins: dict[Key, Fields] = {
        ("login", f"l{n:04}@home.example"): world.login(owner=f"sub-{n:06}/main", password=None) for n in range(900)
    }
    outcomes = list(rows.apply(order(diff("radius", logins, {}))))
    codes = [o.code for o in outcomes]
    assert len(codes) == 900
    assert codes[-1] == "E309"
    done = {o.change.key for o in outcomes if not o.code}
    assert codes == [""] * len(done) + ["E309"] * (900 - len(done))
    make_room(store)
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
    assert store.rows_written - written == 3  # the membership, gone and new, and the print


def test_killed_for_real_in_the_middle_it_ends_whole_when_run_again(place: Place) -> None:
    world.make(place).close()
    script = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from ispctl.plan import diff\nfrom ispctl.radius.rows import BATCH, RadiusRows, order\n"
        "from ispctl.store import Store\nfrom tests.radius import world\n"
        "names = [(f'l{n:04}@home.example', f'sub-{n:06}/main') for n in range(BATCH + 100)]\n"
        "wanted = {('login', name): world.login(owner=owner) for name, owner in names}\n"
        "def beside(change):\n"
        "    if change.key[1] == f'l{BATCH + 50:04}@home.example': os.kill(os.getpid(), signal.SIGKILL)\n"
        "with Store.open(sys.stdin.read(), base=Path(sys.argv[1])) as store:\n"
        "    list(RadiusRows(store).apply(order(diff('radius', wanted, {})), world.OPEN.__getitem__, beside))\n"
    )
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), str(Path(ispctl.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", script, str(place.base)],
        input=place.dsn.encode(),
        env=environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    wanted: dict[Key, Fields] = {
        ("login", f"l{n:04}@home.example"): world.login(owner=f"sub-{n:06}/main") for n in range(BATCH + 100)
    }
    with place.open() as store:
        rows = RadiusRows(store)
        assert len(rows.read(None)) == BATCH
        assert world.go(rows, wanted, {}) == []
        assert rows.read(None) == wanted


def fill(store: Store) -> None:
    """There is room for a few hundred logins more. The disk of a server is everybody's: a trigger stands for it."""
    if store.database.dialect.name == "sqlite":
        ((pages,),) = store.database.query("PRAGMA page_count")
        store.database.query(f"PRAGMA max_page_count = {pages + 20}")
        return
    store.database.write(
        "CREATE FUNCTION disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF (SELECT count(*) FROM radusergroup) > 450 THEN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END IF;"
        " RETURN NEW; END $$"
    )
    store.database.write("CREATE TRIGGER disk BEFORE INSERT ON radusergroup FOR EACH ROW EXECUTE FUNCTION disk()")


def make_room(store: Store) -> None:
    if store.database.dialect.name == "sqlite":
        store.database.query("PRAGMA max_page_count = 1000000")
    else:
        store.database.write("DROP TRIGGER disk ON radusergroup")


def refuse(store: Store, login: str) -> None:
    """The database takes no membership of this login."""
    if store.database.dialect.name == "sqlite":
        store.database.write(
            f"CREATE TRIGGER no BEFORE INSERT ON radusergroup WHEN NEW.username = '{login}'"
            " BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    else:
        store.database.write(f"ALTER TABLE radusergroup ADD CHECK (username <> '{login}')")
