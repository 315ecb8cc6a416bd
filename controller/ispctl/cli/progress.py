"""A bar on a terminal for work over a second; a line at the end of each stage elsewhere. Always on stderr."""

from __future__ import annotations

import sys
import time
from typing import Any

from ispctl.cli.common import tell

LONG = 1.0


class Progress:
    """Called with (what, done, total); a context manager, so that a bar is put away however the work ends."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            if done == total and time.monotonic() - self._began > LONG:
                tell(f"{what}: {done} of {total}")
            return
        if self._bar is None and time.monotonic() - self._began < LONG:
            return
        self._show(what, done, total)

    def _show(self, what: str, done: int, total: int) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress as Bar

            self._bar = Bar(console=Console(stderr=True), transient=True)
            self._bar.start()
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)
