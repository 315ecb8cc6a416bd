"""All cores, where there is work for them: processes that do parts of it, each with a repository or a database of its
own."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

With = TypeVar("With")
Part = TypeVar("Part")
T = TypeVar("T")
AHEAD: Final = 2
"""Parts that wait for each process; more would only fill memory."""
_again: list[tuple[Callable[[], Any], Callable[[Any, Any], Any]]] = []
_mine: list[Any] = []
"""Of a process that helps: how it gets what its work needs, and that, once there was work."""


def each(
    here: With, again: Callable[[], With], parts: Iterable[Part], work: Callable[[With, Part], T], alone: int
) -> Iterator[T]:
    """What the work gives for each part, in order; the first `alone` parts are done here, before others help.

    The work is called with what it needs beside the part: `here`, and in other processes what `again` opens there.
    These are sent, and so is what the work gives. Where a process is killed, what it and those after it would have done
    is done here: a part may be begun twice.
    """
    left = iter(parts)
    for part in islice(left, alone):
        yield _done(here, work, part)
    for part in islice(left, 1):
        yield from _several(here, again, chain((part,), left), work)


def _several(
    here: With, again: Callable[[], With], parts: Iterator[Part], work: Callable[[With, Part], T]
) -> Iterator[T]:
    """Processes are spawned, not forked: a fork would share pipes and connections."""
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
    from multiprocessing import get_context

    count = len(os.sched_getaffinity(0))
    pool = ProcessPoolExecutor(count, get_context("spawn"), _begin, (again, work))
    waiting: deque[Part] = deque()
    asked: deque[Future[T]] = deque()
    try:
        while True:
            for part in islice(parts, count * AHEAD + 1 - len(waiting)):
                waiting.append(part)
                asked.append(pool.submit(_do, part))
            if not waiting:
                return
            found = asked.popleft().result()
            waiting.popleft()
            yield found
    except BrokenExecutor:
        pass
    finally:
        pool.shutdown(cancel_futures=True)
    for part in chain(waiting, parts):
        yield _done(here, work, part)


def _begin(again: Callable[[], With], work: Callable[[With, Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever has this process ends it, between two parts
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _again.append((again, work))


def _end_with_parent() -> None:
    """A process that waits for work does not notice that whoever had it was killed."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do(part: Any) -> Any:
    again, work = _again[0]
    if not _mine:
        _mine.append(again())
    return _done(_mine[0], work, part)


def _done(mine: With, work: Callable[[With, Part], T], part: Part) -> T:
    """The collector would go through a part again and again while it is worked on; it holds itself in circles, and goes
    as a whole once its work is done."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return work(mine, part)
    finally:
        gc.collect(0)
        if collects:
            gc.enable()
