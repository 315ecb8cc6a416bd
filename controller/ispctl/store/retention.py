"""What of the facts is kept, and for how long: silent sessions are closed, and what has ended long ago is deleted.

Batch by batch, each a short transaction of its own that takes only rows nobody else holds; between two of them the
server writes. So whoever is killed in the middle has done a part, and the next goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from ispctl.store import facts, given_up, nas_backups, usage
from ispctl.store._journal import Run
from ispctl.store._store import Store
from ispctl.store.records import moment, stamp
from ispctl.structs import Struct, replace

BATCH: Final = 500
"""Rows a transaction: some ten milliseconds, a tenth of what a server waits for SQLite's one writer."""
_REST: Final = 0.1
"""Seconds of rest between two transactions, at most; else as long as the last one took."""
_PRUNED: Final = "pruned_at"
"""Key in ispctl_meta: when a prune was last done to the end."""


class Keep(Struct):
    """`silent`: after so long without a report a session is over. `sessions`, `rejects`, `letters`, `nas_backups`,
    `usage`: how long ended sessions, refusals, letters that do not wait, what stood on NAS before a change and usage
    by days are kept; None: for ever."""

    silent: timedelta
    sessions: timedelta | None = None
    rejects: timedelta | None = None
    letters: timedelta | None = None
    nas_backups: timedelta | None = None
    usage: timedelta | None = None


class Pruned(Struct):
    """How many sessions were closed, sessions deleted, rows of radpostauth deleted, letters, backups of NAS and
    days of usage deleted.
    `deaf`: no NAS at all was heard for so long that nobody's silence means anything, and none was closed. `done`:
    nothing is left."""

    closed: int = 0
    sessions: int = 0
    rejects: int = 0
    letters: int = 0
    nas_backups: int = 0
    usage: int = 0
    deaf: bool = False
    done: bool = True

    @property
    def counts(self) -> dict[str, int]:
        names = ("closed", "sessions", "rejects", "letters", "nas_backups", "usage")
        return {name: getattr(self, name) for name in names}

    def plus(self, **more: int) -> Pruned:
        """By the names of `counts`."""
        return replace(self, **{name: self.counts[name] + count for name, count in more.items()})

    @property
    def nothing(self) -> bool:
        return not any(self.counts.values())


class _Step(Struct):
    """One kind of row, whether it is over at the moment of the one parameter, and what becomes of it."""

    name: str
    key: str
    table: str
    due: str
    change: str
    before: datetime
    of_days: bool = False
    """Whether the table keeps days, like 20261126."""

    @property
    def parameter(self) -> int:
        return usage.number(self.before.date()) if self.of_days else stamp(self.before)


def last_pruned(store: Store) -> datetime | None:
    """When a prune was last done to the end; None: never."""
    said = store.meta.get(_PRUNED)
    return moment(int(said)) if said and said.isascii() and said.isdigit() else None


def foresee(store: Store, keep: Keep, now: datetime) -> Pruned:
    """What a prune would do."""
    deaf = _deaf(store, keep, now)
    counts = {
        step.name: int(
            store.database.query(f"SELECT count(*) FROM {step.table} WHERE {step.due}", (step.parameter,))[0][0]
        )
        for step in _steps(store, keep, now, deaf)
    }
    return Pruned(deaf=deaf, done=not any(counts.values())).plus(**counts)


def prune(
    store: Store,
    keep: Keep,
    now: datetime,
    *,
    actor: str,
    progress: Callable[[str, int, int], None] = lambda *_: None,
    enough: Callable[[], bool] = lambda: False,
    rest: Callable[[float], None] = time.sleep,
) -> Pruned:
    """Close and delete until nothing is left, or `enough` says so after a batch. `progress` is called after each batch
    with what is done so far; what it raises ends the work between two transactions. One entry of the journal counts
    what was done, also if the run is killed; none is made where there is nothing to do."""
    deaf = _deaf(store, keep, now)
    found, run = Pruned(deaf=deaf), None
    for step in _steps(store, keep, now, deaf):
        while found.done:
            began = time.monotonic()
            with store.transaction():
                count = _batch(store, step)
                if count:
                    found = found.plus(**{step.name: count})
                    run = run or _begin(store, now, actor)
                    run.count(found.counts)
            if not count:
                break
            progress(step.name, found.counts[step.name], 0)
            if enough():
                found = replace(found, done=False)
                break
            rest(min(time.monotonic() - began, _REST))
    if found.done and keep.sessions is not None:
        _forget_counted(store, now - keep.sessions)
        given_up.forget(store, now - keep.sessions)
    with store.transaction():
        if run:
            run.finish("done" if found.done else "not all", now, found.counts)
        if found.done:
            store.meta.set(_PRUNED, str(stamp(now)))
    return found


def _begin(store: Store, now: datetime, actor: str) -> Run:
    applied = store.applied
    return store.begin_run("prune", now, commit=applied.commit if applied else "", actor=actor)


def _deaf(store: Store, keep: Keep, now: datetime) -> bool:
    """Whether it is we who do not hear: no report came from anybody for as long as makes a session silent."""
    heard = facts.last_report(store)
    return heard is None or now - heard > keep.silent


def _steps(store: Store, keep: Keep, now: datetime, deaf: bool) -> list[_Step]:
    instant = store.database.dialect.instant
    heard = "COALESCE(acctupdatetime, acctstarttime)"
    close = f"UPDATE radacct SET acctstoptime = {heard}, acctterminatecause = '{facts.STALE}'"
    silent, ended = f"acctstoptime IS NULL AND {heard} < {instant}", f"acctstoptime < {instant}"
    steps = [] if deaf else [_Step("closed", "radacctid", "radacct", silent, close, now - keep.silent)]
    if keep.sessions is not None:
        steps.append(_Step("sessions", "radacctid", "radacct", ended, "DELETE FROM radacct", now - keep.sessions))
    if keep.rejects is not None:
        old, before = f"authdate < {instant}", now - keep.rejects
        steps.append(_Step("rejects", "id", "radpostauth", old, "DELETE FROM radpostauth", before))
    if keep.letters is not None:  # what waits stays, however long
        old, before = "state IN ('sent', 'failed') AND COALESCE(tried, made) < ?", now - keep.letters
        steps.append(_Step("letters", "message", "ispctl_outbox", old, "DELETE FROM ispctl_outbox", before))
    if keep.nas_backups is not None:
        table, before = "ispctl_nas_backup", now - keep.nas_backups
        steps.append(_Step("nas_backups", "run, host", table, nas_backups.OVER, f"DELETE FROM {table}", before))
    if keep.usage is not None:  # a day is over when it is over everywhere
        old, before = "day < ?", now - keep.usage - timedelta(days=1)
        table = "ispctl_usage"
        steps.append(_Step("usage", "owner, day, hour", table, old, f"DELETE FROM {table}", before, of_days=True))
    return steps


def _forget_counted(store: Store, before: datetime) -> None:
    """What was counted of sessions that were deleted."""
    gone = (
        "DELETE FROM ispctl_counted WHERE acctid IN (SELECT c.acctid FROM ispctl_counted c WHERE c.ended < ?"
        f" AND NOT EXISTS (SELECT 1 FROM radacct a WHERE a.radacctid = c.acctid) LIMIT {BATCH})"
    )
    while store.database.write(gone, (stamp(before),)):
        pass


def _batch(store: Store, step: _Step) -> int:
    """The server may touch a row between being found and being taken: PostgreSQL locks it and asks once more whether it
    is due, on SQLite nobody else writes."""
    due = f"SELECT {step.key} FROM {step.table} WHERE {step.due} LIMIT {BATCH} {store.database.dialect.skip_locked}"
    return store.database.write(f"{step.change} WHERE ({step.key}) IN ({due})", (step.parameter,))
