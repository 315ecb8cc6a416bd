"""Another moment than now: the commit that was applied then, or that the head says of a time to come."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Resources
from ispctl.status.view import Then, View
from ispctl.store import Reject, Session, facts


class Elsewhen(View):
    """A view of another moment. Nobody knows the rows of then; who was online comes from the accounting, and of a time
    to come from nobody."""

    def __init__(self, view: View, then: Then, *, written: bool = True) -> None:
        super().__init__(view.index, view.store, then.at, head=then.commit, today=view.now)
        self.problems, self.silence = view.problems, view.silence
        self.then = then
        self.written = written

    @cached_property
    def rows(self) -> Resources | None:
        return None

    @cached_property
    def open_sessions(self) -> tuple[Session, ...] | None:
        if self.now > self.today:
            return None
        logins = None if self.logins is None else sorted(self.logins)
        return self.ask(lambda store: tuple(facts.sessions_at(store, self.now, logins)))

    def refused(self, login: str) -> tuple[Reject, ...] | None:
        if self.now > self.today:
            return None
        return self.ask(lambda store: tuple(store.rejects(login=login, until=self.now, limit=5)))


def elsewhen(view: View, at: datetime, *, unwritten: bool = False) -> Elsewhen:
    """The view of a moment. Raises Refusal where git has no answer; E003 also where it begins later, unless what is
    asked has an answer all the same (`unwritten`): then its first commit stands in, and `problems` say so."""
    if at > view.now:
        return Elsewhen(view, Then(at, view.head.commit, "head"))
    ran = view.ask(lambda store: facts.applied_at(store, at))
    if ran is not None:
        try:
            return Elsewhen(view, Then(at, view.repository.resolve(ran.commit), "applied", ran.run, ran.at))
        except Refusal as refusal:
            view.problems += refusal.problems
    git = view.repository.git
    written = git.until(view.head.commit, at)
    commit = written or git.before(view.head.commit, at)
    if written is None:
        if not unwritten:
            raise Refusal(
                _begins(commit, view, "Who had an address, the accounting may know: ispstat find ADDRESS --at TIME")
            )
        view.problems += (_begins(commit, view, "The accounting alone was asked"),)
    return Elsewhen(view, Then(at, commit, "history", made=git.commit(commit).when), written=written is not None)


def _begins(first: str, view: View, advice: str) -> Problem:
    when = view.repository.git.commit(first).when.astimezone(view.zone)
    text = f"what git said then cannot be told: it begins with commit {first[:12]}, of {when:%Y-%m-%d %H:%M}"
    return Problem("E003", text, advice=advice)
