"""How one slice is written: here, or in another process, which opens the database anew under the lock of this one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ispctl.backend import Outcome
from ispctl.model.problem import Refusal
from ispctl.plan import Change
from ispctl.radius.rows import RadiusRows, order
from ispctl.reconcile.far import unpacked
from ispctl.reconcile.notes import Notes, by_commit
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.reconcile.world import Waiting
from ispctl.secrets import Keyring
from ispctl.store import Run, Store


class SliceWritten(NamedTuple):
    """What became of one slice."""

    failed: tuple[Outcome, ...]
    more: Counter[str]
    """What was done, by action."""
    left: frozenset[str]
    """The services that were not written."""
    stopped: frozenset[str]
    """See `by_commit`."""


@dataclass
class Writing:
    """What is done with a slice. Raises Refusal where a secret cannot be opened: nothing of the slice is written then.

    `still`: see `by_commit`; `left`: see `Notes`. `keyring`: or why there is none, which is told to whoever needs it.
    `told`: called after each change; not in another process.
    """

    run: str
    now: datetime
    commit: str
    waits: Waiting
    still: frozenset[str]
    left: frozenset[str]
    keyring: Keyring | Refusal
    told: Callable[[], None] | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "told": None}

    def __call__(self, store: Store, packed: bytes) -> SliceWritten:
        one = unpacked(packed)
        assert one.people is not None
        run = Run(store.database, self.run)
        note = Notes(store, run, self.now, self.commit, one.people, one.services, self.left)
        secrets = SealedValues((), one.people.entitlements.values(), self._unlocked)
        rows = rows_of(one.changes, self.waits)
        secrets.check(rows, keep=True)
        failed, more = list[Outcome](), Counter[str]()
        for outcome in RadiusRows(store).apply(order(rows), secrets.open, note.beside):
            if outcome.error:
                failed.append(outcome)
                run.change(outcome.change, self.now, outcome.error)
            else:
                more[outcome.change.action] += 1
            if self.told:
                self.told()
        quiet = {outcome.change.owner for outcome in failed}
        quiet |= {change.owner for change in one.changes if change.id in self.waits.changes}
        with store.transaction():
            left = note.rest(self.waits.losers | quiet)
        stopped = by_commit(one.services, one.people, self.still)
        return SliceWritten(tuple(failed), more, frozenset(left), frozenset(stopped))

    def _unlocked(self) -> Keyring:
        if isinstance(self.keyring, Refusal):
            raise self.keyring
        return self.keyring


def rows_of(changes: Iterable[Change], waits: Waiting) -> list[Change]:
    """What is written of these changes."""
    return [change for change in changes if change.key[0] != "session" and change.id not in waits.changes]
