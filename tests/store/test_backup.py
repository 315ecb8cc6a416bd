"""Facts into a file and out of it: all of them, nothing secret, all or nothing, and never over newer ones."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ispctl.model.problem import Refusal
from ispctl.store import Applied, Limit, Message, Pause, Proof, Store, Undone, backup, nas_backups, proofs
from ispctl.store._database import Database
from tests.databases import Place
from tests.postgres import FreshDatabase

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
AGAIN = {
    *("radcheck", "radreply", "radusergroup", "radgroupcheck", "radgroupreply", "nas", "nasreload", "ispctl_login"),
    *("ispctl_pop", "ispctl_identity", "ispctl_service", "ispctl_meta", "ispctl_secret"),
    *("ispctl_loop", "ispctl_rejects", "ispctl_print", "ispctl_cpe_wanted", "ispctl_cpe_value"),
    *("ispctl_meter", "ispctl_count", "ispctl_clock", "ispctl_doubt"),
}
"""Made again: by `radius init`, an apply, whoever runs the loop, or a device that is given everything again."""


def quiet(_what: str, _done: int, _all: int) -> None: ...


def fill(store: Store) -> None:
    """Something in every table that is backed up, and secrets in those that are not."""
    at, write = store.database.dialect.instant, store.database.write
    for number in range(70):
        stop = None if number % 2 else 1800001000 + number
        write(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            f" acctstoptime, framedipaddress, class, acctoutputoctets) VALUES (?, ?, ?, '192.0.2.1', {at}, {at}, {at},"
            " '100.64.0.7', 'é\\\"' , 9000000000)",
            (f"s{number}", f"u{number}", f"l{number}@home.example", 1800000000, 1800000600, stop),
        )
    write(
        "INSERT INTO radpostauth (username, pass, reply, authdate, reason)"
        f" VALUES ('x', 'canary-pw-log', 'Access-Reject', {at}, 'mac')",
        (1800000000,),
    )
    write(
        "INSERT INTO radcheck (username, attribute, op, value) VALUES ('x', 'Cleartext-Password', ':=', 'canary-pw-x')"
    )
    write(
        "INSERT INTO ispctl_mac VALUES ('x', '02:00:5e:10:00:01', 1, 1800000000), ('y', '02:00:5e:10:00:02', 1, NULL)"
    )
    lease = "'2027-01-15 13:00:00'" if store.database.dialect.name == "sqlite" else "to_timestamp(1800018000)"
    write(
        "INSERT INTO radippool (pool_name, framedipaddress, pool_key, username, expiry_time, rest)"
        f" VALUES ('p', '198.51.100.1', 'k', 'x', {lease}, 600)"
    )
    write("INSERT INTO radippool (pool_name, framedipaddress) VALUES ('p', '198.51.100.2')")
    write("INSERT INTO ispctl_cpe_accepted VALUES ('sub-1', 'main', 1800000000, 1800000100, NULL, NULL)")
    write(
        "INSERT INTO ispctl_cpe VALUES"
        " ('0-R-A1', 'A1', 'm', 'R', 'V1', 'Device', '198.51.100.7', 1800000000, 1800000000, '', 1, '{}', 0, NULL)"
    )
    write("INSERT INTO ispctl_first_login VALUES ('sub-1', 'main', 'x', 1800000000, 1800000100, NULL)")
    write("INSERT INTO ispctl_usage VALUES ('sub-1/main', 20270115, 24, 9000000000, 1)")
    write("INSERT INTO ispctl_counted VALUES (2, 'u1', 'sub-1/main', 1, 9000000000, 1800000600, NULL)")
    write("INSERT INTO ispctl_stranger VALUES ('198.51.100.77', 1, 2, 3)")
    proofs.put(store, [Proof("u1", "l1@home.example", "lalitpur-1", "coa", "aa-bb", "ack", 1, NOON, NOON)])
    store.put_limit(Limit("lalitpur-1", "coa", "", 405, NOON, "e"))
    run = store.begin_run("apply", NOON, commit="c" * 40)
    run.service(("sub-000001", "main"), "cut-off", "commit", NOON)
    write("INSERT INTO ispctl_journal_change VALUES (?, 'i', 'radius', 'login', 'x', 'delete', '', 1)", (run.id,))
    run.finish("done", NOON, {"subscribers": 3})
    store.put_pause(Pause("p1", "everything", "", NOON, NOON + timedelta(hours=1), "works", "noc"))
    store.put_undone(Undone(run.id, "c" * 40, "b" * 40, "r2", NOON, "noc"))
    store.add_message(Message("m", "statement", "sub-000001", "October", "sent", 1, 0, "", "noc", "", 0, NOON, NOON))
    nas_backups.put(store, "lalitpur-1", nas_backups.Backup(run.id, NOON, "[]"))
    store.put_object("seen", "sub-1/main", {"at": 1800000000})
    store.put_object("left", "l1@home.example", {"owner": "sub-1/main"})
    store.put_object("nas", "192.0.2.1", {"digest": "applied state"})
    store.put_applied(Applied("c" * 40, NOON, "d"))


def facts(store: Store, *, leave_out: str = "") -> dict[str, list[Any]]:
    """Every row that is backed up, by table."""
    found = {}
    for name, kept in backup.KEPT.items():
        columns = ", ".join(sorted(store.database.columns(name) - kept.but))
        rows = store.database.query(f"SELECT {columns} FROM {name} WHERE {kept.where}")
        found[name] = sorted((row for row in rows if leave_out not in row or not leave_out), key=repr)
    return found


@pytest.fixture
def old(place: Place) -> Iterator[Store]:
    with place.create() as store:
        fill(store)
        yield store


@pytest.fixture
def new(place: Place, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    other = Place("sqlite:///var/other.db", tmp_path)
    if place.kind == "postgresql":
        make: FreshDatabase = request.getfixturevalue("fresh_database")
        other = dataclasses.replace(other, dsn=make())
    with other.create() as store:
        yield store


def refused(store: Store, file: Path) -> str:
    with pytest.raises(Refusal) as told:
        backup.restore(store, file, NOON, actor="noc", progress=quiet)
    assert {name: rows for name, rows in facts(store).items() if rows and name != "radacct"} == {}
    return str(told.value)


def test_every_table_is_backed_up_or_made_again(old: Store) -> None:
    there = {name for name in old.database.tables() if name.startswith(("rad", "ispctl_")) or name == "nas"}
    assert there - {"nasreload"} == (backup.KEPT.keys() | AGAIN) - {"nasreload"}


def test_what_was_backed_up_comes_back(old: Store, new: Store, tmp_path: Path) -> None:
    file = tmp_path / "facts.gz"
    written = backup.write(old, file, NOON, quiet)
    assert all(written.rows.values())
    assert (written.rows["radacct"], written.rows["ispctl_mac"], written.rows["radippool"]) == (70, 1, 1)
    assert written.rows["ispctl_object"] == 2, "what an apply notes of rows is no fact"
    assert backup.read_header(file) == written
    assert (written.commit, written.applied, written.made) == ("c" * 40, NOON, NOON)
    assert backup.restore(new, file, NOON, actor="noc", progress=quiet) == written
    assert facts(new, leave_out="restore") == facts(old)
    (run, _) = new.runs()
    assert (run.kind, run.actor, run.counts["radacct"]) == ("restore", "noc", 70)
    assert new.applied is None
    assert backup.began_with(new) == "c" * 40


def test_a_backup_is_for_its_owner_alone_and_holds_no_password(old: Store, tmp_path: Path) -> None:
    file = tmp_path / "facts.gz"
    file.write_text("an older one", "utf-8")
    os.chmod(file, 0o644)
    backup.write(old, file, NOON, quiet)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"canary-pw" not in gzip.decompress(file.read_bytes())
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["facts.gz"]


def test_a_database_that_was_made_anew_does_not_replace_the_backup_of_the_lost_one(
    old: Store, new: Store, tmp_path: Path
) -> None:
    file = tmp_path / "facts.gz"
    kept = backup.write(old, file, NOON, quiet)
    with pytest.raises(Refusal, match="E643 backup-of-another: .* holds what was known"):
        backup.write(new, file, NOON, quiet)
    new.begin_run("apply", NOON + timedelta(hours=1), commit="c" * 40).finish("done", NOON, {})
    with pytest.raises(Refusal, match="E643 backup-of-another"):
        backup.write(new, file, NOON + timedelta(days=1), quiet)
    assert backup.read_header(file) == kept


def test_a_database_that_began_with_a_backup_may_replace_it(old: Store, new: Store, tmp_path: Path) -> None:
    file = tmp_path / "facts.gz"
    backup.write(old, file, NOON, quiet)
    backup.restore(new, file, NOON, actor="noc", progress=quiet)
    later = NOON + timedelta(days=1)
    assert backup.write(new, file, later, quiet).made == backup.write(old, file, later, quiet).made == later


def test_a_backup_is_of_one_moment(old: Store, place: Place, tmp_path: Path) -> None:
    def meanwhile(*_: object) -> None:
        place.hand("DELETE FROM ispctl_stranger")

    file = tmp_path / "facts.gz"
    real = Database.columns

    def columns(self: Database, table: str) -> frozenset[str]:
        if table == "radpostauth":
            meanwhile()
        return real(self, table)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "columns", columns)
        backup.write(old, file, NOON, quiet)
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    assert json.loads(lines[0])["rows"]["ispctl_stranger"] == 1
    assert '["198.51.100.77",1,2,3]' in [line.replace(" ", "") for line in lines]


def test_a_database_with_sessions_is_not_restored_into(old: Store, new: Store, tmp_path: Path) -> None:
    file = tmp_path / "facts.gz"
    backup.write(old, file, NOON, quiet)
    at = new.database.dialect.instant
    new.database.write(
        "INSERT INTO radacct (acctsessionid, acctuniqueid, nasipaddress, framedipaddress, acctupdatetime)"
        f" VALUES ('n', 'n', '192.0.2.1', '100.64.0.9', {at})",
        (1800021600,),
    )
    said = refused(new, file)
    assert "E641 facts-already-there" in said
    assert "holds 1 sessions and 0 refusals, the newest of 2027-01-15 14:00Z" in said


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda _: b"no gzip",
        lambda _: gzip.compress(b"{}\n"),
        lambda data: gzip.compress(
            gzip.decompress(data).replace(b'"ispctl-backup", "version": 1', b'"ispctl-backup", "version": 2')
        ),
        lambda data: gzip.compress(gzip.decompress(data).replace(b'"schema": ', b'"schema": 9')),
        lambda data: gzip.compress(gzip.decompress(data).replace(b'"acctuniqueid"', b'"acctuniqueid = 1; --"')),
        lambda data: gzip.compress(b"\n".join(gzip.decompress(data).splitlines()[:-1])),
        lambda data: gzip.compress(
            b"".join(line for line in gzip.decompress(data).splitlines(True) if b'"u7"' not in line)
        ),
        lambda data: gzip.compress(gzip.decompress(data).replace(b'"database": "', b'"database": "no')),
    ],
    ids=["cut", "other", "header", "version", "schema", "column", "end", "row", "kind"],
)
def test_a_file_that_is_no_whole_backup_changes_nothing(
    old: Store, new: Store, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "facts.gz"
    backup.write(old, file, NOON, quiet)
    file.write_bytes(spoil(file.read_bytes()))
    assert "E640 not-a-backup" in refused(new, file)
    assert facts(new)["radacct"] == []


def test_a_file_that_cannot_be_written_or_read_is_said(old: Store, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="E642 cannot-write-backup"):
        backup.write(old, tmp_path / "nowhere" / "facts.gz", NOON, quiet)
    with pytest.raises(Refusal, match="E640 not-a-backup: .*cannot be read"):
        backup.read_header(tmp_path / "facts.gz")
