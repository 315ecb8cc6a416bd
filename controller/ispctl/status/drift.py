"""Does the database hold what the applied commit says, now? Looks at who stands otherwise than was written, and at whom
time has changed since; repairs nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from ispctl.model.problem import Problem, Refusal
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile.drift import Difference, Found, find
from ispctl.reconcile.reading import Reading
from ispctl.status.rows import differences as _texts
from ispctl.status.stops import left_alone, unadopted
from ispctl.status.view import View
from ispctl.store import Applied, Store
from ispctl.structs import Struct

ADVICE: Final = "ispctl drift --repair makes the rows equal to the applied commit again"
ADVICE_DUE: Final = "ispctl apply does what time has made due"


class Drifted(Struct):
    """One key that differs. `id`: the service for a login, else the key's name. `cause`: "hand", or "clock" where the
    rows are as the last apply left them and time has changed what they should be. `texts`: without secrets."""

    what: Literal["changed", "missing", "extra"]
    kind: str
    id: str
    name: str
    cause: Literal["hand", "clock"]
    texts: tuple[str, ...]


def drift(view: View) -> tuple[Drifted, ...] | None:
    """Every key that differs, logins first, without what is only observed, kept by a pause or not adopted; None if the
    database gives no answer. Raises Refusal E608 or E622 if there is nothing to compare with."""
    applied = view.commit_applied
    if not view.readable:
        return None
    if applied is None:
        text = "nothing has been applied to this database, so there is nothing to compare it with"
        raise Refusal(Problem("E608", text, advice="ispctl apply makes it equal to the head"))
    try:
        commit = view.repository.resolve(applied.commit)
        found = view.ask(lambda store: _compared(view, store, commit, applied.at))
        if found is None:
            return None
        alone = left_alone(view, found.part, tuple(one.change for one in found.differences))
        never = {one.change.key: one.change.id for one in found.differences if not one.touched}
        others = unadopted(view, (name for kind, name in never if kind == "login"))
        alone |= {never["login", name] for name in others}
    except Refusal as refusal:
        raise _untold(applied, *refusal.problems) from None
    except (KeyError, ValueError):  # it holds what cannot be derived or expressed
        raise _untold(applied) from None
    if found.part.broken:
        raise _untold(applied)
    said = (_said(one) for one in found.differences if one.change.id not in alone)
    return tuple(sorted(said, key=lambda one: (one.kind != "login", one.kind, one.id, one.name)))


def _compared(view: View, store: Store, commit: str, since: datetime) -> Found:
    rows = RadiusRows(store)
    return find(Reading(view.repository, store, rows, commit, view.now, view.index), rows, since=since)


def _untold(applied: Applied, *problems: Problem) -> Refusal:
    text = f"what the applied commit {applied.commit[:12]} says cannot be told here"
    advice = "Fetch it (git fetch), look at it (ispctl validate --commit), or apply the head: ispctl apply"
    return Refusal(*problems, Problem("E622", text, advice=advice))


def _said(one: Difference) -> Drifted:
    change = one.change
    kind, name = change.key
    return Drifted(
        what="missing" if change.before is None else "extra" if change.after is None else "changed",
        kind=kind,
        id=change.owner or name,
        name=name,
        cause="hand" if one.touched else "clock",
        texts=tuple(_texts(change.after, change.before)),
    )
