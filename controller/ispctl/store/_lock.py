"""One applier at a time: a lock on a file beside the database, given back by the kernel when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ispctl.model.problem import Problem, Refusal


@dataclass(frozen=True)
class Holder:
    """Who holds the lock, as the others are told. `since` is aware; `what` is a few words such as "apply"."""

    run: str
    since: datetime
    what: str = "apply"
    pid: int = field(default_factory=os.getpid)
    host: str = field(default_factory=socket.gethostname)

    def __str__(self) -> str:
        run = f", run {self.run}" if self.run else ""
        return f"{self.what} (process {self.pid} on {self.host}, since {self.since.isoformat(timespec='seconds')}{run})"


def lock_file(database: Path) -> Path:
    return database.with_name(database.name + ".lock")


@contextmanager
def held(database: Path, holder: Holder) -> Iterator[None]:
    """Hold the lock of `database`. Refuses E312, naming the holder; E308 when the lock file cannot be written."""
    path = lock_file(database)
    try:
        # A link in the place of the lock file would let somebody else's file be overwritten.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o660)
    except OSError as error:
        advice = "Look at the owner and mode of the folder of the database"
        raise Refusal(Problem("E308", f"{path} cannot be written ({error.strerror})", advice=advice)) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = _read(handle)
            advice = "Wait until it is done; the lock is given back by itself when that process ends, however it ends"
            text = f"{database} is being changed by {other or 'another run'}"
            raise Refusal(Problem("E312", text, advice=advice)) from None
        with suppress(PermissionError):  # whoever made the file lets the others of the group hold it too
            os.fchmod(handle, 0o660)
        _write(handle, holder)
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def holder_of(database: Path) -> Holder | None:
    """Who holds the lock now; None when nobody does or it cannot be told. Never waits, never creates the file."""
    with suppress(OSError):
        handle = os.open(lock_file(database), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(handle)
        finally:
            os.close(handle)
    return None


def _write(handle: int, holder: Holder) -> None:
    said = {
        "run": holder.run,
        "since": holder.since.isoformat(),
        "what": holder.what,
        "pid": holder.pid,
        "host": holder.host,
    }
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(said).encode(), 0)


def _read(handle: int) -> Holder | None:
    try:
        said = json.loads(os.pread(handle, 4096, 0))
        since = datetime.fromisoformat(said["since"])
        return Holder(str(said["run"]), since, str(said["what"]), int(said["pid"]), str(said["host"]))
    except (ValueError, KeyError, TypeError):
        return None
