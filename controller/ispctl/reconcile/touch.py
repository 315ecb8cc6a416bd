"""Sessions that run something else than their rows: tell them or end them, and keep what each NAS answered.

A change is written down before it is asked for, and every answer soon, so that a run that is killed or stopped is gone
on with by the next one, whatever that one wants: what was asked and has no answer there is asked again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from ispctl.model.problem import Refusal
from ispctl.radius import limits
from ispctl.radius.live import VAIN, Behind, pause
from ispctl.radius.session import Answer, Request
from ispctl.reconcile.door import Doors
from ispctl.reconcile.proof import reading
from ispctl.store import Proof, Session, Store, doubts, proofs
from ispctl.structs import Struct, replace

Progress = Callable[[str, int, int], None]
GONE: Final = frozenset({"ack", "gone"})
TOGETHER: Final = 100
"""Answers that are written down in one transaction; a run that is killed asks so many again at most."""
WAIT: Final = 1.0
"""Seconds for which an answer waits for others at most."""


class Promise(NamedTuple):
    """What a session may now use: bit/s, and the octets that a burst may add to what is measured. 0: no limit."""

    down: int = 0
    up: int = 0
    burst_down: int = 0
    burst_up: int = 0


UNASKED: Final = "unasked"
"""Nothing was sent: others of its NAS were asked in vain, or there is no way to it."""


class SessionOutcome(Struct):
    """What became of one session: changed, ended, or why not. `code` is empty where nothing went wrong. `answer`: as of
    its NAS, or UNASKED."""

    owner: str
    nas: str
    kind: str
    answer: str
    text: str
    code: str
    unique: str = ""
    """Acct-Unique-Session-Id, as the store names it."""
    cause: int | None = None
    """Error-Cause of a refusal."""
    instead: bool = False
    """Ended because a change could not be made."""


@dataclasses.dataclass
class Touch:
    """Asks for changes and ends. `promises`: by Acct-Unique-Session-Id. `room`: how many sessions may still be ended in
    place of a change that was planned, before a day has taken enough."""

    store: Store
    doors: Doors
    promises: Mapping[str, Promise]
    clock: Callable[[], datetime]
    progress: Progress
    room: int = 0
    _answered: list[tuple[Behind, Answer, datetime]] = dataclasses.field(default_factory=list)
    """Not written down yet."""
    _taken: set[tuple[str, tuple[tuple[str, str], ...]]] = dataclasses.field(default_factory=set)

    def all(self, todo: Sequence[Behind]) -> Iterator[SessionOutcome]:
        """Change or end each of these sessions. A CoA that its NAS cannot make becomes a Disconnect, and a session that
        its NAS does not know is looked up again before that is believed."""
        yield from self._all(todo)
        self.write_down()

    def _all(self, todo: Sequence[Behind]) -> Iterator[SessionOutcome]:
        unsupported: list[Behind] = []
        unknown: list[tuple[Behind, Answer]] = []
        for one, answer in self._ask(todo, "sessions"):
            if isinstance(answer, SessionOutcome):
                yield answer
            elif answer.kind == "gone":
                unknown.append((one, answer))
            else:
                self._keep(one, answer)
                if one.kind == "coa" and answer.kind == "unsupported":
                    unsupported.append(one)
                    continue
                yield _outcome(one, answer)
        yield from self._unknown(unknown)
        yield from self._end_instead(unsupported)

    def _unknown(self, gone: Sequence[tuple[Behind, Answer]]) -> Iterator[SessionOutcome]:
        """A session that no NAS knows has ended, unless its row says something else by now: then it is asked anew."""
        now = {s.uniqueid: s for s in self.store.sessions(logins=[one.session.login for one, _ in gone])}
        anew = []
        for one, answer in gone:
            row = now.get(one.session.uniqueid)
            if row is not None and _heard_since(one.session, row):
                anew.append(replace(one, session=row))
                continue
            self._keep(one, answer)
            yield _outcome(one, answer)
        for one, said in self._ask(anew, "sessions again"):
            if isinstance(said, SessionOutcome):
                yield said
            else:
                self._keep(one, said)
                yield _outcome(one, said)

    def _end_instead(self, unsupported: Sequence[Behind]) -> Iterator[SessionOutcome]:
        """Nobody was told that these would end, so that no more do than a day may take."""
        may, wait = unsupported[: self.room], unsupported[self.room :]
        self.room -= len(may)
        ends = [replace(one, kind="disconnect", attributes=(), instead="cannot be changed", attempts=0) for one in may]
        for one, answer in self._ask(ends, "sessions to end"):
            if isinstance(answer, SessionOutcome):
                yield answer
            else:
                self._keep(one, answer)
                yield _outcome(one, answer)
        for one in wait:
            text = f"{one.nas.name} cannot make this change in a running session, and a day may take no more ends"
            yield SessionOutcome(one.owner, one.nas.name, "coa", "unsupported", text, "E508", one.session.uniqueid)

    def _ask(self, todo: Sequence[Behind], what: str) -> Iterator[tuple[Behind, Answer | SessionOutcome]]:
        """Every session with what its NAS said; one without a door with the reason."""
        requests: dict[str, Request] = {}
        by_unique = {one.session.uniqueid: one for one in todo}
        for one in todo:
            try:
                door = self.doors.of(one.nas.name)
            except Refusal as refusal:
                problem = refusal.problems[0]
                yield one, SessionOutcome(one.owner, one.nas.name, one.kind, UNASKED, problem.text, problem.code)
                continue
            attributes = one.attributes if one.kind == "coa" else None
            requests[one.session.uniqueid] = Request(reading(one.session, one.nas), door, attributes, one.alone)
        if requests:
            from ispctl.radius.sessions import Sessions

            self._ahead([one for one in todo if one.kind == "coa" and one.session.uniqueid in requests])
            with Sessions() as sessions:
                for answer in sessions.many(requests.values(), lambda done, of: self.progress(what, done, of)):
                    yield by_unique[answer.session.unique], answer

    def _ahead(self, todo: Sequence[Behind]) -> None:
        """What is about to be asked, so that a run that is killed before it hears the answer does not leave a session
        that is believed to run what it ran before."""
        now = self.clock()
        with self.store.transaction():
            proofs.put(
                self.store, (replace(self._asked(one, now), attempts=one.attempts, retry=one.rests) for one in todo)
            )

    def _keep(self, one: Behind, answer: Answer) -> None:
        """Write an answer down, with those that came a little before."""
        now = self.clock()
        self._answered.append((one, answer, now))
        if len(self._answered) >= TOGETHER or (now - self._answered[0][2]).total_seconds() >= WAIT:
            self.write_down()

    def write_down(self) -> None:
        """What was answered, what it teaches about each NAS, and the counters from which the proof will be reckoned.
        Whoever stops in between calls this."""
        answered, self._answered = self._answered, []
        if not answered:
            return
        with self.store.transaction():
            for one, answer, at in answered:
                self._learn(one, answer, at)
            proofs.put(self.store, (self._proof(*one) for one in answered))
            # Whether its rows say just this by now is for the next run to see.
            told = [one.session.uniqueid for one, answer, _ in answered if answer.kind == "ack"]
            doubts.of_sessions(self.store, told)

    def _proof(self, one: Behind, answer: Answer, at: datetime) -> Proof:
        attempts = one.attempts + 1 if answer.kind in VAIN else 0
        return replace(
            self._asked(one, at),
            answer=answer.kind,
            tries=answer.tries,
            acked=at if answer.kind in GONE else None,
            proof=answer.text if answer.code else "",
            attempts=attempts,
            error_cause=answer.error_cause,
            retry=at + pause(attempts) if attempts else None,
        )

    def _asked(self, one: Behind, now: datetime) -> Proof:
        """Without an answer."""
        return Proof(
            uniqueid=one.session.uniqueid,
            login=one.session.login,
            nas=one.nas.name,
            kind=one.kind,
            class_to=one.class_to,
            sent=now,
            octets_in=one.session.octets_in,
            octets_out=one.session.octets_out,
            counted=one.session.updated,
            **self.promises.get(one.session.uniqueid, Promise())._asdict(),
        )

    def _learn(self, one: Behind, answer: Answer, now: datetime) -> None:
        """What is refused to one session and done for another is no limit of their NAS."""
        taken = (one.nas.name, one.attributes)
        if answer.kind == "ack":
            if taken not in self._taken or answer.named:
                for limit in list(self.store.limits()):
                    if limits.disproved(limit, one.nas.name, one.attributes, answer):
                        self.store.forget_limit(limit.nas, limit.what, limit.subject)
            self._taken.add(taken)
        for limit in limits.lessons(one.nas, one.attributes, answer, now) if answer.tries else ():
            if limit.what == "names" or taken not in self._taken:
                self.store.put_limit(limit)


def _heard_since(before: Session, now: Session) -> bool:
    """Whether a row says something else than when the session was asked about: it was identified by old values, or it
    is alive after all."""
    return (before.sessionid, before.ipv4, before.updated) != (now.sessionid, now.ipv4, now.updated)


def _outcome(one: Behind, answer: Answer) -> SessionOutcome:
    return SessionOutcome(
        one.owner,
        one.nas.name,
        one.kind,
        UNASKED if answer.kind == "silent" and not answer.tries else answer.kind,
        answer.text,
        answer.code,
        one.session.uniqueid,
        answer.error_cause,
        bool(one.instead),
    )
