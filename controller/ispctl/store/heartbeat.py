"""Which loop is at work, and what it last said of itself: one row, taken by one, read by everybody on call."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from ispctl.store._database import Database
from ispctl.store.records import moment, stamp, stamp_or_none
from ispctl.structs import Struct, field

LEASE: Final = timedelta(seconds=60)
"""A loop that said nothing for so long has no right any more: another takes over."""

HANGS: Final = timedelta(minutes=15)


class LoopState(Struct):
    """What a loop last saw. `refused`: the codes for which the head is not applied; `stopped`: the
    code for which nothing is; `gates`: how many each closed gate
    holds back; `until`: the moment to which what it made holds; `good`: its last apply in which nothing was left;
    `nas`: which it configures now, and since when."""

    branch: str = ""
    head: str = ""
    fetched: datetime | None = None
    fetch_code: str = ""
    refused: tuple[str, ...] = ()
    stopped: str = ""
    gates: Mapping[str, int] = field(default_factory=dict)
    until: datetime | None = None
    good: datetime | None = None
    nas: Mapping[str, datetime] = field(default_factory=dict)


class Beat(Struct):
    """The loop that holds the row: who it is, since when, when it last said that it lives, and what it saw."""

    token: str
    since: datetime
    at: datetime
    state: LoopState = LoopState()
    pid: int = field(default_factory=os.getpid)
    host: str = field(default_factory=socket.gethostname)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


_COLUMNS: Final = "token, since, at, state, pid, host"


class Heartbeat:
    """The row of the loop. One of several loops holds it; whoever cannot take it is a standby."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> Beat | None:
        """Who holds the row, whether or not it is still alive."""
        rows = self._database.query(f"SELECT {_COLUMNS} FROM ispctl_loop WHERE name = 'run'")
        if not rows:
            return None
        token, since, at, state, pid, host = rows[0]
        began, beat = moment(since), moment(at)
        return Beat(str(token), began, beat, _state(state), int(pid), str(host)) if began and beat else None

    def lives(self, now: datetime) -> bool:
        """Whether a loop is at work."""
        found = self.read()
        return found is not None and not _is_over(found, now)

    def take(self, mine: Beat) -> Beat | None:
        """Hold the row and say that we live. None if we do; else who does."""
        with self._database.transaction():
            self._database.hold("ispctl_loop")
            found = self.read()
            if found is not None and found.token != mine.token and not _is_over(found, mine.at):
                return found
            self._database.write(
                "INSERT INTO ispctl_loop (name, token, since, at, state, pid, host) VALUES ('run', ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET token = excluded.token, since = excluded.since, at = excluded.at,"
                " state = excluded.state, pid = excluded.pid, host = excluded.host",
                (mine.token, stamp(mine.since), stamp(mine.at), _text(mine.state), mine.pid, mine.host),
            )
        return None

    def leave(self, token: str) -> None:
        """Let a standby take over at once."""
        self._database.write("DELETE FROM ispctl_loop WHERE name = 'run' AND token = ?", (token,))


def _is_over(beat: Beat, now: datetime) -> bool:
    """Whether its holder is gone: on this machine without a process, elsewhere silent for too long. A process that is
    there and silent may be at work on a large apply; one that hangs is ended by its service manager."""
    if beat.host != socket.gethostname():
        return now - beat.at > LEASE
    if now - beat.at > HANGS:
        return True
    with suppress(PermissionError):  # another user's process is there all the same
        try:
            os.kill(beat.pid, 0)
        except ProcessLookupError:
            return True
    return False


def _text(state: LoopState) -> str:
    moments = {name: stamp_or_none(getattr(state, name)) for name in ("fetched", "until", "good")}
    return json.dumps(
        {
            "branch": state.branch,
            "head": state.head,
            "fetch_code": state.fetch_code,
            "refused": list(state.refused),
            "stopped": state.stopped,
            "gates": dict(state.gates),
            "nas": {host: stamp(since) for host, since in state.nas.items()},
            **moments,
        },
        sort_keys=True,
    )


def _state(text: str) -> LoopState:
    """What a loop wrote; nothing is known where another version wrote something else."""
    try:
        said: dict[str, Any] = json.loads(text)
        return LoopState(
            str(said["branch"]),
            str(said["head"]),
            moment(said["fetched"]),
            str(said["fetch_code"]),
            tuple(map(str, said["refused"])),
            str(said["stopped"]),
            {str(gate): int(count) for gate, count in said["gates"].items()},
            moment(said["until"]),
            moment(said["good"]),
            {str(host): at for host, since in said.get("nas", {}).items() if (at := moment(since))},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return LoopState()
