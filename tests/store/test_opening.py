"""What is opened, what is refused, and in which words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ispctl.model.problem import Refusal
from ispctl.store import Store

DSN = "sqlite:///var/radius.db"
STOCK = (
    "CREATE TABLE radcheck (id INTEGER PRIMARY KEY AUTOINCREMENT, username text, attribute text, op text, value text)",
    "CREATE TABLE nas (id INTEGER PRIMARY KEY, nasname text, shortname text, type text, ports int, secret text,"
    " server text, community text, description text)",
    "INSERT INTO nas (nasname, shortname) VALUES ('192.0.2.9', 'old')",
    "INSERT INTO radcheck (username, attribute, op, value) VALUES ('old', 'Auth-Type', ':=', 'Accept')",
)


def run(path: Path, *statements: str) -> None:
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refused:
        action()
    problem = refused.value.problems[0]
    assert problem.advice
    return problem.code


@pytest.fixture
def made(tmp_path: Path) -> Path:
    Store.create(DSN, base=tmp_path).close()
    return tmp_path


def test_a_new_database_has_all_tables_and_serves_the_group_as_well(tmp_path: Path) -> None:
    with Store.create(DSN, base=tmp_path) as store:
        assert store.place == str(tmp_path / "var/radius.db")
        assert Path(store.place).stat().st_mode & 0o777 == 0o660
        assert {"radcheck", "radacct", "nas", "radippool", "ispctl_login", "ispctl_rejects"} <= store.database.tables()
        assert "require_ma" in store.database.columns("nas")
        assert store.database.query("PRAGMA journal_mode") == [("wal",)]
        assert not store.is_lab
        assert store.applied is None


def test_creating_twice_changes_nothing(made: Path) -> None:
    with Store.open(DSN, base=made) as store:
        key = store.database.query("SELECT value FROM ispctl_secret")
    with Store.create(DSN, base=made) as store:
        assert store.rows_written == 0
        assert store.database.query("SELECT value FROM ispctl_secret") == key


def test_a_database_of_freeradius_keeps_its_rows_and_gets_what_it_lacks(tmp_path: Path) -> None:
    run(tmp_path / "var/radius.db", *STOCK)
    assert code_of(lambda: Store.open(DSN, base=tmp_path)) == "E304"
    with Store.create(DSN, base=tmp_path) as store:
        assert store.database.query("SELECT nasname, shortname, require_ma FROM nas") == [("192.0.2.9", "old", 0)]
        assert store.database.query("SELECT username, value FROM radcheck") == [("old", "Accept")]
    Store.open(DSN, base=tmp_path).close()


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "var/radius.db"
    run(path, "CREATE TABLE recipes (name text)")
    assert code_of(lambda: Store.create(DSN, base=tmp_path)) == "E304"
    assert code_of(lambda: Store.open(DSN, base=tmp_path)) == "E303"
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


def test_only_a_new_database_becomes_a_lab(tmp_path: Path) -> None:
    with Store.create("sqlite:///lab.db", base=tmp_path, lab=True) as store:
        assert store.is_lab
    Store.create("sqlite:///lab.db", base=tmp_path, lab=True).close()
    Store.create(DSN, base=tmp_path).close()
    assert code_of(lambda: Store.create(DSN, base=tmp_path, lab=True)) == "E304"
    run(tmp_path / "stock.db", *STOCK)
    assert code_of(lambda: Store.create("sqlite:///stock.db", base=tmp_path, lab=True)) == "E304"


@pytest.mark.parametrize(
    ("dsn", "code"),
    [
        ("", "E300"),
        ("radius.db", "E300"),
        ("sqlite://", "E300"),
        ("sqlite:///", "E300"),
        ("sqlite:///:memory:", "E300"),
        ("sqlite:///..", "E300"),
        ("sqlite://host/radius.db", "E300"),
        ("sqlite:///radius.db?mode=memory", "E300"),
        ("sqlite:///a\0b", "E300"),
        ("oracle://u:canary-pw-dsn@host/db", "E300"),
        ("mysql://u:canary-pw-dsn@db.example.net/radius", "E310"),
        ("postgresql://u:canary-pw-dsn@db.example.net", "E300"),
        ("postgresql://u:canary-pw-dsn@db.example.net/radius?nonsense=canary-pw-dsn", "E300"),
        ("postgresql://u:canary@pw-dsn@db.example.net/radius", "E300"),
        ("postgresql://u:canary/pw-dsn@db.example.net/radius", "E300"),
        ("postgresql://u@db.example.net:canary/radius", "E300"),
        ("postgresql://u@db.example.net/radius?sslpassword=canary-pw-dsn", "E300"),
        ("sqlite:///missing.db", "E301"),
        ("sqlite:///missing/folder/radius.db", "E301"),
    ],
)
def test_a_bad_dsn_is_refused_without_repeating_a_password(tmp_path: Path, dsn: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        Store.open(dsn, base=tmp_path)
    assert refused.value.problems[0].code == code
    assert "canary" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_an_absolute_path_needs_four_slashes(tmp_path: Path, made: Path) -> None:
    Store.open(f"sqlite:///{made}/var/radius.db", base=Path("/nowhere")).close()


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "var/radius.db"
    path.mkdir(parents=True)
    assert code_of(lambda: Store.open(DSN, base=tmp_path)) == "E302"
    path.rmdir()
    os.mkfifo(path)
    assert code_of(lambda: Store.open(DSN, base=tmp_path)) == "E302"
    path.unlink()
    path.write_text("subscribers: []\n")
    assert code_of(lambda: Store.open(DSN, base=tmp_path)) == "E302"
    assert code_of(lambda: Store.create(DSN, base=tmp_path)) == "E302"
    assert path.read_text() == "subscribers: []\n"
    path.write_bytes(b"")
    assert code_of(lambda: Store.open(DSN, base=tmp_path)) == "E303"


def test_a_torn_database_is_refused(made: Path) -> None:
    path = made / "var/radius.db"
    data = path.read_bytes()
    path.write_bytes(data[:16] + b"\xff" * (len(data) - 16))
    assert code_of(lambda: Store.open(DSN, base=made)) == "E302"
    path.write_bytes(data[:100] + b"\xff" * 8000)
    assert code_of(lambda: Store.open(DSN, base=made)) == "E302"


def test_a_database_without_one_of_its_tables_says_which(made: Path) -> None:
    run(made / "var/radius.db", "DROP TABLE radreply")
    with pytest.raises(Refusal, match="E303 no-tables: .*radreply"):
        Store.open(DSN, base=made)


@pytest.mark.parametrize(("version", "code"), [("0", "E306"), ("x", "E306"), ("99", "E305")])
def test_another_schema_is_refused_with_the_way_out(made: Path, version: str, code: str) -> None:
    run(made / "var/radius.db", f"UPDATE ispctl_meta SET value = '{version}' WHERE key = 'schema'")
    assert code_of(lambda: Store.open(DSN, base=made)) == code
    if code == "E305":
        assert code_of(lambda: Store.create(DSN, base=made)) == code


def test_a_database_whose_mark_is_gone_is_not_ours(made: Path) -> None:
    run(made / "var/radius.db", "UPDATE ispctl_meta SET value = 'other' WHERE key = 'owner'")
    assert code_of(lambda: Store.open(DSN, base=made)) == "E304"


def test_two_nas_with_one_address_are_named_as_the_obstacle(tmp_path: Path) -> None:
    run(tmp_path / "var/radius.db", *STOCK, "INSERT INTO nas (nasname, shortname) VALUES ('192.0.2.9', 'twin')")
    assert code_of(lambda: Store.create(DSN, base=tmp_path)) == "E311"
    with closing(sqlite3.connect(tmp_path / "var/radius.db")) as database:
        assert "ispctl_meta" not in {name for (name,) in database.execute("SELECT name FROM sqlite_master")}


def test_reading_only_really_cannot_write(made: Path) -> None:
    with Store.open(DSN, base=made, readonly=True) as store:
        assert code_of(lambda: store.meta.set("lab", "1")) == "E308"
        assert code_of(lambda: store.database.write("CREATE TABLE t (x)")) == "E308"


def test_reading_goes_on_beside_a_writer_and_sees_the_state_before(made: Path) -> None:
    with Store.open(DSN, base=made) as writer, Store.open(DSN, base=made, readonly=True, timeout=0.1) as reader:
        with writer.transaction():
            writer.meta.set("note", "new")
            assert reader.meta.get("note") is None
        assert reader.meta.get("note") == "new"


def test_broken_bytes_of_somebody_else_stop_nobody(made: Path) -> None:
    run(
        made / "var/radius.db",
        "INSERT INTO radacct (acctuniqueid, username, acctstarttime) VALUES ('u', CAST(x'61ff' AS TEXT), 'then')",
    )
    with Store.open(DSN, base=made, readonly=True) as store:
        (session,) = store.sessions()
        assert (session.login, session.started) == ("a\\xff", None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
def test_a_file_that_may_not_be_read_is_refused(made: Path) -> None:
    (made / "var/radius.db").chmod(0)
    assert code_of(lambda: Store.open(DSN, base=made)) == "E308"
