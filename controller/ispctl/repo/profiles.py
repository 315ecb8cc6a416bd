"""Which profiles of devices there are: those that ispctl brings, and those of the repository, which come first."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from ispctl.model.cpe import CpeProfile
from ispctl.repo.layout import DEVICE, PROFILES, decode
from ispctl.repo.snapshot import Snapshot

_BROUGHT: Final = Path(__file__).parents[1] / "cpe" / "profiles"
"""Found by its place, since no server is to be loaded for it."""


def profile_of(path: str) -> str | None:
    """The profile that a file of the repository holds, read or not; None for any other file."""
    return path.removeprefix(PROFILES).removesuffix(".yaml") if path.startswith(PROFILES) else None


def names(snapshot: Snapshot) -> frozenset[str]:
    """Every profile that there is, readable or not."""
    unread = (name for path in snapshot.broken if (name := profile_of(path)) is not None)
    return frozenset({*_brought(), *snapshot.profiles, *unread})


def sound(snapshot: Snapshot) -> Mapping[str, CpeProfile]:
    """Those that could be read. Ours stand in for none of the repository that could not."""
    own = {name: document.value for name, document in snapshot.profiles.items()}
    unread = {profile_of(path) for path in snapshot.broken}
    return {name: own.get(name) or brought(name) for name in names(snapshot) - unread}


@cache
def brought(name: str) -> CpeProfile:
    """One that ispctl brings."""
    file = f"{name}.yaml"
    document, problems = decode(file, (_BROUGHT / file).read_bytes(), DEVICE)
    assert document is not None, problems
    value: CpeProfile = document.value
    return value


@cache
def _brought() -> frozenset[str]:
    return frozenset(file.name.removesuffix(".yaml") for file in _BROUGHT.iterdir() if file.name.endswith(".yaml"))
