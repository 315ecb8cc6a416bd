"""What one call of ispstat looks at: the head of the repository, the applied commit, the database if it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, TypeVar
from zoneinfo import ZoneInfo

from ispctl.backend import Unreachable
from ispctl.desired import Entitlement, entitle
from ispctl.intent import intent_of
from ispctl.model.network import Nas
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Resources
from ispctl.radius.limits import Limits
from ispctl.radius.live import nas_by_address
from ispctl.radius.rendering import render
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile.stops import STOPPED
from ispctl.repo import Holding, Repository, Snapshot
from ispctl.store import Applied, Beat, Heartbeat, Pause, Reject, Session, Store, facts

if TYPE_CHECKING:
    from ispctl.index import Index, Look

T = TypeVar("T")
UNREADABLE: Final = frozenset(f"E{number:03}" for number in range(100)) - {"E004", "E017", "E021", "E022"}
"""What is wrong with a file that says nothing to anybody."""
Opener = Callable[[Snapshot], Store]


@dataclass(frozen=True)
class Source:
    """One thing that was asked. `age`: seconds since it last learned something; None where that cannot be told."""

    name: str
    age: int | None
    ok: bool
    text: str = ""


@dataclass(frozen=True)
class Then:
    """Another moment, and the commit that answers for it: `applied` by `run`, which ended at `made`; of `history`, the
    last one that was made by then, where the journal begins later; or the `head`, of a time to come."""

    at: datetime
    commit: str
    basis: Literal["applied", "history", "head"]
    run: str = ""
    made: datetime | None = None


class View:
    """Git and database at one moment. What is asked of the database is None once it has failed; `silence` says why.

    `problems`: everything that was met and did not stop the answer.
    """

    then: Then | None = None
    """Set where the answer is about another moment than now."""

    def __init__(
        self,
        repository: Repository,
        store: Store | None,
        now: datetime,
        problems: tuple[Problem, ...] = (),
        head: str = "HEAD",
        index: Index | None = None,
    ):
        self.repository = repository
        self.now = now
        self.shared = repository.part(head, ())
        """What all subscribers of the head share; the head itself is read where somebody asks for it."""
        self.zone = ZoneInfo(self.shared.policy.value.timezone)
        self.index = index
        self.problems = list(problems)
        self.silence = str(problems[0]) if problems else ""
        self.store = store

    @cached_property
    def head(self) -> Snapshot:
        """All of it."""
        return self.repository.at(self.shared.commit)

    @cached_property
    def broken(self) -> int:
        """How many files of the head cannot be read."""
        if "head" in self.__dict__ or self.index is None:
            return len(self.head.broken)
        look = self.index.look((self.shared.commit,), self.now)
        others = (one.where.file for one in look.others if one.where and one.code in UNREADABLE)
        return len({*look.parts[self.shared.commit].broken, *others})

    def ask(self, question: Callable[[Store], T]) -> T | None:
        """The database's answer, or None if it gives none; then it is not asked again."""
        if self.store is None:
            return None
        try:
            return question(self.store)
        except Refusal as refusal:
            said = refusal.problems
        except Unreachable as error:
            said = (Problem("E311", error.text, advice="ispstat health says more"),)
        self.problems += said
        self.silence, self.store = str(said[0]), None
        return None

    @property
    def readable(self) -> bool:
        """Whether the database has answered everything so far."""
        return self.store is not None

    @cached_property
    def commit_applied(self) -> Applied | None:
        return self.ask(lambda store: store.applied)

    @cached_property
    def beat(self) -> Beat | None:
        """What the loop last said of itself; None where none runs."""
        return self.ask(lambda store: Heartbeat(store.database).read())

    @cached_property
    def applied(self) -> Snapshot | None:
        """What the applied commit says; None if nothing is applied, or this repository does not have that commit."""
        found = self.commit_applied
        if found is None:
            return None
        try:
            return self.repository.at(found.commit)
        except Refusal as refusal:
            self.problems += refusal.problems
            return None

    @cached_property
    def turning(self) -> Look | None:
        """The applied commit as far as time has changed it since the apply, and when it does so next; None as for
        `applied`."""
        from ispctl.index import Besides, Look

        found = self.commit_applied
        if found is None:
            return None
        try:
            if self.index is None or "applied" in self.__dict__:
                return Look(self.now, {found.commit: self.applied}) if self.applied else None
            return self.index.look((self.repository.resolve(found.commit),), self.now, Besides(found.at))
        except Refusal as refusal:
            self.problems += refusal.problems
            return None

    @property
    def served(self) -> Snapshot:
        """What the network was given, as far as it is known: the applied commit, else the head."""
        return self.applied or self.head

    @cached_property
    def rows(self) -> Resources | None:
        """What the database holds of ours, in normal form."""
        return self.ask(lambda store: RadiusRows(store).read(None))

    @cached_property
    def open_sessions(self) -> tuple[Session, ...] | None:
        return self.ask(lambda store: tuple(store.sessions()))

    @cached_property
    def pauses(self) -> tuple[Pause, ...] | None:
        """Those that hold now."""
        return self.ask(lambda store: store.pauses(self.now))

    @cached_property
    def held_back(self) -> frozenset[str]:
        """The services that a pause kept as they were when the commit was applied: their rows are an earlier one's."""
        return frozenset(self.ask(lambda store: store.objects(STOPPED)) or ())

    def refused(self, login: str) -> tuple[Reject, ...] | None:
        """The last refusals of a login."""
        return self.ask(lambda store: tuple(store.rejects(login=login, limit=5)))

    @cached_property
    def nas(self) -> Mapping[str, Nas]:
        """By address: every NAS of the head, and those that only the applied commit still has."""
        return {**nas_by_address(self.served.nas.values()), **nas_by_address(self.head.nas.values())}

    @cached_property
    def limits(self) -> Limits:
        """What NAS turned out to be unable to do to a running session; none where the database does not say."""
        found = self.ask(lambda store: tuple(store.limits()))
        return Limits(found or (), self.served.nas, self.now)

    @cached_property
    def wanted(self) -> Resources | None:
        """The rows that the head asks for now; None if they cannot be derived."""
        return rows_of(self.head, self.now)

    @cached_property
    def wanted_applied(self) -> Resources | None:
        """The rows that the applied commit asks for now."""
        return rows_of(self.applied, self.now) if self.applied else None

    @cached_property
    def wanted_then(self) -> Resources | None:
        """The rows that the applied commit asked for when it was last applied: what stands in no clock's debt."""
        found = self.commit_applied
        return rows_of(self.applied, found.at) if self.applied and found else None

    def sources(self) -> tuple[Source, ...]:
        """Ask last: reading may still fail before."""
        applied = self.commit_applied
        heard = self.ask(facts.last_report)
        broken = self.broken
        text = f"{broken} file{'s'[: broken > 1]} of the head cannot be read: ispctl validate" if broken else ""
        return (
            Source("git", self._age(self.repository.git.commit(self.shared.commit).when), not broken, text),
            Source("radius", self._age(applied.at if applied else None), self.readable, self.silence),
            Source("accounting", self._age(heard), self.readable, self.silence),
        )

    def _age(self, moment: datetime | None) -> int | None:
        return None if moment is None else max(int((self.now - moment).total_seconds()), 0)


@contextmanager
def look(repository: Repository, opener: Opener, now: datetime, index: Index | None = None) -> Iterator[View]:
    """The view of one command; closes the database. Raises Refusal where git itself gives no answer."""
    head = repository.part("HEAD", ())
    problems: tuple[Problem, ...] = ()
    store: Store | None = None
    try:
        store = opener(head)
    except Refusal as refusal:
        problems = refusal.problems
    try:
        yield View(repository, store, now, problems, index=index)
    finally:
        if store is not None:
            store.close()


def entitled(holding: Holding, snapshot: Snapshot, now: datetime) -> Entitlement | None:
    """The entitlement of one service; None if its tariff does not exist."""
    try:
        return entitle(holding.document, holding.number, snapshot, now)
    except KeyError:
        return None


def rows_of(snapshot: Snapshot, now: datetime) -> Resources | None:
    """The rows of a commit at a moment; None if it holds what cannot be derived or expressed."""
    try:
        return render(intent_of(snapshot, now))
    except (KeyError, ValueError):
        return None
