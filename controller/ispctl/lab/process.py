"""Processes of ours that live on: started with a small environment, known by pid and birth, ended by nothing less."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

from ispctl.structs import Struct

_SAME: Final = 2.0  # seconds that the system's idea of when it booted may move
_BECOMING: Final = 10.0
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Process(Struct):
    """A process we started. A pid alone may be somebody else's by now: birth (seconds since 1970) and command tell."""

    pid: int
    born: float
    command: tuple[str, ...]
    kindly: int = signal.SIGTERM
    """The signal that asks it to end."""

    def as_json(self) -> dict[str, Any]:
        return {"pid": self.pid, "born": self.born, "command": list(self.command), "kindly": self.kindly}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Process:
        return cls(int(data["pid"]), float(data["born"]), tuple(data["command"]), int(data["kindly"]))

    @property
    def running(self) -> bool:
        return self._alive() is not None

    def stop(self, timeout: float = 5.0) -> bool:
        """End it, kindly first; waits until it is gone. False when it was not running any more."""
        process = self._alive()
        if process is None:
            return False
        for end in (self.kindly, signal.SIGKILL):
            try:
                process.send_signal(end)
                process.wait(timeout)
            except psutil.NoSuchProcess:
                return True
            except psutil.TimeoutExpired:
                continue
            return True
        return True

    def _alive(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.born) > _SAME:
                return None
            # One that is just dying has no command any more; it is ours until it can be taken out of the table.
            if _command(process) not in (self.command, ()):
                return None
            return None if process.status() == psutil.STATUS_ZOMBIE and self._buried() else process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None

    def _buried(self) -> bool:
        """Take a dead child out of the table. False while threads of it are still on their way out."""
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
        except ChildProcessError:
            return True  # its parent, or init, does that


def _command(process: psutil.Process) -> tuple[str, ...]:
    try:
        return tuple(process.cmdline())
    except psutil.ZombieProcess:
        return ()


def start(
    command: Sequence[str], output: Path, env: Mapping[str, str] | None = None, *, by: Sequence[str] = ()
) -> Process:
    """Start `command` in a session of its own, what it prints appended to `output` (mode 0600).

    It gets PATH, LANG and `env`, and nothing else of our environment: no key of ours lives on in it. Raises OSError.
    `by`: a program that becomes `command`, such as one that changes the user.
    """
    surroundings = {"PATH": _PATH, "LANG": "C.UTF-8", **(env or {})}
    log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        files = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), *((os.POSIX_SPAWN_DUP2, log, n) for n in (1, 2))]
        words = [*by, *command]
        pid = os.posix_spawn(words[0], words, surroundings, file_actions=files, setsid=True)
    finally:
        os.close(log)
    process = Process(pid, psutil.Process(pid).create_time(), tuple(command))
    if by:
        wait_for(lambda: _became(psutil.Process(pid), tuple(words)), _BECOMING)
    return process


def _became(process: psutil.Process, words: tuple[str, ...]) -> bool:
    """Whether it is another program by now, or dead. While it becomes one, the first time too, it has no command."""
    return _command(process) not in (words, ()) or process.status() == psutil.STATUS_ZOMBIE


def wait_for(condition: Callable[[], bool], timeout: float) -> bool:
    """Whether `condition` came true within `timeout` seconds; looks a hundred times a second."""
    pause = threading.Event()
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.01)
    return True
