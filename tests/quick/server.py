"""The process that has loaded the program and forks for each command. It ends when its standard input does."""

from __future__ import annotations

import gc
import os
import selectors
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from socket import AF_UNIX, SOCK_SEQPACKET, recv_fds, socket
from typing import Final, NamedTuple

BESIDE: Final = (
    *("asyncssh", "concurrent.futures", "cryptography.hazmat.primitives.ciphers.aead", "jinja2.sandbox", "lxml.etree"),
    *("multiprocessing.synchronize", "paramiko", "prometheus_client.core", "psutil", "psycopg2.extensions"),
    *("pyrad.packet", "pyrage", "requests", "rich.progress", "structlog", "tenacity"),
)
"""What commands import where they need it, beside their own."""


class Running(NamedTuple):
    """A command: who asked for it, and what tells that it ended."""

    child: int
    caller: socket
    end: int


class Server:
    """Forks where somebody knocks at `door`."""

    def __init__(self, door: str) -> None:
        self._door = socket(AF_UNIX, SOCK_SEQPACKET)
        self._door.bind(door)
        self._door.listen(99)
        self._ready = selectors.DefaultSelector()
        self._ready.register(0, selectors.EVENT_READ)
        self._ready.register(self._door, selectors.EVENT_READ)
        self._running: set[Running] = set()

    def serve(self) -> Callable[[], None] | None:
        """Returns in a child with what that is to do, and here with nothing when nobody is left."""
        while True:
            for key, _ in self._ready.select():
                if key.fd == 0:
                    return None
                if key.data is None:
                    if command := self._begin():
                        return command
                elif key.data in self._running:
                    self._end(key.data)

    def _begin(self) -> Callable[[], None] | None:
        caller, _ = self._door.accept()
        request, streams, _, _ = recv_fds(caller, 1 << 20, 3)
        if not request:
            caller.close()
            return None
        child = os.fork()
        if not child:
            caller.close()
            self._close()
            return lambda: become(request, streams)
        for stream in streams:
            os.close(stream)
        running = Running(child, caller, os.pidfd_open(child))
        self._running.add(running)
        self._ready.register(running.end, selectors.EVENT_READ, running)
        self._ready.register(caller, selectors.EVENT_READ, running)
        _tell(caller, child)
        return None

    def _end(self, running: Running) -> None:
        """It has ended; or who asked for it was killed, and so is it."""
        found, status = os.waitpid(running.child, os.WNOHANG)
        if not found:
            os.kill(running.child, signal.SIGKILL)
            _, status = os.waitpid(running.child, 0)
        _tell(running.caller, os.waitstatus_to_exitcode(status))
        self._ready.unregister(running.end)
        self._ready.unregister(running.caller)
        os.close(running.end)
        running.caller.close()
        self._running.remove(running)

    def _close(self) -> None:
        self._ready.close()
        self._door.close()
        for running in self._running:
            running.caller.close()
            os.close(running.end)


def _tell(caller: socket, number: int) -> None:
    with suppress(OSError):  # nobody is there any more
        caller.send(str(number).encode())


def become(request: bytes, streams: list[int]) -> None:
    """The command, as if it had been started."""
    program, folder, count, *rest = request.split(b"\0")
    words, named = rest[: int(count)], rest[int(count) :]
    surroundings = {name: value for name, _, value in (one.partition(b"=") for one in named)}
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(folder)
    added = {name: value for name, value in os.environb.items() if name not in FIRST}
    os.environb.clear()
    os.environb.update(added | surroundings)
    time.tzset()
    tempfile.tempdir = None
    signal.signal(signal.SIGINT, signal.default_int_handler)
    path = Path(sys.executable).parent / os.fsdecode(program)
    sys.argv = [str(path), *map(os.fsdecode, words)]
    here = sys.modules["__main__"]
    here.__file__, here.__spec__ = str(path), None  # what processes that help are told to load
    module = import_module("ispctl.cli.main" if program == b"ispctl" else "ispctl.cli.stat")
    module.main()


def load() -> None:
    """Everything that a command may import."""
    import ispctl

    for found in walk_packages(ispctl.__path__, "ispctl."):
        if not found.name.endswith("__main__"):
            with suppress(ImportError):  # of what is not installed
                import_module(found.name)
    for name in BESIDE:
        import_module(name)


FIRST: Final = frozenset(os.environb)

if __name__ == "__main__":
    server = Server(sys.argv[1])
    load()
    gc.collect()
    gc.freeze()
    print(flush=True)
    if command := server.serve():
        command()
