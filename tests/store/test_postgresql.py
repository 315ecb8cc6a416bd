"""What only a PostgreSQL server knows: roles, connections that break, standbys, and words for each."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest

from ispctl.lab.cluster import Cluster
from ispctl.model.problem import Problem, Refusal
from ispctl.store import Applied, Holder, Store
from tests.databases import Place
from tests.postgres import FreshDatabase, own_cluster

pytestmark = pytest.mark.live
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
STOCK = (
    "CREATE TABLE radcheck (id serial PRIMARY KEY, UserName text, Attribute text, op varchar(2), Value text)",
    "CREATE TABLE nas (id serial PRIMARY KEY, nasname text, shortname text, type text, ports int, secret text,"
    " server text, community text, description text)",
    "CREATE TABLE radpostauth (id bigserial PRIMARY KEY, username text, pass text, reply text, CalledStationId text,"
    " CallingStationId text, authdate timestamp with time zone, Class text)",
    "INSERT INTO nas (nasname, shortname) VALUES ('192.0.2.9', 'old')",
    "INSERT INTO radcheck (username, attribute, op, value) VALUES ('old', 'Auth-Type', ':=', 'Accept')",
)


@pytest.fixture
def place(fresh_database: FreshDatabase) -> Place:
    return Place(fresh_database(), Path())


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refused:
        action()
    problem = refused.value.problems[0]
    assert problem.advice
    assert "canary" not in str(refused.value)
    return problem.code


# Making and opening


def test_creating_twice_changes_nothing_and_a_password_is_shown_by_nothing(place: Place) -> None:
    with place.create() as store:
        assert {"radcheck", "radacct", "nas", "radippool", "ispctl_login", "ispctl_rejects"} <= store.database.tables()
        assert store.place.startswith("postgresql://127.0.0.1:")
        password = place.dsn.split(":")[2].partition("@")[0]
        assert password not in store.place + repr(store.database.address) + repr(vars(store.database))
    with place.create() as store:
        assert store.rows_written == 0
        assert not store.is_lab


def test_a_database_of_freeradius_keeps_its_rows_and_gets_what_it_lacks(place: Place) -> None:
    place.hand(*STOCK)
    assert code_of(place.open) == "E304"
    with place.create() as store:
        assert store.database.query("SELECT nasname, shortname, require_ma FROM nas") == [("192.0.2.9", "old", 0)]
        assert store.database.query("SELECT username, value FROM radcheck") == [("old", "Accept")]
    place.open().close()


def test_a_database_of_another_program_is_left_alone(place: Place) -> None:
    place.hand("CREATE TABLE recipes (name text)")
    assert code_of(place.create) == "E304"
    assert code_of(place.open) == "E303"
    assert place.hand("SELECT count(*) FROM pg_class WHERE relname LIKE 'ispctl%'") == [(0,)]


def test_only_a_new_database_becomes_a_lab(place: Place) -> None:
    place.create().close()
    assert code_of(lambda: place.create(lab=True)) == "E304"


def test_two_that_make_the_tables_at_once_wait_for_each_other(place: Place) -> None:
    failed: list[BaseException] = []

    def make() -> None:
        try:
            place.create().close()
        except BaseException as error:  # noqa: BLE001  # told by the assertion
            failed.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    place.open().close()


def test_open_sessions_of_a_login_are_found_by_an_index(place: Place) -> None:
    with place.create() as store:
        store.database.write(
            "INSERT INTO radacct (acctuniqueid, acctsessionid, nasipaddress, username, acctstoptime) SELECT n, n,"
            " '192.0.2.1', 'l' || (n % 5000), now() FROM (SELECT generate_series(1, 20000) n) s"
        )
        store.database.write("ANALYZE radacct")
        sql = "SELECT * FROM radacct WHERE username = 'l7' AND acctstoptime IS NULL"
        plan = "\n".join(str(line) for (line,) in store.database.query(f"EXPLAIN {sql}"))
        assert "ispctl_open" in plan


# Who may not


def test_a_database_or_a_server_that_is_not_there_is_told_apart(cluster: Cluster, tmp_path: Path) -> None:
    assert code_of(lambda: Store.open(cluster.dsn("nowhere"))) == "E324"
    assert code_of(lambda: Store.open(cluster.dsn("postgres", password="canary-pw-wrong"))) == "E325"
    assert code_of(lambda: Store.open(cluster.dsn("postgres", user="canary"))) == "E325"
    with pytest.raises(Refusal, match="E326 .* the connection was refused"):
        Store.open("postgresql://u:canary-pw-x@127.0.0.1:1/radius")
    with pytest.raises(Refusal, match="E326 .* the name of the host is not known"):
        Store.open("postgresql://u:canary-pw-x@nowhere.invalid/radius")
    with pytest.raises(Refusal, match="E326 .* the connection was refused"):
        Store.open(f"postgresql:///radius?host={tmp_path}")


def test_a_role_without_a_grant_is_told_which_table(place: Place, cluster: Cluster) -> None:
    place.create().close()
    name = place.dsn.rpartition("/")[2]
    place.hand(f"CREATE ROLE guest_{name} LOGIN PASSWORD 'canary-pw-guest'")
    try:
        guest = cluster.dsn(name, f"guest_{name}", "canary-pw-guest")
        with pytest.raises(Refusal, match="E308 no-permission: .*ispctl_meta"):
            Store.open(guest)
    finally:
        place.hand(f"DROP ROLE guest_{name}")


def test_reading_only_really_cannot_write(place: Place) -> None:
    place.create().close()
    with place.open(readonly=True) as store:
        assert code_of(lambda: store.meta.set("lab", "1")) == "E308"
        assert code_of(lambda: store.database.write("CREATE TABLE t (x integer)")) == "E308"
        assert list(store.database.stream("SELECT key FROM ispctl_meta WHERE key = 'lab'")) == [("lab",)]


def test_a_database_that_takes_no_changes_is_named(place: Place) -> None:
    place.create().close()
    name = place.dsn.rpartition("/")[2]
    place.hand(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with place.open() as store:
        assert code_of(lambda: store.meta.set("note", "x")) == "E328"
        with pytest.raises(Refusal, match="E328 read-only-database"), store.transaction():
            store.meta.set("note", "x")


# What breaks


def test_a_statement_that_is_too_slow_is_told(place: Place) -> None:
    place.create().close()
    with place.open() as store:
        store.database.write("SET statement_timeout = 20")
        assert code_of(lambda: store.database.query("SELECT CAST(pg_sleep(5) AS text)")) == "E329"
        assert store.applied is None


def test_a_failed_statement_that_somebody_overlooked_is_never_a_success(place: Place) -> None:
    with place.create() as store:
        with pytest.raises(Refusal, match="E311"), store.transaction():
            store.meta.set("note", "half")
            with pytest.raises(Refusal):
                store.database.write("INSERT INTO ispctl_nothing VALUES (1)")
        assert store.meta.get("note") is None


def test_the_words_of_the_server_are_told_without_a_value(place: Place) -> None:
    with place.create() as store:
        with pytest.raises(Refusal, match="E311 .*22P02") as refused:
            store.database.query("SELECT CAST(? AS bigint)", ("canary",))
        assert "canary" not in str(refused.value)
        with pytest.raises(Refusal, match='E311 .*relation "ispctl_nothing" does not exist'):
            store.database.query("SELECT 1 FROM ispctl_nothing")


@pytest.fixture
def own() -> Iterator[Cluster]:
    with own_cluster() as cluster:
        yield cluster


def test_a_server_that_goes_in_the_middle_leaves_nothing_half_done(own: Cluster) -> None:
    place = Place(own.make("radius"), Path())
    with place.create() as store:
        store.put_applied(Applied("c" * 40, NOON, "d"))
        with pytest.raises(Refusal, match="E327 database-gone"), store.transaction():
            store.meta.set("note", "half")
            own.stop(signal.SIGQUIT)
            store.meta.set("note", "whole")
        assert code_of(lambda: store.meta.get("note")) == "E327"
    assert code_of(place.open) == "E326"


def test_a_holder_whose_connection_broke_refuses_to_go_on(place: Place) -> None:
    with place.create() as store:
        with pytest.raises(Refusal, match="E330 lock-lost"), store.lock(Holder("first", NOON)):
            store.check_lock()
            place.hand(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            with place.open() as other, other.lock(Holder("second", NOON)):
                store.check_lock()
        with store.lock(Holder("third", NOON)):
            pass


def test_a_run_that_was_refused_leaves_no_holder_behind(place: Place) -> None:
    with place.create() as store:
        with pytest.raises(Refusal, match="E605"), store.lock(Holder("first", NOON)):
            assert store.meta.get("applier")
            raise Refusal(Problem("E605", "a clock that went back", advice="Set it"))
        assert store.meta.get("applier") is None


def test_what_keeps_the_lock_from_being_taken_is_named(place: Place) -> None:
    place.create().close()
    name = place.dsn.rpartition("/")[2]
    place.hand(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with place.open() as store, pytest.raises(Refusal, match="E328"), store.lock(Holder("first", NOON)):
        pass


def test_broken_bytes_of_somebody_else_stop_nobody(cluster: Cluster) -> None:
    name = "bytes"
    link = psycopg2.connect(cluster.dsn("postgres"))
    try:
        link.autocommit = True
        link.cursor().execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
        place = Place(cluster.dsn(name), Path())
        with place.create() as store:
            store.meta.set("note", "नेपाल")
            store.database.write(
                "INSERT INTO radacct (acctuniqueid, acctsessionid, nasipaddress, username, acctstarttime)"
                r" VALUES ('u', 's', '192.0.2.1', E'a\xff', 'infinity')"
            )
            (session,) = store.sessions()
            assert (session.login, session.started) == ("a\\xff", None)
            assert store.meta.get("note") == "नेपाल"
        link.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        link.close()
