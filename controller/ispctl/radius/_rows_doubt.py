"""Whom changed rows concern that are online: their sessions become doubtful, in the transaction of the rows."""

from __future__ import annotations

from collections.abc import Iterable

from ispctl.plan import Change, Fields, Resources, Value
from ispctl.radius import _rows_text as text
from ispctl.radius.rendering import rendering
from ispctl.store import Database, doubts


def doubt(database: Database, written: Iterable[Change], have: Resources) -> None:
    """Whoever is online by what stood there until now (`have`) may run something else than he should."""
    logins: list[str] = []
    for change in written:
        (kind, name), now, after = change.key, have.get(change.key), text.frozen(change.after)
        if kind == "login" and after is not None and _runs(now) != _runs(after):
            logins.append(name)
        elif kind == "group" and now is not None and rendering(now) != (rendering(after) if after else ""):
            doubts.of_rendering(database, rendering(now))
        elif kind == "nas" and (now or {}).get("type") != (after or {}).get("type"):
            doubts.of_nas(database, name)
    doubts.of_logins(database, logins)


def _runs(fields: Fields | None) -> tuple[Value, ...] | None:
    """What of a login its sessions are compared with."""
    return (fields["class"], fields["group"], fields["refuse"]) if fields else None
