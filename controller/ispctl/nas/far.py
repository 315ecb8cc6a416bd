"""Devices that workers elsewhere speak to, by dask.distributed; nobody else knows that it is there.

Only jobs go there and only answers come back. A batch may be begun twice, on another worker where the first is lost;
that is harmless (`worker`, `job`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Final

from ispctl.nas.job import Answer, Job
from ispctl.structs import Struct

if TYPE_CHECKING:
    from nornir.core.inventory import Host
    from nornir.core.task import AggregatedResult, Task

ANSWER: Final = "answer"
"""Where a host of Nornir's keeps what a worker said of it."""
Done = Callable[[Answer], None]


class Far(Struct):
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
            done(unreachable(name, text))
        return found


def _ask(far: Far, jobs: Sequence[Job], done: Done) -> str:
    """Tells each answer as it comes. Why there is none for the others."""
    try:
        import distributed
    except ModuleNotFoundError:
        return "targets.yaml says runner: dask, which is not installed; pip install 'ispctl[distributed]'"
    del distributed
    from ispctl.nas.conversation import conversation

    for name in ("distributed", "distributed.client", "distributed.gc", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what it says is said here, once and in words
    try:
        conversation(far, jobs, done)
    except (OSError, TypeError, ValueError, RuntimeError) as error:  # TypeError: TLS without certificates
        reason = "its certificates are not configured" if isinstance(error, TypeError) else _reason(error)
        return f"the scheduler {far.scheduler} cannot be reached: {reason}"
    return f"the connection to the scheduler {far.scheduler} was lost"


def _reason(error: Exception) -> str:
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    return root.strerror if isinstance(root, OSError) and root.strerror else "no answer"


def unreachable(host: str, text: str) -> Answer:
    """What is said of a device that no worker spoke to."""
    return Answer(host, "unreachable", code="E810", text=text)
