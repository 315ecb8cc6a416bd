"""The lock of a SQLite database: on a file beside it, given back by the kernel when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ispctl.model.problem import Problem, Refusal
from ispctl.store._lock import Holder, Lock, Part, taken


def lock_file(database: Path, part: Part = "rows") -> Path:
    return database.with_name(f"{database.name}{'.nas' if part == 'nas' else ''}.lock")


@contextmanager
def held_file(database: Path, holder: Holder, part: Part) -> Iterator[Lock]:
    """Hold a lock of `database`. Refuses E312, naming the holder; E308 when the lock file cannot be written."""
    path = lock_file(database, part)
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
            raise taken(str(database), Holder.from_text(os.pread(handle, 4096, 0)), part) from None
        with suppress(PermissionError):  # whoever made the file lets the others of the group hold it too
            os.fchmod(handle, 0o660)
        os.ftruncate(handle, 0)
        os.pwrite(handle, holder.as_text().encode(), 0)
        try:
            yield Lock(lambda: None)  # nobody but the kernel can take it away
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
            return Holder.from_text(os.pread(handle, 4096, 0))
        finally:
            os.close(handle)
    return None
