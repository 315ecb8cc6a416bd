"""All cores, where there is work for them: processes that read parts of a commit, each with git of its own."""

from __future__ import annotations

import gc
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ispctl.repo import Entry, Repository

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
Work = Callable[[Repository, list[Entry]], T]
"""What is done with the files of one part. It is sent to other processes, and so is what it gives."""
AHEAD: Final = 2
"""Parts that wait for each process; more would only fill memory."""
_mine: list[tuple[Repository, Work[Any]]] = []


def each(repository: Repository, chunks: Iterable[list[Entry]], work: Work[T], alone: int) -> Iterator[T]:
    """What the work gives for each part, in order; the first `alone` parts are done here, before others help."""
    left = iter(chunks)
    first = list(islice(left, alone))
    for chunk in first:
        yield _done(repository, work, chunk)
    if len(first) == alone:
        yield from _several(repository.reopen, left, work)


def _several(reopen: Callable[[], Repository], chunks: Iterable[list[Entry]], work: Work[T]) -> Iterator[T]:
    """Processes are spawned, not forked: a fork would share git's pipes."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    count = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(count, get_context("spawn"), _begin, (reopen, work)) as pool:
        waiting: deque[Future[T]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(_do, chunk))
            if len(waiting) > count * AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _begin(reopen: Callable[[], Repository], work: Work[Any]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _mine.append((reopen(), work))


def _end_with_parent() -> None:
    """A process that waits for work does not notice that whoever had it was killed."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do(chunk: list[Entry]) -> Any:
    repository, work = _mine[0]
    return _done(repository, work, chunk)


def _done(repository: Repository, work: Work[T], chunk: list[Entry]) -> T:
    """The collector would go through a part again and again while it is read; it holds itself in circles, and goes as
    a whole once its work is done."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return work(repository, chunk)
    finally:
        gc.collect(0)
        if collects:
            gc.enable()
