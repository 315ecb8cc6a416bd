"""Values in order, however many there are: more than fit into memory lie in a file that has no name."""

from __future__ import annotations

import heapq
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from tempfile import TemporaryFile
from typing import IO, Any, Final, Generic, TypeVar
from weakref import finalize

T = TypeVar("T")
RUN: Final = 10_000
"""So many are sorted in memory at once."""
_PIECE: Final = 100
"""So many are written and read together."""


class Spool(Generic[T]):
    """Sorted by `key`. May be gone through again and again, one at a time; nobody else can open its file. Where nothing
    can be written, all stays in memory."""

    def __init__(self, values: Iterable[T], key: Callable[[T], Any], run: int = RUN) -> None:
        self._key, self._length = key, 0
        self._file: IO[bytes] | None = None
        self._away: list[list[int]] = []
        """Where the pieces of each run begin."""
        self._here: list[Sequence[T]] = []
        last: list[T] = []
        for value in values:
            last.append(value)
            self._length += 1
            if len(last) == run:
                self._put(sorted(last, key=key))
                last = []
        self._here.append(sorted(last, key=key))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return heapq.merge(*map(self._read, self._away), *self._here, key=self._key)

    def _put(self, run: Sequence[T]) -> None:
        places = []
        try:
            if self._file is None:
                self._file = TemporaryFile()  # noqa: SIM115  # closed with this
                finalize(self, self._file.close)
            for start in range(0, len(run), _PIECE):
                places.append(self._file.seek(0, 2))
                pickle.dump(run[start : start + _PIECE], self._file, pickle.HIGHEST_PROTOCOL)
            self._file.flush()
        except OSError:
            self._here.append(run)
        else:
            self._away.append(places)

    def _read(self, places: Iterable[int]) -> Iterator[T]:
        assert self._file is not None
        for place in places:
            self._file.seek(place)
            piece: Sequence[T] = pickle.load(self._file)  # noqa: S301  # what was put away just now
            yield from piece
