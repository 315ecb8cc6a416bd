"""A scheduler and workers of dask in processes of their own, on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ispctl.lab.process import wait_for
from tests.gates.tracked import ROOT

UNPROFILED = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
STARTS = 60.0
"""Seconds that a machine with other work may take to start them."""


@dataclass
class Cluster:
    """`address` of the scheduler; the workers by pid."""

    folder: Path
    address: str
    scheduler: subprocess.Popen[bytes]
    env: Mapping[str, str]
    workers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def log(self) -> str:
        """All that they said."""
        return "".join(file.read_text("utf-8") for file in sorted(self.folder.glob("*.log")))


@contextmanager
def cluster(
    folder: Path, workers: Sequence[str], env: Mapping[str, str] | None = None, scheme: str = "tcp"
) -> Iterator[Cluster]:
    """`workers`: the resources of each, such as "pop-a=1"."""
    folder.mkdir(parents=True, exist_ok=True)
    around = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": f"{ROOT}/controller:{ROOT}",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        **UNPROFILED,
        **(env or {}),
    }
    place = folder / "scheduler"
    common = ["--dashboard-address", "127.0.0.1:0", "--protocol", scheme, "--host", "127.0.0.1"]
    with ExitStack() as stack:
        command = ["scheduler", *common, "--port", "0", "--scheduler-file", str(place)]
        scheduler = stack.enter_context(_process(command, folder, "scheduler", around))
        assert wait_for(lambda: place.exists() and b'"address"' in place.read_bytes(), STARTS)
        address = _address(place)
        found = Cluster(folder, address, scheduler, around)
        for number, resources in enumerate(workers):
            command = ["worker", address, "--no-nanny", "--nthreads", "1", "--resources", resources, *common]
            command += ["--local-directory", str(folder), "--preload", "tests.nas.far_boxes", "--name", f"w{number}"]
            child = stack.enter_context(_process(command, folder, f"worker-{number}", around))
            found.workers[child.pid] = child
        ready = b"Register worker"
        assert wait_for(lambda: _count(folder / "scheduler.log", ready) >= len(workers), STARTS), found.log()
        yield found


def _address(file: Path) -> str:
    import json

    return str(json.loads(file.read_text("utf-8"))["address"])


def _count(file: Path, words: bytes) -> int:
    return file.read_bytes().count(words)


@contextmanager
def _process(
    words: Sequence[str], folder: Path, name: str, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{name}.log").open("wb") as log:
        command = [sys.executable, "-m", "dask", *words]
        child = subprocess.Popen(command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield child
        finally:
            if child.poll() is None:
                os.kill(child.pid, 9)
            child.wait()
