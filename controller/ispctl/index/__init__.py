"""What is remembered of a commit, so that a change costs what it changes and not what there is.

Disposable: deleting it changes nothing but the time taken. It stands at one commit; any other is that one and what
differs. It holds logins as hashes, and beside them addresses, ids and what is wrong with whom: nobody else may read it.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ispctl.index._crowds import Crowd, Rates
from ispctl.index._file import File, Row, throw_away
from ispctl.index._look import ANNOUNCED, Look, Part, Progress, Size, Slices, counted, errors, whole
from ispctl.index._lookup import EVERYBODY, Lookup, Narrow, is_large, opened
from ispctl.index._region import Besides, Region, region
from ispctl.index._rows import rows, traits
from ispctl.model.ledger import companion
from ispctl.model.problem import Problem
from ispctl.repo import Entry, Repository, Snapshot, chunks
from ispctl.repo.checks import check
from ispctl.repo.facts import Facts, Tally
from ispctl.repo.layout import is_shared
from ispctl.structs import replace
from ispctl.workers import each

if TYPE_CHECKING:
    from ispctl.index._writing import Making, Told

__all__ = [
    "ANNOUNCED",
    "EVERYBODY",
    "Besides",
    "Crowd",
    "Index",
    "Look",
    "Lookup",
    "Narrow",
    "Rates",
    "Size",
    "errors",
    "whole",
]

STALE: Final = timedelta(hours=12)
"""An index that was judged so long ago is judged again when its commit is applied again."""
NOBODY: Final = Besides()
USUAL: Final = Size()


class Index:
    """The index of one repository, in a file or (`place` is None) in memory. `keeps`: whether it may be made, which
    whoever only reads leaves to others."""

    def __init__(
        self,
        repository: Repository,
        place: Path | None,
        progress: Progress = lambda *_: None,
        remark: Callable[[str], None] = lambda _: None,
        *,
        keeps: bool = True,
        size: Size = USUAL,
    ) -> None:
        self.repository = repository
        self.lookup = Lookup(repository, place, progress, remark, worth=size.worth)
        """Whom names mean."""
        self._place, self._keeps = place, keeps
        self._progress = progress
        self._size = size

    @property
    def exists(self) -> bool:
        """Whether there is a file; a small repository has none."""
        return self._place is not None and self._place.exists()

    def look(
        self,
        revs: Sequence[str],
        now: datetime,
        besides: Besides = NOBODY,
        *,
        warnings: bool = False,
        slicing: bool = False,
        rates: Rates = "read",
    ) -> Look:
        """Commits, or trees of the work tree. Where nothing is remembered yet, the first of them is learned. `slicing`:
        those who are too many may come in slices; otherwise they are all read. `rates`: whether those for whom nothing
        but the rate of their tariff differs are among them, or may be counted, or are left out, since they are judged
        alike. Raises Refusal as the repository does."""
        file = opened(self.repository, self._place)
        if file is None and not (self._keeps and is_large(self.repository, revs[0], self._size.worth)):
            return self._whole(revs, now)
        try:
            file = file or self._made(revs[0], now)
            look = self._looked(file, revs, now, besides, rates, warnings=warnings)
            return look if slicing or look.slices is None else self._whole(revs, now)
        except sqlite3.Error as error:
            throw_away(self._place if self._keeps else None, error)
            return self._whole(revs, now)
        finally:
            if file is not None:
                file.close()

    def unlike(self, given: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Of (service, login) those that the commit of the index does not have so: no such subscriber, or not with that
        login. All of them where there is nothing to ask."""
        file = opened(self.repository, self._place)
        if file is None:
            yield from given
            return
        try:
            left = iter(given)
            while part := list(islice(left, 1000)):
                yield from file.unlike(part)
        finally:
            file.close()

    def advance(self, rev: str, now: datetime) -> None:
        """Let the index stand at a commit: whoever applies one calls this. A small repository has none. Where it cannot
        be written (a full disk, somebody else who is at it) it stays as it is: what was applied is applied."""
        with suppress(sqlite3.Error):
            file = opened(self.repository, self._place)
            try:
                if file is not None:
                    self._advanced(file, self.repository.resolve(rev), now)
                elif self._place is not None and is_large(self.repository, rev, self._size.worth):
                    self._made(rev, now).close()
            except sqlite3.Error as error:
                throw_away(self._place, error)
            finally:
                if file is not None:
                    file.close()

    def _advanced(self, file: File, commit: str, now: datetime) -> None:
        assert self._place is not None
        if commit == file.commit and file.checked <= now.timestamp() < file.checked + STALE.total_seconds():
            return
        turned = Besides(since=datetime.fromtimestamp(file.checked, UTC))  # what they are now is remembered too
        found = region(self.repository, file, (commit,), now, turned, self._size.together, "left out")
        if found.others.everybody:
            file.close()
            self._made(commit, now).close()
            return
        parts, old, slices = found.parts, file.commit, None
        if found.others.any:
            slices = self._slices(file, found, {old: old, commit: commit}, now)
            slices, parts = self._recounted(file, found, slices) if found.others.recount else (slices, parts)
        there = {entry.path for entry in self.repository.git.entries(commit, found.paths)}
        file.close()
        from ispctl.index._writing import Moving

        moving = Moving(self._place, old)
        try:
            for row in rows(parts[commit], found.paths, now):
                moving.replace(traits(parts[old], row.path), row if row.path in there else None)
            for pairs in slices.each(partial(_again, old, commit)) if slices else ():
                for before, after in pairs:
                    moving.replace(before, after)
            moving.finish(commit, int(now.timestamp()), parts[commit].facts)
        finally:
            moving.close()

    def _whole(self, revs: Iterable[str], now: datetime) -> Look:
        return whole({rev: self.repository.at(rev) for rev in revs}, now)

    def _made(self, rev: str, now: datetime) -> File:
        from ispctl.index._writing import Making

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
        parts = chunks(self.repository.subscribers(commit), self._size.chunk)
        work = partial(_rows, commit, now)
        for found, counts in each(self.repository, self.repository.reopen, parts, work, self._size.alone):
            making.add(found)
            facts = facts.plus(counts.elements())
            done += found.files
            self._progress("files", done, 0)
        file = making.finish(commit, int(now.timestamp()), facts)
        self._judge_together(making, file, self.repository.part(commit, list(file.paths(file.shared())), facts), now)
        return file

    def _judge_together(self, making: Making, file: File, part: Snapshot, now: datetime) -> None:
        """Whoever shares something with another is judged with all of them at hand."""
        wrong: dict[str, list[Problem]] = {path: [] for path in file.paths(file.shared())}
        for problem in check(part, now):
            if problem.where and problem.where.file in wrong:
                wrong[problem.where.file].append(problem)
        making.judged({number: said for path, said in wrong.items() for number in file.numbers([path])})

    def _looked(
        self, file: File, revs: Collection[str], now: datetime, besides: Besides, rates: Rates, *, warnings: bool
    ) -> Look:
        commits, size = {rev: self.repository.resolve(rev) for rev in revs}, self._size
        found = region(self.repository, file, tuple(commits.values()), now, besides, size.together, rates, size.few)
        others, without = found.others, found.numbers | set(file.numbers(found.others.paths))
        say = file.problems if warnings else file.errors
        known = () if others.stale else tuple(say(found.numbers))
        if not others.any:
            slices, said = None, dict.fromkeys(revs, known)
        else:
            slices = self._slices(file, found, commits, now)
            rest = () if others.everybody else tuple(say(without))
            said = {rev: known if rev in slices.judged else rest for rev in revs}
        parts: Mapping[str, Snapshot] = {rev: found.parts[commit] for rev, commit in commits.items()}
        if slices is not None and others.recount:
            slices, parts = self._recounted(file, found, slices)
        if others.everybody:
            return Look(now, parts, said, partial=True, known=found.parts[file.commit], slices=slices)
        since, until = int(now.timestamp()), int((now + ANNOUNCED).timestamp())
        at, losing = file.next_turn(since, without), file.losing(since, until, without)
        turn = None if at is None else datetime.fromtimestamp(at, UTC)
        return Look(now, parts, said, turn, losing, partial=True, slices=slices, crowds=found.crowds)

    def _slices(self, file: File, found: Region, commits: Mapping[str, str], now: datetime) -> Slices:
        """Those whom shared files concern, by what the last of the commits calls them: all have them alike."""
        others, head = found.others, [*commits.values()][-1]
        everybody, paths = others.everybody, others.paths
        beside = set(file.paths(file.numbers({companion(path) for path in paths}))) if not everybody else set()
        wanted = sorted((paths | beside) - found.paths)

        def entries() -> Iterator[Entry]:
            if everybody:
                every = self.repository.subscribers(head)
                return (entry for entry in every if entry.path not in found.paths)
            return self.repository.git.entries(head, wanted)

        facts = {commit: found.parts[commit].facts for commit in commits.values()}
        judged = frozenset() if others.stale else frozenset(r for r, c in commits.items() if c == file.commit)
        count = max(file.count - len(found.paths), 0) if everybody else len(wanted)
        return Slices(self.repository, entries, Part(now, commits, facts), count, self._size, self._progress, judged)

    def _recounted(self, file: File, found: Region, slices: Slices) -> tuple[Slices, Mapping[str, Snapshot]]:
        """With what all say together counted anew, where groups or the time zone have changed it."""
        making = slices.making
        revs = {file.commit: file.commit, **making.commits}
        facts = {**making.facts, file.commit: found.parts[file.commit].facts}
        counting = replace(slices, making=Part(making.now, revs, facts))
        sums: dict[str, Counter[Tally]] = {rev: Counter() for rev in revs}
        for counts in counting.each(counted, "facts"):
            for rev, more in counts.items():
                sums[rev].update(more)
        new = {
            commit: facts[commit].plus(sums[rev].elements(), sums[file.commit].elements())
            for rev, commit in making.commits.items()
        }
        whole = {rev: self.repository.part(commit, found.paths, new[commit]) for rev, commit in making.commits.items()}
        return replace(slices, making=replace(making, facts=new)), whole


def _rows(commit: str, now: datetime, repository: Repository, entries: list[Entry]) -> tuple[Told, Counter[Tally]]:
    """What is remembered of some files, and what they say together."""
    from ispctl.index._writing import told

    part = repository.chunk({commit: None}, entries)[commit]
    found = list(rows(part, [entry.path for entry in entries], now, alone=True))
    return told(found), Counter(tally for row in found for tally in row.tallies)


def _again(before: str, after: str, look: Look) -> list[tuple[Row, Row]]:
    """What is remembered of the files of a slice, and what is to be remembered instead."""
    part = look.parts[before]
    paths = [*(one.path for one in part.subscribers()), *(one.path for one in part.ledgers()), *part.broken]
    found = rows(look.parts[after], [path for path in paths if not is_shared(path)], look.now)
    return [(traits(part, row.path), row) for row in found]
