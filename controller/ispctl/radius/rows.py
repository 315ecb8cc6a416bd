"""The RADIUS database as a target: rows of FreeRADIUS's tables in normal form, read and written by key.

Ours is: every row of a login that stands in ispctl_login, groups named `isp:…`, NAS and sets of NAS that stand in
ispctl_object. Nothing else is ever touched. Learned MAC addresses are facts: they go when their login goes or stops
learning, and are compared with nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from typing import Final, NamedTuple

from ispctl.backend import Outcome, Unreachable
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Change, Fields, Key, Resources
from ispctl.radius import _rows_text as text
from ispctl.radius._rows_doubt import doubt
from ispctl.radius._rows_read import Reader
from ispctl.radius._rows_write import Opener, Writer
from ispctl.radius.rendering import TARGET
from ispctl.store import Database, Statement, Store
from ispctl.store.prints import Prints, Sums

BATCH: Final = 500
"""Changes in one transaction: FreeRADIUS writes between two of them, and waits for one some 30 milliseconds."""
NOT_OURS: Final = "not ours, adopt first (ispctl adopt): there are rows of this name that ispctl did not write"
_CHANGED: Final = "changed meanwhile: what stands there now is not what the plan was made from; plan again"
_RANKS: Final = {"nas": (0, 6), "realm": (0, 6), "pop": (1, 5), "range": (1, 5), "group": (2, 4), "login": (3, 3)}
_SHARED: Final = frozenset(_RANKS.keys() - {"login"})
_STOPS: Final = frozenset({"E302", "E307", "E308", "E309", "E327", "E328", "E329", "E330"})
_TABLES: Final = (
    *("radcheck", "radreply", "radusergroup", "radgroupcheck", "radgroupreply", "nas"),
    *("ispctl_login", "ispctl_mac", "ispctl_pop", "ispctl_object", "ispctl_identity", "ispctl_print"),
)
"""What a batch reads and writes."""


def order(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Grants first, what others use is removed last; changes of one owner stay together, in one transaction."""

    def place(change: Change) -> tuple[int, str, bool, Key]:
        first, last = _RANKS.get(change.key[0], (3, 3))
        return last if change.after is None else first, _owner(change), change.after is None, change.key

    return tuple(sorted(changes, key=place))


def _nothing_to_open(_: str) -> str:
    raise Refusal(Problem("E201", "a secret has to be written, and there is no key to open it"))


def _nothing_beside(_: Change) -> None: ...


def _never_taken(_: Change) -> Problem:
    return Problem("E314", NOT_OURS)


class RadiusRows:
    """Backend of the target "radius". Uses the store's connection, on the thread that opened it."""

    def __init__(self, store: Store, sums: Callable[[], Sums | None] = lambda: None) -> None:
        """`sums`: those of Prints, where they were asked before."""
        self._store = store
        self._database = store.database
        self._sums = sums

    def read(self, keys: Sequence[Key] | None) -> Resources:
        """What we own there now; None reads all. Raises Unreachable.

        A password is the digest of the sealed text it came from, None where there is none, "altered" when somebody
        changed it; rows we never write make a login differ, in `reply` or in a field `check` that is there only then.
        """
        try:
            return Reader(self._store).read(keys)
        except Refusal as refusal:
            raise Unreachable(TARGET, str(refusal)) from refusal

    def of(self, logins: Collection[str]) -> Resources:
        """What we own of these logins there now, and everything that logins share. Raises Unreachable."""
        try:
            return Reader(self._store).read([("login", login) for login in sorted(logins)], every=_SHARED)
        except Refusal as refusal:
            raise Unreachable(TARGET, str(refusal)) from refusal

    def shared(self) -> Resources:
        """All of ours that is not of a login. Raises Unreachable."""
        return self.of(())

    def suspect(self) -> frozenset[str]:
        """The logins that do not stand as they were written, or of which that is not known, whether or not they are
        still there. Raises Unreachable."""
        try:
            return frozenset(Prints(self._database).differing(self._sums()))
        except Refusal as refusal:
            raise Unreachable(TARGET, str(refusal)) from refusal

    def vouch(self, wanted: Resources) -> None:
        """These logins are known to stand as they should: those that do are no longer suspect."""
        keys = sorted(wanted)
        for start in range(0, len(keys), BATCH):
            with self._database.transaction():
                self._database.hold(*_TABLES)
                self._store.check_lock()
                have = Reader(self._store).read(keys[start : start + BATCH])
                Prints(self._database).take([key[1] for key, fields in have.items() if fields == wanted[key]])

    def apply(
        self,
        changes: Sequence[Change],
        opener: Opener = _nothing_to_open,
        beside: Callable[[Change], None] = _nothing_beside,
        judge: Callable[[Change], Problem | None] = _never_taken,
    ) -> Iterator[Outcome]:
        """One outcome per change, in the order given (see `order`), after the transaction that holds it is committed.

        Each key is read again in that transaction: equal to `after` is success with nothing written, other than
        `before` is refused (E313), rows that are not ours too (E314). `opener` turns the digest of a sealed value into
        clear text. `beside` is called in the same transaction for each change that succeeds: entitlement and journal
        belong there; a Refusal it raises takes that change back. `judge` is asked in it about rows that are not ours:
        None lets them be taken over, which means replaced. If the database fails, nothing more is tried.
        """
        held = _Held()
        reader: Reader | None = None
        stopped: Problem | None = None
        for batch in _batches(changes):
            outcomes: list[Outcome] = []
            if stopped is None:
                try:
                    reader = reader or Reader(self._store)
                    outcomes = self._batch(batch, reader, opener, _Asked(beside, judge), held)
                except Refusal as refusal:
                    stopped = refusal.problems[0]
            yield from outcomes or [Outcome(c, stopped.text, stopped.code) for c in batch if stopped]

    def foreign(self, keys: Sequence[Key]) -> frozenset[Key]:
        """Which of these keys, if they are not ours, have rows that somebody else wrote."""
        reader = Reader(self._store)
        ours = reader.read(keys)
        return _foreign(reader, [key for key in keys if key not in ours])

    def of_others(self, keys: Sequence[Key]) -> frozenset[Key]:
        """The same of keys of which it is known that they are not ours."""
        return _foreign(Reader(self._store), keys)

    def _batch(
        self, batch: Sequence[Change], reader: Reader, opener: Opener, asked: _Asked, held: _Held
    ) -> list[Outcome]:
        writer = Writer(self._database, reader, opener)
        ready = self._ready(batch, writer, asked.beside)
        with self._database.transaction():
            self._database.hold(*_TABLES)
            self._store.check_lock()  # whoever took it since waits for these tables
            if self._made(batch, ready, held):
                doubt(self._database, batch, {})
                return [Outcome(change) for change in batch]
            known = reader.known([name for _, name in ready.told])
            new = {key for key in ready.told if key[1] not in known}
            ready = ready if len(new) == len(ready.told) else ready._replace(write=None)
            others = [change for change in batch if change.key not in new]
            have = reader.read([change.key for change in others])
            foreign = _foreign(reader, [c.key for c in others if c.after is not None and c.key not in have])
            writer.expect(others)
            problems: dict[Key, Problem] = {}
            told: list[tuple[Change, list[Statement]]] = []
            for change in batch:
                now = have.get(change.key)
                alone = change.key[0] != "login" or change.key in foreign  # reads what it wrote
                if alone:
                    problems |= self._together(told, have, held, ready)
                problem: Problem | list[Statement] | None = held.reason(change)
                if problem is None and change.key in new:
                    problem = [*chain(*ready.told[change.key])]
                elif problem is None:
                    part = self._database.savepoint() if alone else self._database.telling()
                    mine = asked.again(ready.told.get(change.key), self._database)
                    problem = self._one(change, now, change.key in foreign, writer, mine, part)
                if isinstance(problem, Problem):
                    held.failed(change, now)
                    problems[change.key] = problem
                elif not alone:
                    told.append((change, problem or []))
            problems |= self._together(told, have, held, ready)
            done = (change for change in batch if change.key not in problems)
            written = [c for c in done if have.get(c.key) != text.frozen(c.after)]
            self._print(written)
            doubt(self._database, written, have)
            found = ((change, problems.get(change.key)) for change in batch)
            return [Outcome(change, no.text, no.code) if no else Outcome(change) for change, no in found]

    def _ready(self, batch: Sequence[Change], writer: Writer, beside: Callable[[Change], None]) -> _Ready:
        """Tell of all logins that are expected to be new what makes them, while nobody waits for it."""
        told: dict[Key, _Told] = {}
        made = [c for c in batch if c.key[0] == "login" and c.before is None and c.after is not None]
        writer.expect_new(change.key[1] for change in made)
        with self._database.telling() as said:
            for change in made:
                start = len(said)
                try:
                    after = text.frozen(change.after) or {}
                    text.fit(change.key, after)
                    writer.make(change.key[1], after)
                    middle = len(said)
                    beside(change)
                except (text.Unfit, Refusal):
                    del said[start:]
                    continue  # which is found again where it is told
                told[change.key] = _Told(said[start:middle], said[middle:])
        try:
            return _Ready(told, self._database.together(said, new=True))
        except Refusal:
            return _Ready(told, None)

    def _made(self, batch: Sequence[Change], ready: _Ready, held: _Held) -> bool:
        """Write a batch of logins that are all expected to be new, and look afterwards whether they are: nobody else's
        rows are summed with theirs. Otherwise nothing of it is written."""
        if ready.write is None or len(ready.told) != len(batch) or any(map(held.reason, batch)):
            return False
        try:
            with self._database.savepoint():
                ready.write()
                if not Prints(self._database).add({key[1]: len(told.rows) for key, told in ready.told.items()}):
                    raise Refusal(Problem("E314", NOT_OURS))
        except Refusal as refusal:
            self._bearable(refusal)
            return False
        return True

    def _one(
        self,
        change: Change,
        now: Fields | None,
        foreign: bool,
        writer: Writer,
        asked: _Asked,
        part: AbstractContextManager[list[Statement] | None],
    ) -> Problem | list[Statement] | None:
        """Write one change, or tell what has to be written, or say why not; then nothing of it is written."""
        try:
            before, after = text.frozen(change.before), text.frozen(change.after)
            text.fit(change.key, after)
            if foreign and (problem := asked.judge(change)):
                return problem
            if now not in (before, after):
                return Problem("E313", _CHANGED)
            with part as told:
                if foreign:
                    writer.clear(change.key)
                if now != after:
                    writer.write(change.key, now, after)
                asked.beside(change)
            return told
        except text.Unfit as unfit:
            return Problem(unfit.code, unfit.text)
        except Refusal as refusal:
            return self._bearable(refusal)

    def _together(
        self, told: list[tuple[Change, list[Statement]]], have: Resources, held: _Held, ready: _Ready
    ) -> dict[Key, Problem]:
        """Write what was told of many logins at once, and forget it. Where the database takes one of it badly, each
        login stands for itself: what is wrong with it."""
        todo, told[:] = told[:], []
        if not todo:
            return {}
        fresh = not any(change.key in have for change, _ in todo)
        for new in (True, False) if fresh else (False,):  # who comes back may have something noted from before
            try:
                write = ready.write if new and ready.told.keys() == {change.key for change, _ in todo} else None
                with self._database.savepoint():
                    (write or self._database.together(chain.from_iterable(said for _, said in todo), new=new))()
                return {}
            except Refusal as refusal:
                self._bearable(refusal)
        problems: dict[Key, Problem] = {}
        for change, statements in todo:
            if problem := held.reason(change) or self._alone(statements):
                held.failed(change, have.get(change.key))
                problems[change.key] = problem
        return problems

    def _alone(self, statements: Sequence[Statement]) -> Problem | None:
        try:
            with self._database.savepoint():
                for sql, parameters in statements:
                    self._database.write(sql, parameters)
        except Refusal as refusal:
            return self._bearable(refusal)
        return None

    def _print(self, done: Iterable[Change]) -> None:
        """Note how the logins stand that were written."""
        logins = [change for change in done if change.key[0] == "login"]
        gone = [change.key[1] for change in logins if change.after is None]
        Prints(self._database).take([change.key[1] for change in logins if change.after is not None], gone)

    def _bearable(self, refusal: Refusal) -> Problem:
        """What is wrong with one change; raises what is wrong with the database."""
        problem = refusal.problems[0]
        if problem.code in _STOPS or not self._database.in_transaction:
            raise refusal
        return problem


class _Told(NamedTuple):
    """What makes a login that is new, and what is written beside it."""

    rows: Sequence[Statement]
    notes: Sequence[Statement]


class _Ready(NamedTuple):
    """What is told of the new logins of a batch, and what writes all of it, unless that is refused."""

    told: Mapping[Key, _Told]
    write: Callable[[], None] | None


class _Asked(NamedTuple):
    """Who is asked about each change: what else is written with it, and whether others' rows may be taken over."""

    beside: Callable[[Change], None]
    judge: Callable[[Change], Problem | None]

    def again(self, told: _Told | None, database: Database) -> _Asked:
        """For a change of which it was told already: nobody is asked twice what is written with it."""
        if told is None:
            return self

        def beside(_: Change) -> None:
            for sql, parameters in told.notes:
                database.write(sql, parameters)

        return self._replace(beside=beside)


class _Held:
    """What waits for something that failed: changes that need it, logins without their new group, groups still used."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._absent: set[str] = set()
        self._used: set[str] = set()

    def failed(self, change: Change, now: Fields | None) -> None:
        self._ids.add(change.id)
        if change.key[0] == "group" and change.before is None:
            self._absent.add(_logical(change.key[1]))
        if change.key[0] == "login":
            self._used |= {str(fields["group"]) for fields in (change.before, now) if fields}

    def reason(self, change: Change) -> Problem | None:
        kind, name = change.key
        if self._ids and change.needs & self._ids:
            return Problem("E318", "held back: a change that it needs has failed")
        if kind == "login" and change.after and change.after.get("group") in self._absent:
            return Problem("E318", "held back: its group could not be made")
        if kind == "group" and change.after is None and _logical(name) in self._used:
            return Problem("E318", "held back: a login that uses this group could not be changed")
        return None


def _foreign(reader: Reader, keys: Sequence[Key]) -> frozenset[Key]:
    """Which of these keys, none of them ours, have rows all the same."""
    looks = (
        ("login", reader.foreign),
        ("nas", reader.foreign_nas),
        ("pop", reader.foreign_pops),
        ("range", reader.foreign_ranges),
    )
    return frozenset(
        (kind, name) for kind, look in looks if (names := [n for k, n in keys if k == kind]) for name in look(names)
    )


def _batches(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """At most BATCH changes, more only to keep those of one owner together; no key twice, since each is read once."""
    batch: dict[Key, Change] = {}
    owner = ""
    for change in changes:
        full = len(batch) >= BATCH and (not _owner(change) or _owner(change) != owner)
        if full or change.key in batch:
            yield list(batch.values())
            batch = {}
        batch[change.key] = change
        owner = _owner(change)
    if batch:
        yield list(batch.values())


def _owner(change: Change) -> str:
    fields = change.after if change.after is not None else change.before
    return str((fields or {}).get("owner", ""))


def _logical(group: str) -> str:
    return group.partition("@")[0]
