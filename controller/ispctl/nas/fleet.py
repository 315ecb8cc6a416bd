"""Many devices at a time, by Nornir; nobody else knows that it is there."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ispctl.nas.far import ANSWER, Far, Workers
from ispctl.nas.job import Answer, Job, safely, work
from ispctl.platforms.device import get_ready
from ispctl.structs import Struct

if TYPE_CHECKING:
    from nornir.core import Nornir
    from nornir.core.inventory import Host
    from nornir.core.plugins.runners import RunnerPlugin
    from nornir.core.task import AggregatedResult, MultiResult, Result, Task

Progress = Callable[[str, int, int], None]


class Fleet(Struct):
    """Speaks to so many devices side by side, each with so many attempts."""

    workers: int = 50
    attempts: int = 3
    far: Far | None = None
    """Workers elsewhere that do it instead of threads of this process."""

    def run(
        self,
        jobs: Sequence[Job],
        progress: Progress = lambda *_: None,
        what: str = "NAS",
        do: Callable[[Job], Answer] = work,
    ) -> dict[str, Answer]:
        """Do each job on its device; one answer per host. A device that says nothing until its deadline is
        unreachable, and holds up nobody else."""
        if not jobs:
            return {}
        for platform in () if self.far else sorted({job.login.platform for job in jobs}):
            get_ready(platform)
        answers: dict[str, Answer] = {}
        ours = threading.Lock()

        def done(answer: Answer) -> None:
            with ours:
                answers.setdefault(answer.host, answer)
                progress(what, len(answers), len(jobs))

        def task(task: Task) -> Result:
            from nornir.core.task import Result

            answer = task.host.data.get(ANSWER) or safely(task.host["job"], do)
            done(answer)
            return Result(host=task.host, failed=not answer.fine)

        _nornir(jobs, Workers(self.far) if self.far else _Deadlines(self.workers)).run(task=task, on_failed=True)
        for job in jobs:
            late = f"no end within {job.deadline:g} s"
            answers.setdefault(job.login.host, Answer(job.login.host, "unreachable", code="E810", text=late))
        return dict(answers)


def _nornir(jobs: Sequence[Job], runner: RunnerPlugin) -> Nornir:
    """Nornir with our inventory: the hosts come from the loaded repository, and no file is read again."""
    from nornir.core import Nornir
    from nornir.core.inventory import Defaults, Groups, Host, Hosts, Inventory

    hosts = {
        job.login.host: Host(
            name=job.login.host,
            hostname=job.login.address,
            port=job.login.port,
            platform=job.login.platform,
            data={"job": job},
        )
        for job in jobs
    }
    return Nornir(inventory=Inventory(Hosts(hosts), Groups(), Defaults()), runner=runner)


class _Deadlines:
    """A runner of threads that waits for nobody longer than his job may take: Nornir's own waits for ever. A thread
    that hangs is left behind, and ends with the process."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, task: Task, hosts: list[Host]) -> AggregatedResult:
        from nornir.core.task import AggregatedResult

        board, found = _Board(task, hosts), AggregatedResult(task.name)
        for _ in range(min(self._workers, len(hosts))):
            board.another()
        while board.left:
            for name in board.late():
                del board.left[name]
                board.another()  # the thread of this one may never come back
            for name, result in board.ended():
                found[name] = result
        return found


class _Board:
    """Who waits, who is at work since when, and who has ended."""

    def __init__(self, task: Task, hosts: Sequence[Host]) -> None:
        self.left = {host.name: host for host in hosts}
        self._task = task
        self._began: dict[str, float] = {}
        self._waiting: queue.SimpleQueue[Host] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[tuple[str, MultiResult]] = queue.SimpleQueue()
        for host in hosts:
            self._waiting.put(host)

    def another(self) -> None:
        """One more thread, which does one job after another until nobody waits."""
        threading.Thread(target=self._loop, daemon=True, name="ispctl-nas").start()

    def late(self) -> list[str]:
        """Whose deadline has passed."""
        return [name for name in self.left if self._left(name) <= 0]

    def ended(self) -> Iterator[tuple[str, MultiResult]]:
        """The next that has ended, if one does before somebody is late."""
        patience = min((self._left(name) for name in self.left), default=0.0)
        with suppress(queue.Empty):
            name, result = self._ended.get(timeout=max(min(patience, 1.0), 0.01))
            if self.left.pop(name, None) is not None:
                yield name, result

    def _left(self, name: str) -> float:
        """Seconds that a host has; those who wait have more than enough."""
        began = self._began.get(name)
        return 3600.0 if began is None else began + float(self.left[name]["job"].deadline) - time.monotonic()

    def _loop(self) -> None:
        with suppress(queue.Empty):
            while True:
                host = self._waiting.get_nowait()
                self._began[host.name] = time.monotonic()
                self._ended.put((host.name, self._task.copy().start(host)))
