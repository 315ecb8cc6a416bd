"""Transactions, waiting and the lock of the applier."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

import ispctl
from ispctl.model.problem import Refusal
from ispctl.store import Holder, Store

DSN = "sqlite:///radius.db"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOLDER = Holder("20261122-120000-abc123", NOON)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(DSN, base=tmp_path, timeout=0.1) as made:
        yield made


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


def test_a_database_held_by_another_program_is_refused_after_the_deadline(store: Store) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Refusal, match="E307 database-locked: .* by another program"), store.transaction():
            pass
        with store.lock(HOLDER), pytest.raises(Refusal, match="E307 .* by apply .*run 20261122-120000-abc123"):
            store.meta.set("note", "late")
        other.execute("ROLLBACK")
    store.meta.set("note", "now")


def test_a_full_disk_is_told_and_nothing_is_half_written(store: Store) -> None:
    ((pages,),) = store.database.query("PRAGMA page_count")
    store.database.query(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Refusal, match="E309 disk-full"), store.transaction():
        for number in range(10_000):
            store.meta.set(f"note {number}", "x" * 500)
    assert store.meta.get("note 0") is None


def test_a_parameter_that_no_database_can_hold_is_a_refusal_that_does_not_repeat_it(store: Store) -> None:
    with pytest.raises(Refusal, match="E311") as refused:
        store.meta.set("\ud800canary", "x")
    assert "canary" not in str(refused.value)
    with pytest.raises(Refusal, match="E311"):
        store.database.query("SELECT ?", (2**70,))


def test_the_second_applier_is_told_who_the_first_is(store: Store) -> None:
    with store.lock(HOLDER):
        with pytest.raises(Refusal) as refused, store.lock(Holder("other", NOON)):
            pass
        said = str(refused.value)
        assert "E312 another-run" in said
        assert f"process {os.getpid()} on {HOLDER.host}, since 2026-11-22T12:00:00+00:00" in said
        assert "run 20261122-120000-abc123" in said
    with store.lock(Holder("other", NOON)):
        pass


def test_the_lock_of_a_killed_applier_is_free_again(store: Store) -> None:
    script = (
        "import sys, time\nfrom datetime import datetime, UTC\nfrom pathlib import Path\n"
        "from ispctl.store import Holder, Store\n"
        "with Store.open('sqlite:///radius.db', base=Path(sys.argv[1])) as s:\n"
        "    with s.lock(Holder('doomed', datetime(2026, 11, 22, tzinfo=UTC))):\n"
        "        print('held', flush=True)\n        time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(ispctl.__file__).parents[1])}
    command = [sys.executable, "-c", script, str(store.path.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"held\n"
            with pytest.raises(Refusal, match=f"process {child.pid} .*run doomed"), store.lock(HOLDER):
                pass
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
    with store.lock(HOLDER):
        pass


def test_a_link_in_the_place_of_the_lock_file_is_not_followed(store: Store) -> None:
    victim = store.path.with_name("victim")
    victim.write_text("precious")
    store.path.with_name("radius.db.lock").symlink_to(victim)
    with pytest.raises(Refusal, match="E308"), store.lock(HOLDER):
        pass
    assert victim.read_text() == "precious"
