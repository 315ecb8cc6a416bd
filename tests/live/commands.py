"""The commands as they are typed, and what a lab of theirs leaves running."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psutil

from tests import quick


def command(*words: object, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": quick.path(), "HOME": "/nonexistent", **env}
    kept |= {name: os.environ[name] for name in ("TMPDIR", "ISPCTL_TEST_RUN") if name in os.environ}
    return subprocess.run(
        list(map(str, words)), cwd=folder, env=kept, capture_output=True, text=True, check=False, timeout=240
    )


def lab_processes(folder: Path) -> list[psutil.Process]:
    """The server and the stand-ins that run from a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(folder) in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found
