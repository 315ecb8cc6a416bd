"""NAS looked at and configured in a thread of its own, while rows and sessions go on (`ispctl run`).

All is decided where rows are: under the lock, with a survey of that moment. What takes long goes to the thread: asking
devices, and then making what was decided, wave by wave, under a lock of its own. When either has ended it is said, and
the next apply takes it up. No apply waits for it: what is not known to stand on a device is not named to anybody.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from ispctl.backend import Outcome
from ispctl.gates import Closed
from ispctl.model.problem import Problem, Refusal
from ispctl.nas import Answer
from ispctl.plan import Change, Unread, digest
from ispctl.reconcile import configure, looking
from ispctl.reconcile.fleet import Fleet, Wanted
from ispctl.reconcile.holds import PREFIX
from ispctl.reconcile.looking import Look
from ispctl.reconcile.named import things
from ispctl.reconcile.promised import forget, forget_all, promise
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.reconcile.there import Lacking, There
from ispctl.reconcile.world import World, silent
from ispctl.repo import Snapshot
from ispctl.secrets import Keyring
from ispctl.store import Holder, Run, Store
from ispctl.structs import Struct, field, replace

RESTS: Final = 10.0
"""Seconds before devices of which nothing else is wanted are asked again."""
STEP: Final = 0.2
"""Seconds after which a thread that rests looks whether all has to end."""
PUT_BACK: Final = frozenset({"refused", "taken-back", "changed", "held"})
"""What became of a device on which all stands as it stood before."""


class Ended(Struct):
    """A run on NAS that is over: on how many it did what it had to, and on how many not."""

    run: str
    done: int
    failed: int


class News(Struct):
    """How far NAS are. `changed`: whether anything is new since it was asked last; `hosts`: which are configured now,
    and since when."""

    changed: bool = False
    hosts: Mapping[str, datetime] = field(default_factory=dict)
    run: str = ""
    ended: tuple[Ended, ...] = ()


@dataclasses.dataclass
class _Job:
    """What a thread is at. Whoever began it writes `marks` alone: what is wanted of each host by now."""

    wanted: Mapping[str, Wanted]
    marks: Mapping[str, str]
    look: Look | None = None
    going: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    """What is taken from each host, as RADIUS names it."""
    begun: set[str] = dataclasses.field(default_factory=set)
    """Hosts that were come to, whatever is wanted of them since."""
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    """Around `marks` and `begun`: nobody is come to of whom it was just decided otherwise."""
    promise: str = ""
    hosts: Mapping[str, datetime] = dataclasses.field(default_factory=dict)
    run: str = ""
    answers: Mapping[str, Answer] = dataclasses.field(default_factory=dict)
    error: BaseException | None = None
    over: bool = False
    thread: threading.Thread | None = None

    def goes_on(self, marks: Mapping[str, str]) -> dict[str, Wanted]:
        """From now on this is wanted; the hosts that were come to before."""
        with self.lock:
            self.marks = marks
            return {host: self.wanted[host] for host in self.begun}

    def comes_to(self, host: str) -> bool:
        """Whether it is still wanted; then it is begun."""
        with self.lock:
            wanted = self.marks.get(host) == self.wanted[host].mark
            if wanted:
                self.begun.add(host)
            return wanted


class Beside:
    """Belongs to one thread. `changed` is called from another one; `ending`: whether all has to end."""

    def __init__(self, changed: Callable[[], None], ending: Callable[[], bool]) -> None:
        self._changed, self._ending = changed, ending
        self._job: _Job | None = None
        self._seen: tuple[Look, Mapping[str, Answer]] | None = None
        self._there = There()
        self._looked: dict[str, str] = {}
        """The mark of each host that was looked at, until something is made of it."""
        self._rests = 0.0
        self._unread: dict[str, Unread] = {}
        self._told: dict[str, Answer] = {}
        self._closed: tuple[Closed, ...] = ()
        self._broken: list[str] = []
        """Promises of runs that did not begin."""
        self._ended: list[Ended] = []
        self._new = False

    def look(self, world: World, snapshot: Snapshot) -> Fleet:
        """What may be done on devices by now. Begins to look at those that were not yet. Raises Refusal."""
        self._take_up()
        while self._broken:
            forget(world.store, self._broken.pop())
        asked = looking.asked(world, snapshot)
        self._forget(asked)
        marks = {host: one.mark for host, one in asked.items()}
        want = {host: self._there.want(host, one) for host, one in asked.items()}
        begun: dict[str, Wanted] = {}
        if self._job is not None:
            begun = self._job.goes_on(marks)
        elif self._seen is not None:
            return self._judged(world, snapshot, asked)
        elif marks.items() - self._looked.items() or (asked and time.monotonic() >= self._rests):
            self._begin_look(world, looking.ready(world, asked, want), marks)
        away = tuple(one for _, one in sorted(self._unread.items()))
        unknown = Lacking({**begun, **asked}, partial(self._lacks, world))
        return Fleet(unread=away, lacking=unknown, policy=snapshot.policy.value)

    def hands(self, world: World, fleet: Fleet, run: Run, secrets: SealedValues) -> Later:
        """For one apply: what it would do on devices is done once it is over."""
        return Later(self, world, fleet, run, secrets)

    @property
    def told(self) -> tuple[Answer, ...]:
        """The last word about each device that is not as it should be still."""
        return tuple(answer for _, answer in sorted(self._told.items()))

    @property
    def busy(self) -> bool:
        return self._job is not None or self._seen is not None

    def news(self) -> News:
        """How far it is. Raises what a thread has raised that is no refusal."""
        new = self._new
        if new:  # what comes from here on is new the next time, if it is not seen now
            self._new = False
        self._take_up()
        ended, self._ended = tuple(self._ended), []
        job = self._job or _Job({}, {})
        return News(new, job.hosts, job.run, ended)

    def closed(self, fleet: Fleet, closed: tuple[Closed, ...]) -> tuple[Closed, ...]:
        """The gates of an apply, and the one at which NAS were held when something was to be done there: it is as
        closed while they are only looked at again."""
        if fleet.wanted:
            self._closed = tuple(one for one in closed if one.gate == "dropped" and fleet.endings)
        here = {one.gate for one in closed}
        return (*closed, *(one for one in self._closed if one.gate not in here))

    def close(self, seconds: float) -> None:
        """Wait for what was told to end; a look may end at any moment."""
        if self._job is not None and self._job.thread is not None and self._job.look is None:
            self._job.thread.join(seconds)

    # what is known

    def _lacks(self, world: World, one: Wanted) -> frozenset[str]:
        """What is about to be taken from it is lacking already."""
        job, host = self._job, one.nas.name
        if job is not None and job.look is None and (answer := job.answers.get(host)) and answer.fine:
            self._there.seen(one, answer.resources)
        return self._there.lacks(world, one) | (job.going.get(host, frozenset()) if job else frozenset())

    def _forget(self, but: Collection[str]) -> None:
        """Hosts that are as they should be."""
        self._there.forget(but)
        self._looked = {host: mark for host, mark in self._looked.items() if host in but}
        self._unread = {host: one for host, one in self._unread.items() if host in but}
        self._told = {host: answer for host, answer in self._told.items() if host in but}
        self._closed = self._closed if but else ()

    # looking

    def _begin_look(self, world: World, one: Look, marks: Mapping[str, str]) -> None:
        nas = world.nas
        assert nas is not None

        def ask(job: _Job) -> None:
            job.answers = nas.run(one.jobs, silent, "NAS read")

        self._start(_Job(one.asked, marks, look=one), ask)

    def _judged(self, world: World, snapshot: Snapshot, asked: Mapping[str, Wanted]) -> Fleet:
        """Of those that were looked at; whoever should be something else since is looked at anew."""
        assert self._seen is not None
        (one, answers), self._seen = self._seen, None
        mine = {host for host, was in one.asked.items() if host in asked and asked[host].mark == was.mark}
        self._new = self._new or bool(asked.keys() - mine)
        self._rests = time.monotonic() + RESTS
        found = looking.judged(world, snapshot, one.of(mine), answers) if mine else Fleet()
        self._unread = {away.target.removeprefix(PREFIX): away for away in found.unread}
        self._told = {host: answer for host, answer in self._told.items() if host not in mine}
        unknown = {host: other for host, other in asked.items() if host not in mine or host in self._unread}
        return replace(found, lacking=Lacking(unknown, partial(self._lacks, world)), policy=snapshot.policy.value)

    # making

    def begin(self, later: Later, todo: Sequence[Change]) -> None:
        """Make what was decided. Belongs under the lock under which it was."""
        world, fleet = later.world, later.fleet
        ids = {change.id for change in todo}
        owners = {owner for end in fleet.endings if ids & {*end.changes} for owner in end.owners}
        name = promise(world.store, world.now, owners)
        going: dict[str, frozenset[str]] = {}
        for change in (change for change in todo if change.after is None):
            host = change.target.removeprefix(PREFIX)
            going[host] = going.get(host, frozenset()) | things(fleet.wanted[host].nas, [change.key]).keys()
        marks = {host: one.mark for host, one in fleet.wanted.items()}
        keyring = _unlocked(world)
        later.secrets.unlocked_by(keyring)
        mine = replace(world, progress=silent, keyring=keyring, index=None, reviews=None, beside=None)
        job = _Job(fleet.wanted, marks, going=going, promise=name)
        self._start(job, partial(self._make, mine, world.store.another, later, todo))

    def _make(self, world: World, opened: Callable[[], Store], later: Later, todo: Sequence[Change], job: _Job) -> None:
        course = configure.Course(
            wanted=job.comes_to,
            ending=self._ending,
            at=partial(self._at, job, world.clock),
            rest=self._let_pass,
        )
        with opened() as store, store.lock(Holder("", world.now, "configure NAS"), "nas"):
            commit = next(one.commit for one in job.wanted.values())
            run = store.begin_run("devices", world.now, commit=commit, digest=digest(todo), actor=world.actor)
            job.run = run.id
            hands = configure.Hands(replace(world, store=store), later.fleet, run, later.secrets, course)
            job.answers = hands.answers
            for changes in later.batches:
                hands.make(changes)
            with store.transaction():
                hands.finish(todo)
                forget_all(store)
                failed = any(answer.code for answer in hands.told)
                said = "stopped" if self._ending() and (failed or hands.left) else "failed" if failed else "done"
                run.finish(said, world.clock(), {"changes": len(hands.outcomes)})

    def _at(self, job: _Job, clock: Callable[[], datetime], hosts: Collection[str]) -> None:
        if {*hosts} != job.hosts.keys():
            job.hosts = dict.fromkeys(sorted(hosts), clock())
            self._new = True
            self._changed()

    def _let_pass(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while not self._ending() and (left := ends - time.monotonic()) > 0:
            time.sleep(min(left, STEP))

    # the thread

    def _start(self, job: _Job, work: Callable[[_Job], None]) -> None:
        def run() -> None:
            try:
                work(job)
            except BaseException as error:  # noqa: BLE001  raised again where it belongs
                job.error = error
            job.over = self._new = True
            self._changed()

        job.thread = threading.Thread(target=run, daemon=True, name="ispctl-nas-beside")
        self._job = job
        job.thread.start()

    def _take_up(self) -> None:
        """What a thread has left behind. Raises what is no refusal."""
        job = self._job
        if job is None or not job.over:
            return
        self._job = None
        if job.error is not None and not isinstance(job.error, Refusal):
            raise job.error
        self._rests = time.monotonic() + RESTS
        for host, answer in job.answers.items():
            if answer.fine or answer.status == "silent":
                self._there.seen(job.wanted[host], answer.resources)
            elif job.look is None and answer.status not in PUT_BACK:
                self._there.doubt(host)
        if job.look is not None:
            self._looked = {host: one.mark for host, one in job.wanted.items()}
            self._seen = job.look, job.answers
        else:
            self._made(job)
        if isinstance(job.error, Refusal):
            self._seen = None
            self._refused(job, job.error.problems[0])

    def _made(self, job: _Job) -> None:
        """Where something was made there may be more to do; where it failed, not at once."""
        self._told |= job.answers
        for host in [host for host, answer in job.answers.items() if answer.fine]:
            self._looked.pop(host, None)
        if job.run:
            failed = sum(bool(answer.code) for answer in job.answers.values())
            self._ended.append(Ended(job.run, len(job.answers) - failed, failed))

    def _refused(self, job: _Job, problem: Problem) -> None:
        """The database is away, or another one configures NAS."""
        self._unread = {host: Unread(PREFIX + host, problem.code, problem.text) for host in job.wanted}
        if job.promise and not job.run:
            self._broken.append(job.promise)


class Later:
    """What one apply would do on devices, kept until it is over. Nothing of it is done by then, so that the rows that
    need it wait."""

    outcomes: tuple[Outcome, ...] = ()

    def __init__(self, beside: Beside, world: World, fleet: Fleet, run: Run, secrets: SealedValues) -> None:
        self.world, self.fleet, self.run, self.secrets = world, fleet, run, secrets
        self.batches: list[Sequence[Change]] = []
        """One after the other: what is granted, what is taken away."""
        self._beside = beside

    def make(self, changes: Sequence[Change]) -> None:
        """Not now."""
        if changes:
            self.batches.append(changes)

    def finish(self, todo: Sequence[Change]) -> None:
        """Begin with it; without anything to do, remember what was seen."""
        if self.batches:
            self._beside.begin(self, todo)
        elif self.fleet.wanted:
            configure.Hands(self.world, self.fleet, self.run, self.secrets).finish(todo)

    @property
    def told(self) -> tuple[Answer, ...]:
        return self._beside.told


def _unlocked(world: World) -> Callable[[], Keyring]:
    """The keyring, which comes from git, for a thread that does not read git. It may be that nobody needs it."""
    try:
        ring = world.keyring()
    except Refusal as refusal:
        said = refusal

        def refuse() -> Keyring:
            raise said

        return refuse
    return lambda: ring
