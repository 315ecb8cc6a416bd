"""The database: is it ours, may we write it, is there room, does its clock agree?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ispctl.model.problem import Refusal
from ispctl.status.check import Check
from ispctl.store import File, Store, doubts

WRITTEN: Final = ("radcheck", "radreply", "radusergroup", "radgroupcheck", "radgroupreply", "nas")
SKEW: Final = 5.0
"""Seconds by which two clocks may differ."""
LITTLE, TIGHT = 500 * 10**6, 50 * 10**6
"""Bytes of free disk: get more, and soon."""


def checks(store: Store, clock: Callable[[], datetime]) -> Iterator[Check]:
    """All of it, of an open database."""
    kind = ", a lab database" if store.is_lab else ""
    yield Check("database", "ok", f"{store.place}: ours, schema {store.meta.get('schema')}{kind}")
    address = store.database.address
    if isinstance(address, File):
        yield _file(address.path)
        yield _room(address.path)
    else:
        yield _asked("rights", store, _rights)
        yield _asked("database clock", store, lambda store: _clock(store, clock))
    yield _asked("triggers", store, _triggers)
    yield _order(store, clock())


def _asked(name: str, store: Store, question: Callable[[Store], Check]) -> Check:
    try:
        return question(store)
    except Refusal as refusal:
        problem = refusal.problems[0]
        return Check(name, "bad", f"{problem.code} {problem.text}", problem.advice)


def _file(path: Path) -> Check:
    """SQLite has no grants: whoever may write the file and its folder may do everything."""
    closed = [str(one) for one in (path, path.parent) if not os.access(one, os.R_OK | os.W_OK)]
    if closed:
        advice = "Look at owner and mode: file 0660, folder 2770, and the group that FreeRADIUS is in"
        return Check("rights", "bad", f"this user may not write {', '.join(closed)}", advice)
    mode = path.stat().st_mode & 0o777
    if mode & 0o007:
        text = f"mode {mode:04o}: everybody on this machine may read every password"
        return Check("rights", "warning", text, f"chmod o= {path}")
    return Check("rights", "ok", f"may be written, mode {mode:04o}")


def _room(path: Path) -> Check:
    free = shutil.disk_usage(path.parent).free
    said = f"{free / 10**9:.1f} GB free for {path.name}"
    if free < LITTLE:
        return Check("disk", "bad" if free < TIGHT else "warning", said, "Make room: accounting is written there")
    return Check("disk", "ok", said)


def _rights(store: Store) -> Check:
    """What the role may do, table by table; `current_user` is the role itself."""
    ours = sorted(name for name in store.database.tables() if name.startswith("ispctl_") and name != "ispctl_rejects")
    missing = [*_lacks(store, (*WRITTEN, *ours), ("SELECT", "INSERT", "UPDATE", "DELETE"))]
    missing += _lacks(store, ("radacct", "radpostauth"), ("SELECT",))
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        advice = "ispctl radius init, as the owner of the database, or GRANT them"
        return Check("rights", "bad", f"this role may not {', '.join(missing[:5])}{more}", advice)
    return Check("rights", "ok", f"this role may write {len(WRITTEN) + len(ours)} tables and read the accounting")


def _lacks(store: Store, tables: Sequence[str], rights: Sequence[str]) -> Iterator[str]:
    for table in tables:
        for right in rights:
            found = store.database.query("SELECT has_table_privilege(current_user, ?, ?)", (table, right))
            if not found[0][0]:
                yield f"{right} {table}"


def _triggers(store: Store) -> Check:
    """Those by which an apply knows which sessions to look at."""
    gone = doubts.unwatched(store.database)
    if gone:
        named = f"the trigger{'s' if len(gone) > 1 else ''} {', '.join(gone)}"
        text = f"E334 radacct lacks {named}: an apply overlooks sessions that it should look at, for up to a day"
        return Check("triggers", "bad", text, "ispctl radius init")
    return Check("triggers", "ok", "what the server writes of sessions is looked at")


def _clock(store: Store, clock: Callable[[], datetime]) -> Check:
    """The server's clock against ours, halfway through the question."""
    before = clock()
    (seconds,) = store.database.query("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)")[0]
    theirs = datetime.fromtimestamp(int(seconds) / 1000, UTC)
    after = clock()
    differ = (theirs - (before + (after - before) / 2)).total_seconds()
    said = f"{abs(differ):.1f} s {'ahead of' if differ > 0 else 'behind'} ours"
    if abs(differ) > SKEW + (after - before).total_seconds():
        return Check("database clock", "bad", said, "Synchronise both machines (chrony): sessions are judged by both")
    return Check("database clock", "ok", said)


def _order(store: Store, now: datetime) -> Check:
    """An apply with a clock before the last apply is refused (E605)."""
    applied = store.applied
    if applied is None:
        return Check("applied", "warning", "nothing has been applied to this database", "ispctl apply")
    ahead = (applied.at - now).total_seconds()
    if ahead > 60:
        text = f"the last apply was {ahead:.0f} s in the future of this clock"
        return Check("applied", "bad", text, "Set the clock of this machine (chrony)")
    return Check("applied", "ok", applied.commit[:12])
