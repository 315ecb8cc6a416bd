"""When what is due: moments in, moments out. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from ispctl.structs import Struct

Job = Literal["fetch", "apply", "watch", "beat", "count", "prune"]
"""Look at the branch; make the network equal to it; look whether proofs came; say that we live; delete what is old."""
Ending = Literal["done", "busy", "waiting", "locked", "stopped", "away", "refused"]
"""How an apply went: all done; NAS are looked at or configured still; something waits (gate, silent NAS); somebody else
applies; a pause, or a clock that cannot be believed; no database; no commit to apply."""

JOBS: Final[tuple[Job, ...]] = ("beat", "fetch", "watch", "count", "apply", "prune")
LOCKED: Final = timedelta(seconds=2)
FIRST: Final = timedelta(seconds=1)
MOST: Final = timedelta(seconds=30)
STANDBY: Final = timedelta(seconds=5)
PATIENT: Final = timedelta(seconds=15)


class Pace(Struct):
    """How often what is done when nothing happens. `every`: the branch is looked at; `resync`: everything is compared
    again; `beat`: a sign of life; `watch`: accounting that may prove a change, or is a first login; `count`: what was
    used; `prune`: whether a day is over since old facts were last pruned."""

    every: timedelta = timedelta(seconds=60)
    resync: timedelta = timedelta(minutes=5)
    beat: timedelta = timedelta(seconds=15)
    watch: timedelta = timedelta(seconds=15)
    count: timedelta = timedelta(seconds=60)
    prune: timedelta = timedelta(minutes=30)


def delay(failures: int, first: timedelta, most: timedelta) -> timedelta:
    """How long to wait after so many failures in a row: twice as long each time, up to `most`."""
    return min(first * (1 << min(max(failures - 1, 0), 20)), most)


class Agenda:
    """The next moment of each job. Everything is due at the beginning."""

    def __init__(self, pace: Pace, now: datetime) -> None:
        self.pace = pace
        self._at: dict[Job, datetime] = dict.fromkeys(JOBS, now)
        self._failures: dict[Job, int] = dict.fromkeys(JOBS, 0)

    def due(self, job: Job, now: datetime) -> bool:
        return self._at[job] <= now

    def now(self, now: datetime, *jobs: Job) -> None:
        """These jobs, or all of them, are due: a signal, a commit that came, a clock that leapt."""
        for job in jobs or JOBS:
            self._at[job] = now

    def wait(self, now: datetime) -> timedelta:
        """How long nothing is due; never longer than `every`, since the clock itself may be set meanwhile."""
        return min(max(min(self._at.values()) - now, timedelta()), max(self.pace.every, FIRST))

    def later(self, job: Job, now: datetime) -> None:
        """A job went well, or there was nothing to do."""
        self._failures[job] = 0
        paces: dict[Job, timedelta] = {
            "fetch": self.pace.every,
            "apply": self.pace.resync,
            "watch": self.pace.watch,
            "beat": self.pace.beat,
            "count": self.pace.count,
            "prune": self.pace.prune,
        }
        self._at[job] = now + paces[job]

    def rest(self, job: Job, until: datetime) -> None:
        """A job that took long is not begun again before."""
        self._at[job] = max(self._at[job], until)

    def standby(self, now: datetime) -> None:
        """Another does it; look often whether it still lives."""
        self._at["beat"] = now + min(STANDBY, self.pace.beat)

    def failed(self, job: Job, now: datetime, first: timedelta = FIRST, most: timedelta = MOST) -> None:
        """A job failed; it is tried again, less and less often."""
        self._failures[job] += 1
        self._at[job] = now + delay(self._failures[job], first, most)

    def applied(self, ending: Ending, now: datetime, until: datetime | None) -> None:
        """An apply ended. `until`: the moment to which what it made holds; it is due then, whatever else waits."""
        if ending == "locked":
            self._at["apply"] = now + LOCKED
        elif ending == "stopped":
            self._at["apply"] = now + PATIENT
        elif ending == "away":
            self.failed("apply", now)
        elif ending == "busy":  # its end is said; how often something waited before is not forgotten
            self._at["apply"] = now + self.pace.resync
        elif ending == "waiting":
            self.failed("apply", now, PATIENT, self.pace.resync)
        else:
            self.later("apply", now)
        if until is not None and ending not in ("away", "stopped"):
            self._at["apply"] = min(self._at["apply"], max(until, now + FIRST))
