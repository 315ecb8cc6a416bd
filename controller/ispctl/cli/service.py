"""How a service meets the system: signals that wake or end it, and what systemd is told (sd_notify(3))."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

from ispctl.loop import Stopped

END: Final = (signal.SIGTERM, signal.SIGINT)
WAKE: Final = (signal.SIGHUP, signal.SIGUSR1)
GRACE: Final = 3.0
"""Seconds in which what is under way may come to the end of its transaction; then it is cut off, which it bears."""


class Signals:
    """Which signals came. Use as a context manager, in the main thread; the handlers that were there come back."""

    def __init__(self) -> None:
        self.ending = False
        self._woken = False

    def __enter__(self) -> Signals:
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._old_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, self._came) for number in (*END, *WAKE, signal.SIGALRM)}
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_fd)
        os.close(self._read)
        os.close(self._write)

    def woken(self) -> bool:
        """Whether somebody asked for a turn now; asked once."""
        woken, self._woken = self._woken, False
        return woken

    def rest(self, seconds: float) -> None:
        """Sleep; a signal that we wait for ends it."""
        if not self.ending and not self._woken:
            select.select([self._read], [], [], seconds)
        with suppress(BlockingIOError):
            os.read(self._read, 4096)

    def wake(self) -> None:
        """End the rest; may be called by any thread."""
        with suppress(OSError):
            os.write(self._write, b"\0")

    def check(self) -> None:
        """Between two transactions: raises Stopped if we were asked to end."""
        if self.ending:
            raise Stopped

    def _came(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGALRM:
            raise Stopped
        if number in WAKE:
            self._woken = True
        elif not self.ending:
            self.ending = True
            signal.setitimer(signal.ITIMER_REAL, GRACE)


@contextmanager
def systemd(env: Mapping[str, str]) -> Iterator[Systemd]:
    """The service manager, told at the end that we end."""
    told = Systemd(env.get("NOTIFY_SOCKET", ""))
    try:
        yield told
    finally:
        told("STOPPING=1")


class Systemd:
    """Tells the service manager how we are; does nothing where there is none."""

    def __init__(self, address: str) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def __call__(self, *words: str) -> None:
        """READY=1, WATCHDOG=1, STATUS=…; a manager that does not listen is not our trouble."""
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
                door.sendto("\n".join(words).encode(), self._address)
