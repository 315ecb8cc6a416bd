"""The index as a file: derived data, keyed by what made it. Whatever is wrong with it, it is made anew."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

import ispctl
from ispctl.digests import blake2b
from ispctl.index._parts import (
    CLAIM,
    DUE,
    ERROR,
    FACT,
    FILE,
    KIND,
    META,
    PLACE,
    SPAN,
    TURN,
    USE,
    WARNING,
    Damaged,
    Parts,
)
from ispctl.model.problem import Problem, Where
from ispctl.repo.facts import Facts, Tally
from ispctl.repo.traits import hashed
from ispctl.structs import Struct, as_dict

Span = tuple[bytes, bytes]
Held = tuple[bytes, bytes, int]
_CLAIMS: Final = "SELECT hash, file FROM claim WHERE hash IN ({})"
_FIRST: Final = itemgetter(0)
_MADE_BY: Final = ("model", "repo", "desired", "money", "index", "states.py", "cpe/profiles")


class Turning(NamedTuple):
    """A moment (seconds) at which time changes service `number` of a file, and whether it loses something then."""

    at: int
    number: int
    loses: bool


class Sold(NamedTuple):
    """Service `number` of a file as one of many on its tariff, at the moment at which the rules judged. Who is of the
    same `kind` is alike in all on which it depends what another rate means; 0: each has a reason of its own. Also as
    one of many in a state other than active, or of those of whom no file tells it; an account as one that owes."""

    one_of: int
    """What they share, hashed."""
    number: int
    kind: int
    owner: str
    login: int
    """Hashed as it is written."""


class Member(Struct):
    """Who has a tariff, or whatever else is shared: the file, and what it says of this service; see Sold."""

    file: int
    kind: int
    owner: str
    login: int


class Row(Struct):
    """What is remembered of one file."""

    path: str
    claims: Sequence[int] = ()
    uses: Sequence[int] = ()
    spans: Sequence[Held] = ()
    due: Sequence[int] = ()
    turns: Sequence[Turning] = ()
    sold: Sequence[Sold] = ()
    problems: Sequence[Problem] = ()
    tallies: Sequence[Tally] = ()


class File:
    """One opened index: what it says of the commit at which it stands. Raises sqlite3.Error where it is damaged."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._parts = Parts(database)
        meta = {str(name): str(value) for name, value in self._parts.rows(META)}
        self.commit = meta["commit"]
        self.checked = int(meta["checked"])
        """The moment (seconds) at which the rules judged."""
        self.count = int(meta["files"])
        """Files."""

    def close(self) -> None:
        self._database.close()

    @classmethod
    def open(cls, path: Path) -> File | None:
        """None where there is none that this version made, or none that can be read."""
        try:
            database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        except sqlite3.Error:
            return None
        try:
            if not path.stat().st_size:
                raise sqlite3.DatabaseError
            ((made,),) = database.execute("SELECT value FROM meta WHERE name = 'made'").fetchall()
            if made != fingerprint():
                raise sqlite3.DatabaseError
            database.execute("BEGIN")  # one state, whoever moves it meanwhile
            return cls(database)
        except (sqlite3.Error, OSError, ValueError, KeyError):
            database.close()
            return None

    # what it says

    def facts(self) -> Facts:
        rows = self._parts.rows(FACT)
        return Facts({Tally(kind, value, until): count for kind, value, until, count in rows})

    def paths(self, numbers: Iterable[int]) -> Iterator[str]:
        return (path for _, path, *_ in self._parts.of(FILE, *numbers))

    def numbers(self, paths: Iterable[str]) -> Iterator[int]:
        return (number for _, number in self._parts.of(PLACE, *paths))

    def below(self, folder: str) -> Iterator[str]:
        """Every file in a folder."""
        rows = self._parts.rows(PLACE, (f"{folder}/", PLACE.least[1]), (f"{folder}0", PLACE.least[1]))
        return (path for path, _ in rows)

    def claiming(self, hashes: Iterable[int]) -> set[int]:
        """The files that claim one of these."""
        return {number for _, number in self._parts.of(CLAIM, *hashes)}

    def using(self, hashes: Iterable[int]) -> set[int]:
        return {number for _, number in self._parts.of(USE, *hashes)}

    def members(self, one_of: int) -> Iterator[Member]:
        """The services that share something, as they were at the moment at which the rules judged."""
        return (Member(file, *rest) for _, file, _, *rest in self._parts.of(KIND, one_of))

    def touching(self, span: Span) -> Iterator[int]:
        """The files that hold an address inside these, or around them. Prefixes are nested or apart."""
        first, last = span
        inside = self._parts.rows(SPAN, (first, SPAN.least[1]), (last, SPAN.most[1]))
        around = (self._parts.rows(SPAN, wider, wider) for wider in _wider(first))
        return (number for _, _, number, _ in chain(inside, *around))

    def spans(self, without: Collection[int]) -> Iterator[Held]:
        """What subscribers hold, but those of these files."""
        return ((first, last, until) for first, last, number, until in self._parts.rows(SPAN) if number not in without)

    def unlike(self, given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Of (service, login) those that no file has together; a service is "sub-000123/main". No sum is looked at:
        damage can only make more of them, who are then looked at themselves."""
        hashes = [(hashed("id", o.partition("/")[0]), hashed("login", login.casefold())) for o, login in given]
        holders: dict[int, set[int]] = defaultdict(set)
        wanted = sorted({one for pair in hashes for one in pair})
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            for hash_, number in self._database.execute(_CLAIMS.format(",".join("?" * len(part))), part):
                holders[hash_].add(number)
        return [one for one, (id, login) in zip(given, hashes, strict=True) if not holders[id] & holders[login]]

    def due(self, since: int, until: int) -> set[int]:
        """The files that the rules may judge otherwise since."""
        rows = self._parts.rows(DUE, (since + 1, DUE.least[1]), (until, DUE.most[1])) if since < until else ()
        return {number for _, number in rows}

    def turned(self, since: int, until: int) -> set[int]:
        """The files of which time has changed a service meanwhile."""
        rows = self._parts.rows(TURN, (since + 1, TURN.least[1]), (until, TURN.most[1])) if since < until else ()
        return {number for _, number, *_ in rows}

    def errors(self, without: Collection[int]) -> Iterator[Problem]:
        """The errors of all files but these."""
        return (_problem(text) for number, _, text in self._parts.rows(ERROR) if number not in without)

    def failing(self) -> Iterator[str]:
        """The files with errors."""
        return self.paths(number for number, *_ in self._parts.rows(ERROR))

    def unread(self) -> Iterator[str]:
        """The files among which those are that cannot be read."""
        return self.paths(number for number, _, text in self._parts.rows(ERROR) if text.startswith('["E0'))

    def problems(self, without: Collection[int]) -> Iterator[Problem]:
        found = chain(self._parts.rows(ERROR), self._parts.rows(WARNING))
        return (_problem(text) for number, _, text in found if number not in without)

    def next_turn(self, now: int, without: Collection[int]) -> int | None:
        """The first moment after `now` at which time changes a service of any file but these."""
        rows = self._parts.rows(TURN, (now + 1, TURN.least[1]))
        return next((at for at, number, *_ in rows if number not in without), None)

    def losing(self, since: int, until: int, without: Collection[int]) -> int:
        """How many services lose something at a moment after `since`, up to `until`; not of these files."""
        rows = self._parts.rows(TURN, (since + 1, TURN.least[1]), (until, TURN.most[1]))
        return len({(number, service) for _, number, service, loses in rows if loses and number not in without})

    def twins(self) -> Iterator[tuple[int, str]]:
        """(hash, path) of every claim that more than one file makes. Looks at all claims."""
        groups = ((hash_, [number for _, number in rows]) for hash_, rows in groupby(self._parts.rows(CLAIM), _FIRST))
        several = [(hash_, numbers) for hash_, numbers in groups if len(numbers) > 1]
        return ((hash_, path) for hash_, numbers in several for path in self.paths(numbers))

    def shared(self) -> set[int]:
        """The files that claim what another one claims too, or hold addresses inside those of another. For whoever
        makes it: nothing is looked at but what has just been written."""
        rows = self._database.execute(
            "SELECT DISTINCT file FROM claim WHERE hash IN (SELECT hash FROM claim GROUP BY hash HAVING count(*) > 1)"
        )
        found = {number for (number,) in rows}
        above: list[tuple[bytes, int]] = []
        for first, last, number in self._database.execute(
            "SELECT first, last, file FROM span ORDER BY first, last DESC"
        ):
            while above and above[-1][0] < first:
                above.pop()
            found |= {other for _, other in above} | {number} if above else set()
            above.append((last, number))
        return found


@cache
def fingerprint() -> str:
    """What an index is made by: another version reads, judges or remembers otherwise."""
    folder = os.path.dirname(ispctl.__file__)
    made = blake2b(digest_size=32)
    for part in _MADE_BY:
        for file in sorted(_sources(os.path.join(folder, part))):
            with open(file, "rb", buffering=0) as source:
                made.update(source.read())
    return made.hexdigest()


def _sources(place: str) -> Iterator[str]:
    """A file, or what is written in a folder and below. Every command asks, and pathlib would take twice as long."""
    if not os.path.isdir(place):
        yield place
    for folder, _, names in os.walk(place):
        yield from (os.path.join(folder, name) for name in names if name.endswith((".py", ".yaml")))


def throw_away(place: Path | None, error: sqlite3.Error) -> None:
    """Leave a damaged file to nobody; one that is only in use, or cannot be read for another reason, stays."""
    if place is not None and type(error) in {Damaged, sqlite3.DatabaseError}:
        with suppress(OSError):
            place.unlink(missing_ok=True)


def _wider(first: bytes) -> Iterator[Span]:
    """The prefixes around an address, as spans."""
    family, packed = first[:1], first[1:]
    bits, number = len(packed) * 8, int.from_bytes(packed)
    for host in range(1, bits + 1):
        low = number >> host << host
        high = low | ((1 << host) - 1)
        yield family + low.to_bytes(len(packed)), family + high.to_bytes(len(packed))


def text_of(problem: Problem) -> str:
    """A problem as it is remembered."""
    return json.dumps([problem.code, problem.text, as_dict(problem.where) if problem.where else None, problem.advice])


def _problem(text: str) -> Problem:
    try:
        code, said, where, advice = json.loads(text)
        return Problem(code, said, Where(**where) if where else None, advice)
    except (ValueError, TypeError) as error:
        raise Damaged("a problem in the index cannot be read") from error
