"""What a loop acts with: a branch, a database, and the reconciliation between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from ispctl.index import Index
from ispctl.model.problem import Problem
from ispctl.nas import Fleet
from ispctl.reconcile import Beside, News, Result, World, apply, awaited_reports, count_usage, prune, prune_is_due
from ispctl.repo import Repository, Snapshot
from ispctl.repo.remote import Remote
from ispctl.roles import Reviews
from ispctl.secrets import Keyring
from ispctl.store import Beat, Heartbeat, Store, cpes, first_logins, meters
from ispctl.store.retention import Pruned

Report = tuple[str, datetime | None]


class Stopped(BaseException):
    """We were asked to end: what is under way is given up between two transactions; the next run goes on there."""


_ACTOR: Final = "ispctl run"
_A_WHILE: Final = timedelta(seconds=5)
_LATELY: Final = timedelta(hours=1)
"""So long old facts are deleted, or new ones counted, in one turn; the next goes on."""
_CATCHING_UP: Final = 4.0
"""Seconds to wait for replicas: less than a loop may take to end. The next turn looks again."""


class Hands(Protocol):
    """Everything that a loop can do. Raises Refusal where something gives no answer."""

    def fetch(self) -> str: ...

    def known(self) -> str: ...

    def errors(self, commit: str, now: datetime) -> tuple[Problem, ...]: ...

    def applied(self) -> str: ...

    def apply(self, commit: str, now: datetime) -> Result: ...

    def reports(self) -> frozenset[Report]: ...

    def prune(self, now: datetime) -> Pruned | None: ...

    def count(self, now: datetime) -> frozenset[str]: ...

    def beat(self, mine: Beat) -> Beat | None: ...

    def leave(self, token: str) -> None: ...

    def nas(self) -> News: ...


class Site:
    """The real hands. One git child lives as long as the loop; the database is opened for each thing that is done, so
    that one which went away and came back is simply there again."""

    def __init__(
        self,
        repository: Repository,
        remote: Remote,
        opener: Callable[[Snapshot, bool], Store],
        keyring: Callable[[Snapshot, bool], Keyring],
        clock: Callable[[], datetime],
        progress: Callable[[str, int, int], None],
        replicas: Callable[[Snapshot], Sequence[str]] = lambda _: (),
        index: Index | None = None,
        reviews: Reviews | None = None,
        fleet: Callable[[Snapshot, Store], Fleet | None] = lambda *_: None,
    ) -> None:
        self.repository, self.remote = repository, remote
        self.index = index or Index(repository, None)
        self._opener, self._keyring, self._clock, self._progress = opener, keyring, clock, progress
        self._replicas, self._reviews, self._fleet = replicas, reviews, fleet
        self.beside: Beside | None = None
        """Who configures NAS while rows and sessions go on; None: an apply does it itself."""
        self._anchor = ""
        """The commit whose targets.yaml is believed: the one that was applied last, since the head may be broken."""

    def fetch(self) -> str:
        """The commit of the branch, brought here."""
        return self.remote.fetch()

    def known(self) -> str:
        """The commit of the branch as far as this clone knows; empty where it has none."""
        return self.remote.here()

    def errors(self, commit: str, now: datetime) -> tuple[Problem, ...]:
        """What forbids to apply a commit."""
        return tuple(self.index.look((commit,), now, slicing=True, rates="left out").errors(commit))

    def applied(self) -> str:
        """The commit that the database was last made equal to; empty before the first."""
        with self.store() as store:
            found = store.applied
            return found.commit if found else ""

    def apply(self, commit: str, now: datetime) -> Result:
        """One reconciliation, gates and lock included. What was read of other commits is forgotten afterwards."""
        snapshot = self.repository.part(commit, ())
        with self.store() as store:
            lab = store.is_lab
            world = World(
                self.repository,
                store,
                partial(self._keyring, snapshot, lab),
                now,
                self._clock,
                self._progress,
                actor=_ACTOR,
                replicas=self._replicas(snapshot),
                catching_up=_CATCHING_UP,
                index=self.index,
                reviews=self._reviews,
                nas=self._fleet(snapshot, store),
                beside=self.beside,
            )
            result = apply(world, commit)
        if not result.closed and result.read and commit != self._anchor:
            self._anchor = commit
            self.remote.keep(commit)
        self.repository.forget({commit, self._anchor})
        return result

    def reports(self) -> frozenset[Report]:
        """The newest accounting of each session whose change is still to be proved, who waited for a first login and
        had it, whose device took another password, and which pauses are over."""
        now = self._clock()
        with self.store() as store:
            facts = (*first_logins.came(store, now), *cpes.to_look_at(store))
            return awaited_reports(store) | {(owner, None) for owner in facts} | store.pauses_over(now - _LATELY, now)

    def prune(self, now: datetime) -> Pruned | None:
        """What is older than the applied policy keeps, once a day, some seconds' worth; None: not due."""
        with self.store() as store:
            applied = store.applied
            if applied is None or not prune_is_due(store, now):
                return None
            end = self._clock() + _A_WHILE
            return prune(
                store,
                self.repository.at(applied.commit),
                now,
                actor=_ACTOR,
                progress=self._progress,
                enough=lambda: self._clock() >= end,
            )

    def count(self, now: datetime) -> frozenset[str]:
        """Count what was used since the last time; the services whose tier of fair use may be another by it."""
        with self.store() as store:
            applied = store.applied
            if applied is None:
                return frozenset()
            end = self._clock() + _A_WHILE  # whoever wants to apply meanwhile waits no longer
            count_usage(store, self.repository.part(applied.commit, ()), now, lambda: self._clock() >= end)
            return meters.to_look_at(store, now)

    def beat(self, mine: Beat) -> Beat | None:
        """Say that we live; None if we are the one loop, else the one that is."""
        with self.store() as store:
            return Heartbeat(store.database).take(mine)

    def leave(self, token: str) -> None:
        """Let a standby take over at once."""
        with self.store() as store:
            Heartbeat(store.database).leave(token)

    def nas(self) -> News:
        """How far NAS are that are configured beside all this."""
        return self.beside.news() if self.beside else News()

    def close(self, seconds: float) -> None:
        """Wait for what is done on NAS, once it was told to end."""
        if self.beside:
            self.beside.close(seconds)

    @contextmanager
    def store(self, *, readonly: bool = False) -> Iterator[Store]:
        """The database, for one thing to be done."""
        with self._opener(self.repository.part(self._anchor or self.known() or "HEAD", ()), readonly) as store:
            yield store
