"""What is said between us and a scheduler while its workers are at it. Loaded only where workers are chosen."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Final

from ispctl.nas.far import Done, Far, unreachable
from ispctl.nas.job import Answer, Job
from ispctl.nas.worker import Parcel, do

if TYPE_CHECKING:
    from distributed import Client, Future

BATCH: Final = 25
"""Jobs of a task; a task each would cost the scheduler more than the devices take."""


def conversation(far: Far, jobs: Sequence[Job], done: Done) -> None:
    """Until each job has an answer, or the connection is lost. Raises OSError and what TLS raises."""
    asyncio.run(_Round(far, jobs, done).run())


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
                self._told([unreachable(job.login.host, text) for job in jobs], task)

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
        return [unreachable(job.login.host, "the connection to the scheduler was lost") for job in jobs]
    except Exception as error:  # noqa: BLE001  whatever a worker raised: its words may hold what it was sent
        text = f"the workers that took it failed ({type(error).__name__})"
        return [unreachable(job.login.host, text) for job in jobs]
    return answers


async def _labels(client: Client) -> set[str]:
    """Of all workers that are there; with the empty one where there is any. Raises OSError."""
    assert client.scheduler is not None
    found = await client.scheduler.identity(n_workers=-1)
    workers = found["workers"].values()
    return {label for worker in workers for label in ("", *worker["resources"])}
