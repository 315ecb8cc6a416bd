"""Another moment than now: the commit that was applied then, or that the head says of a time to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import cached_property

from ispctl.model.problem import Refusal
from ispctl.plan import Resources
from ispctl.status.view import Then, View
from ispctl.store import Reject, Session, facts


class Elsewhen(View):
    """A view of another moment. Nobody knows the rows of then; who was online comes from the accounting, and of a time
    to come from nobody."""

    def __init__(self, view: View, then: Then) -> None:
        super().__init__(view.index, view.store, then.at, head=then.commit, today=view.now)
        self.problems, self.silence = view.problems, view.silence
        self.then = then

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


def elsewhen(view: View, at: datetime) -> Elsewhen:
    """The view of a moment. Raises Refusal where git has no answer."""
    if at > view.now:
        return Elsewhen(view, Then(at, view.head.commit, "head"))
    ran = view.ask(lambda store: facts.applied_at(store, at))
    if ran is not None:
        try:
            return Elsewhen(view, Then(at, view.repository.resolve(ran.commit), "applied", ran.run, ran.at))
        except Refusal as refusal:
            view.problems += refusal.problems
    commit = view.repository.git.before(view.head.commit, at)
    return Elsewhen(view, replace(Then(at, commit, "history"), made=view.repository.git.commit(commit).when))
