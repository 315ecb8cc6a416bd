"""All cores, where there is work for them: processes that do parts of it, each with a repository or a database of its
own."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ispctl.structs import Struct

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.synchronize import Barrier

With = TypeVar("With")
Part = TypeVar("Part")
T = TypeVar("T")
AHEAD: Final = 2
"""Parts that wait for each process; more would only fill memory."""
_SECONDS: Final = 30.0
"""So long a process that helped waits for the others."""


class _Mine(Struct):
    """What a process that helps is doing: the job as it was sent, what it needs beside the part, and the work."""

    job: bytes
    having: Any
    work: Callable[[Any, Any], Any]


_mine: list[_Mine] = []
_all: list[Barrier] = []
_kept: list[_Helpers | None] = []
"""Inside `kept`: who waits for work."""


def each(
    here: With, again: Callable[[], With], parts: Iterable[Part], work: Callable[[With, Part], T], alone: int | None
) -> Iterator[T]:
    """What the work gives for each part, in order. Where there are more than `alone` parts, or others wait already to
    help, these do them; None: all is done here.

    The work is called with what it needs beside the part: `here`, and in other processes what `again` opens there.
    These are sent, and so is what the work gives. Where a process is killed, what it and those after it would have done
    is done here: a part may be begun twice.
    """
    left = iter(parts)
    first = list(islice(left, 0 if alone is None else alone + 1))
    if alone is not None and first and (len(first) > alone or any(_kept)):
        yield from _several(here, again, chain(first, left), work)
        return
    for part in chain(first, left):
        yield _done(here, work, part)


def _several(
    here: With, again: Callable[[], With], parts: Iterator[Part], work: Callable[[With, Part], T]
) -> Iterator[T]:
    import pickle
    from concurrent.futures import BrokenExecutor

    helpers, job = _helpers(), pickle.dumps((again, work), pickle.HIGHEST_PROTOCOL)
    waiting: deque[Part] = deque()
    asked: deque[Future[T]] = deque()
    done = False
    try:
        while True:
            for part in islice(parts, helpers.count * AHEAD + 1 - len(waiting)):
                waiting.append(part)
                asked.append(helpers.pool.submit(_do, job, part))
            if not waiting:
                break
            found = asked.popleft().result()
            waiting.popleft()
            yield found
        helpers.let_go()
        done = True
        return
    except BrokenExecutor:
        pass
    finally:
        if not (done and _kept):
            helpers.end()
    for part in chain(waiting, parts):
        yield _done(here, work, part)


@contextmanager
def kept() -> Iterator[None]:
    """Inside, those who helped once wait for what is to be done next: each would load the program anew. What they had
    opened for one kind of work is closed by then."""
    if _kept:
        yield
        return
    _kept.append(None)
    try:
        yield
    finally:
        if (helpers := _kept.pop()) is not None:
            helpers.end()


class _Helpers:
    """The processes that help; spawned, not forked: a fork would share pipes and connections."""

    def __init__(self) -> None:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        context = get_context("spawn")
        self.count = len(os.sched_getaffinity(0))
        self.pool = ProcessPoolExecutor(self.count, context, _begin, (context.Barrier(self.count),))

    def let_go(self) -> None:
        """Let every one of them close what it has opened. Raises BrokenExecutor where one has died."""
        if _kept:
            for one in [self.pool.submit(_let_go) for _ in range(self.count)]:
                one.result()

    def end(self) -> None:
        if _kept and _kept[0] is self:
            _kept[0] = None
        self.pool.shutdown(cancel_futures=True)


def _helpers() -> _Helpers:
    """New ones, or those that wait."""
    if not _kept:
        return _Helpers()
    _kept[0] = helpers = _kept[0] or _Helpers()
    return helpers


def _begin(everybody: Barrier) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever has this process ends it, between two parts
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _all.append(everybody)


def _end_with_parent() -> None:
    """A process that waits for work does not notice that whoever had it was killed."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do(job: bytes, part: Any) -> Any:
    """The same job comes with each of its parts: nobody knows who helps."""
    if not _mine or _mine[0].job != job:
        import pickle

        _close()
        again, work = pickle.loads(job)  # noqa: S301  nobody else can write to the pipe of a process
        _mine.append(_Mine(job, again(), work))
    return _done(_mine[0].having, _mine[0].work, part)


def _let_go() -> None:
    """Whoever waits for the others here is asked only once."""
    _close()
    with suppress(threading.BrokenBarrierError):
        _all[0].wait(_SECONDS)


def _close() -> None:
    for mine in _mine:
        if isinstance(mine.having, AbstractContextManager):
            mine.having.__exit__(None, None, None)
    _mine.clear()


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
