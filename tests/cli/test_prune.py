"""`ispctl prune`, and the loop that does it once a day."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

from tests.cli.conftest import Cli

DAY = 86400
RETENTION = (
    "inventory/policy.yaml",
    "retention: {sessions: 400d, rejects: 30d, letters: 400d, nas_backups: 400d, usage: 800d}",
    "retention: {rejects: 7d}",
)


def refused(cli: Cli, days: int) -> None:
    with closing(sqlite3.connect(cli.repo / "var" / "radius.db")) as database:
        at = (int(time.time()) - days * DAY) // 1000 * 1000
        database.execute("INSERT INTO radpostauth (username, reply, authdate) VALUES ('u', 'Access-Reject', ?)", (at,))
        database.commit()


def left(cli: Cli) -> int:
    with closing(sqlite3.connect(cli.repo / "var" / "radius.db")) as database:
        return int(database.execute("SELECT count(*) FROM radpostauth").fetchone()[0])


def test_it_says_what_it_would_do_and_does_that(applied: Cli) -> None:
    refused(applied, 31)
    refused(applied, 29)
    would = applied("prune", "--dry-run")
    assert (would.code, left(applied)) == (0, 2)
    assert "Refusals to delete: 1 (older than 30 days)" in would.out
    assert "Sessions to close: none, since no NAS at all was heard lately" in would.out
    assert applied("prune", "--dry-run", "--format", "json").json == {
        "version": 1,
        "dry_run": True,
        "closed": 0,
        "sessions": 0,
        "rejects": 1,
        "letters": 0,
        "nas_backups": 0,
        "usage": 0,
        "deaf": True,
        "done": False,
    }
    assert "Refusals deleted: 1" in applied("prune").out
    assert left(applied) == 1
    assert "prune" in applied("runs").out
    assert applied.stat("health").out.count("none unfinished") == 1


def test_what_the_policy_does_not_name_is_kept(applied: Cli) -> None:
    applied.changed(*RETENTION)
    refused(applied, 8)
    said = applied("prune").out
    assert "Sessions deleted: none, since inventory/policy.yaml names no retention.sessions" in said
    assert left(applied) == 0


def test_a_week_of_sessions_is_no_retention(cli: Cli) -> None:
    cli.edit("inventory/policy.yaml", "sessions: 400d", "sessions: 7d")
    said = cli("validate")
    assert said.code == 1
    assert "inventory/policy.yaml" in said.out
    assert "retention.sessions" in said.out


def test_while_everything_is_paused_nothing_is_pruned(applied: Cli) -> None:
    refused(applied, 31)
    applied("pause", "--reason", "the database is being moved")
    said = applied("prune")
    assert (said.code, left(applied)) == (1, 1)
    assert "E614 paused" in said.err


def test_the_loop_prunes_once_a_day_by_the_applied_policy(applied: Cli) -> None:
    refused(applied, 31)
    assert applied("run", "--once").code == 0
    assert left(applied) == 0
    refused(applied, 31)
    assert applied("run", "--once").code == 0
    assert left(applied) == 1
