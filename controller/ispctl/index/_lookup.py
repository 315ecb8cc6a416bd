"""Whom words name in a commit, found without reading everybody. Reads an index that is there, and never writes one."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from ispctl.index._file import File
from ispctl.index._rows import OWING, REMEMBERED, UNTOLD
from ispctl.model.days import NEVER
from ispctl.model.document import Document
from ispctl.model.ledger import LEDGER, companion
from ispctl.model.problem import Refusal, Where
from ispctl.model.subscriber import Subscriber
from ispctl.repo import Entry, Holding, Repository, Snapshot
from ispctl.repo.git import refused
from ispctl.repo.layout import ARCHIVE, LARGE, SMALL, is_shared
from ispctl.repo.snapshot import Prefix
from ispctl.repo.traits import hashed, held, longest, prefix_of, span
from ispctl.states import State
from ispctl.structs import Struct

WORTH: Final = 2000
"""With fewer files, all are read faster than an index is made."""
FEW: Final = 1000
"""So many files that differ from the index are read; of more, those in which a name stands."""
MANY: Final = 20_000
"""With more that differ, everything is read rather than an index asked."""
CHUNK: Final = 2000
"""Files that are looked through at once."""
Progress = Callable[[str, int, int], None]
Pattern = re.Pattern[bytes] | None
"""What is looked for in the text of files; None: nothing."""


class Lookup:
    """Answers for a repository that is small by reading it; for a large one by its index, as far as a commit differs
    from that by what differs; and where there is no index of this version that may be read, by looking for the names in
    the text of every file. `remark` is told once if it comes to that."""

    def __init__(
        self,
        repository: Repository,
        place: Path | None,
        progress: Progress = lambda *_: None,
        remark: Callable[[str], None] = lambda _: None,
        *,
        worth: int = WORTH,
        few: int = FEW,
    ) -> None:
        self.repository = repository
        self._place, self._progress, self._remark = place, progress, remark
        self._worth, self._few = worth, few
        self._sizes: dict[str, bool] = {}
        self._seen = _Seen()

    def whole(self, rev: str) -> bool:
        """Whether every part of a commit is all of it."""
        commit = self.repository.resolve(rev)
        return not self._indexed() and not self._large(commit)

    def knows(self, rev: str) -> bool:
        """Whether a name costs next to nothing to look up: by an index, or since everything is read anyway."""
        commit = self.repository.resolve(rev)
        return self._indexed() or not self._large(commit)

    def part(self, rev: str, words: Collection[str]) -> Snapshot:
        """What a commit says as far as those go whom these words name, each a login or an id, and what all share; and
        of files that cannot be read, as far as an index knows them. Of a small repository, all. `Snapshot.find` and
        `by_login` of these words answer as those of the whole commit. Raises Refusal."""
        commit = self.repository.resolve(rev)
        file = opened(self.repository, self._place)
        if file is None and not self._large(commit):
            return self.repository.at(commit)
        paths = self._remembered(file, commit, _hashes(words), _text_of(words)) if file is not None else None
        if paths is None:
            paths = self._looked_for(commit, words)
        found = self.repository.part(commit, paths)
        return self.repository.part(commit, {doc.path for doc in _named(found, words)} | (found.broken & paths))

    def added(self, rev: str, keys: Collection[str]) -> Mapping[str, Where]:
        """Of those who were added under one of these idempotency keys, the entry that says so, by key: whatever their
        logins are now, and also if they are archived. The text of archived accounts is looked through. Raises
        Refusal."""
        commit, pattern = self.repository.resolve(rev), _saying(keys)
        if pattern is None:
            return {}
        file, git = opened(self.repository, self._place), self.repository.git
        claims = {hashed("added", key) for key in keys}
        paths = self._remembered(file, commit, claims, pattern) if file is not None else None
        if paths is None:
            paths = self._holding(git.tree(commit, ("subscribers",)), pattern)
        part = self.repository.part(commit, {path for path in paths if path.endswith(LEDGER)})
        gone = self._holding(git.tree(commit, (ARCHIVE,)), pattern)
        found = chain(part.ledgers(), self.repository.archived(commit, gone))
        return {key: one.where("entries", n) for one in found for key, n in one.value.added() if key in keys}

    def alike(self, rev: str, names: Collection[str]) -> Snapshot | None:
        """The part of many names of which hardly one is anybody's; None where all would be looked through for it."""
        return self.part(rev, names) if self.knows(rev) else None

    def around(self, rev: str, prefix: Prefix) -> Snapshot:
        """What a commit says as far as those go who hold an address of a prefix, or one around it. Without an index,
        all of it."""
        return self._indexed_part(rev, lambda file: file.touching(span(prefix)))

    def binding(self, rev: str, mac: str) -> Snapshot:
        """The same of those who have a device (of a MAC address as it stands in files)."""
        return self._indexed_part(rev, lambda file: file.claiming([hashed("mac", mac)]))

    def _indexed_part(self, rev: str, pick: Callable[[File], Iterable[int]]) -> Snapshot:
        commit = self.repository.resolve(rev)
        file = opened(self.repository, self._place)
        if file is None:
            return self.repository.at(commit)
        try:
            with closing(file):
                base, found = file.commit, set(file.paths(pick(file)))
        except sqlite3.Error:
            return self.repository.at(commit)
        changed = self._changed(base, commit)
        return self.repository.part(commit, found | changed) if len(changed) <= MANY else self.repository.at(commit)

    def prefixes(self, rev: str) -> Mapping[Prefix, int]:
        """Every static address, route and delegated prefix that stands with subscribers of a commit, and the moment
        (seconds since 1970) at which the last of those contracts is over. Without an index, all of them are read for
        it, a part after the other."""
        commit = self.repository.resolve(rev)
        known = self._spanned(commit)
        if known is not None:
            return known
        if not self._large(commit):
            return longest(_held(self.repository.at(commit)))
        found, done = dict[Prefix, int](), 0
        for paths in self.repository.sweep(commit, "subscribers", lambda _: True, CHUNK):
            found = longest(chain(found.items(), _held(self.repository.part(commit, paths))))
            done += len(paths)
            self._progress("files", done, 0)
        return found

    def _spanned(self, commit: str) -> Mapping[Prefix, int] | None:
        """By the index, and by what a commit has otherwise; None where there is none, or it lies too far from it."""
        file = opened(self.repository, self._place)
        if file is None:
            return None
        try:
            with closing(file):
                changed = self._changed(file.commit, commit)
                spans = file.spans(set(file.numbers(changed)))
                found = longest((prefix_of((first, last)), until) for first, last, until in spans)
        except sqlite3.Error:
            return None
        if len(changed) > MANY:
            return None
        return longest(chain(found.items(), _held(self.repository.part(commit, changed))))

    def slices(self, rev: str, beside: str | None, narrow: Narrow) -> Iterator[Slice] | None:
        """A commit, some thousand files at a time, with what another commit (`beside`) says of the same people, and in
        each with whoever else has one of their logins. Of those whom `narrow` leaves out, as many are read as the index
        cannot tell. What was read before is forgotten. None where there is no index, or it lies too far from them."""
        commit = self.repository.resolve(rev)
        other = commit if beside is None else self.repository.resolve(beside)
        file = opened(self.repository, self._place)
        if file is None:
            return None
        try:
            with closing(file):
                base, known = file.commit, _Claimed(file.twins())
                left = narrow.left(file)
        except sqlite3.Error:
            return None
        edited = {path for one in {commit, other} - {base} for path in self.repository.changes(base, one).paths}
        people = {path for path in edited if not is_shared(path)}
        if len(people) > MANY:
            return None
        for one in {commit, other}:
            known.take(self.repository.part(one, people))
        if left is not None:  # where shared files differ, they may decide of anybody
            left = left | people | {companion(path) for path in people} if people == edited else None
        folder = f"subscribers/{narrow.group}" if narrow.group else "subscribers"
        paths = self.repository.sweep(commit, folder, lambda path: left is None or path in left, CHUNK)
        return (self._slice(commit, other if beside is not None else None, chunk, known) for chunk in paths)

    def _slice(self, commit: str, other: str | None, paths: Sequence[str], known: _Claimed) -> Slice:
        own = self.repository.part(commit, paths)
        also = known.by({one.service.login for one in own.services()})
        part = self.repository.part(commit, {*paths, *also}) if also else own
        held = None if other is None else part if other == commit else self.repository.part(other, {*paths, *also})
        return Slice(tuple(own.services()), part, held)

    def _indexed(self) -> bool:
        file = opened(self.repository, self._place)
        if file is not None:
            file.close()
        return file is not None

    def _large(self, commit: str) -> bool:
        if commit not in self._sizes:
            self._sizes[commit] = is_large(self.repository, commit, self._worth)
        return self._sizes[commit]

    def _remembered(self, file: File, commit: str, claims: Collection[int], pattern: Pattern) -> set[str] | None:
        """By the index, and by whatever differs from it; None where it turns out to be damaged. Nobody who moves the
        index waits for longer than this look takes."""
        try:
            with closing(file):
                base, found = file.commit, {*file.paths(file.claiming(claims)), *file.unread()}
        except sqlite3.Error:
            return None
        changed = self._changed(base, commit)
        if len(changed) > self._few:
            changed = self._holding(self.repository.git.entries(commit, changed), pattern)
        return found | changed

    def _looked_for(self, commit: str, words: Collection[str]) -> set[str]:
        """By the text of every file, read once for each name; of another commit, of the files that it has otherwise."""
        if not words:
            return set()
        seen = self._seen
        if not seen.commit:
            self._remark(
                "No index of this repository can be read here, so every file is looked through for who is meant."
                " ispctl validate makes one, for whoever runs it."
            )
            seen.commit = commit
        fresh = set(words) - seen.words
        if fresh:
            seen.paths |= self._holding(self.repository.git.tree(seen.commit, ("subscribers",)), _text_of(fresh))
            seen.words |= fresh
        changed = self._changed(seen.commit, commit)
        return seen.paths | self._holding(self.repository.git.entries(commit, changed), _text_of(words))

    def _changed(self, base: str, commit: str) -> set[str]:
        if base == commit:
            return set()
        return {path for path in self.repository.changes(base, commit).paths if not is_shared(path)}

    def _holding(self, entries: Iterable[Entry], pattern: Pattern) -> set[str]:
        """The files of subscribers whose text, in lower case, matches."""
        found, done = set[str](), 0
        if pattern is None:
            return found
        fit = (one for one in entries if one.size <= _most(one) and refused(one) is None)
        while chunk := list(islice(fit, CHUNK)):
            contents = self.repository.git.blobs((entry.blob for entry in chunk), LARGE)
            found |= {one.path for one, data in zip(chunk, contents, strict=True) if pattern.search(data.lower())}
            done += len(chunk)
            self._progress("files", done, 0)
        return found


def _held(part: Snapshot) -> Iterator[tuple[Prefix, int]]:
    zone = ZoneInfo(part.policy.value.timezone)
    return (one for document in part.subscribers() for one in held(document, zone))


class Slice(NamedTuple):
    """Some services of a commit, the part of it in which they stand, and the part of another that speaks of them."""

    services: tuple[Holding, ...]
    part: Snapshot
    beside: Snapshot | None


class Narrow(Struct):
    """Whom to look at; what is empty leaves out nobody. `states`: those in one of them at `now`; `until`: those whom
    time changes from `now` to then; `owing`: those whose account owes something at `now`."""

    now: datetime = NEVER
    group: str = ""
    tariff: str = ""
    states: frozenset[str] = frozenset()
    until: datetime | None = None
    owing: bool = False

    def left(self, file: File) -> set[str] | None:
        """The files of the subscribers who may be among them, in any group; None: everybody may."""
        kept = [*self._kept(file)]
        return set.intersection(*kept) if kept else None

    def _kept(self, file: File) -> Iterator[set[str]]:
        if self.tariff:
            yield set(file.paths(file.using([hashed("tariff", self.tariff)])))
        if self.now.timestamp() < file.checked - REMEMBERED.total_seconds():
            return  # it does not know what time did so long ago
        if self.owing:
            yield {companion(path) for path in file.paths(one.file for one in file.members(OWING))}
        for numbers in self._by_time(file, int(self.now.timestamp())):
            untold = {one.file for one in file.members(UNTOLD)}
            yield {*file.paths(numbers | untold), *file.failing()}  # of the last two it knows too little

    def _by_time(self, file: File, now: int) -> Iterator[set[int]]:
        if self.states and State.ACTIVE not in self.states:
            then = {one.file for state in self.states for one in file.members(hashed("state", state))}
            yield then | file.turned(min(now, file.checked) - 1, max(now, file.checked))
        if self.until is not None:
            yield file.turned(now - 1, int(self.until.timestamp()))


EVERYBODY: Final = Narrow()


class _Claimed:
    """The logins that more than one file has, in any of some commits, as hashes, and these files."""

    def __init__(self, twins: Iterable[tuple[int, str]]) -> None:
        self._paths: dict[int, set[str]] = {}
        for hash_, path in twins:
            self._paths.setdefault(hash_, set()).add(path)

    def take(self, part: Snapshot) -> None:
        """Also those of files that an index has otherwise."""
        for holding in part.services():
            key = hashed("login", holding.service.login.casefold())
            self._paths.setdefault(key, set()).add(holding.document.path)

    def by(self, logins: Iterable[str]) -> set[str]:
        keys = (hashed("login", login.casefold()) for login in logins)
        return {path for key in keys for path in self._paths.get(key, ())}


class _Seen:
    """What the text of all files of one commit was looked through for, and where it stood."""

    def __init__(self) -> None:
        self.commit = ""
        self.words: set[str] = set()
        self.paths: set[str] = set()


def opened(repository: Repository, place: Path | None) -> File | None:
    """The index that is there, if it is fit and its commit is still known here."""
    file = File.open(place) if place is not None else None
    if file is None:
        return None
    try:
        repository.resolve(file.commit)
    except Refusal:
        file.close()
        return None
    return file


def is_large(repository: Repository, rev: str, worth: int) -> bool:
    """Whether there are so many files of subscribers that an index is worth while."""
    tree = repository.git.tree(repository.resolve(rev), ("subscribers",))
    return len(list(islice(tree, worth))) == worth


def _hashes(words: Collection[str]) -> set[int]:
    """What whoever is meant by these claims."""
    return {one for word in words for one in (hashed("id", _id(word)), hashed("login", word.casefold()))}


def _named(part: Snapshot, words: Collection[str]) -> Iterator[Document[Subscriber]]:
    for word in words:
        yield from part.with_id(_id(word))
        yield from (holding.document for holding in part.by_login(word))


def _id(word: str) -> str:
    return word.partition("/")[0]


def _saying(keys: Collection[str]) -> Pattern:
    """Matches every file, in lower case, in which one of these idempotency keys may stand, as a text of one line is
    written; and every one with a backslash."""
    spelt = sorted(re.escape(key.encode("utf-8", "replace").lower()).replace(b"'", b"'+") for key in keys if key)
    return re.compile(rb"\\|" + b"|".join(spelt)) if spelt else None


def _most(entry: Entry) -> int:
    """Octets of a file of a subscriber, or of an account, archived ones too; of a larger one nothing is read."""
    small = 0 if is_shared(entry.path) else SMALL
    return LARGE if entry.path.endswith(LEDGER) else small


def _text_of(words: Collection[str]) -> Pattern:
    """Matches every file, in lower case, that says one of them as a whole scalar; and every one with a backslash, since
    a quoted scalar may spell its letters by number. A login and an id are ASCII without blanks, so that nothing else
    takes them apart, and no alias stands for them (E013)."""
    folded = {text.casefold() for word in words for text in (word, _id(word))}
    spelt = sorted(re.escape(text.encode()) for text in folded if text and text.isascii())
    if not spelt:
        return None
    inside = rb"[a-z0-9._/+@-]"
    return re.compile(rb"\\|(?<!" + inside + rb")(?:" + b"|".join(spelt) + rb")(?!" + inside + rb")")
