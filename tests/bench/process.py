"""What a whole process costs: its start, its children and the database's work for it are part of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from ispctl.lab.cluster import HOST
from ispctl.lab.process import wait_for

_TIMED: Final = Path(__file__).with_name("timed.py")


@dataclass(frozen=True)
class Cost:
    """One run. Seconds; `peak` in MB is that of the largest process of its tree, the database's left out."""

    wall: float
    cpu: float
    peak: float


class Late(Exception):
    """It took longer than it may, and was ended."""


class Wrong(Exception):
    """It ended with another exit code than it should; what it said last."""


@dataclass(frozen=True)
class Run:
    """A command, and the exit code with which it has to end; None: any."""

    command: Sequence[str]
    env: Mapping[str, str]
    code: int | None = 0
    cwd: Path | None = None


def measure(run: Run, folder: Path, *, limit: float, server: int | None = None) -> Cost:
    """Run it once. `folder`: for what it prints and costs. `limit`: seconds. `server`: pid of the PostgreSQL that works
    for it. Raises Late, Wrong."""
    said, cost = folder / "said", folder / "cost"
    before = _sessions(server) if server else 0.0
    command = [sys.executable, "-I", "-S", str(_TIMED), str(cost), *run.command]
    with said.open("wb") as to:
        child = subprocess.Popen(
            command, env=run.env, cwd=run.cwd, stdin=subprocess.DEVNULL, stdout=to, stderr=to, start_new_session=True
        )
        try:
            code = child.wait(limit)
        except subprocess.TimeoutExpired:
            raise Late(f"more than {limit:,.0f} s") from None
        finally:
            if child.returncode is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    if run.code is not None and code != run.code:
        raise Wrong(f"{' '.join(run.command)}: exit code {code}\n{said.read_text('utf-8')[-2000:]}")
    wall, cpu, peak = map(float, cost.read_text("ascii").split())
    served = _sessions(server) - before if server else 0.0
    return Cost(wall, cpu + served, peak / 1024)


def _sessions(server: int) -> float:
    """CPU seconds of all sessions that a PostgreSQL had, once they are over."""
    process = psutil.Process(server)
    if not wait_for(lambda: not any(map(_serves, process.children())), 10.0):
        raise Wrong("a session of PostgreSQL does not end")
    times = process.cpu_times()
    return float(times.children_user + times.children_system)


def _serves(process: psutil.Process) -> bool:
    try:
        return f"{HOST}(" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False
