"""What the server learned, for verbs that write it into git or let it be forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from ispctl.cli.common import Session

if TYPE_CHECKING:
    from datetime import datetime

    from ispctl.model.usage import Meter
    from ispctl.repo import Snapshot
    from ispctl.verbs.draft import Told, Used
    from ispctl.verbs.mac import Learned


def learned(session: Session) -> Learned:
    def look(snapshot: Snapshot, login: str) -> Sequence[str]:
        from ispctl.store import facts

        with session.store(snapshot, readonly=True) as store:
            return [one.mac for one in facts.bound(store, [login]) if one.learned is not None]

    return look


def first_login(session: Session) -> Told:
    def look(snapshot: Snapshot, owner: str) -> datetime | None:
        from ispctl.store import first_logins

        with session.store(snapshot, readonly=True) as store:
            return first_logins.told(store, {owner}, session.now).get(owner)

    return look


def used(session: Session) -> Used:
    def look(snapshot: Snapshot, owner: str, asked: Collection[Meter]) -> Mapping[Meter, int]:
        from ispctl.store import meters

        with session.store(snapshot, readonly=True) as store:
            return meters.used(store, {owner: asked}).get(owner, {})

    return look


def forget(session: Session, devices: Mapping[str, tuple[str, ...]]) -> None:
    """Noted in the journal: who, and when."""
    with session.repository() as repository, session.store(repository.part("HEAD", ())) as store, store.transaction():
        for login, macs in devices.items():
            store.forget_devices(login, macs)
        applied = store.applied
        run = store.begin_run("mac-clear", session.now, commit=applied.commit if applied else "", actor=session.actor)
        run.finish("done", session.now)
