"""A database that may be anybody's: opened to be read, and nothing about it is taken for granted."""

from __future__ import annotations

from pathlib import Path

from ispctl.store._database import Database
from ispctl.store._dsn import address


def reading(dsn: str, *, base: Path = Path(), timeout: float = 5.0) -> Database:
    """A read-only connection; a relative path is taken from `base`. Close it. Refuses E300 to E310, E324 to E326."""
    return Database(address(dsn, base), readonly=True, timeout=timeout)
