"""What a survey reads: the repository as far as it matters, the database, and what both know of the last apply."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from ispctl.backend import Backend
from ispctl.desired import Frame, meters_of
from ispctl.index import ANNOUNCED, Besides, Index, Look, whole
from ispctl.intent import intent_of
from ispctl.model.days import local_day
from ispctl.model.problem import Refusal
from ispctl.model.usage import Meter
from ispctl.radius.rendering import Intent
from ispctl.reconcile import settled
from ispctl.repo import Repository, Snapshot
from ispctl.structs import Struct, replace

if TYPE_CHECKING:
    from ispctl.store import Applied, Store


class Reading(Struct):
    """The sources of a survey. `slicing`: whether it may come in slices, see `Look`."""

    repository: Repository
    store: Store
    backend: Backend
    commit: str
    now: datetime
    index: Index | None = None
    slicing: bool = False

    @cached_property
    def last(self) -> Applied | None:
        """What the database was last made equal to."""
        return self.store.applied

    @cached_property
    def applied(self) -> Applied | None:
        """The same, if that commit is here."""
        try:
            return self.last if self.last and self.repository.resolve(self.last.commit) else None
        except Refusal:
            return None

    @cached_property
    def look(self) -> Look:
        """The commit and the applied one: as far as anything may have to be done, or all of both."""
        return knowing(self._look, self.store)

    @property
    def _look(self) -> Look:
        revs = tuple(dict.fromkeys([self.applied.commit, self.commit] if self.applied else [self.commit]))
        known = self.index is not None and self.index.exists
        if self.index is None or not known or not (self.slicing or self._settled):
            return self._whole(revs)
        ids = frozenset(owner.partition("/")[0] for owner in self.doubtful)
        since = self.applied.at if self.applied and self._settled else None
        logins = self._strangers.values()
        besides = Besides(since, ids, logins, everybody=not self._settled)
        return self.index.look(revs, self.now, besides, slicing=self.slicing)

    @cached_property
    def doubtful(self) -> frozenset[str]:
        """Services that have to be looked at though neither git nor time has changed them."""
        from ispctl.store import cpes, doubts, first_logins, meters

        begun = first_logins.to_look_at(self.store, self.now, self.now + ANNOUNCED)
        some = (settled.left(self.store), doubts.behind(self.store), self._strangers, begun)
        return frozenset().union(*some, cpes.to_look_at(self.store), meters.to_look_at(self.store, self.now))

    @property
    def snapshot(self) -> Snapshot:
        return self.look.parts[self.commit]

    def then(self) -> Intent | None:
        """What the applied commit said when it was applied, as far as it is looked at; None where it is not here."""
        return then(self.look, self.applied)

    @property
    def parts(self) -> tuple[Snapshot, ...]:
        """The commit, and the applied one where it is another and is here."""
        return parts(self.look, self.commit)

    @cached_property
    def _settled(self) -> bool:
        """Whether everybody who is not in doubt stands as the applied commit said."""
        return self.applied is not None and settled.by_this_version(self.store)

    @cached_property
    def _strangers(self) -> dict[str, str]:
        """Services, with their logins, that were given something and that the index does not know so: where nobody is
        settled they would be found in no slice."""
        if self._settled or self.index is None or not self.index.exists:
            return {}
        return dict(self.index.unlike((f"{row.id}/{row.key}", row.login) for row in self.store.entitlements()))

    def _whole(self, revs: Iterable[str]) -> Look:
        return whole({rev: self.repository.at(rev) for rev in revs}, self.now)


def parts(look: Look, commit: str) -> tuple[Snapshot, ...]:
    """Of a commit, and of the applied one where it is another and is here."""
    return (look.parts[commit], *(part for rev, part in look.parts.items() if rev != commit))


def knowing(look: Look, store: Store) -> Look:
    """The same, with what the accounting and the database tell of those who begin with a first login, of those whose
    device is to take another password, and of the usage of those whose tariff asks for it."""
    waiting, changing = set[str](), set[str]()
    for part in look.parts.values():
        for one in part.services():
            service = one.service
            if service.activation:
                waiting.add(one.owner)
            if service.old_passwords:
                changing.add(one.owner)
    from ispctl.store import cpes, first_logins

    told = first_logins.told(store, waiting, look.now) if waiting else {}
    taken = cpes.taken(store, changing) if changing else {}
    known = waiting or changing
    parts = {rev: part.knowing(told, taken) if known else part for rev, part in look.parts.items()}
    return replace(look, parts={rev: with_usage(part, store, look.now) for rev, part in parts.items()})


def with_usage(part: Snapshot, store: Store, now: datetime) -> Snapshot:
    """The same, with what was used by those whose tariff asks for it at a moment."""
    if not any(tariff.value.fup for tariff in part.tariffs()):
        return part
    from ispctl.store import meters

    frame, asked = Frame(part, now), dict[str, tuple[Meter, ...]]()
    for one in part.services():
        with suppress(KeyError):  # a tariff that does not exist
            if found := meters_of(one.document, one.number, frame):
                asked[one.owner] = found
    return part.having_used(meters.used(store, asked, local_day(now, frame.zone))) if asked else part


def then(look: Look, applied: Applied | None) -> Intent | None:
    """What the applied commit said when it was applied; None where it is not here."""
    part = look.parts.get(applied.commit) if applied else None
    try:
        return intent_of(part, applied.at) if part and applied else None
    except (KeyError, ValueError):  # it says what this version does not understand any more
        return None
