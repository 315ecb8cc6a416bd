"""One applier at a time, and one that configures NAS. Who holds a lock is known to the others, and it is free when its
holder is gone."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, Literal

from ispctl.model.problem import Problem, Refusal
from ispctl.store._dsn import Address, File
from ispctl.structs import Struct, field

Part = Literal["rows", "nas"]
"""What a lock is about: rows and sessions, and all that is decided; or what is done on NAS."""
_ADVICE: Final = "Wait until it is done; the lock is given back by itself when that process ends, however it ends"


class Holder(Struct):
    """Who holds the lock, as the others are told. `since` is aware; `what` is a few words such as "apply"."""

    run: str
    since: datetime
    what: str = "apply"
    pid: int = field(default_factory=os.getpid)
    host: str = field(default_factory=socket.gethostname)

    def __str__(self) -> str:
        run = f", run {self.run}" if self.run else ""
        return f"{self.what} (process {self.pid} on {self.host}, since {self.since.isoformat(timespec='seconds')}{run})"

    def as_text(self) -> str:
        """One line of JSON."""
        said = {"run": self.run, "since": self.since.isoformat(), "what": self.what, "pid": self.pid, "host": self.host}
        return json.dumps(said)

    @classmethod
    def from_text(cls, text: str | bytes) -> Holder | None:
        """What `as_text` wrote; None for anything else."""
        try:
            said = json.loads(text)
            since = datetime.fromisoformat(said["since"])
            return cls(str(said["run"]), since, str(said["what"]), int(said["pid"]), str(said["host"]))
        except (ValueError, KeyError, TypeError):
            return None


class Lock(Struct):
    """The lock, while it is held. `check` before each step that must not be done by two: raises Refusal E330 when the
    lock was lost, as by a broken connection."""

    check: Callable[[], object]
    session: int | None = None
    """The session of a server that holds it."""


def held(address: Address, holder: Holder, part: Part) -> AbstractContextManager[Lock]:
    """Hold one lock of a database. Refuses E312, naming the holder; E308 when the lock file cannot be written."""
    if isinstance(address, File):
        from ispctl.store._lock_file import held_file

        return held_file(address.path, holder, part)
    from ispctl.store._lock_server import held_server

    return held_server(address, holder, part)


def taken(place: str, other: Holder | None, part: Part = "rows") -> Refusal:
    what = "NAS are being configured" if part == "nas" else f"{place} is being changed"
    text = f"{what} by {other or 'another run'}"
    return Refusal(Problem("E312", text, advice=_ADVICE))
