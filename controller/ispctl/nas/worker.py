"""What a worker near the devices does with a batch of jobs. `dask worker` imports it; the scheduler does too."""

from __future__ import annotations

import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from ispctl.digests import sha256
from ispctl.nas.job import Answer, Job, safely, work
from ispctl.platforms.device import Login
from ispctl.structs import replace

if TYPE_CHECKING:
    from distributed import Worker

FRESH: Final = 0.25
"""Seconds for which an answer of the scheduler is believed."""
PATIENCE: Final = 3.0
"""Seconds for which it is waited for."""
PROFILED: Final = "its worker is profiled: start it with DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False"
"""dask looks at the stacks of all threads a hundred times a second, and in Python 3.11 the whole process stands still
for ever where garbage is collected within that (CPython gh-106883); with drivers it soon is."""


class Parcel:
    """Jobs on their way. Whatever shows a task shows their number, and nothing of them."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._count, self._packed = len(jobs), pickle.dumps(tuple(jobs))

    def __repr__(self) -> str:
        return f"<{self._count} jobs>"

    def opened(self) -> tuple[Job, ...]:
        """The jobs."""
        # Whoever reaches a scheduler may run anything on its workers, with pickles or without: TLS is what keeps it.
        return cast("tuple[Job, ...]", pickle.loads(self._packed))  # noqa: S301


def do(parcel: Parcel) -> list[Answer]:
    """All jobs of a batch, side by side. Nothing is raised. A batch that its scheduler has given to somebody else, or
    forgotten, writes nothing from then on."""
    from dask import config
    from distributed import get_worker

    from ispctl.nas.fleet import Fleet

    if config.get("distributed.worker.profile.enabled"):
        return [Answer(job.login.host, "unreachable", code="E810", text=PROFILED) for job in parcel.opened()]
    worker = get_worker()
    wanted, jobs = _Fence(worker, worker.get_current_task()), parcel.opened()
    return list(Fleet(workers=len(jobs)).run(jobs, do=lambda job: leased(job, wanted)).values())


class _Fence:
    """Whether a task is still this worker's. A network that was cut shows on no connection for minutes, so that the
    scheduler is asked; who has no answer is on the wrong side."""

    def __init__(self, worker: Worker, key: Any) -> None:
        self._worker, self._key = worker, key
        self._lock = threading.Lock()
        self._until = 0.0

    def __call__(self) -> bool:
        task, comm = self._worker.state.tasks.get(self._key), self._worker.batched_stream.comm
        if task is None or task.state != "executing" or comm is None or comm.closed():
            return False
        with self._lock:
            if time.monotonic() >= self._until and self._asked():
                self._until = time.monotonic() + FRESH
            return time.monotonic() < self._until

    def _asked(self) -> bool:
        from distributed.utils import sync

        worker = self._worker
        try:
            ask = worker.scheduler.processing
            found = sync(worker.loop, ask, workers=[worker.address], callback_timeout=PATIENCE)
        except (OSError, TimeoutError, KeyError, ValueError, RuntimeError):
            return False
        return any(self._key in keys for keys in found.values())


def leased(job: Job, wanted: Callable[[], bool]) -> Answer:
    """Do a job while no other worker of this machine speaks to its device; waiting for that is part of its time."""
    host, began = job.login.host, time.monotonic()
    with _lease(job.login, job.deadline / 2) as ours:
        if not ours:
            return Answer(host, "unreachable", code="E810", text="another worker speaks to it")
        left = replace(job, deadline=job.deadline - (time.monotonic() - began))
        return safely(left, lambda one: work(one, wanted))


@contextmanager
def _lease(login: Login, patience: float) -> Iterator[bool]:
    """A name of the kernel's, which is free again when its process ends, however it ends (unix(7), abstract)."""
    from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

    device = sha256(f"{login.host} {login.address} {login.port}".encode()).hexdigest()[:32]
    again = Retrying(
        stop=stop_after_delay(patience), wait=wait_fixed(0.1), retry=retry_if_exception_type(OSError), reraise=False
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as held:
        try:
            again(held.bind, f"\0ispctl-nas-{device}")
        except RetryError:
            yield False
        else:
            yield True
