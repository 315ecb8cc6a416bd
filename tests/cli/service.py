"""`ispctl run`, or another service, as a process of its own, and what it has said so far."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ispctl.lab.process import wait_for
from tests.gates import example


class Service:
    """A loop that is ended with the test. Its stderr goes to a file, one JSON line an event."""

    def __init__(self, repo: Path, log: Path, *words: object, verb: Sequence[str] = ("run",), **env: str) -> None:
        kept = {"PATH": example.path_with_commands(), "HOME": "/nonexistent", **env}
        kept |= {name: os.environ[name] for name in ("TMPDIR", "ISPCTL_TEST_RUN") if name in os.environ}
        command = ["ispctl", "--repo", str(repo), *verb, "--log-format", "json", *map(str, words)]
        self.log = log
        with log.open("w") as file:
            self.process = subprocess.Popen(command, env=kept, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def said(self) -> list[dict[str, Any]]:
        lines = self.log.read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.said if line["event"] == name]

    def wait(self, name: str, count: int = 1, timeout: float = 20) -> dict[str, Any]:
        """The count-th event of that name."""
        assert wait_for(lambda: len(self.events(name)) >= count, timeout), self.log.read_text("utf-8")
        return self.events(name)[count - 1]

    def end(self, signal: int) -> float:
        """Send a signal; how long it took to end."""
        began = time.monotonic()
        self.process.send_signal(signal)
        self.process.wait(timeout=20)
        return time.monotonic() - began
