"""Commits as far as they are looked at: what is at hand, what is known of the rest, and slices of what is too much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from ispctl.index._crowds import FEW, Crowd
from ispctl.index._lookup import WORTH
from ispctl.index._region import TOGETHER
from ispctl.model.problem import Problem, in_order
from ispctl.model.subscriber import group_of
from ispctl.repo import Entry, Repository, Snapshot, chunks
from ispctl.repo.checks import check
from ispctl.repo.facts import Facts, Tally, tallies
from ispctl.structs import Struct, field
from ispctl.workers import each

ANNOUNCED: Final = timedelta(hours=24)
"""So far ahead does a plan say how many the clock ends."""
Progress = Callable[[str, int, int], None]
T = TypeVar("T")


class Size(Struct):
    """What is much. `worth`: with fewer files of subscribers, all are read faster than an index is made. `chunk`: files
    that are in memory at once while many are read. `alone`: so many chunks are read by one process before others help
    it. `together`: so many whom a shared file concerns are looked at together with those that differ. `few`: so many of
    one kind are read rather than counted."""

    worth: int = WORTH
    chunk: int = 2000
    alone: int = 5
    together: int = TOGETHER
    few: int = FEW


class Look(Struct):
    """Some commits at a moment, as far as they can differ in what they say; and what is known of the rest of them.

    `parts`: by what each commit was asked for. `others`: likewise what is wrong with the rest, errors alone if no more
    was asked. `until`: when time changes something of the rest; `ending`: how many of its services lose something until
    ANNOUNCED from now.
    """

    now: datetime
    parts: Mapping[str, Snapshot]
    others: Mapping[str, Sequence[Problem]] = field(default_factory=dict)
    until: datetime | None = None
    ending: int = 0
    partial: bool = False
    """Whether there is a rest."""
    known: Snapshot | None = None
    """The same part as the commit of the index has it: who was there then may be in none of these commits."""
    slices: Slices | None = None
    """Further parts in which the commits may differ: too many to be held together."""
    crowds: Sequence[Crowd] = ()
    """Services in no part for which the commits differ in the rate of their tariff alone, where they may be counted."""

    def problems(self, rev: str, *, near: bool = False) -> list[Problem]:
        """What is wrong with a whole commit; `near`: without those in slices of whom that is not known."""
        found = [*check(self.parts[rev], self.now), *self.others.get(rev, ())]
        if near or self.slices is None or rev in self.slices.judged:
            return in_order(found)
        wrong = dict.fromkeys(found)
        for said in self.slices.each(partial(_wrong, rev)):
            wrong |= dict.fromkeys(said)
        return in_order(list(wrong))

    def errors(self, rev: str, *, near: bool = False) -> list[Problem]:
        """What forbids to apply a commit."""
        return errors(self.problems(rev, near=near))


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Those that are no mere warnings."""
    return [problem for problem in problems if problem.severity == "error"]


def whole(snapshots: Mapping[str, Snapshot], now: datetime) -> Look:
    """Commits of which everything was read."""
    return Look(now, snapshots)


def _wrong(rev: str, look: Look) -> list[Problem]:
    return check(look.parts[rev], look.now)


class Slices(Struct):
    """The files of those whom a shared file may concern though their own are the same in all of these commits, in
    slices none of which shares anything with another."""

    repository: Repository
    entries: Callable[[], Iterator[Entry]]
    making: Part
    count: int
    size: Size
    progress: Progress
    judged: frozenset[str] = frozenset()
    """The commits of which the index says what is wrong with these files."""

    def each(self, work: Callable[[Look], T], what: str = "files") -> Iterator[T]:
        """What the work gives for each slice, in order. It is sent to other processes where there are many, and so is
        what it gives. `what`: a word for the progress."""
        done = 0
        parts = chunks(self.entries(), self.size.chunk)
        worked = partial(_worked, self.making, work)
        for count, found in each(self.repository, self.repository.reopen, parts, worked, self.size.alone):
            done += count
            self.progress(what, done, self.count)
            yield found


class Part(Struct):
    """How a slice is read: the commit of each name, and what each commit's subscribers say together."""

    now: datetime
    commits: Mapping[str, str]
    facts: Mapping[str, Facts]

    def look(self, repository: Repository, entries: Sequence[Entry]) -> Look:
        parts = repository.chunk(self.facts, entries)
        return Look(self.now, {rev: parts[commit] for rev, commit in self.commits.items()}, partial=True)


def _worked(part: Part, work: Callable[[Look], T], repository: Repository, entries: list[Entry]) -> tuple[int, T]:
    return len(entries), work(part.look(repository, entries))


def counted(look: Look) -> dict[str, Counter[Tally]]:
    """What these subscribers say together in each commit."""
    found = {}
    for rev, part in look.parts.items():
        zone = ZoneInfo(part.policy.value.timezone)
        said = (tallies(document, part.group(group_of(document.path)), zone) for document in part.subscribers())
        found[rev] = Counter(tally for one in said for tally in one)
    return found
