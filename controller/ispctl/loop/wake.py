"""Telling the loop that there is something new, from another process of this machine."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from ispctl.model.problem import Refusal
from ispctl.store import Heartbeat, Store

_SLACK: Final = timedelta(seconds=2)


def wake(store: Store, now: datetime) -> bool:
    """Whether a loop was woken. One elsewhere sees by itself within `Pace.watch`. A process that is younger than the
    loop's first word is another one that was given its number, and is left alone."""
    import psutil

    with suppress(Refusal, psutil.Error, OSError):
        beat = Heartbeat(store.database).read()
        if beat is None or beat.host != socket.gethostname() or now - beat.at > timedelta(minutes=15):
            return False
        if psutil.Process(beat.pid).create_time() > (beat.since + _SLACK).timestamp():
            return False
        os.kill(beat.pid, signal.SIGUSR1)
        return True
    return False
