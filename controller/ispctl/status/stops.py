"""What is left as it is: paused, since people decided so for a time, or only observed; whoever looks is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ispctl.gates import owners_of
from ispctl.intent import intent_of
from ispctl.model.problem import Where
from ispctl.model.subscriber import group_of
from ispctl.plan import Change, build
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile.managed import with_observed
from ispctl.repo import Holding, Snapshot
from ispctl.status.values import when
from ispctl.status.view import View, writable
from ispctl.store import Pause


def pauses_of(view: View, holding: Holding) -> tuple[Pause, ...]:
    """Those that keep a service as it is; a pause of a NAS is about the sessions there."""
    about = {
        ("everything", ""),
        ("target", "radius"),
        ("group", group_of(holding.document.path)),
        ("service", holding.owner),
    }
    return tuple(one for one in view.pauses or () if (one.kind, one.name) in about)


def observed(view: View, holding: Holding) -> Where | None:
    """The line that says that a service is only observed; None if it is not."""
    managed, line = view.head.managed_group(group_of(holding.document.path))
    return line.where if managed == "observe" else None


def stop_of(view: View, holding: Holding) -> Literal["", "paused", "observed"] | None:
    """Why a service is left as it is; None where the database does not say what is paused."""
    if observed(view, holding):
        return "observed"
    if pauses_of(view, holding):
        return "paused"
    return None if view.pauses is None else ""


def unadopted(view: View, logins: Iterable[str]) -> frozenset[str]:
    """Which of these logins somebody else wrote rows for: the server answers them by those, until they are adopted."""
    rows = view.rows
    keys = [("login", one) for one in logins if rows is not None and ("login", one) not in rows and writable(one)]
    found = view.ask(lambda store: RadiusRows(store).foreign(keys)) if keys else None
    return frozenset(name for _, name in found or ())


def in_words(pause: Pause, view: View) -> str:
    by = f" by {pause.by}" if pause.by else ""
    return f"{pause.what} is paused until {when(pause.until, view.zone)}{by}: {pause.reason}"


def left_alone(view: View, snapshot: Snapshot, changes: tuple[Change, ...]) -> frozenset[str]:
    """The ids of the changes that nobody's hand is behind: of what `snapshot` only observes, and of those whom a pause
    kept as they were."""
    plan = build(
        "live",
        (),
        changes,
        commit=snapshot.commit,
        base=snapshot.commit,
        now=view.now,
        disturbs=lambda _was, _is: False,
    )
    seen = with_observed(plan, (snapshot,), intent_of(snapshot, view.now).entitlements).stopped
    return seen | {one.id for one in changes if owners_of(one) & view.held_back}
