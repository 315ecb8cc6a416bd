"""Nothing stays behind: no process, no socket, no file in the work tree."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil

MARK = "ISPCTL_TEST_RUN"
CACHES = (".venv/", ".mypy_cache/", ".ruff_cache/", ".pytest_cache/", ".import_linter_cache/", ".hypothesis/", "build/")
PATIENCE = 3.0
TRACKER = "from multiprocessing.resource_tracker import main"
"""Python's own beside a process that has spawned others: it ends with it."""


def own_leftovers() -> list[str]:
    """Children and sockets of this very process, once they have had time to go."""
    me = psutil.Process()
    found = _patiently(lambda: [_name(child) for child in me.children(recursive=True) if not _tracks(child)])
    sockets = [s for s in me.net_connections(kind="inet") if s.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)]
    return [f"process left: {name}" for name in found] + [f"socket left: {_address(s)}" for s in sockets]


def strays(run: str, folder: Path, known: set[int]) -> list[str]:
    """Processes that went their own way: they carry the mark of this run, or work in its temporary folder."""
    return [f"process left: {name}" for name in _patiently(lambda: list(_strays(run, folder, known)))]


def _strays(run: str, folder: Path, known: set[int]) -> list[str]:
    found = []
    for process in psutil.process_iter():
        if process.pid in known:
            continue
        try:
            words = [*process.cmdline(), process.cwd()]
            marked = process.environ().get(MARK) == run
        except (psutil.Error, OSError):
            continue
        if (marked or any(str(folder) in word for word in words)) and not any(TRACKER in word for word in words):
            found.append(_name(process))
    return found


def _patiently(look: object) -> list[str]:
    """What is still there after a moment: a child that is just ending is not left behind."""
    assert callable(look)
    deadline = time.monotonic() + PATIENCE
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return list(found)


def _tracks(process: psutil.Process) -> bool:
    try:
        return any(TRACKER in word for word in process.cmdline())
    except psutil.Error:
        return False


def _name(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:200] or process.name()}"
    except psutil.Error:
        return f"{process.pid}"


def _address(connection: object) -> str:
    return str(getattr(connection, "laddr", connection))


def tree(root: Path) -> set[str]:
    """The work tree as git sees it, ignored files too, without the caches of the tools."""
    command = ["git", "-C", str(root), "status", "--porcelain", "--ignored", "--untracked-files=all"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    lines = done.stdout.splitlines()
    return {line for line in lines if not line[3:].startswith(CACHES) and "__pycache__/" not in line}
