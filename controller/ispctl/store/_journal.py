"""The journal: what each run did to whom, and why. A run that was killed stays visible as unfinished."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from ispctl.store._database import Database
from ispctl.store.records import EPOCH, RunRecord, Undone, moment, stamp

if TYPE_CHECKING:  # a plan is made of much, which whoever looks at sessions does not need
    from ispctl.plan import Change

_COLUMNS = "run, kind, commit_id, base_id, digest, actor, host, pid, started, finished, outcome, counts"

_APPLYING = (
    "WHERE kind IN ('apply', 'rollback') AND (commit_id <> base_id"
    " OR EXISTS (SELECT 1 FROM ispctl_journal_change AS done WHERE done.run = ispctl_journal.run))"
)


class Run:
    """One run, written as it goes: put `service` and `change` in the transaction that writes the rows they speak of."""

    def __init__(self, database: Database, run: str) -> None:
        self.id = run
        self._database = database

    def service(self, owner: tuple[str, str], effect: str, cause: str, at: datetime) -> None:
        """Something happened to the service (id, key); one effect counts once. A dropped session is an effect too."""
        self._database.write(
            "INSERT INTO ispctl_journal_service (run, id, key, effect, cause, at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (run, id, key, effect) DO NOTHING",
            (self.id, *owner, effect, cause, stamp(at)),
        )

    def change(self, change: Change, at: datetime, outcome: str = "") -> None:
        """A change was done (empty outcome) or not (the reason, without secrets); the last word about it stands."""
        self._database.write(
            "INSERT INTO ispctl_journal_change (run, change, target, kind, key, action, outcome, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, change) DO UPDATE SET outcome = excluded.outcome,"
            " at = excluded.at",
            (self.id, change.id, change.target, *change.key, change.action, outcome, stamp(at)),
        )

    def count(self, counts: Mapping[str, int]) -> None:
        """What was done so far, for whoever looks at a run that was killed."""
        self._database.write("UPDATE ispctl_journal SET counts = ? WHERE run = ?", (_said(counts), self.id))

    def finish(self, outcome: str, at: datetime, counts: Mapping[str, int] | None = None) -> None:
        self._database.write(
            "UPDATE ispctl_journal SET finished = ?, outcome = ?, counts = ? WHERE run = ?",
            (stamp(at), outcome, _said(counts or {}), self.id),
        )


def begin(database: Database, kind: str, commit: str, base: str, digest: str, actor: str, at: datetime) -> Run:
    ((before,),) = database.query("SELECT count(*) FROM ispctl_journal WHERE started = ?", (stamp(at),))
    turn = chr(97 + min(before // 26, 25)) + chr(97 + before % 26)  # of one second, the later sorts last
    run = f"{at:%Y%m%d-%H%M%S}-{turn}{secrets.token_hex(2)}"
    database.write(
        "INSERT INTO ispctl_journal (run, kind, commit_id, base_id, digest, actor, host, pid, started)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (run, kind, commit, base, digest, actor, socket.gethostname(), os.getpid(), stamp(at)),
    )
    return Run(database, run)


def runs(database: Database, limit: int, *, unfinished: bool = False, applying: bool = False) -> Iterator[RunRecord]:
    """Newest first; `applying`: those that apply a commit and did, or tried, something."""
    which = "WHERE finished IS NULL" if unfinished else _APPLYING if applying else ""
    sql = f"SELECT {_COLUMNS} FROM ispctl_journal {which} ORDER BY started DESC, run DESC LIMIT ?"
    for *head, started, finished, outcome, counts in database.query(sql, (limit,)):
        began = moment(started)
        if began is not None:
            yield RunRecord(*[*head, began, moment(finished), outcome, _counts(counts)])


def undone(database: Database) -> tuple[Undone, ...]:
    """The runs whose commit may not be applied again as if nothing had happened, newest first."""
    sql = "SELECT run, commit_id, base_id, undone_by, at, actor FROM ispctl_undone WHERE lifted IS NULL"
    rows = database.query(f"{sql} ORDER BY at DESC, run")
    return tuple(Undone(run, commit, base, by, moment(at) or EPOCH, who) for run, commit, base, by, at, who in rows)


def put_undone(database: Database, one: Undone) -> None:
    database.write(
        "INSERT INTO ispctl_undone (run, commit_id, base_id, undone_by, at, actor) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (run) DO UPDATE SET undone_by = excluded.undone_by, at = excluded.at, actor = excluded.actor,"
        " lifted = NULL",
        (one.run, one.commit, one.base, one.undone_by, stamp(one.at), one.by),
    )


def _said(counts: Mapping[str, int]) -> str:
    return json.dumps(dict(counts), sort_keys=True)


def _counts(text: str) -> dict[str, int]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError):
        return {}


def lost_since(database: Database, since: datetime, effects: Collection[str]) -> dict[tuple[str, str], set[str]]:
    """(effect, cause) -> the services ("sub-000123/main") that met one of these effects at `since` or later."""
    marks = ",".join("?" * len(effects))
    # A first apply is new to everybody, and what is new is lost to nobody: an index leaves it out.
    sql = (
        "SELECT DISTINCT effect, cause, id, key FROM ispctl_journal_service"
        f" WHERE at >= ? AND effect <> 'new' AND effect IN ({marks})"
    )
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for effect, cause, id, key in database.stream(sql, (stamp(since), *sorted(effects))):
        found[effect, cause].add(f"{id}/{key}")
    return dict(found)


def deleted_since(database: Database, since: datetime) -> set[str]:
    """The keys of ours ("login/…") that were deleted at `since` or later."""
    sql = "SELECT DISTINCT kind, key FROM ispctl_journal_change WHERE at >= ? AND action = 'delete' AND outcome = ''"
    return {f"{kind}/{key}" for kind, key in database.stream(sql, (stamp(since),))}
