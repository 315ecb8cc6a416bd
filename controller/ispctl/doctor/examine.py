"""The questions in their order, and what every one of them may ask."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from ispctl.doctor import database, devices, keys, machine, network, roles, sources
from ispctl.index import Index
from ispctl.model.problem import Refusal
from ispctl.repo import Repository, Snapshot
from ispctl.repo.remote import Remote
from ispctl.secrets import Keyring
from ispctl.status.check import Check
from ispctl.store import Store
from ispctl.structs import Struct

T = TypeVar("T")


class Surroundings(Struct):
    """Everything a question may need; each is asked for when it is needed, and may refuse."""

    repository: Callable[[], Repository]
    index: Callable[[Repository], Index]
    """What is remembered of it, for who only reads."""
    remote: Remote
    store: Callable[[Snapshot], Store]
    keyring: Callable[[Snapshot, bool], Keyring]
    server: Callable[[bool], network.Server | None]
    """Where the RADIUS server is asked for its state, given whether the database is a lab's; None: nobody said."""
    clock: Callable[[], datetime]
    dictionaries: Path
    nas: bool = False
    """Whether the way to each NAS is looked at as well."""
    asks: bool = False
    """Whether the forge may be asked who approved a commit."""


def examine(about: Surroundings) -> Iterator[Check]:
    """Every check as it is done. A question that needs what is not there is left out: its cause was told."""
    yield machine.python()
    repository = yield from _got("repository", about.repository)
    if repository is None:
        return
    index = about.index(repository)
    yield sources.repository(repository, index.look(("HEAD",), about.clock(), rates="left out").errors("HEAD"))
    snapshot = index.lookup.part("HEAD", ())
    yield sources.remote(about.remote)
    if snapshot.broken:
        return
    yield from roles.checks(repository, snapshot, asks=about.asks)
    yield machine.time_zone(snapshot)
    yield machine.synchronised()
    store = yield from _got("database", partial(about.store, snapshot))
    lab = False
    if store is not None:
        with store:
            lab = store.is_lab
            yield from database.checks(store, about.clock)
            if about.nas:
                yield from network.nas(snapshot, store, about.clock())
    yield from keys.checks(snapshot, lambda: about.keyring(snapshot, lab))
    yield from devices.checks(snapshot, lambda: about.keyring(snapshot, lab), knocks=about.nas)
    yield network.dictionaries(about.dictionaries)
    if store is not None:
        yield network.server(about.server(lab), store.database.address.dialect, snapshot.nas.values())


def _got(name: str, get: Callable[[], T]) -> Generator[Check, None, T | None]:
    """What a question needs; a check that says why not, where it cannot be had."""
    try:
        return get()
    except Refusal as refusal:
        problem = refusal.problems[0]
        yield Check(name, "bad", f"{problem.code} {problem.text}", problem.advice)
        return None
