"""Hands that do nothing but what a test says, on a clock that moves only when somebody rests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ispctl.gates import Closed
from ispctl.loop import Loop, Pace
from ispctl.model.problem import Problem, Refusal
from ispctl.plan import Plan
from ispctl.reconcile import News, Result
from ispctl.store import Beat
from ispctl.store.retention import Pruned

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
HEAD, OLD = "1" * 40, "0" * 40


def refusal(code: str) -> Refusal:
    return Refusal(Problem(code, "canary: this sentence may quote a login"))


@dataclass
class Log:
    """Every line, as (event, fields)."""

    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    warning = error = info

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.lines]


@dataclass
class FakeHands:
    """What each question is answered with; a Refusal is raised. `calls`: what was done, and when."""

    clock: Clock
    head: str | Refusal = HEAD
    wrong: tuple[Problem, ...] = ()
    before: str | Refusal = OLD
    results: dict[str, Any] = field(default_factory=dict)
    """commit -> until, (until, closed gates) or Refusal; none: nothing to wait for."""
    rivals: Beat | Refusal | None = None
    news: frozenset[tuple[str, datetime | None]] = frozenset()
    over: frozenset[str] = frozenset()
    calls: list[tuple[str, datetime, str]] = field(default_factory=list)
    pruned: list[Pruned | Refusal] = field(default_factory=list)
    """One answer a call; none: a day is not over."""
    left: str = ""
    told: list[News | BaseException] = field(default_factory=list)
    """How far NAS are, one answer a turn; none: nothing is new."""
    under_way: bool = False
    slow: dict[str, float] = field(default_factory=dict)
    """Seconds that a question takes."""
    beats: list[datetime] = field(default_factory=list)

    def _answer(self, what: str, answer: Any, about: str = "") -> Any:
        self.calls.append((what, self.clock(), about))
        self.clock.now += timedelta(seconds=self.slow.get(what, 0))
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def fetch(self) -> str:
        return str(self._answer("fetch", self.head))

    def known(self) -> str:
        return HEAD

    def errors(self, commit: str, now: datetime) -> tuple[Problem, ...]:
        return self.wrong

    def applied(self) -> str:
        return str(self._answer("applied", self.before))

    def apply(self, commit: str, now: datetime) -> Result:
        found = self._answer("apply", self.results.get(commit), commit)
        until, closed = found if isinstance(found, tuple) else (found, ())
        self.before = commit
        plan = Plan("live", commit, "", now, (), (), until=until)
        return Result("run", commit, plan, closed=closed, under_way=self.under_way)

    def reports(self) -> frozenset[tuple[str, datetime | None]]:
        self._answer("reports", None)
        return self.news

    def prune(self, now: datetime) -> Pruned | None:
        answer = self._answer("prune", self.pruned.pop(0) if self.pruned else None)
        return answer if isinstance(answer, Pruned) else None

    def count(self, now: datetime) -> frozenset[str]:
        self._answer("count", None)
        return self.over

    def beat(self, mine: Beat) -> Beat | None:
        self.beats.append(mine.at)
        answer = self._answer("beat", self.rivals)
        return answer if isinstance(answer, Beat) else None

    def leave(self, token: str) -> None:
        self.left = token

    def nas(self) -> News:
        answer = self.told.pop(0) if self.told else News()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def times(self, what: str) -> list[float]:
        """Seconds after noon at which something was done."""
        return [(at - NOON).total_seconds() for name, at, _ in self.calls if name == what]

    def applied_commits(self) -> list[str]:
        return [about for name, _, about in self.calls if name == "apply"]


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


class World:
    """A loop on hands of its own."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.clock = Clock()
        self.hands = FakeHands(self.clock)
        self.log = Log()
        self.loop = Loop(self.hands, pace or Pace(), "main", self.clock, self.log)

    def run(self, **until: float) -> int:
        """Turn after turn, until that much time has gone; how many turns it took."""
        end, turns = self.clock.now + timedelta(**until), 0
        while self.clock.now < end:
            rest = self.loop.turn()
            turns += 1
            assert rest > 0, "a turn that leaves something due makes the machine hot"
            self.clock.now += timedelta(seconds=min(rest, (end - self.clock.now).total_seconds()))
        return turns


def gate(wanted: int = 7) -> Closed:
    return Closed("cut_off", wanted, 0, 5)
