"""What a reconciliation is given, what it may do, and what it answers. Values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from ispctl.backend import Outcome
from ispctl.gates import Closed
from ispctl.index import Index
from ispctl.nas import Answer, Fleet
from ispctl.plan import Change, Plan, Unread
from ispctl.radius.rendering import TARGET
from ispctl.reconcile.touch import SessionOutcome
from ispctl.repo import Repository
from ispctl.roles import Reviews
from ispctl.secrets import Keyring
from ispctl.store import RunRecord, Store
from ispctl.store.prints import Sums
from ispctl.structs import Struct, field

if TYPE_CHECKING:
    from ispctl.reconcile.beside import Beside

Progress = Callable[[str, int, int], None]
"""(what, done, all)"""


def silent(_what: str, _done: int, _all: int) -> None:
    """Tells nobody."""


class Permission(Struct):
    """What the person at the command line allows, once: at most so many, and whether history may go backwards."""

    most: Mapping[str, int | None] = field(default_factory=dict)
    rollback: bool = False
    rolled_back: bool = False
    """Also a commit that holds what a rollback took back."""
    undoes: RunRecord | None = None
    """The run that is taken back by this one."""
    differences: Callable[[Plan], Iterable[str]] = lambda _plan: ()
    """How a plan differs from the one that somebody saved and read, a sentence each."""
    commits: Collection[str] = ()
    """Of which it is not asked who made them."""


class Wrote:
    """What became of rows, as far as anybody is told: counts, and each failure."""

    outcomes: tuple[Outcome, ...]

    def _more(self) -> Mapping[str, int]:
        """Rows that were written beside those that `outcomes` tells of, by action."""
        return {}

    @cached_property
    def written(self) -> Mapping[str, int]:
        """How many rows were written, by "create", "update" and "delete"."""
        counts = Counter[str](outcome.change.action for outcome in self.outcomes if not outcome.error)
        counts.update(self._more())
        return {action: counts[action] for action in ("create", "update", "delete")}

    @cached_property
    def failed(self) -> Sequence[Outcome]:
        """What was not written, and why."""
        return tuple(outcome for outcome in self.outcomes if outcome.error)

    @property
    def rows(self) -> int:
        """How many it was tried to write."""
        return sum(self.written.values()) + len(self.failed)


class Result(Struct, Wrote):
    """What an apply did."""

    run: str
    commit: str
    plan: Plan
    outcomes: tuple[Outcome, ...] = ()
    sessions: tuple[SessionOutcome, ...] = ()
    held: tuple[str, ...] = ()
    closed: tuple[Closed, ...] = ()
    unread: tuple[Unread, ...] = ()
    older: str = ""
    """That the database was an older copy, in words."""
    devices: tuple[Answer, ...] = ()
    """What became of NAS that were to be configured."""
    under_way: bool = False
    """Whether NAS are looked at or configured still, beside all this."""
    untaken: tuple[str, ...] = ()
    """Services whose new password holds though their device has not taken it."""
    more: Mapping[str, int] = field(default_factory=dict)
    """Rows that were written of those who are in `outcomes` only where that failed, by action."""

    def _more(self) -> Mapping[str, int]:
        return self.more

    @property
    def exit_code(self) -> int:
        """0 done · 1 refused or failed · 3 done, except the unread targets."""
        told = any(one.code for one in self.sessions) or any(one.code for one in self.devices)
        if self.closed or self.failed or told or not self.read:
            return 1
        return 3 if self.unread else 0

    @property
    def stays(self) -> bool:
        """Whether something was begun, and all that was done on NAS stands."""
        return bool(self.run) and all(one.stays for one in self.devices)

    @property
    def read(self) -> bool:
        """Whether the database was; a NAS that is left alone holds up nobody else."""
        return bool(self.run) and not any(one.target == TARGET for one in self.unread)


class Drift(Struct, Wrote):
    """What stands otherwise than it was applied (`plan` makes it right), and with a repair what became of it."""

    plan: Plan
    outcomes: tuple[Outcome, ...] = ()
    closed: tuple[Closed, ...] = ()
    held: frozenset[str] = frozenset()
    devices: tuple[Answer, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(self.plan.changes)


class World(Struct):
    """What an apply acts upon. `keyring` is opened only when a secret has to be written."""

    repository: Repository
    store: Store
    keyring: Callable[[], Keyring]
    now: datetime
    clock: Callable[[], datetime]
    """What time it is, for what takes time: `now` is the moment that everything is decided for."""
    progress: Progress = silent
    actor: str = ""
    """Who runs this, for the journal."""
    patience: float = 0.0
    """Seconds to wait for the accounting to prove what sessions acknowledged."""
    replicas: Sequence[str] = field(default=(), repr=False)
    """DSNs of the standbys from which other servers answer: sessions are told when each that answers has the rows."""
    catching_up: float = 30.0
    """Seconds to wait for them."""
    index: Index | None = None
    """What is remembered of the repository; without it everything is read."""
    reviews: Reviews | None = None
    """Who approved a commit, by the forge, if it may be asked."""
    nas: Fleet | None = None
    """How devices are spoken to; None: not at all."""
    sums: Callable[[], Sums | None] = lambda: None
    """Those of the rows, where they were asked before."""
    beside: Beside | None = None
    """Who speaks to them while rows and sessions go on; None: it is done before and after those."""


class Waiting(Struct):
    """What is not done now: what closed gates hold back (`held`), and what is stopped. `losers`: people who keep what
    they have, whether or not a row of theirs changes."""

    held: frozenset[str]
    stopped: frozenset[str]
    losers: frozenset[str]
    closed: tuple[Closed, ...]

    @property
    def changes(self) -> frozenset[str]:
        return self.held | self.stopped

    def owners(self, plan: Plan) -> frozenset[str]:
        """Every service whose rows wait. A session that is not told says nothing about rows."""
        if not self.changes:
            return self.losers
        return self.losers | {c.owner for c in plan.changes if c.id in self.changes and c.key[0] != "session"}
