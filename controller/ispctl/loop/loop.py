"""The loop itself: one turn does what is due, and no turn ends it. Clock and hands are given; it sleeps nowhere."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from ispctl.gates import Closed
from ispctl.loop.agenda import FIRST, PATIENT, Agenda, Ending, Pace
from ispctl.loop.hands import Hands, Report
from ispctl.loop.seen import Logger, Once, Seen, allow, words
from ispctl.model.problem import Problem, Refusal
from ispctl.reconcile import Result
from ispctl.store import Beat
from ispctl.structs import replace

BACKWARDS: Final = timedelta(seconds=60)
_SHARE: Final = 10
"""A job that is not urgent takes at most a tenth of the time."""
_LONGEST: Final = timedelta(minutes=15)
"""It rests no longer than that: where it seems to have taken hours, the clock has leapt."""
_LOCKED: Final = frozenset({"E312"})
_DATABASE: Final = ("E30", "E31", "E32", "E33")
"""Refusals for which no commit is to blame, but the database."""
_CLOCKS: Final = frozenset({"E605", "E620"})
_STOPPED: Final = {"E605": "clock-behind", "E614": "paused", "E620": "clock-leapt"}
"""Nor here: a clock that cannot be believed, or people who want all to stay as it is."""


class Loop:
    """Keeps the network equal to a branch. Call `turn`, then rest for as long as it says; `leave` at the end."""

    def __init__(self, hands: Hands, pace: Pace, branch: str, clock: Callable[[], datetime], log: Logger) -> None:
        now = clock()
        self.hands, self.clock, self.log = hands, clock, log
        self.agenda = Agenda(pace, now)
        self.seen = Seen(now, branch)
        self.once = Once(log)
        self.leads = False
        self._me = Beat(secrets.token_hex(8), now, now)
        self._last = now
        self._reports: frozenset[Report] = frozenset()
        self._over: frozenset[str] = frozenset()
        self._hurried = False
        self._run = ""

    def turn(self) -> float:
        """Do what is due; the seconds until something is due again."""
        now = self.clock()
        if now < self._last - BACKWARDS:
            self.log.warning("clock-backwards", seconds=int((self._last - now).total_seconds()))
            self.agenda.now(now)
        self._last = now
        self.seen.turns += 1
        self._nas(now)
        if self.agenda.due("beat", now):
            self._beat(now)
        if self.seen.head:
            self._work(now)  # what ends now does not wait for a remote
        if self.agenda.due("fetch", now):
            self._fetch(now)
            now = self.clock()
            if self._hurried:
                self.agenda.now(now, "apply")
            self._hurried = False
        self._work(now)
        return self.agenda.wait(self.clock()).total_seconds()

    def hurry(self) -> None:
        """Somebody says that there is something new."""
        self._hurried = True
        self.agenda.now(self.clock(), "fetch", "watch")

    def leave(self) -> None:
        """Give the place up, so that a standby need not wait for its silence."""
        if self.leads:
            with suppress(Refusal):
                self.hands.leave(self._me.token)
        self.leads = False

    def _work(self, now: datetime) -> None:
        if not self.leads:  # a standby, or a loop without its database, applies nothing
            self.agenda.later("watch", now)
            self.agenda.later("apply", now)
            self.agenda.later("count", now)
            self.agenda.later("prune", now)
            return
        if self.agenda.due("watch", now):
            self._watch(now)
        if self.agenda.due("count", now):
            self._count(now)
        if self.agenda.due("apply", now):
            self._apply(now)
        if self.agenda.due("prune", now):
            self._prune(now)

    # one method a job

    def _nas(self, now: datetime) -> None:
        """What was done on NAS beside all this may let rows go on, or ask for the next step."""
        news = self.hands.nas()
        if not news.changed:
            return
        self.seen.nas = news.hosts
        if news.run and news.run != self._run:
            self._run = news.run
            self.log.info("nas-begun", run=news.run)
        for one in news.ended:
            self.log.info("nas-ended", run=one.run, done=one.done, failed=one.failed)
        self.agenda.now(now, "beat", "apply")

    def _beat(self, now: datetime) -> None:
        try:
            other = self.hands.beat(replace(self._me, at=now, state=self.seen.state()))
        except Refusal as refusal:
            self._away(refusal.problems[0])
            self.agenda.failed("beat", now)
            return
        self._back()
        self.agenda.later("beat", now)
        if other is not None:
            self.leads = False
            self.agenda.standby(now)
            self.once.wrong("place", "standing-by", other.token, holder=str(other), since=_said(other.since))
            return
        if not self.leads:
            self.once.well("place", "took-over")
            self.agenda.now(now, "apply", "watch")
        self.leads = True

    def _fetch(self, now: datetime) -> None:
        """The branch. If nobody answers, what is known here goes on being served."""
        seen = self.seen
        try:
            head = self.hands.fetch()
        except Refusal as refusal:
            problem = refusal.problems[0]
            seen.fetch_code = problem.code
            self.once.wrong("fetch", "fetch-failed", problem.code, code=problem.code, what=problem.slug)
            self.agenda.failed("fetch", now)
            seen.head = seen.head or self.hands.known()
            return
        seen.fetched, seen.fetch_code = now, ""
        self.once.well("fetch", "fetch-works-again")
        self.agenda.later("fetch", now)
        if head != seen.head:
            if seen.head:
                self.log.info("head-moved", commit=head[:12])
            seen.head = head
            self.agenda.now(now, "apply")

    def _watch(self, now: datetime) -> None:
        try:
            reports = self.hands.reports()
            if reports - self._reports:
                self.agenda.now(now, "apply")
            self._reports = reports
        except Refusal as refusal:
            self._away(refusal.problems[0])
        self.agenda.later("watch", now)

    def _count(self, now: datetime) -> None:
        """What was used; by a clock that cannot be believed it is of no day. Where much is to be counted, it is counted
        less often."""
        began = self.clock()
        try:
            if self.seen.stopped not in _CLOCKS:
                over = self.hands.count(now)
                if over - self._over:
                    self.agenda.now(now, "apply")
                self._over = over
        except Refusal as refusal:
            problem = refusal.problems[0]
            if problem.code.startswith(_DATABASE) and problem.code not in _LOCKED:
                self._away(problem)
        self.agenda.later("count", now)
        self.agenda.rest("count", now + min(_SHARE * (self.clock() - began), _LONGEST))

    def _prune(self, now: datetime) -> None:
        """A part of what is old; a large rest waits for the next turns, since people come first. By a clock that cannot
        be believed nothing is old."""
        if self.seen.stopped:
            self.agenda.failed("prune", now, PATIENT)
            return
        try:
            found = self.hands.prune(now)
        except Refusal:  # a pause, or a database that is away: whoever applies says so
            self.agenda.failed("prune", now, PATIENT)
            return
        if found is not None and not found.nothing:
            self.log.info("pruned", **found.counts, done=found.done)
        if found is None or found.done:
            self.agenda.later("prune", now)
        else:
            self.agenda.failed("prune", now, FIRST, FIRST)

    def _apply(self, now: datetime) -> None:
        """The head; if it may not be applied, what was applied before goes on being enforced for the clock."""
        began = self.clock()
        ending, result = self._one(self.seen.head, now) if self.seen.head else ("refused", None)
        if ending == "refused":
            ending, result = self._before(now)
        self.seen.ended(ending, (self.clock() - began).total_seconds())
        if result is not None:
            self.seen.until = result.plan.until
            if ending == "done":
                self.seen.good = now
            self._tell(result)
        self.agenda.applied(ending, self.clock(), result.plan.until if result else None)
        self._beat(self.clock())  # whoever is on call reads what we saw

    def _before(self, now: datetime) -> tuple[Ending, Result | None]:
        try:
            applied = self.hands.applied()
        except Refusal as refusal:
            return self._not(refusal), None
        return self._one(applied, now) if applied and applied != self.seen.head else ("refused", None)

    def _one(self, commit: str, now: datetime) -> tuple[Ending, Result | None]:
        """Apply one commit, or say why not."""
        is_head = commit == self.seen.head
        try:
            problems = self.hands.errors(commit, now) if is_head else ()
            if problems:
                return self._refuse(problems), None
            result = self.hands.apply(commit, now)
        except Refusal as refusal:
            return self._not(refusal), None
        self._back()
        self.once.well("lock", "lock-is-free")
        self.once.well("stopped", "goes-on")
        self.seen.stopped = ""
        if is_head:
            self.seen.refused = ()
            self.once.well("head", "head-accepted", commit=commit[:12])
        unread = result.unread and not result.run  # with a run, the rows are written and a replica is late
        if result.exit_code == 0:
            return ("busy" if result.under_way else "done"), result
        return ("away" if unread else "waiting"), result

    # what went wrong

    def _not(self, refusal: Refusal) -> Ending:
        problem = refusal.problems[0]
        if problem.code in _LOCKED:
            self.once.wrong("lock", "somebody-else-applies", code=problem.code)
            return "locked"
        if problem.code in _STOPPED:
            self.seen.stopped = problem.code
            fields = {"code": problem.code, "advice": problem.advice}
            self.once.wrong("stopped", _STOPPED[problem.code], problem.code, **fields)
            return "stopped"
        if problem.code.startswith(_DATABASE):
            self._away(problem)
            return "away"
        return self._refuse(refusal.problems)

    def _refuse(self, problems: tuple[Problem, ...]) -> Ending:
        """Of a commit: only codes and places are said, since a sentence may quote a login."""
        codes = tuple(sorted({problem.code for problem in problems}))
        head = self.seen.head[:12]
        self.seen.refused = codes
        self.once.wrong(
            "head",
            "head-refused",
            head,
            codes,
            commit=head,
            codes=" ".join(codes),
            problems=len(problems),
            first=str(problems[0].where or ""),
            advice=f"ispctl validate --commit {head}; ispctl plan --live --commit {head}",
        )
        return "refused"

    def _away(self, problem: Problem) -> None:
        self.seen.away = problem.code
        fields = {"code": problem.code, "what": problem.slug, "advice": "ispctl doctor"}
        self.once.wrong("database", "database-away", problem.code, **fields)

    def _back(self) -> None:
        self.seen.away = ""
        self.once.well("database", "database-back")

    def _tell(self, result: Result) -> None:
        self._gates(result.closed)
        if result.older:
            advice = "the rows are right; sessions and devices since the copy are lost, if there is no newer one"
            self.log.warning("older-database", run=result.run, advice=advice)
        failed = [outcome.code for outcome in result.failed]
        failed += [session.code for session in result.sessions if session.code]
        failed += [device.code for device in result.devices if device.code]
        left = [one.code for one in result.unread]
        if failed or left:
            codes = tuple(sorted({*failed, *left}))
            fields = {"codes": " ".join(codes), "failed": len(failed), "run": result.run}
            advice = "ispstat health; ispstat nas"
            self.once.wrong("left", "something-left", codes, len(failed), **fields, advice=advice)
        elif not result.under_way:
            self.once.well("left", "nothing-left")
        if result.untaken:
            advice = "ispstat cpe; their routers dial in with a password that holds no more"
            fields = {"services": len(result.untaken), "first": result.untaken[0], "advice": advice}
            self.once.wrong("cpe", "password-not-taken", *result.untaken, **fields)
        else:
            self.once.well("cpe", "passwords-taken")
        if result.rows or result.sessions:
            self.log.info(
                "applied",
                commit=result.commit[:12],
                run=result.run,
                rows=result.rows,
                sessions=len(result.sessions),
                failed=len(failed),
                **{name: count for name, count in result.plan.summary.items() if count and name != "services"},
            )

    def _gates(self, closed: tuple[Closed, ...]) -> None:
        self.seen.gates = closed
        if closed:
            advice = f"ispctl plan; if it is meant: ispctl apply {allow(closed)}"
            mark = tuple((gate.gate, gate.wanted) for gate in closed)
            self.once.wrong("gates", "gates-closed", mark, **words(closed), code="E601", advice=advice)
        else:
            self.once.well("gates", "gates-open")


def _said(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
