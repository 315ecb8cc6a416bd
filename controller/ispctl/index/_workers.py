"""All cores, where there is work for them: processes that read parts of a commit, each with git of its own."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from typing import Final

from ispctl.index._file import Row
from ispctl.index._rows import rows
from ispctl.repo import Entry, Repository

AHEAD: Final = 2
"""Parts that wait for each process; more would only fill memory."""
_mine: list[tuple[Repository, str, datetime]] = []


def several(
    reopen: Callable[[], Repository], commit: str, chunks: Iterable[list[Entry]], now: datetime
) -> Iterator[list[Row]]:
    """The rows of each part, in order. Processes are spawned, not forked: a fork would share git's pipes."""
    count = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(count, get_context("spawn"), _begin, (reopen, commit, now)) as pool:
        waiting: deque[Future[list[Row]]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(_rows, chunk))
            if len(waiting) > count * AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _begin(reopen: Callable[[], Repository], commit: str, now: datetime) -> None:
    _mine.append((reopen(), commit, now))


def _rows(chunk: list[Entry]) -> list[Row]:
    repository, commit, now = _mine[0]
    return list(rows(repository.chunk(commit, chunk), [entry.path for entry in chunk], now))
