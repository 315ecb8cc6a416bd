"""What somebody did to rows of logins is found without reading them all, and nothing of it is missed."""

from __future__ import annotations

from pathlib import Path

import psycopg2.errors
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ispctl.plan import Fields, Key
from ispctl.radius._rows_read import Reader
from ispctl.radius.rows import RadiusRows
from ispctl.store import Store, prints
from ispctl.store.ahead import SumsAhead
from ispctl.store.prints import Prints, views
from ispctl.structs import replace
from tests.databases import Place, made
from tests.postgres import FreshDatabase
from tests.radius import world
from tests.radius.world import ANITA, hand

NAMES = [f"a{number}@home.example" for number in range(4)]
STATE: dict[Key, Fields] = {
    ("login", NAMES[0]): world.login(),
    ("login", NAMES[1]): world.login(owner="sub-2/main", mac_mode="learn", mac_max=4, identities=("circuit:01",)),
    ("login", NAMES[2]): world.login(owner="sub-3/main", password=None, expires=None, pop=None, reply=()),
    ("login", NAMES[3]): world.login(owner="sub-4/main", reply=(("Framed-IP-Address", ":=", "203.0.113.8"),)),
    ("group", "isp:home-50@routeros"): world.group("isp:home-50@routeros"),
    ("pop", "pop-lalitpur"): {"nas": ("lalitpur-1",)},
}
EDITS = [
    "UPDATE radreply SET value = '203.0.113.9' WHERE username = '{}' AND attribute = 'Framed-IP-Address'",
    "UPDATE radreply SET attribute = 'Framed-Route', value = 'x' || value WHERE username = '{}'",
    "UPDATE radreply SET username = 'a0@home.example' WHERE username = '{}'",
    "UPDATE radreply SET op = '=' WHERE username = '{}'",
    "DELETE FROM radreply WHERE username = '{}'",
    "INSERT INTO radreply (username, attribute, op, value)"
    " SELECT username, attribute, op, value FROM radreply WHERE username = '{}'",  # each stands there twice
    "UPDATE radcheck SET value = 'canary-pw-other' WHERE username = '{}'",
    "INSERT INTO radcheck (username, attribute, op, value) VALUES ('{}', 'Auth-Type', ':=', 'Accept')",
    "DELETE FROM radcheck WHERE username = '{}'",
    "UPDATE radusergroup SET priority = 2 WHERE username = '{}'",
    "UPDATE radusergroup SET groupname = 'isp:home-100' WHERE username = '{}'",
    "INSERT INTO radusergroup (username, groupname, priority) VALUES ('{}', 'isp:home-9', 1)",
    "DELETE FROM ispctl_login WHERE login = '{}'",
    "UPDATE ispctl_login SET expires = NULL, pop = '-' WHERE login = '{}'",
    "UPDATE ispctl_login SET mac_mode = 'off', sessions = 7 WHERE login = '{}'",
    "UPDATE ispctl_login SET password_mac = NULL WHERE login = '{}'",
    "UPDATE ispctl_mac SET learned = 5 WHERE login = '{}'",
    "DELETE FROM ispctl_mac WHERE login = '{}'",
    "INSERT INTO ispctl_mac (login, mac, slot, learned) VALUES ('{}', '02:00:5e:10:00:77', 9, 5)"
    " ON CONFLICT DO NOTHING",
    "INSERT INTO ispctl_identity (identity, login) VALUES ('circuit:99', '{}') ON CONFLICT DO NOTHING",
    "DELETE FROM ispctl_identity WHERE login = '{}'",
    "INSERT INTO ispctl_login (login, owner) VALUES ('new-{0}', 'x') ON CONFLICT DO NOTHING",
    "DELETE FROM radgroupreply WHERE groupname <> '{}'",
    "INSERT INTO radgroupreply (groupname, attribute, value) VALUES ('isp:{}@x', 'Session-Timeout', '1')",
]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def test_what_is_suspect_is_what_reading_everything_finds(
    kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    make = request.getfixturevalue("fresh_database") if kind == "postgresql" else None

    @settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
    @example(edits=[(edit, NAMES[1]) for edit in EDITS])
    @example(edits=[(edit, "old") for edit in EDITS])
    @given(edits=st.lists(st.tuples(st.sampled_from(EDITS), st.sampled_from([*NAMES, "old"])), max_size=3))
    def check(edits: list[tuple[str, str]]) -> None:
        folder = tmp_path_factory.mktemp("prints")
        with world.make(Place(make(), folder) if make else made(folder)) as store:
            rows = RadiusRows(store)
            assert world.go(rows, STATE) == []
            assert rows.suspect() == frozenset()
            world.place_of(store).hand(*(edit.format(login) for edit, login in edits))
            whole = rows.read(None)
            suspect = rows.suspect()
            sums = Prints(store.database).sums()
            assert RadiusRows(store, lambda: sums).suspect() == suspect
            assert rows.shared() == {key: fields for key, fields in whole.items() if key[0] != "login"}
            logins = {key for key in whole.keys() | STATE.keys() if key[0] == "login"}
            assert {key[1] for key in logins if whole.get(key) != STATE.get(key)} <= suspect
            assert suspect <= {
                *(login for _, login in edits),
                *(f"new-{login}" for _, login in edits),
                *(NAMES[:1] if any("SET username" in edit for edit, _ in edits) else ()),
            }
            if not world.go(rows, STATE):  # whoever lost his entry is not ours any more
                assert rows.suspect() == frozenset()

    check()


def test_where_nothing_is_known_of_the_rows_all_are_suspect_until_they_are_vouched_for(
    store: Store, full: RadiusRows
) -> None:
    hand(store, "DELETE FROM ispctl_print")
    rows = full.read([ANITA])
    assert full.suspect() == {ANITA[1]}
    full.vouch({ANITA: {**rows[ANITA], "sessions": 9}})
    assert full.suspect() == {ANITA[1]}
    full.vouch(rows)
    assert full.suspect() == frozenset()


def test_rows_that_changed_meanwhile_stay_suspect(store: Store, full: RadiusRows) -> None:
    before = full.read([ANITA])[ANITA]
    hand(store, "UPDATE ispctl_login SET sessions = 7")
    assert world.one(full, ANITA, before, {**before, "sessions": 3}).code == "E313"
    assert full.suspect() == {ANITA[1]}


@pytest.mark.live
def test_sums_are_asked_while_the_program_loads(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    place = Place(fresh_database(), tmp_path)
    with world.make(place) as store:
        assert world.go(RadiusRows(store), STATE) == []
        others = {"radcheck": "username", "radreply": "username", "radusergroup": "username"}
        others |= {"ispctl_mac": "login", "ispctl_identity": "login"}
        place.hand(*(f"DELETE FROM {table} WHERE {whose} = 'old'" for table, whose in others.items()))
        before = SumsAhead(place.dsn, tmp_path).take()
        place.hand(EDITS[0].format(NAMES[3]), f"DELETE FROM ispctl_login WHERE login = '{NAMES[0]}'")
        after = SumsAhead(place.dsn, tmp_path).take()
        assert before is not None
        assert after is not None
        assert (before.differs, after.differs) == (False, True)
        assert RadiusRows(store, lambda: after).suspect() == {NAMES[0], NAMES[3]}


def test_why_sums_were_refused_is_left_to_whoever_asks_next() -> None:
    nowhere = "postgresql://ispctl@127.0.0.1:1/radius"
    assert SumsAhead(nowhere, Path()).take() is None


def test_of_a_file_nothing_is_asked_ahead(tmp_path: Path) -> None:
    assert SumsAhead.of("sqlite:///radius.db", tmp_path) is None


@pytest.mark.live
def test_all_cores_sum_what_stands_there_a_table_at_a_time(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    with world.make(Place(fresh_database(), tmp_path)) as store:
        sums = next(iter(views(store.database.dialect))).partition(" AS ")[2]
        for name in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
            store.database.write(f"SET {name} = 0")
        plan = "\n".join(line for (line,) in store.database.query(f"EXPLAIN {sums}"))
    assert "Parallel Append" in plan, plan
    assert "Subquery Scan" not in plan, plan
    assert "JIT" not in plan, plan


@pytest.mark.live
def test_a_batch_reads_its_own_rows_alone_while_the_server_knows_nothing_of_tables_that_grow(
    fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    logins = [f"new{number}" for number in range(400)]
    with world.make(Place(fresh_database(), tmp_path), foreign=False) as store:
        database = store.database
        for table in ("radcheck", "ispctl_mac"):  # or it might look at them in the middle of this
            database.write(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        others = [(f"old{number}", "02:00:5e:10:00:01", 1) for number in range(1500)]
        database.write_many("INSERT INTO ispctl_mac (login, mac, slot) VALUES (?, ?, ?)", others)
        with database.transaction():
            database.hold("ispctl_print")
            assert Reader(store).known(logins) == frozenset()
            Prints(database).take(logins)
            read = "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'ispctl_mac'"
            assert database.query(read) == [(0,)]


@pytest.mark.live
def test_what_was_noted_by_an_older_version_holds_and_an_edit_is_still_found(
    fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    """It reckoned the sums of all rows when it was asked."""
    place = Place(fresh_database(), tmp_path)
    with world.make(place, foreign=False) as store:
        assert world.go(RadiusRows(store), STATE) == []
        store.database.write("UPDATE ispctl_login SET sessions = 7 WHERE login = ?", (NAMES[1],))
        store.database.write("UPDATE ispctl_login SET sessions = 7 WHERE login = ?", (NAMES[2],))
        older = replace(store.database.dialect, reckons=False)
        (sums,) = [part.total(older) for part in prints._PARTS if part.name == "login"]
        assert store.database.query(f"SELECT login FROM ispctl_login WHERE seen IS DISTINCT FROM ({sums})") == []
        store.database.write("ALTER TABLE ispctl_login DROP COLUMN seen")
        store.database.write("DROP TABLE ispctl_clock, ispctl_doubt")
        store.database.write("DROP INDEX ispctl_session_unsure, ispctl_session_awaited, ispctl_session_rendering")
        store.database.write("UPDATE ispctl_meta SET value = '15' WHERE key = 'schema'")
    with place.create() as store:
        assert RadiusRows(store).suspect() == set(NAMES[1:3])


@pytest.mark.live
def test_nobody_writes_what_is_reckoned_of_a_login(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    with world.make(Place(fresh_database(), tmp_path), foreign=False) as store:
        assert world.go(RadiusRows(store), STATE) == []
        with pytest.raises(psycopg2.errors.GeneratedAlways):
            hand(store, "UPDATE ispctl_login SET seen = 0")
