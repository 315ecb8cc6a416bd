"""Devices that workers elsewhere speak to, by dask.distributed; nobody else knows that it is there.

Only jobs go there and only answers come back. A batch may be begun twice, on another worker where the first is lost;
that is harmless (`worker`, `job`).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from ispctl.nas.job import Answer, Job
from ispctl.nas.worker import Parcel, do

if TYPE_CHECKING:
    from distributed import Client, Future
    from nornir.core.inventory import Host
    from nornir.core.task import AggregatedResult, Task

ANSWER: Final = "answer"
"""Where a host of Nornir's keeps what a worker said of it."""
BATCH: Final = 25
"""Jobs of a task; a task each would cost the scheduler more than the devices take."""
Done = Callable[[Answer], None]


@dataclass(frozen=True)
class Far:
    """Where the workers are met. `scheduler`: tls://host:port; the certificates are those of dask's own configuration.
    `label`: how groups begin that say of a host which workers reach it. `patience`: seconds that a site without a
    worker is waited for."""

    scheduler: str
    label: str = ""
    patience: float = 60.0

    def site(self, groups: Collection[str]) -> str:
        """The label of the workers that reach a host of these groups; empty: any of them."""
        return min((name for name in groups if self.label and name.startswith(self.label)), default="")


class Workers:
    """A runner of Nornir's: the task finds the answer of a worker with its host."""

    def __init__(self, far: Far) -> None:
        self._far = far

    def run(self, task: Task, hosts: list[Host]) -> AggregatedResult:
        from nornir.core.task import AggregatedResult

        found, left = AggregatedResult(task.name), {host.name: host for host in hosts}

        def done(answer: Answer) -> None:
            if host := left.pop(answer.host, None):
                host.data[ANSWER] = answer
                found[host.name] = task.copy().start(host)

        text = _ask(self._far, [host["job"] for host in hosts], done)
        for name in list(left):
            done(_unreachable(name, text))
        return found


def _ask(far: Far, jobs: Sequence[Job], done: Done) -> str:
    """Tells each answer as it comes. Why there is none for the others."""
    try:
        import distributed
    except ModuleNotFoundError:
        return "targets.yaml says runner: dask, which is not installed; pip install 'ispctl[distributed]'"
    del distributed
    for name in ("distributed", "distributed.client", "distributed.gc", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what it says is said here, once and in words
    try:
        asyncio.run(_Round(far, jobs, done).run())
    except (OSError, TypeError, ValueError, RuntimeError) as error:  # TypeError: TLS without certificates
        reason = "its certificates are not configured" if isinstance(error, TypeError) else _reason(error)
        return f"the scheduler {far.scheduler} cannot be reached: {reason}"
    return f"the connection to the scheduler {far.scheduler} was lost"


def _reason(error: Exception) -> str:
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    return f"{type(root).__name__} ({root.strerror})" if isinstance(root, OSError) and root.strerror else "no answer"


class _Round:
    """All jobs of one run, while their workers are at it."""

    def __init__(self, far: Far, jobs: Sequence[Job], done: Done) -> None:
        self._far, self._done = far, done
        self._longest = max(job.deadline for job in jobs)
        self._sites: dict[str, list[Job]] = defaultdict(list)
        for job in jobs:
            self._sites[job.site].append(job)
        self._left: dict[asyncio.Task[list[Answer]], tuple[str, tuple[Job, ...], Future[list[Answer]]]] = {}

    async def run(self) -> None:
        """Until each job has an answer, or the connection is lost. Raises OSError and what TLS raises."""
        from distributed import Client

        client = Client(self._far.scheduler, asynchronous=True, timeout=self._far.patience, set_as_default=False)  # type: ignore[no-untyped-call]
        try:
            await client
            for site, number, jobs in self._batches():
                name = f"nas-{site or 'any'}-{secrets.token_hex(8)}-{number}"
                resources = {site: 1} if site else None
                future = client.submit(do, Parcel(jobs), key=name, resources=resources, pure=False)
                self._left[asyncio.create_task(_answers(future, jobs))] = site, jobs, future
            await self._wait(client)
        finally:
            with suppress(OSError):
                await client.close(timeout=5)  # type: ignore[no-untyped-call]

    def _batches(self) -> Iterator[tuple[str, int, tuple[Job, ...]]]:
        numbers = count()
        for site, jobs in sorted(self._sites.items()):
            for first in range(0, len(jobs), BATCH):
                yield site, next(numbers), tuple(jobs[first : first + BATCH])

    async def _wait(self, client: Client) -> None:
        """A site that has no worker for as long as we are patient is given up, and so is everything where nobody has
        answered for longer than a batch may take."""
        clock, patience = asyncio.get_running_loop().time, self._far.patience
        answered = clock()
        alone = dict.fromkeys(self._sites, answered)
        """Since when a site has no worker."""
        while self._left:
            finished, _ = await asyncio.wait(
                self._left, timeout=min(1.0, patience), return_when=asyncio.FIRST_COMPLETED
            )
            for task in finished:
                self._told(task.result(), task)
                answered = clock()
            if finished:
                continue
            labels = await asyncio.wait_for(_labels(client), patience)
            alone |= {site: clock() for site in alone if site in labels}
            for site, since in alone.items():
                if clock() - since >= patience:
                    self._give_up({site}, f"no worker of {site or 'any site'} for {patience:g} s")
            if clock() - answered >= patience + self._longest:
                self._give_up(alone, f"no worker has answered for {patience + self._longest:g} s")

    def _give_up(self, sites: Collection[str], text: str) -> None:
        """The scheduler forgets their batches; a worker that is at one of them writes nothing any more."""
        for task, (site, jobs, future) in list(self._left.items()):
            if site in sites:
                task.cancel()
                future.release()  # type: ignore[no-untyped-call]
                self._told([_unreachable(job.login.host, text) for job in jobs], task)

    def _told(self, answers: Sequence[Answer], task: asyncio.Task[list[Answer]]) -> None:
        del self._left[task]
        for answer in answers:
            self._done(answer)


async def _answers(future: Future[list[Answer]], jobs: Sequence[Job]) -> list[Answer]:
    """What became of a batch; what was raised stays where it was."""
    from concurrent.futures import CancelledError

    try:
        answers: list[Answer] = await future
    except CancelledError:
        return [_unreachable(job.login.host, "the connection to the scheduler was lost") for job in jobs]
    except Exception as error:  # noqa: BLE001  whatever a worker raised: its words may hold what it was sent
        text = f"the workers that took it failed ({type(error).__name__})"
        return [_unreachable(job.login.host, text) for job in jobs]
    return answers


async def _labels(client: Client) -> set[str]:
    """Of all workers that are there; with the empty one where there is any. Raises OSError."""
    assert client.scheduler is not None
    found = await client.scheduler.identity(n_workers=-1)
    workers = found["workers"].values()
    return {label for worker in workers for label in ("", *worker["resources"])}


def _unreachable(host: str, text: str) -> Answer:
    return Answer(host, "unreachable", code="E810", text=text)
