"""Does the database hold what the applied commit says, now? Looks at every row that is ours; repairs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Change, Resources, diff
from ispctl.radius.rows import TARGET
from ispctl.status.rows import differences
from ispctl.status.stops import left_alone
from ispctl.status.view import View

ADVICE: Final = "ispctl drift --repair makes the rows equal to the applied commit again"
ADVICE_DUE: Final = "ispctl apply does what time has made due"


@dataclass(frozen=True)
class Drifted:
    """One key that differs. `id`: the service for a login, else the key's name. `cause`: "hand", or "clock" where the
    rows are as the last apply left them and time has changed what they should be. `texts`: without secrets."""

    what: Literal["changed", "missing", "extra"]
    kind: str
    id: str
    name: str
    cause: Literal["hand", "clock"]
    texts: tuple[str, ...]


def drift(view: View) -> tuple[Drifted, ...] | None:
    """Every key that differs, logins first, without what is only observed or was kept by a pause; None if the database
    gives no answer. Raises Refusal E608 or E622 if there is nothing to compare with."""
    rows = view.rows
    if rows is None:
        return None
    if view.commit_applied is None:
        text = "nothing has been applied to this database, so there is nothing to compare it with"
        raise Refusal(Problem("E608", text, advice="ispctl apply makes it equal to the head"))
    want = view.wanted_applied
    if want is None or view.served is not view.applied or view.served.broken:
        text = f"what the applied commit {view.commit_applied.commit[:12]} says cannot be told here"
        advice = "Fetch it (git fetch), look at it (ispctl validate --commit), or apply the head: ispctl apply"
        raise Refusal(*view.problems, Problem("E622", text, advice=advice))
    changes = diff(TARGET, want, rows)
    alone = left_alone(view, view.served, changes)
    found = _found((change for change in changes if change.id not in alone), view.wanted_then or {})
    return tuple(sorted(found, key=lambda one: (one.kind != "login", one.kind, one.id, one.name)))


def _found(changes: Iterable[Change], then: Resources) -> Iterator[Drifted]:
    for change in changes:
        kind, name = change.key
        yield Drifted(
            what="missing" if change.before is None else "extra" if change.after is None else "changed",
            kind=kind,
            id=change.owner or name,
            name=name,
            cause="clock" if change.before == then.get(change.key) else "hand",
            texts=tuple(differences(change.after, change.before)),
        )
