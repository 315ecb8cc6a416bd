"""NAS configured while people go on being served: by the loop as it is typed, with three RouterOS that stand in. One of
them is waited for, since RADIUS has to hear of it after its change."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ispctl.lab.process import wait_for
from tests.cli.service import Service
from tests.gates import example
from tests.live.small_isp import FILE, LOGIN
from tests.live.test_nas_fleet import POOLS, Fleet, fleet

pytestmark = pytest.mark.live
__all__ = ["fleet"]
NARROW, WIDE = "100.64.8.1-100.64.11.254", "100.64.8.1-100.64.15.254"
NOTED = """\
SELECT count(DISTINCT target) FROM ispctl_journal_change AS did JOIN ispctl_journal AS one ON one.run = did.run
WHERE one.kind = 'devices'
"""
PAID = "paid_until: 2090-12-31"


@pytest.fixture
def waiting(fleet: Fleet, tmp_path: Path) -> Iterator[Service]:
    """The loop, while it waits to hear of the first router; on that one people report, and then do not."""
    fleet.isp.edit("inventory/policy.yaml", "format: 1", "nas: {waves: [{hosts: [router-1]}]}\nformat: 1")
    fleet.isp.commit("Router 1 goes first")
    fleet.run("apply")
    fleet.isp.online(6, "192.0.2.1")
    with loop(fleet, tmp_path / "run.log") as service:
        service.wait("started")
        fleet.widen()
        assert wait_for(lambda: sql(fleet, NOTED) == [(1,)], 30), service.log.read_text("utf-8")
        assert fleet.pools("router-1") == {"home": WIDE}
        yield service


def loop(fleet: Fleet, log: Path) -> Service:
    key = str(fleet.isp.folder.parent / "isp.key")
    return Service(fleet.isp.folder, log, "--every", "1s", ISPCTL_AGE_KEY_FILE=key)


def heard(fleet: Fleet) -> None:
    """A session on the first router reports."""
    sql(
        fleet, "UPDATE radacct SET acctupdatetime = ? WHERE acctsessionid = 's0000'", int(datetime.now(UTC).timestamp())
    )


def sql(fleet: Fleet, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(fleet.isp.folder / "var" / "radius.db", timeout=10)) as database, database:
        return database.execute(statement, values).fetchall()


def group(fleet: Fleet) -> str:
    """What the subscriber gets at the next login."""
    return str(sql(fleet, "SELECT groupname FROM radusergroup WHERE username = ?", LOGIN))


def item(fleet: Fleet, host: str) -> Any:
    done = fleet.isp.run("nas", host, "--format", "json", program="ispstat")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["items"][0]["device"]


def test_who_pays_is_let_in_while_a_wave_waits(fleet: Fleet, waiting: Service, record_property: Any) -> None:
    fleet.isp.changed(FILE, PAID, "paid_until: 2026-01-31")
    assert wait_for(lambda: "wall" in group(fleet), 20), waiting.log.read_text("utf-8")
    began = time.monotonic()
    fleet.isp.changed(FILE, "paid_until: 2026-01-31", PAID)
    assert wait_for(lambda: "wall" not in group(fleet), 20), group(fleet)
    took = time.monotonic() - began
    record_property("renewal_to_rows_seconds", round(took, 2))
    print(f"renewal to rows: {took:.2f} s")
    assert took < 10
    assert fleet.pools("router-2") == {"home": "100.64.16.1-100.64.19.254"}, "the second wave waits still"
    assert item(fleet, "router-1")["since"]
    heard(fleet)
    waiting.wait("nas-ended")
    assert fleet.pools("router-3") == {"home": "100.64.24.1-100.64.31.254"}
    assert wait_for(lambda: not item(fleet, "router-1")["waiting"], 10)
    assert item(fleet, "router-1")["since"] is None


def test_a_newer_commit_lets_the_waves_end_that_are_not_wanted_any_more(fleet: Fleet, waiting: Service) -> None:
    fleet.isp.changed(POOLS, "/21]", "/22]")
    head = example.git(fleet.isp.folder, "rev-parse", "HEAD").strip()
    assert wait_for(lambda: head in str(sql(fleet, "SELECT state FROM ispctl_loop")), 20), "it was applied by then"
    heard(fleet)
    waiting.wait("nas-ended")
    assert wait_for(lambda: fleet.pools("router-1") == {"home": NARROW}, 30)
    assert fleet.pools("router-2") == {"home": "100.64.16.1-100.64.19.254"}, "it was never widened"


def test_killed_while_a_wave_waits_the_next_loop_goes_on_waiting(
    fleet: Fleet, waiting: Service, tmp_path: Path
) -> None:
    waiting.end(signal.SIGKILL)
    with loop(fleet, tmp_path / "next.log") as service:
        left = service.wait("something-left")
        assert "E818" in left["codes"]
        assert fleet.pools("router-2") == {"home": "100.64.16.1-100.64.19.254"}
        heard(fleet)
        assert wait_for(lambda: fleet.pools("router-3") == {"home": "100.64.24.1-100.64.31.254"}, 40)
        service.wait("nothing-left")


def test_told_to_end_while_a_wave_waits_it_ends_in_time_and_all_is_written_down(
    fleet: Fleet, waiting: Service, tmp_path: Path
) -> None:
    assert waiting.end(signal.SIGTERM) < 5
    assert waiting.process.returncode == 0
    assert not waiting.events("cut-short")
    assert sql(fleet, "SELECT outcome FROM ispctl_journal WHERE kind = 'devices' ORDER BY started DESC") == [
        ("stopped",)
    ]
    assert item(fleet, "router-1")["heard"] == "silent"
    heard(fleet)
    with loop(fleet, tmp_path / "next.log"):
        assert wait_for(lambda: fleet.pools("router-3") == {"home": "100.64.24.1-100.64.31.254"}, 40)
