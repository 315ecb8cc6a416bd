"""What one call of ispstat looks at: the head of the repository, the applied commit, the database if it answers."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from functools import cached_property
from typing import Final, Literal, TypeVar
from zoneinfo import ZoneInfo

from ispctl.backend import Unreachable
from ispctl.desired import Entitlement, all_terms, entitle, entitle_all
from ispctl.index import ANNOUNCED, EVERYBODY, Besides, Index, Look, Narrow, whole
from ispctl.model.document import Document
from ispctl.model.network import Nas
from ispctl.model.problem import Problem, Refusal
from ispctl.model.subscriber import Subscriber
from ispctl.plan import Resources
from ispctl.radius.limits import Limits
from ispctl.radius.live import nas_by_address
from ispctl.radius.rendering import Intent, render
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile.reading import with_usage
from ispctl.reconcile.stops import STOPPED
from ispctl.repo import Holding, Snapshot
from ispctl.store import Applied, Beat, Heartbeat, Pause, Reject, Session, Store, cpes, facts, first_logins, meters
from ispctl.structs import Struct, replace

T = TypeVar("T")
Opener = Callable[[Snapshot], Store]
_OF_THOSE_MET: Final = "applied rows logins open_sessions derived wanted wanted_applied wanted_then".split()


class Source(Struct):
    """One thing that was asked. `age`: seconds since it last learned something; None where that cannot be told."""

    name: str
    age: int | None
    ok: bool
    text: str = ""


class Then(Struct):
    """Another moment, and the commit that answers for it: `applied` by `run`, which ended at `made`; of `history`, the
    last one that was made by then, where the journal begins later; or the `head`, of a time to come."""

    at: datetime
    commit: str
    basis: Literal["applied", "history", "head"]
    run: str = ""
    made: datetime | None = None


class View:
    """Git and database at one moment, as far as it was asked about. What is asked of the database is None once it has
    failed; `silence` says why. `problems`: everything that was met and did not stop the answer.

    At first it knows what all subscribers share, and nobody of them: whoever is asked about is met first. A commit is
    then read as far as it speaks of them, and of the database their rows and sessions.
    """

    then: Then | None = None
    """Set where the answer is about another moment than `today`. `written`: whether git was begun by then."""
    written = True

    def __init__(
        self,
        index: Index,
        store: Store | None,
        now: datetime,
        problems: tuple[Problem, ...] = (),
        head: str = "HEAD",
        today: datetime | None = None,
    ):
        self.index, self.lookup, self.repository = index, index.lookup, index.repository
        self.now, self.today = now, today or now
        self.store = store
        self._asked, self._told = frozenset[str](), dict[str, datetime]()
        """Of whom the first logins were asked, and what the database told."""
        self._taken = dict[str, tuple[datetime, datetime] | None]()
        """Of whom it was asked which password the device took, and what was told."""
        self.met: frozenset[str] | None = frozenset()
        """The logins and ids of those that this view knows; None: everybody."""
        self.problems = list(problems)
        self.silence = str(problems[0]) if problems else ""
        self.head = self.knowing(index.lookup.part(head, ()))
        self.zone = ZoneInfo(self.head.policy.value.timezone)

    @property
    def knows_everybody(self) -> bool:
        """Whether `head` is all of it: so it is where somebody asked for all, and in a small repository always."""
        return self.met is None or self.lookup.whole(self.head.commit)

    @property
    def broken(self) -> int:
        """How many files of the head cannot be read, of those that were looked at: all, where it is small or there is
        an index."""
        return len(self.head.broken)

    def meet(self, *words: str) -> None:
        """Know everybody whom these words name, a login, an id or id/key; and whoever has the same login."""
        if self.met is None or self.met.issuperset(words):
            return
        met, fresh = self.met, set(words)
        if not self.lookup.knows(self.head.commit):  # one look through all files for what one would lead to another
            fresh |= self.ask(lambda store: facts.namesakes(store, words)) or set()
        while fresh:
            met |= fresh
            self.head = self.knowing(self.lookup.part(self.head.commit, met))
            found = (holding for word in fresh for holding in self.head.find(word))
            fresh = {name for one in found for name in (one.document.value.id, one.service.login)} - met
        self.met = met
        self._forget()

    def meet_everybody(self) -> None:
        """Read all of it. Costs what there is."""
        if self.met is not None:
            self.met = None
            self.head = self.knowing(self.repository.at(self.head.commit))
            self._forget()

    def slices(self, narrow: Narrow = EVERYBODY) -> Iterator[tuple[View, Iterable[Holding]]]:
        """Every service of the head with a view that knows it, a part after the other where an index allows that. Those
        whom `narrow` leaves out may be among them; without an index, all are."""
        applied = self.applied
        found = None
        if self.met is not None and not self.knows_everybody:
            found = self.lookup.slices(self.head.commit, applied.commit if applied else None, narrow)
        if found is None:
            self.meet_everybody()
            yield self, self.head.services()
            return
        for services, part, beside in found:
            one = copy(self)
            one._forget()
            one.head = self.knowing(part)
            known = self.logins_of([*services, *(beside.services() if beside else ())])
            one.__dict__ |= {"met": known, "logins": known, "applied": self.knowing(beside) if beside else None}
            yield one, services
            self.store, self.silence = one.store, one.silence
            gc.collect()  # a part holds itself in circles, and a command collects seldom

    def knowing(self, part: Snapshot) -> Snapshot:
        """With the first logins that the database knows of, and with what devices took; where it gives no answer, who
        waits for one waits."""
        waiting = {one.owner for one in part.services() if one.service.activation}
        changing = {one.owner for one in part.services() if one.service.old_passwords}
        if unknown := changing - self._taken.keys():
            took = self.ask(lambda store: cpes.taken(store, unknown)) or {}
            self._taken = {**self._taken, **dict.fromkeys(unknown), **took}
        if fresh := waiting - self._asked:
            told = self.ask(lambda store: first_logins.told(store, fresh, self.today))
            self._asked, self._told = self._asked | fresh, {**self._told, **(told or {})}
        taken = {owner: found for owner in changing if (found := self._taken[owner]) is not None}
        part = part.knowing(self._told, taken) if waiting or changing else part
        return self.ask(lambda store: with_usage(part, store, self.now)) or part

    def turned(self, applied: Applied, ids: Collection[str] = ()) -> Look:
        """What was applied, of everybody whom time or a first login may have changed since, and of these. Raises
        Refusal."""
        soon = self.now + ANNOUNCED
        begun = self.ask(lambda store: first_logins.to_look_at(store, self.now, soon)) or ()
        took = self.ask(cpes.to_look_at) or ()
        over = self.ask(lambda store: meters.to_look_at(store, self.now)) or ()
        besides = Besides(applied.at, {*ids, *(owner.partition("/")[0] for owner in (*begun, *took, *over))})
        look = self.index.look((self.repository.resolve(applied.commit),), self.now, besides)
        turn = self.ask(lambda store: first_logins.next_turn(store, soon)) if look.partial else None
        reset = self.ask(lambda store: meters.next_reset(store, self.now)) if look.partial else None
        parts = {rev: self.knowing(part) for rev, part in look.parts.items()}
        return replace(look, parts=parts, until=min(filter(None, (look.until, turn, reset)), default=None))

    def _forget(self) -> None:
        """What was derived from those who were known before."""
        for name in _OF_THOSE_MET:
            self.__dict__.pop(name, None)

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
            every = self.met is None
            part = self.repository.at(found.commit) if every else self.lookup.part(found.commit, self.met or ())
            return self.knowing(part)
        except Refusal as refusal:
            self.problems += refusal.problems
            return None

    @cached_property
    def turning(self) -> Look | None:
        """The applied commit as far as time has changed it since the apply, and when it does so next; None as for
        `applied`."""
        found = self.commit_applied
        if found is None:
            return None
        try:
            if self.met is None:
                return whole({found.commit: self.applied}, self.now) if self.applied else None
            return self.turned(found)
        except Refusal as refusal:
            self.problems += refusal.problems
            return None

    @property
    def served(self) -> Snapshot:
        """What the network was given, as far as it is known: the applied commit, else the head."""
        return self.applied or self.head

    @cached_property
    def logins(self) -> frozenset[str] | None:
        """Of those who were met, at the head and in the applied commit; and the words themselves, since a login may be
        nobody's. None: of everybody."""
        if self.met is None:
            return None
        found = [holding for part in (self.head, self.served) for word in self.met for holding in part.find(word)]
        return frozenset(filter(writable, self.met)) | self.logins_of(found)

    @cached_property
    def former(self) -> Mapping[str, str]:
        """Logins of before a renaming that may still be online, with their services."""
        return self.ask(facts.former_logins) or {}

    def logins_of(self, held: Collection[Holding]) -> frozenset[str]:
        """Of services: their own, and those of before."""
        own, owners = {one.service.login for one in held}, {one.owner for one in held}
        return frozenset(own.union(login for login, owner in self.former.items() if owner in owners))

    @cached_property
    def rows(self) -> Resources | None:
        """What the database holds of ours, in normal form: what logins share, and those who were met."""
        logins = self.logins
        return self.ask(lambda store: RadiusRows(store).read(None) if logins is None else RadiusRows(store).of(logins))

    @cached_property
    def open_sessions(self) -> tuple[Session, ...] | None:
        """Of those who were met."""
        logins = self.logins
        return self.ask(lambda store: tuple(store.sessions(logins=None if logins is None else sorted(logins))))

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
    def derived(self) -> Derived:
        """What the head entitles those to who were met, now."""
        return self._derived(self.head, self.now)

    @cached_property
    def wanted(self) -> Resources | None:
        """The rows that the head asks for now, for those who were met; None if they cannot be derived."""
        return rows_of(self.head, self.derived.values())

    @cached_property
    def wanted_applied(self) -> Resources | None:
        """The rows that the applied commit asks for now."""
        return self._asked_by(self.applied, self.now) if self.applied else None

    @cached_property
    def wanted_then(self) -> Resources | None:
        """The rows that the applied commit asked for when it was last applied: what stands in no clock's debt."""
        found = self.commit_applied
        return self._asked_by(self.applied, found.at) if self.applied and found else None

    def _asked_by(self, snapshot: Snapshot, now: datetime) -> Resources | None:
        same = snapshot is self.head and now == self.now
        return self.wanted if same else rows_of(snapshot, self._derived(snapshot, now).values())

    def _derived(self, snapshot: Snapshot, now: datetime) -> Derived:
        if self.logins is None:
            return derived(snapshot, snapshot.subscribers(), now)
        held = (holding.document for login in self.logins for holding in snapshot.by_login(login))
        return derived(snapshot, {document.path: document for document in held}.values(), now)

    def sources(self) -> tuple[Source, ...]:
        """Ask last: reading may still fail before."""
        applied = self.commit_applied
        heard = self.ask(facts.last_report)
        broken = self.broken
        text = f"{broken} file{'s'[: broken > 1]} of the head cannot be read: ispctl validate" if broken else ""
        return (
            Source("git", self._age(self.repository.git.commit(self.head.commit).when), not broken, text),
            Source("radius", self._age(applied.at if applied else None), self.readable, self.silence),
            Source("accounting", self._age(heard), self.readable, self.silence),
        )

    def _age(self, moment: datetime | None) -> int | None:
        return None if moment is None else max(int((self.now - moment).total_seconds()), 0)


@contextmanager
def look(index: Index, opener: Opener, now: datetime) -> Iterator[View]:
    """The view of one command; closes the database. Raises Refusal where git itself gives no answer."""
    problems: tuple[Problem, ...] = ()
    store: Store | None = None
    try:
        store = opener(index.repository.part("HEAD", ()))
    except Refusal as refusal:
        problems = refusal.problems
    try:
        yield View(index, store, now, problems)
    finally:
        if store is not None:
            store.close()


def writable(word: str) -> bool:
    """Whether a database can be asked for it: a command line may hold bytes that are no text."""
    try:
        return bool(word.encode())
    except UnicodeEncodeError:
        return False


def entitled(holding: Holding, snapshot: Snapshot, now: datetime) -> Entitlement | None:
    """The entitlement of one service; None if its tariff does not exist."""
    try:
        return entitle(holding.document, holding.number, snapshot, now)
    except KeyError:
        return None


Derived = Mapping[tuple[str, int], Entitlement]
"""(path, number of the service) -> what it is entitled to."""


def derived(snapshot: Snapshot, documents: Iterable[Document[Subscriber]], now: datetime) -> Derived:
    """Of all services of these subscribers whose tariffs exist."""
    found = tuple(documents)
    places = [(document.path, number) for document in found for number in range(len(document.value.services))]
    try:
        return dict(zip(places, entitle_all(found, snapshot, now), strict=True))
    except KeyError:
        held = (Holding(doc, number, ()) for doc in found for number in range(len(doc.value.services)))
        each = zip(places, (entitled(one, snapshot, now) for one in held), strict=True)
        return {place: one for place, one in each if one is not None}


def rows_of(snapshot: Snapshot, people: Collection[Entitlement]) -> Resources | None:
    """The rows of these people, and what they share; None if it holds what cannot be expressed."""
    terms = all_terms((tariff.value for tariff in snapshot.tariffs()), snapshot.policy.value)
    pops = {one.pop: one.nas for one in people if one.pop}
    try:
        return render(Intent(snapshot.policy.value, terms, snapshot.nas, people, snapshot.pools, pops))
    except ValueError:
        return None
