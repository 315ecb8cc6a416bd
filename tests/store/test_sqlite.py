"""What only a SQLite file knows: pages, locks of the whole file, and what lies beside it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ispctl.model.problem import Refusal
from ispctl.store import Holder, Store
from tests.databases import Place

HOLDER = Holder("20261122-120000-abc123", datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place("sqlite:///var/radius.db", tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.create(timeout=0.1) as made:
        yield made


def test_a_file_that_is_held_names_the_run_that_holds_it(place: Place, store: Store) -> None:
    with closing(sqlite3.connect(place.file, isolation_level=None)) as other:
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


def test_a_link_in_the_place_of_the_lock_file_is_not_followed(place: Place, store: Store) -> None:
    victim = place.file.with_name("victim")
    victim.write_text("precious")
    place.file.with_name("radius.db.lock").symlink_to(victim)
    with pytest.raises(Refusal, match="E308"), store.lock(HOLDER):
        pass
    assert victim.read_text() == "precious"


def test_opening_it_once_more_lets_go_of_no_lock_that_another_connection_of_this_process_has(
    place: Place, store: Store
) -> None:
    """Who closes a file gives up all locks that his process has on it; then whoever comes and goes takes the log."""
    store.meta.set("note", "in the log")
    with place.open(readonly=True):
        pass
    read = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM ispctl_meta').fetchall()"
    subprocess.run([sys.executable, "-c", read, str(place.file)], check=True)
    assert place.file.with_name("radius.db-wal").stat().st_size > 0
    assert store.meta.get("note") == "in the log"
