"""Who may stand otherwise than the applied commit says: left to a later run, or begun by one that was killed.

Everybody else stands as that commit said when it was applied; so whoever knows what has changed since need not ask the
rest. That holds for what this version renders: another one looks at everybody once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ispctl.digests import sha256

if TYPE_CHECKING:
    from ispctl.store import Store

import ispctl

SETTLED: Final = "settled"
UNSETTLED: Final = "unsettled"
"""Kinds of objects in the store: by which version everybody was looked at; each service that is not settled."""
_RENDERS: Final = (
    "model",
    "desired",
    "platforms",
    "radius/rendering.py",
    "reconcile/applied.py",
    "states.py",
    "intent.py",
)


@cache
def version() -> str:
    """What an entitlement and its rows are made by."""
    folder = Path(ispctl.__file__).parent
    made = sha256()
    for part in _RENDERS:
        for file in sorted((folder / part).rglob("*.py")) if (folder / part).is_dir() else [folder / part]:
            made.update(file.read_bytes())
    return made.hexdigest()[:16]


def by_this_version(store: Store) -> bool:
    """Whether everybody but those who are `left` stands as the applied commit says."""
    return store.objects(SETTLED) == {"by": {"version": version()}}


def left(store: Store) -> Collection[str]:
    """The services that may stand otherwise."""
    return store.objects(UNSETTLED).keys()


def begin(store: Store, owners: Iterable[str], *, partial: bool) -> None:
    """A run is about to touch these. One that looked at everybody may die with anybody half done."""
    if not partial:
        store.forget_object(SETTLED, "by")
        return
    known = left(store)
    for owner in sorted(set(owners) - set(known)):
        store.put_object(UNSETTLED, owner, {})


def end(store: Store, owners: Collection[str]) -> None:
    """The commit counts as applied, but for these services."""
    known = left(store)
    for owner in sorted(set(known) - set(owners)):
        store.forget_object(UNSETTLED, owner)
    for owner in sorted(set(owners) - set(known)):
        store.put_object(UNSETTLED, owner, {})
    if not by_this_version(store):
        store.put_object(SETTLED, "by", {"version": version()})
