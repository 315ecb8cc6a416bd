"""A bar on a terminal for work over a second; elsewhere a line now and then, and at the end. Always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from ispctl.cli.common import tell

LONG: Final = 1.0
EVERY: Final = 15.0
"""Seconds between two lines where nobody sees a bar."""


class Progress:
    """Called with (what, done, total); a context manager, so that a bar is put away however the work ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}
        self._began = clock()
        self._stages: dict[str, float] = {}
        self._said = self._began

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """So much is done of so much; of 0, where that is not known."""
        now = self._clock()
        since = self._stages.setdefault(what, now)
        if sys.stderr.isatty():
            if self._bar is not None or now - self._began >= LONG:
                self._show(what, done, total)
        elif total and done == total:
            if now - self._began > LONG:
                tell(f"{what}: {done:,} of {total:,}")
        elif now - self._said >= EVERY:
            self._said = now
            tell(f"{what}: {done:,} of {total:,}{pace(done, total, now - since)}" if total else f"{what}: {done:,}")

    def _show(self, what: str, done: int, total: int) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            pace_column = TextColumn("{task.fields[pace]}")
            own = Console(stderr=True)
            # an answer may be written meanwhile: it stays on stdout, and between the bar where that is the terminal too
            aside = sys.stdout.isatty()
            self._bar = Bar(*columns, pace_column, console=own, transient=True, redirect_stdout=aside)
            self._bar.start()
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total or None, pace="")
        took = self._clock() - self._stages[what]
        self._bar.update(self._tasks[what], completed=done, total=total or None, pace=_rate(done, took))


def pace(done: int, total: int, seconds: float) -> str:
    """How fast it goes, and how long the rest takes at that pace; nothing before there is something to tell."""
    if not done or seconds < LONG:
        return ""
    left = timedelta(seconds=round((total - done) * seconds / done))
    return f", {_rate(done, seconds)}, {left} left"


def _rate(done: int, seconds: float) -> str:
    return f"{done / seconds:,.0f} a second" if seconds >= LONG else ""
