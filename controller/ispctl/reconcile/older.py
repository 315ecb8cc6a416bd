"""Whether somebody put an older copy of the database in its place: it does not know of a run that ended here."""

from __future__ import annotations

from ispctl.model.problem import Refusal
from ispctl.repo import Repository
from ispctl.store import Applied, Store, facts


def older_copy(repository: Repository, store: Store, applied: Applied | None) -> str:
    """That it is one, and what to do, in words; empty where it is none. `applied`: what the database says of itself.

    This repository remembers the commit that was applied last from here. A database that stands at one before it was
    rolled back, which its journal tells, or is older.
    """
    kept = repository.last_applied() if applied else ""
    if applied is None or kept in ("", applied.commit):
        return ""
    try:
        before = repository.contains(kept, applied.commit)
    except Refusal:
        return ""
    if not before or facts.was_applied(store, kept):
        return ""
    return (
        f"This database is an older copy: commit {applied.commit[:12]} was applied last, {applied.at:%Y-%m-%d %H:%M}Z;"
        f" its journal does not know of {kept[:12]}, which was applied from here after that. An apply makes the rows"
        " right. What happened since the copy is not in it: sessions, learned devices, leases, pauses, rollbacks."
        " If there is a newer copy or a backup of facts, put it back first"
    )
