"""Transactions, waiting and the lock of the applier."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import ispctl
from ispctl.lab.process import wait_for
from ispctl.model.problem import Refusal
from ispctl.store import Holder, Store
from tests.databases import Place

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOLDER = Holder("20261122-120000-abc123", NOON)
HOLDING = """\
import sys, time
from datetime import datetime, UTC
from pathlib import Path
from ispctl.store import Holder, Store
with Store.open(sys.stdin.readline().strip(), base=Path(sys.argv[1])) as store:
    with store.lock(Holder("doomed", datetime(2026, 11, 22, tzinfo=UTC))):
        print("held", flush=True)
        time.sleep(60)
"""


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.create(timeout=0.1) as made:
        yield made


@contextmanager
def another_holder(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock; killed at the end."""
    environment = {**os.environ, "PYTHONPATH": str(Path(ispctl.__file__).parents[1])}
    command = [sys.executable, "-c", HOLDING, str(place.base)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as child:
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(f"{place.dsn}\n".encode())
            child.stdin.flush()
            assert child.stdout.readline() == b"held\n"
            yield child
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    with pytest.raises(KeyError), store.transaction():
        store.meta.set("note", "half")
        raise KeyError
    assert store.meta.get("note") is None


def test_a_transaction_inside_another_joins_it(store: Store) -> None:
    with pytest.raises(KeyError), store.transaction():
        with store.transaction():
            store.meta.set("note", "half")
        raise KeyError
    assert store.meta.get("note") is None


def test_a_part_that_fails_is_taken_back_alone(store: Store) -> None:
    with store.transaction():
        store.meta.set("first", "stays")
        with pytest.raises(Refusal, match="E311"), store.database.savepoint():
            store.meta.set("second", "goes")
            store.database.write("INSERT INTO ispctl_nothing VALUES (1)")
        store.meta.set("third", "stays")
    assert [store.meta.get(name) for name in ("first", "second", "third")] == ["stays", None, "stays"]


def test_what_was_told_is_done_together_as_it_would_have_been_one_by_one(store: Store) -> None:
    put = (
        "INSERT INTO ispctl_object (kind, key, value) VALUES ('note', ?, ?) ON CONFLICT (kind, key) DO UPDATE SET value"
    )
    kept = put.replace("DO UPDATE SET value", "DO NOTHING")
    store.database.write_many(f"{put} = excluded.value", [("old", "1"), ("gone", "1")])
    with store.database.telling() as told:
        store.database.write("DELETE FROM ispctl_object WHERE kind = ? AND key = ?", ("note", "gone"))
        store.database.write("DELETE FROM ispctl_object WHERE kind = 'note' AND key = ?", ("old",))
        store.database.write_many(f"{put} = excluded.value", [(f"k{n}", str(n)) for n in range(1500)])
        store.database.write(f"{put} = excluded.value || ?", ("k7", "50%", "?"))
        store.database.write(f"{put} = excluded.value", ("k8", "twice"))
        store.database.write(f"{put} = excluded.value", ("k8", "thrice"))
        store.database.write(kept, ("k9", "not"))
        store.database.write_many("UPDATE ispctl_object SET value = ? WHERE key = ?", [("x", "nobody"), (None, "no")])
    notes = "SELECT key, value FROM ispctl_object WHERE kind = 'note' ORDER BY key"
    assert store.database.query(notes) == [("gone", "1"), ("old", "1")]
    with store.transaction():
        store.database.together(told)()
    assert dict(store.database.query(notes)) == {
        **{f"k{n}": str(n) for n in range(1500)},
        "k7": "50%?",
        "k8": "thrice",
    }


def test_new_rows_are_done_together_whatever_stands_in_them(store: Store) -> None:
    rows_of_three = st.tuples(TEXT, TEXT, st.none() | st.integers(-(2**62), 2**62))
    sql = "CREATE TABLE odd (name text, what text, kind text, at bigint, mark bigint, PRIMARY KEY (name, what))"
    store.database.write(sql)

    @settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
    @example([("\\.", "a\tb\r\nc\\N", None), ("", "\\N", -1), ("%s {}", " ?\u2028\x7f", 2**62)])
    @given(st.lists(rows_of_three, max_size=5, unique_by=lambda row: row[:2]))
    def check(rows: list[tuple[str, str, int | None]]) -> None:
        store.database.write("DELETE FROM odd")
        with store.database.telling() as told:
            sql = "INSERT INTO odd (name, what, kind, at, mark) VALUES (?, ?, 'a % b', ?, 7)"
            store.database.write_many(sql, rows)
        before = store.rows_written
        with store.transaction():
            store.database.together(told, new=True)()
        assert store.rows_written - before == len(rows)
        found = store.database.query("SELECT name, what, at, kind, mark FROM odd")
        assert Counter(found) == Counter((*row, "a % b", 7) for row in rows)

    check()


def test_what_is_no_plain_list_of_new_rows_is_done_all_the_same(store: Store) -> None:
    with store.database.telling() as told:
        store.database.write("INSERT INTO ispctl_object (kind, key, value) VALUES (?, ?, upper(?))", ("note", "a", "x"))
        store.database.write("DELETE FROM ispctl_object WHERE kind = ? AND key = ?", ("note", "gone"))
    store.database.write("INSERT INTO ispctl_object (kind, key, value) VALUES ('note', 'gone', '')")
    with store.transaction():
        store.database.together(told, new=True)()
    notes = "SELECT key, value FROM ispctl_object WHERE kind = 'note'"
    assert store.database.query(notes) == [("a", "X")]


def test_many_rows_are_counted(store: Store) -> None:
    database = store.database
    assert database.write_many("INSERT INTO ispctl_pop (pop, nas) VALUES (?, ?)", [("p", "a"), ("p", "b")]) == 2
    again = "INSERT INTO ispctl_pop (pop, nas) VALUES (?, ?) ON CONFLICT (pop, nas) DO NOTHING"
    assert database.write_many(again, iter([("p", "b"), ("p", "c"), ("p", "c")])) == 1
    assert database.write_many("DELETE FROM ispctl_pop WHERE pop = ? AND nas = ?", [("p", "a"), ("p", "x")]) == 1
    assert database.write_many("DELETE FROM ispctl_pop WHERE pop = ?", []) == 0
    assert database.query("SELECT nas FROM ispctl_pop ORDER BY nas") == [("b",), ("c",)]


def test_a_transaction_goes_on_after_a_stream_that_nobody_read_to_its_end(store: Store) -> None:
    with store.transaction():
        rows = store.database.stream("SELECT key FROM ispctl_meta ORDER BY key")
        first = next(rows)
        store.meta.set("note", "new")
        rows.close()
    assert (first, store.meta.get("note")) == (("lab",), "new")


def test_rows_that_are_held_change_for_nobody_until_the_transaction_ends(place: Place, store: Store) -> None:
    edit = "UPDATE nas SET shortname = 'theirs'"
    place.hand("INSERT INTO nas (nasname, shortname) VALUES ('192.0.2.9', 'ours')")
    with place.open(timeout=0.1) as other:
        with store.transaction():
            store.database.hold("nas")
            with pytest.raises(Refusal, match="E307"):
                other.database.write(edit)
            assert store.database.query("SELECT shortname FROM nas") == [("ours",)]
        assert other.database.write(edit) == 1


def test_a_database_held_by_another_program_is_refused_after_the_deadline(place: Place, store: Store) -> None:
    with place.stranger() as run:
        run("INSERT INTO ispctl_meta (key, value) VALUES ('note', 'theirs')")
        with pytest.raises(Refusal, match="E307 database-locked: .* by another program"):
            store.meta.set("note", "late")
    store.meta.set("note", "now")
    assert store.meta.get("note") == "now"


def test_a_parameter_that_no_database_can_hold_is_a_refusal_that_does_not_repeat_it(store: Store) -> None:
    with pytest.raises(Refusal, match="E311") as refused:
        store.meta.set("\ud800canary", "x")
    assert "canary" not in str(refused.value)
    with pytest.raises(Refusal, match="E311") as refused:
        store.database.query("SELECT CAST(? AS bigint) + 1", (2**63 - 1 + 2**70,))
    assert str(2**70) not in str(refused.value)


def test_the_second_applier_is_told_who_the_first_is(store: Store) -> None:
    with store.lock(HOLDER):
        store.check_lock()
        with pytest.raises(Refusal) as refused, store.lock(Holder("other", NOON)):
            pass
        said = str(refused.value)
        assert "E312 another-run" in said
        assert f"process {os.getpid()} on {HOLDER.host}, since 2026-11-22T12:00:00+00:00" in said
        assert "run 20261122-120000-abc123" in said
    with store.lock(Holder("other", NOON)):
        pass


def test_whoever_configures_nas_and_whoever_writes_rows_hold_locks_of_their_own(place: Place, store: Store) -> None:
    with store.lock(Holder("", NOON, "configure NAS"), "nas"), place.open() as other:
        with other.lock(HOLDER):
            store.check_lock()
            with pytest.raises(Refusal, match="E312 .*NAS are being configured by configure NAS"):
                other.lock(Holder("", NOON), "nas").__enter__()
        other.check_lock()
    with store.lock(HOLDER), store.lock(Holder("", NOON), "nas"):
        store.check_lock()


def test_whoever_writes_beside_the_applier_stops_when_the_lock_is_gone(place: Place, store: Store) -> None:
    """A file has one writer; a server may have several under one lock."""
    with store.lock(HOLDER):
        again = store.beside
        if place.kind == "sqlite":
            assert again is None
            return
        assert again is not None
        other = again()
        other.check_lock()
        other.meta.set("written", "beside")
    with other, store.lock(Holder("other", NOON)), pytest.raises(Refusal, match="E330"):
        other.check_lock()
    assert store.meta.get("written") == "beside"
    assert store.beside is None


def test_the_lock_of_a_killed_applier_is_free_again(place: Place, store: Store) -> None:
    with another_holder(place) as child:
        with pytest.raises(Refusal, match=f"process {child.pid} .*run doomed"), store.lock(HOLDER):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
        until_free(store)


def test_a_frozen_applier_keeps_its_lock(place: Place, store: Store) -> None:
    with another_holder(place) as child:
        child.send_signal(signal.SIGSTOP)
        with pytest.raises(Refusal, match="E312 .*run doomed"), store.lock(HOLDER):
            pass
        child.send_signal(signal.SIGCONT)


def until_free(store: Store) -> None:
    """Hold the lock once; a server notices a moment later that a connection has ended."""

    def free() -> bool:
        try:
            with store.lock(HOLDER):
                return True
        except Refusal as refusal:
            return "E312" not in str(refusal)

    assert wait_for(free, 10.0)
