"""The NAS that ispctl configures: could it get in, if it had to now? Nobody logs in here."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from ispctl.model.network import Nas
from ispctl.model.problem import Refusal
from ispctl.platforms.device import nas_platform
from ispctl.reconcile.logins import Logins, sealed
from ispctl.repo import Snapshot
from ispctl.secrets import Keyring
from ispctl.status.check import Check

PATIENCE: Final = 3.0
"""Seconds for one to take a connection."""
_SIDE_BY_SIDE: Final = 50
_HOSTS: Final = "inventory/hosts.yaml"


def checks(snapshot: Snapshot, unlock: Callable[[], Keyring], *, knocks: bool) -> Iterator[Check]:
    """One line for all that is well, one for each that is not; nothing where NAS are not configured. `knocks`: whether
    a connection to each is opened, and closed at once."""
    mine = sorted((nas for nas in snapshot.nas.values() if nas.device), key=lambda nas: nas.name)
    if not mine or not snapshot.reaches_devices:
        return
    logins = _logins(unlock)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        doors = list(pool.map(_door, mine)) if knocks else [""] * len(mine)
    ill = [found for nas, door in zip(mine, doors, strict=True) for found in _of(nas, logins, door)]
    well = len(mine) - len({check.name for check in ill})
    opened = "what opens them was opened" if logins else "what opens them was not tried without a key"
    answered = ", they take connections" if knocks else ""
    yield Check("devices", "ok", f"{well} of {len(mine)} NAS could be configured: {opened}{answered}")
    yield from ill


def _of(nas: Nas, logins: Logins | None, door: str) -> Iterator[Check]:
    assert nas.device is not None
    told = partial(Check, f"device {nas.name}")
    if nas_platform(nas.platform) is None:
        yield told("bad", f"is of platform {nas.platform}, which ispctl does not configure", "docs/nas.md names those")
        return
    if nas.device.host_key is None:
        advice = "Look it up on the device itself: host_key: … in inventory/hosts.yaml"
        yield told("bad", "has no host_key, so that nothing is sent to it", advice)
    if not any(True for _ in sealed(nas)):
        advice = f"ispctl secrets encrypt nas/{nas.name}/password"
        yield told("warning", "has neither a password nor a private_key to log in with", advice)
    if logins is not None:
        try:
            logins(nas)
        except Refusal as refusal:
            problem = refusal.problems[0]
            yield told("bad", f"{problem.code} {problem.text}", problem.advice or f"Seal it again for {nas.name}")
    if door:
        yield told("bad", door, f"Is it up, and does it let this machine in? See {_HOSTS}")


def _logins(unlock: Callable[[], Keyring]) -> Logins | None:
    """None without a key: that is said elsewhere."""
    try:
        keyring = unlock()
    except Refusal:
        return None
    return Logins(lambda: keyring)


def _door(nas: Nas) -> str:
    """Why it takes no connection; empty: it does."""
    platform = nas_platform(nas.platform)
    port = nas.management.port or (platform.port if platform else 22)
    try:
        socket.create_connection((nas.management.hostname, port), PATIENCE).close()
    except OSError as error:
        return f"takes no connection at {nas.management.hostname}:{port} ({error.strerror or 'no answer'})"
    return ""
