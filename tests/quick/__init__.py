"""Commands as processes of their own, without the second that each takes to load the program.

    commands() / "ispctl"       # a program
    path()                      # for PATH

Each is forked from a process that has loaded it, and has its own memory, words, surroundings, folder, streams, signals
and exit code. It does not see limits and namespaces of who starts it, and another process than the one that is started
holds files: whoever is after these, or after the start itself, starts the installed program.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.gates.example import path_with_commands
from tests.gates.tracked import ROOT

_running: list[tuple[Path, subprocess.Popen[bytes]]] = []


def commands() -> Path:
    """The folder with `ispctl` and `ispstat`. What serves them starts at the first use and ends with `stop`."""
    if not _running:
        folder = Path(tempfile.mkdtemp(prefix="ispctl-", dir="/tmp"))  # the name of a socket has to be short
        text = Path(__file__).with_name("client.py").read_text("utf-8")
        for name in ("ispctl", "ispstat"):
            (folder / name).write_text(f"#!{sys.executable} -IS\n{text}", "utf-8")
            (folder / name).chmod(0o700)
        command = [sys.executable, "-m", "tests.quick.server", str(folder / "door")]
        env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
        server = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        _running.append((folder, server))
        assert server.stdout is not None
        assert server.stdout.readline(), "it has not loaded"
        server.stdout.close()
    return _running[0][0]


def path() -> str:
    """Where a shell finds them, and everything else."""
    return f"{commands()}:{path_with_commands()}"


def stop() -> None:
    """Nothing is left of it."""
    while _running:
        folder, server = _running.pop()
        assert server.stdin is not None
        server.stdin.close()
        server.wait()
        shutil.rmtree(folder)
