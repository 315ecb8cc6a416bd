"""A database error becomes a sentence for a person: which file, what is wrong, what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.store._lock import holder_of

FAILURES: Final = (sqlite3.Error, UnicodeEncodeError, OverflowError)
"""What the driver raises; the last two for a parameter that no database can hold."""
BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DENIED: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH})
_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def primary(error: Exception) -> int:
    """SQLite's result code without its extended half; 0 when the error did not come from SQLite itself."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def refusal(error: Exception, path: Path) -> Refusal:
    """The refusal that tells a person about `error` (https://www.sqlite.org/rescode.html)."""
    code = primary(error)
    if code in BUSY:
        return Refusal(locked(path))
    if code in _DENIED:
        return Refusal(denied(path, "cannot be opened or written"))
    if code in _BROKEN:
        return Refusal(broken(path))
    if code == sqlite3.SQLITE_FULL:
        advice = "Make room on that disk and run the command again; what was not committed was taken back"
        return Refusal(Problem("E309", f"{path}: the disk is full", advice=advice))
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    advice = "ispstat health says more; if the tables were changed by hand, restore them from a backup"
    return Refusal(Problem("E311", f"{path}: the database refused a statement ({name}{_words(error)})", advice=advice))


def odd(path: Path, table: str) -> Refusal:
    """A row of ours that says nothing we ever wrote: somebody changed it by hand."""
    advice = "Restore the table from a backup; nothing was changed"
    return Refusal(Problem("E311", f"{path}: the table {table} holds a value that ispctl never writes", advice=advice))


def _words(error: Exception) -> str:
    """SQLite's own words name tables and columns; those about a parameter would quote it."""
    return f": {error}" if isinstance(error, sqlite3.Error) else ""


def broken(path: Path) -> Problem:
    advice = "Restore the file from a backup, or move it away and make a new one: ispctl radius init, ispctl apply"
    return Problem("E302", f"{path} is not a sound SQLite database", advice=advice)


def denied(path: Path, what: str) -> Problem:
    advice = "Look at owner and mode of the file and of its folder (both are written to); is the disk read-only?"
    return Problem("E308", f"{path} {what}", advice=advice)


def locked(path: Path) -> Problem:
    holder = holder_of(path)
    by = f"by {holder}" if holder else "by another program"
    advice = "Wait until it is done and run the command again; `fuser` names the programs that have the file open"
    return Problem("E307", f"{path} is locked {by}", advice=advice)
