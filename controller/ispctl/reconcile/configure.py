"""NAS configured in waves, of which the next begins when all of the last are well; and what is remembered of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from time import monotonic, sleep
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.backend import Outcome
from ispctl.model.device import Hearing
from ispctl.nas import Answer, Job, Memory, closed_until, waves
from ispctl.nas.job import work
from ispctl.nas.memory import Heard, Made
from ispctl.plan import Change, Ending
from ispctl.platforms.device import SECRET, UNCONFIRMED
from ispctl.reconcile.fleet import Fleet
from ispctl.reconcile.hearing import Ears
from ispctl.reconcile.holds import PREFIX
from ispctl.reconcile.logins import Logins, job
from ispctl.reconcile.sealed_values import SealedValues
from ispctl.reconcile.stand_ins import stand_ins
from ispctl.reconcile.world import World
from ispctl.store import Run
from ispctl.structs import Struct, replace

UNHEARD: Final = "RADIUS heard it before it was configured, and has heard nothing of it since"


_KNOWN: Final = frozenset({"applied", "refused", "taken-back"})
"""After these nothing waits on a device for its confirmation."""


def grants(changes: Iterable[Change], fleet: Fleet) -> list[Change]:
    """What goes before the rows: everything that nobody loses by, and what has to make room for it."""
    return [change for change in changes if change.after is not None or change.id in fleet.early]


def revokes(changes: Iterable[Change], fleet: Fleet) -> list[Change]:
    """What goes after the sessions: what is not wanted any more."""
    return [change for change in changes if change.after is None and change.id not in fleet.early]


def _to_confirm(changes: Iterable[Change]) -> frozenset[str]:
    """The hosts on which nothing is to be done but to let stay what stands there."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for change in changes:
        kinds[change.target.removeprefix(PREFIX)].add(change.key[0])
    return frozenset(host for host, them in kinds.items() if them == {UNCONFIRMED})


class Course(Struct):
    """How a run goes on while other things happen. `wanted`: whether what it makes of a host is still what is wanted
    there; `ending`: whether all has to end; `at`: is told who is configured now; `rest`: lets seconds pass."""

    wanted: Callable[[str], bool] = lambda _: True
    ending: Callable[[], bool] = lambda: False
    at: Callable[[Collection[str]], None] = lambda _: None
    rest: Callable[[float], None] | None = None


ALONE: Final = Course()


class Hands:
    """Configures the devices of one run, in waves."""

    def __init__(self, world: World, fleet: Fleet, run: Run, secrets: SealedValues, course: Course = ALONE) -> None:
        self.world, self.fleet, self.run = world, fleet, run
        self.answers: dict[str, Answer] = {}
        """The last, by host."""
        self.secrets = secrets
        self._course = course
        self._began = world.clock()
        self._left: set[str] = set()
        """Who is left to a later run: something else is wanted by now, or a pause, a freeze or the end came before."""
        self._over = False
        self._memory = Memory(world.store)
        self._logins = Logins(world.keyring, stand_ins(world.store))
        self._known = {host: dict(known) for host, known in fleet.known.items()}
        self._stopped = ""
        self._paced = 0.0
        """When the next sessions may end (monotonic)."""
        self._touched: set[str] = set()
        self._begun = self._memory.begun()
        """Where an earlier run may have left something unconfirmed."""
        self._confirmed = _to_confirm(fleet.changes)
        self._silent = self._still_silent()
        """Of whom RADIUS has heard nothing since an earlier run."""

    def make(self, changes: Sequence[Change]) -> None:
        """Make these changes, wave by wave, until a device of a wave is not well; the rest is held then. Where a wave
        is left to a later run, so is all that comes after it: nobody would have gone before."""
        mine: dict[str, list[Change]] = defaultdict(list)
        for change in changes:
            if (host := change.target.removeprefix(PREFIX)) not in self._left:
                mine[host].append(change)
        if self._over:
            self._left |= mine.keys()
            return
        assert self.fleet.policy is not None or not mine
        again = [host for host in mine if host in self._silent and host not in self.answers]
        groups = {host: self.fleet.wanted[host].nas.groups for host in mine if host not in again}
        if again := self._wanted(again):
            self._one_wave(again, mine)  # nobody but themselves has to wait for them
        for host, said in self._silent.items() if mine else ():
            self._stopped = host
            self._told(Answer(host, "silent", code="E818", text=said.text))
        for wave in waves(groups, self.fleet.policy.nas) if self.fleet.policy else ():
            self.world.store.check_lock()
            if self._stopped and not self._course.ending():
                text = f"{self._stopped} was configured before it and is not well: mend that one, then apply again"
                for host in wave:
                    self._told(Answer(host, "held", code="E816", text=text))
            elif not self._over and (now := self._wanted(wave)):
                self._one_wave(now, mine)
            else:
                self._over = True
                self._left |= {*wave}

    def _wanted(self, hosts: Iterable[str]) -> list[str]:
        """Those that may still be configured as it was planned; the others are left to a later run."""
        found = [host for host in hosts if self._course.wanted(host) and not self._course.ending() and self._open(host)]
        self._left |= {*hosts} - {*found}
        return found

    def _open(self, host: str) -> bool:
        """Whether neither a pause nor a freeze nor the end of the window has come since it was planned."""
        policy, store, target = self.fleet.policy, self.world.store, PREFIX + host
        assert policy is not None
        now = self.world.now + (self.world.clock() - self._began)
        about = {("everything", ""), ("target", target)}
        if any((one.kind, one.name) in about and one.since > self.world.now for one in store.pauses(now)):
            return False
        ends = any(one.target == target for one in self.fleet.endings) and not store.is_lab
        return closed_until(policy.nas, ZoneInfo(policy.timezone), now, disruptive=ends) is None

    def _one_wave(self, hosts: Sequence[str], mine: Mapping[str, Sequence[Change]]) -> None:
        """Side by side; but where sessions end one after the other, so that not all come back at once."""
        ending = {one.target.removeprefix(PREFIX): one for one in self.fleet.endings}
        quiet = {host: mine[host] for host in hosts if host not in ending}
        if quiet:
            self._wave(quiet)
        for host in (host for host in hosts if host in ending):
            self._course.at(())
            (self._course.rest or sleep)(max(0.0, self._paced - monotonic()))
            self.world.store.check_lock()
            if self._wanted([host]):
                self._wave({host: mine[host]})
                self._count(ending[host])
        self._course.at(())

    def _count(self, ending: Ending) -> None:
        """Whose sessions have ended was met by a drop today; the next NAS waits for as long as they may take."""
        answer = self.answers[ending.target.removeprefix(PREFIX)]
        if not answer.touched or self.fleet.policy is None:
            return
        self._paced = monotonic() + 60.0 * len(ending.names) / self.fleet.policy.nas.drops_per_minute
        with self.world.store.transaction():
            for owner in sorted(ending.owners):
                id, _, key = owner.partition("/")
                self.run.service((id, key), "dropped", "commit", self.world.now)

    @property
    def left(self) -> frozenset[str]:
        """What is left to a later run though nothing is wrong."""
        return frozenset(self._left)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What was done, where all of it was."""
        return tuple(outcome for answer in self.told if answer.stays for outcome in answer.outcomes)

    @property
    def told(self) -> tuple[Answer, ...]:
        """What became of each device that something was to be done on."""
        return tuple(answer for _, answer in sorted(self.answers.items()))

    def finish(self, todo: Iterable[Change]) -> None:
        """Which devices stand as they should now, and what was heard of each. `todo`: what was to be done of it all."""
        asked = {change.id for change in todo}
        behind = {one.target.removeprefix(PREFIX) for one in self.fleet.changes if one.id not in asked}
        behind |= {host for host, answer in self.answers.items() if not answer.fine} | self._silent.keys() | self._left
        behind |= self._confirmed  # whether it was in time the next one sees
        with self.world.store.transaction():
            for host in (*self.fleet.equal, *self.answers):
                if host not in behind:
                    one, at = self.fleet.wanted[host], self.world.now.isoformat()
                    self._memory.put_made(host, Made(one.mark, one.commit, self.run.id, at))
            self._remember()

    def leave(self) -> None:
        """The same, where none of it is what git says."""
        with self.world.store.transaction():
            self._remember()

    def _remember(self) -> None:
        said = dict.fromkeys(self.fleet.wanted, ("seen", "", ""))
        away = {one.target.removeprefix(PREFIX): ("unreachable", one.code, one.text) for one in self.fleet.unread}
        said |= {host: told for host, told in away.items() if host in said}  # the others nobody asked
        said |= {host: (answer.status, answer.code, answer.text) for host, answer in self.answers.items()}
        for host, told in said.items():
            status, at = told[0], self.world.clock().isoformat()
            heard = Heard(status, self.run.id, self.fleet.wanted[host].commit, at, *told[1:])
            if host not in self._silent or status not in ("seen", "silent"):
                self._memory.put_heard(host, heard)

    def _wave(self, mine: Mapping[str, Sequence[Change]]) -> None:
        assert self.world.nas is not None
        self._course.at(mine.keys())
        assert self.fleet.policy is not None
        policy = self.fleet.policy.nas.heard
        ears = self._ears(policy)
        before = ears.before([self.fleet.wanted[host].nas for host in mine]) | (mine.keys() & self._silent.keys())
        at, made = self.world.clock().isoformat(), self._memory.made()
        with self.world.store.transaction():  # whatever breaks off from here on, it can be gone back, and is waited for
            for host in mine:
                stood = made[host].commit if host in made else ""
                self._memory.doubt(host)
                if host not in self._begun:
                    self._memory.begins(host, self.run.id)
                if host not in self._confirmed:
                    self._memory.keep(self.run.id, host, self.world.now, self.fleet.seen[host], stood)
                if host in before:
                    commit = self.fleet.wanted[host].commit
                    self._memory.put_heard(host, Heard("silent", self.run.id, commit, at, "E818", UNHEARD))
        jobs = [self._job(host, changes) for host, changes in mine.items()]
        do = partial(work, wanted=lambda: not self._course.ending())
        answers = self.world.nas.run(jobs, self.world.progress, "NAS", do)
        for host, answer in answers.items():
            self._note(host, mine[host], answer)
        since = self.world.clock()
        asked = [self.fleet.wanted[host].nas for host in before if answers[host].fine]
        silent = ears.silent(asked, since, self._course.ending)
        for host, done in answers.items():
            answer = replace(done, status="silent", code="E818", text=UNHEARD) if host in silent else done
            self._told(answer)
            if answer.fine:
                self._silent.pop(host, None)
            else:
                self._stopped = self._stopped or host

    def _ears(self, policy: Hearing) -> Ears:
        named = {host: one.addresses for host, one in self.fleet.wanted.items()}
        return Ears(self.world.store, policy, self.world.clock, named)

    def _still_silent(self) -> dict[str, Heard]:
        policy = self.fleet.policy
        paused = {one.name for one in self.world.store.pauses(self.world.now) if one.kind == "target"}
        heard = self._memory.heard() if policy and policy.nas.heard.wait else {}
        found = {
            host: said
            for host, said in heard.items()
            if said.status == "silent" and host in self.fleet.wanted and PREFIX + host not in paused
        }
        if not found or policy is None:
            return {}
        ears = self._ears(policy.nas.heard)
        return {
            host: said
            for host, said in found.items()
            if not ears.since([self.fleet.wanted[host].nas], datetime.fromisoformat(said.at))
        }

    def _told(self, answer: Answer) -> None:
        """What went wrong once stays said, whatever a later turn is about."""
        first = self.answers.get(answer.host)
        if first is None:
            self.answers[answer.host] = answer
        elif first.fine:
            self.answers[answer.host] = replace(answer, outcomes=(*first.outcomes, *answer.outcomes))

    def _job(self, host: str, changes: Sequence[Change]) -> Job:
        wanted, policy = self.fleet.wanted[host], self.fleet.policy
        assert policy is not None
        digests = {change.key: str((change.after or {}).get(SECRET, "")) for change in changes}
        secrets = {key: self.secrets.open(digest) for key, digest in digests.items() if digest}
        lost = float(policy.nas.lost.share), policy.nas.lost.floor
        return replace(
            job(self.world, wanted.nas, self._logins(wanted.nas), self._known.get(host, {})),
            changes=tuple(changes),
            secrets=secrets,
            confirm=policy.nas.confirm,
            lost=lost,
            unconfirmed=host in self._begun and host not in self.answers,
        )

    def _surely_left(self, host: str, answer: Answer) -> bool:
        """Whether this run has written nothing there. Of workers it is not known: another one may have begun it."""
        far = self.world.nas is not None and self.world.nas.far is not None
        if answer.touched or far:
            self._touched.add(host)
        return host not in self._touched

    def _note(self, host: str, changes: Sequence[Change], answer: Answer) -> None:
        outcomes = {outcome.change.id: outcome for outcome in answer.outcomes}
        with self.world.store.transaction():
            if untouched := self._surely_left(host, answer):
                self._memory.unkeep(self.run.id, host)
            if answer.status in _KNOWN or (untouched and host not in self._begun):
                self._memory.ends(host)
            for change in changes:
                outcome = outcomes.get(change.id)
                error = answer.text if outcome is None or not answer.fine else outcome.error
                self.run.change(change, self.world.now, error)
            for key, known in answer.shown.items():
                self._memory.put_known(host, key, known)
                self._known.setdefault(host, {})[key] = known
