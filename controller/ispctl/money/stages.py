"""What becomes of an account that is not paid: spans of time, each with a state and the entry that brought it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.model.accounting import WEEKDAYS, Dunning
from ispctl.model.days import BEGINNING, NEVER, days_later, local_day, moment
from ispctl.model.ledger import Ledger
from ispctl.model.policy import Policy
from ispctl.money.account import ZERO, Debt, Running, history
from ispctl.structs import Struct, replace

ONE_DAY: Final = timedelta(days=1)


class Standing(StrEnum):
    """The states of an account, in the order in which one follows the other."""

    ACTIVE = "active"
    DUE = "due"
    REMINDED = "reminded"
    GRACE = "grace"
    THROTTLED = "throttled"
    WALLED = "walled"
    SUSPENDED = "suspended"
    INACTIVE = "inactive"
    ARCHIVED = "archived"


class Stage(Struct):
    """A state of the account from `start` (inclusive) to `end` (exclusive), both UTC. `entry`: the number of the entry
    that brought it; None where nothing is owed."""

    standing: Standing
    start: datetime
    end: datetime
    entry: int | None
    why: str


def dunning(
    ledger: Ledger, policy: Policy, later: timedelta = timedelta(), *, decides: bool = True
) -> tuple[Stage, ...]:
    """The stages of an account from the beginning to the end of time, without gaps, as far as the entries tell: a
    payment ends them. What takes something away begins `later` after midnight. Without rules in the policy, or where
    the account does not decide, it is due at most."""
    rules = policy.money.dunning if decides else None
    stages = [Stage(Standing.ACTIVE, BEGINNING, NEVER, None, "nothing is owed")]
    over: datetime | None = None
    for at, account in history(ledger, policy, NEVER):
        over = (over or at) if _over(account, rules) else None
        while stages and stages[-1].start >= at:
            stages.pop()
        if stages:
            stages[-1] = replace(stages[-1], end=at)
        for stage in _clipped(_follows(account, rules, over, later), at):
            last = stages[-1] if stages else None
            if last and (last.standing, last.why) == (stage.standing, stage.why):
                stages[-1] = replace(last, end=stage.end)
            else:
                stages.append(stage)
    return tuple(stages)


def state(ledger: Ledger, policy: Policy, now: datetime) -> Stage:
    """The stage an account is in."""
    return next(stage for stage in dunning(ledger, policy) if stage.start <= now < stage.end)


def _over(account: Running, rules: Dunning | None) -> bool:
    if rules is None or rules.credit_limit is None:
        return False
    return sum((debt.left for debt in account.open), ZERO) > rules.credit_limit


def _clipped(stages: list[Stage], at: datetime) -> Iterator[Stage]:
    """From a moment on; each ends where the next begins."""
    for number, stage in enumerate(stages):
        end = stages[number + 1].start if number + 1 < len(stages) else NEVER
        if end > max(stage.start, at):
            yield replace(stage, start=max(stage.start, at), end=end)


def _follows(account: Running, rules: Dunning | None, over: datetime | None, later: timedelta) -> list[Stage]:
    """What happens if nothing is entered any more, in order."""
    debts = account.open
    if not debts:
        return [_stage(Standing.ACTIVE, BEGINNING, None, "nothing is owed")]
    first = debts[0]
    said = f"{_name(account, first)} is to be paid until {first.due}"
    stages = [_stage(Standing.DUE, BEGINNING, first, said)]
    if rules is None:
        return stages
    calendar = _Calendar(rules, account.zone, later)
    overdue = _overdue(debts, rules.minimum)
    taken: datetime | None = None
    why = ""
    if overdue is not None:
        why = f"{_name(account, overdue)} was to be paid until {overdue.due}"
        day = local_day(overdue.since, account.zone) - ONE_DAY
        marks = [days_later(day, n) for n in rules.reminders]
        if len(marks) > 1:
            stages.append(_stage(Standing.REMINDED, calendar.begin(marks[0]), overdue, why))
        last = marks[-1] if marks else day + ONE_DAY
        stages.append(_stage(Standing.GRACE, calendar.begin(last), overdue, why))
        taken = calendar.takes(days_later(last, rules.grace_days))
    if over is not None and (taken is None or calendar.at_once(over) < taken):
        taken, overdue, why = calendar.at_once(over), first, f"more than {rules.credit_limit} is owed"
        stages = [stage for stage in stages if stage.start < taken]
    if taken is None:
        return stages
    return [*stages, *_taken(taken, calendar, rules, overdue, why)]


def _taken(start: datetime, calendar: _Calendar, rules: Dunning, debt: Debt | None, why: str) -> Iterator[Stage]:
    """The stages that take something away: each counts from the one before."""
    slow = rules.throttled
    if slow is not None:
        yield _stage(Standing.THROTTLED, start, debt, why)
        if slow.days is not None:
            start = calendar.takes(days_later(local_day(start, calendar.zone), slow.days))
    if slow is None or slow.days is not None:
        yield _stage(Standing.WALLED, start, debt, why)
    day = local_day(start, calendar.zone)
    for standing, days in ((Standing.SUSPENDED, rules.suspend_after), (Standing.INACTIVE, rules.end_after)):
        start = calendar.takes(days_later(day, days))
        day = local_day(start, calendar.zone)
        yield _stage(standing, start, debt, why)
    yield _stage(Standing.ARCHIVED, calendar.begin(days_later(day, rules.archive_after)), debt, why)


def _overdue(debts: list[Debt], minimum: Decimal) -> Debt | None:
    """The debt with which what is overdue comes to the amount that counts; the oldest, where each does."""
    total = ZERO
    for debt in sorted(debts, key=lambda debt: debt.since):
        total += debt.left
        if total >= minimum:
            return debt
    return None


def _stage(standing: Standing, start: datetime, debt: Debt | None, why: str) -> Stage:
    return Stage(standing, start, NEVER, debt.entry if debt else None, why)


def _name(account: Running, debt: Debt) -> str:
    entry = account.ledger.entries[debt.entry]
    return entry.reference or entry.key


class _Calendar:
    """When a stage may begin."""

    def __init__(self, rules: Dunning, zone: ZoneInfo, later: timedelta) -> None:
        self.zone, self.later = zone, later
        self._weekend = frozenset(WEEKDAYS.index(day) for day in rules.weekend)
        self._holidays = frozenset(rules.holidays)

    def begin(self, day: date) -> datetime:
        """The beginning of a day."""
        return moment(day, self.zone)

    def takes(self, day: date) -> datetime:
        """When something may be taken away that falls on a day: then, or on the next that is a working day."""
        while not self._works(day):
            day += ONE_DAY
        return moment(day, self.zone) + self.later

    def at_once(self, at: datetime) -> datetime:
        """The same of something that follows from an entry: it waits for no midnight."""
        day = local_day(at, self.zone)
        return at if self._works(day) else self.takes(day)

    def _works(self, day: date) -> bool:
        return day.weekday() not in self._weekend and day not in self._holidays
