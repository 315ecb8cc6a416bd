"""The desk of the ACS: what devices should hold, as it was applied, with profiles and keys of the applied commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ispctl.cpe.office import Logger, Office
from ispctl.cpe.session import Caller, Task
from ispctl.cpe.soap import Inform
from ispctl.model.network import CpeTarget
from ispctl.model.problem import Refusal
from ispctl.repo import Repository, Snapshot, profiles
from ispctl.secrets import Keyring, Sealed
from ispctl.store import Store
from ispctl.store.cpes import Wanted


@dataclass
class Reception:
    """Everything that the ACS is given. `opener`: the store, in the thread that uses it; `keyring`: of a commit, and
    whether a lab's may be opened; `accepted`: told when a device took a password for which RADIUS waits."""

    repository: Repository
    opener: Callable[[Snapshot], Store]
    keyring: Callable[[Snapshot, bool], Keyring]
    secret: str = field(repr=False)
    clock: Callable[[], datetime]
    log: Logger
    accepted: Callable[[Store], object]

    def open(self) -> Desk:
        """Raises Refusal where the database gives no answer."""
        return Desk(self, self.opener(self.repository.part("HEAD", ())))


class Desk:
    """Knows devices as they were applied; looks again whenever something else was."""

    def __init__(self, reception: Reception, store: Store) -> None:
        self._of, self._store = reception, store
        self._commit = ""
        self._snapshot: Snapshot | None = None
        self._keyring: Keyring | None = None
        self._office: Office | None = None

    def inform(self, inform: Inform, caller: Caller) -> Task[None] | None:
        """As `Office.inform`."""
        applied = self._store.applied
        commit = applied.commit if applied else "HEAD"
        if self._office is None or commit != self._commit:
            self._office, self._commit = self._made(commit), commit
        return self._office.inform(inform, caller)

    def close(self) -> None:
        self._store.close()

    def _made(self, commit: str) -> Office:
        of = self._of
        self._snapshot, self._keyring = of.repository.part(commit, ()), None
        target = target_of(self._snapshot) or CpeTarget()
        for path in sorted(filter(profiles.profile_of, self._snapshot.broken)):  # as an older version applied it
            of.log.warning("cpe-profile", file=path)
        known = profiles.sound(self._snapshot)
        told = lambda: of.accepted(self._store)  # noqa: E731
        factory = target.factory is not None
        return Office(self._store, known, self._opened, of.secret, factory, int(target.inform), of.clock, of.log, told)

    def _opened(self, wanted: Wanted) -> str | None:
        assert self._snapshot is not None
        try:
            self._keyring = self._keyring or self._of.keyring(self._snapshot, self._store.is_lab)
            return self._keyring.open(Sealed("service", wanted.owner, "password", wanted.password))
        except Refusal as refusal:
            self._of.log.warning("cpe-password-closed", service=wanted.owner, code=refusal.problems[0].code)
            return None


def target_of(snapshot: Snapshot) -> CpeTarget | None:
    """How devices are configured, if they are."""
    return snapshot.targets.value.cpe if snapshot.targets else None
