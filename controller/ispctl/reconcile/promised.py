"""Whose sessions a run on NAS is going to end, while others already ask the gates: they count as if they had ended."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Final

from ispctl.store import Store

PROMISED: Final = "nas-promised"
"""Kind of objects in the store: by a name of its own, since when and whose sessions ("id/key")."""


def promise(store: Store, at: datetime, owners: Iterable[str]) -> str:
    """Belongs before the run, under the lock under which it was decided. Returns the name of the promise."""
    name = secrets.token_hex(8)
    if found := sorted(owners):
        store.put_object(PROMISED, name, {"at": at.isoformat(), "owners": found})
    return name


def forget(store: Store, name: str) -> None:
    """Its run has not begun."""
    store.forget_object(PROMISED, name)


def forget_all(store: Store) -> None:
    """Whoever is the only one that configures NAS has ended: what was not done is no promise any more, nor is that of
    one who was killed."""
    for name in store.objects(PROMISED):
        forget(store, name)


def promised(store: Store, since: datetime) -> set[str]:
    """Since then: one who was killed does not hold up others for longer than what is done counts."""
    found: set[str] = set()
    for said in store.objects(PROMISED).values():
        with suppress(ValueError, TypeError, KeyError):
            if datetime.fromisoformat(said["at"]) >= since:
                found |= set(map(str, said["owners"]))
    return found
