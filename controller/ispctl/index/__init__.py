"""What is remembered of a commit, so that a change costs what it changes and not what there is.

Disposable: deleting it changes nothing but the time taken. It stands at one commit; any other is that one and what
differs. It holds logins as hashes, and beside them addresses, ids and what is wrong with whom: nobody else may read it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from ispctl.index._file import File, Making, Moving, Row
from ispctl.index._lookup import WORTH, Lookup, is_large, opened
from ispctl.index._region import Besides, Region, TooWide, region
from ispctl.index._rows import rows, traits
from ispctl.model.problem import Problem, in_order
from ispctl.repo import Repository, Snapshot
from ispctl.repo.checks import check
from ispctl.repo.facts import Facts

__all__ = ["ANNOUNCED", "Besides", "Index", "Look", "Lookup", "whole"]

CHUNK: Final = 2000
"""Files that are in memory at once while an index is made."""
ALONE: Final = 5
STALE: Final = timedelta(hours=12)
"""An index that was judged so long ago is judged again when its commit is applied again."""
NOBODY: Final = Besides()
ANNOUNCED: Final = timedelta(hours=24)
"""So far ahead does a plan say how many the clock ends."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Look:
    """Some commits at a moment, as far as they can differ in what they say; and what is known of the rest of them.

    `parts`: by what each commit was asked for. `others`: what is wrong with the rest, errors alone if no more was
    asked. `until`: when time changes something of the rest; `ending`: how many of its services lose something until
    ANNOUNCED from now.
    """

    now: datetime
    parts: Mapping[str, Snapshot]
    others: tuple[Problem, ...] = ()
    until: datetime | None = None
    ending: int = 0
    partial: bool = False
    """Whether there is a rest."""

    def problems(self, rev: str) -> list[Problem]:
        """What is wrong with a whole commit."""
        return in_order([*check(self.parts[rev], self.now), *self.others])

    def errors(self, rev: str) -> list[Problem]:
        """What forbids to apply a commit."""
        return [problem for problem in self.problems(rev) if problem.severity == "error"]


def whole(snapshots: Mapping[str, Snapshot], now: datetime) -> Look:
    """Commits of which everything was read."""
    return Look(now, snapshots)


class Index:
    """The index of one repository, in a file or (`place` is None) in memory. `worth`: how many files of subscribers
    make it worth while; `alone`: how many parts one process reads before others help it; `keeps`: whether it may be
    made, which whoever only reads leaves to others."""

    def __init__(
        self,
        repository: Repository,
        place: Path | None,
        progress: Progress = lambda *_: None,
        remark: Callable[[str], None] = lambda _: None,
        *,
        keeps: bool = True,
        worth: int = WORTH,
        alone: int = ALONE,
    ) -> None:
        self.repository = repository
        self.lookup = Lookup(repository, place, progress, remark, worth=worth)
        """Whom names mean."""
        self._place, self._keeps = place, keeps
        self._progress = progress
        self._worth = worth
        self._alone = alone

    @property
    def exists(self) -> bool:
        """Whether there is a file; a small repository has none."""
        return self._place is not None and self._place.exists()

    def look(self, revs: Sequence[str], now: datetime, besides: Besides = NOBODY, *, warnings: bool = False) -> Look:
        """Commits, or trees of the work tree. Where nothing is remembered yet, the first of them is learned. Raises
        Refusal as the repository does."""
        file = opened(self.repository, self._place)
        if file is None and not (self._keeps and is_large(self.repository, revs[0], self._worth)):
            return self._whole(revs, now)
        try:
            file = file or self._made(revs[0], now)
            return _looked(self.repository, file, revs, now, besides, warnings=warnings)
        except (TooWide, sqlite3.Error):
            return self._whole(revs, now)
        finally:
            if file is not None:
                file.close()

    def advance(self, rev: str, now: datetime) -> None:
        """Let the index stand at a commit: whoever applies one calls this. A small repository has none. Where it cannot
        be written (a full disk, somebody else who is at it) it stays as it is: what was applied is applied."""
        with suppress(sqlite3.Error):
            file = opened(self.repository, self._place)
            try:
                if file is not None:
                    self._advanced(file, self.repository.resolve(rev), now)
                elif self._place is not None and is_large(self.repository, rev, self._worth):
                    self._made(rev, now).close()
            except TooWide:
                self._made(rev, now).close()
            finally:
                if file is not None:
                    file.close()

    def _advanced(self, file: File, commit: str, now: datetime) -> None:
        assert self._place is not None
        if commit == file.commit and now.timestamp() < file.checked + STALE.total_seconds():
            return
        found = region(self.repository, file, (commit,), now, NOBODY)
        before, after, old = found.parts[file.commit], found.parts[commit], file.commit
        there = {entry.path for entry in self.repository.git.entries(commit, found.paths)}
        file.close()
        moving = Moving(self._place, old)
        try:
            for row in rows(after, found.paths, now):
                moving.replace(traits(before, row.path), row if row.path in there else None)
            moving.finish(commit, int(now.timestamp()), after.facts)
        finally:
            moving.close()

    def _whole(self, revs: Iterable[str], now: datetime) -> Look:
        return whole({rev: self.repository.at(rev) for rev in revs}, now)

    def _made(self, rev: str, now: datetime) -> File:
        commit = self.repository.resolve(rev)
        making = Making(self._place)
        try:
            file = self._filled(making, commit, now)
        except BaseException:
            making.discard()
            raise
        making.publish()
        return file

    def _filled(self, making: Making, commit: str, now: datetime) -> File:
        facts, done = Facts(), 0
        for found in self._rows(commit, now):
            making.add(found)
            facts = facts.plus(tally for row in found for tally in row.tallies)
            done += len(found)
            self._progress("files", done, 0)
        file = making.finish(commit, int(now.timestamp()), facts)
        self._judge_together(making, file, self.repository.part(commit, list(file.paths(file.shared())), facts), now)
        return file

    def _rows(self, commit: str, now: datetime) -> Iterator[list[Row]]:
        """Everything there is to remember, by more than one process if that is worth starting them."""
        chunks = self.repository.chunks(commit, CHUNK)
        first = list(islice(chunks, self._alone))
        for chunk in first:
            yield list(rows(self.repository.chunk(commit, chunk), [entry.path for entry in chunk], now))
        if len(first) == self._alone:
            from ispctl.index._workers import several

            yield from several(self.repository.reopen, commit, chunks, now)

    def _judge_together(self, making: Making, file: File, part: Snapshot, now: datetime) -> None:
        """Whoever shares something with another is judged with all of them at hand."""
        wrong: dict[str, list[Problem]] = {path: [] for path in file.paths(file.shared())}
        for problem in check(part, now):
            if problem.where and problem.where.file in wrong:
                wrong[problem.where.file].append(problem)
        making.judged({number: said for path, said in wrong.items() for number in file.numbers([path])})


def _looked(
    repository: Repository, file: File, revs: Collection[str], now: datetime, besides: Besides, *, warnings: bool
) -> Look:
    commits = {rev: repository.resolve(rev) for rev in revs}
    found: Region = region(repository, file, tuple(commits.values()), now, besides)
    since, until = int(now.timestamp()), int((now + ANNOUNCED).timestamp())
    at = file.next_turn(since, found.numbers)
    return Look(
        now,
        {rev: found.parts[commit] for rev, commit in commits.items()},
        tuple(file.problems(found.numbers) if warnings else file.errors(found.numbers)),
        None if at is None else datetime.fromtimestamp(at, UTC),
        file.losing(since, until, found.numbers),
        partial=True,
    )
