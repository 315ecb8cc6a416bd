"""What stands in the database otherwise than the last apply left it: found by sums that the database reckons, so that
only the rows and the files of those who drifted are read, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from ispctl.index import Besides, whole
from ispctl.intent import intent_of
from ispctl.plan import Change, Key, Resources, diff
from ispctl.radius.rendering import TARGET, Intent, render
from ispctl.radius.rows import RadiusRows
from ispctl.reconcile import settled
from ispctl.reconcile.applied import digest_of
from ispctl.reconcile.reading import Reading, knowing
from ispctl.reconcile.survey import RENDERED, key_of
from ispctl.repo import Snapshot
from ispctl.structs import Struct, field

TOGETHER: Final = 2000
"""Logins that are looked at together. After an update nothing may be known of any: then everybody is, in turn."""


class Difference(Struct):
    """One key that stands otherwise than the commit says now. `due`: the commit or the clock asks for something else
    than was written last, which is an apply's to do. `touched`: it stands otherwise than it was written."""

    change: Change
    due: bool
    touched: bool


class Found(Struct):
    """The differences, and what the commit says of whom they are about."""

    differences: tuple[Difference, ...]
    part: Snapshot
    _intent: Callable[[], Intent] = field(repr=False)

    @property
    def intent(self) -> Intent:
        """Of the subscribers in `part`. Raises KeyError or ValueError for a commit that cannot be understood here."""
        return self._intent()

    @property
    def by_hand(self) -> tuple[Change, ...]:
        """What is no apply's to do."""
        return tuple(one.change for one in self.differences if not one.due)


def find(
    reading: Reading,
    rows: RadiusRows,
    *,
    since: datetime | None = None,
    vouch: Callable[[Resources], object] = lambda _: None,
) -> Found:
    """What stands otherwise than the commit says. Without `since`, what time alone has made due is left out unless a
    hand was there too; with it, everybody whom time has changed after `since` and whoever was left to a later run is
    looked at as well. `vouch` is given the logins that were suspected and stand as they should. Raises Unreachable."""
    have, suspect = rows.shared(), sorted(rows.suspect())
    written = {key_of(name): str(said.get("digest", "")) for name, said in reading.store.objects(RENDERED).items()}
    same = all(digest_of(have.get(key)) == written.get(key, "") for key in have.keys() | written.keys())
    if same and not suspect and since is None:
        part = reading.repository.part(reading.commit, ())
        return Found((), part, lambda: intent_of(part, reading.now))
    looking = _Looking(reading, rows, since)
    found: list[Difference] = []
    for logins, part in looking.steps(suspect):
        intent = intent_of(part, reading.now)
        wanted = render(intent)
        if not looking.began:
            looking.began = True
            shared = {key: fields for key, fields in wanted.items() if key[0] != "login"}
            found += _differences(shared, have, written)
        differences, good = looking.at(logins, wanted)
        found += differences
        vouch(good)
    return looking.found(found)


class _Looking:
    """Reads what the commit says, and what stands there, of some logins after others."""

    def __init__(self, reading: Reading, rows: RadiusRows, since: datetime | None) -> None:
        self.reading, self.rows, self.since = reading, rows, since
        self.began = False
        self.last: tuple[Sequence[str], Snapshot] = ((), reading.repository.part(reading.commit, ()))

    def steps(self, suspect: Sequence[str]) -> Iterator[tuple[Sequence[str], Snapshot]]:
        """Some of the suspects, and a part of the commit that says all there is to say of them; at least once."""
        repository = self.reading.repository
        if self.reading.index is not None:
            self.reading.index.advance(self.reading.commit, self.reading.now)
        for start in range(0, max(len(suspect), 1), TOGETHER):
            logins = suspect[start : start + TOGETHER]
            part, partial = self._part(logins, self.since if not start else None)
            if not partial:
                logins = suspect[start:]
            self.last = logins, part
            yield logins, part
            if not partial:
                return
            if len(suspect) > TOGETHER:
                repository.forget(())

    def _part(self, logins: Sequence[str], since: datetime | None) -> tuple[Snapshot, bool]:
        reading = self.reading
        if reading.index is None:
            look = whole({reading.commit: reading.repository.at(reading.commit)}, reading.now)
        else:
            ids = {row.id for row in reading.store.given(logins)}
            if since is not None:
                ids |= {owner.partition("/")[0] for owner in settled.left(reading.store)}
            look = reading.index.look((reading.commit,), reading.now, Besides(since, ids, logins))
        return knowing(look, reading.store).parts[reading.commit], look.partial

    def at(self, suspect: Sequence[str], wanted: Resources) -> tuple[list[Difference], Resources]:
        """How these logins, and with `since` everybody in the part, differ; and the suspects that do not."""
        keys = {("login", login) for login in suspect}
        if self.since is not None:
            keys |= {key for key in wanted if key[0] == "login"}
        have = self.rows.read(sorted(keys))
        written = {("login", row.login): row.digest for row in self.reading.store.given([name for _, name in keys])}
        want = {key: wanted[key] for key in keys & wanted.keys()}
        good = {
            ("login", login): fields
            for login in suspect
            if (fields := want.get(("login", login))) is not None
            and have.get(("login", login)) == fields
            and digest_of(fields) == written.get(("login", login), "")
        }
        return _differences(want, have, written), good

    def found(self, differences: Sequence[Difference]) -> Found:
        """With the part of the commit that is about them, if more than one was looked at."""
        logins, part = self.last
        mine = [one.change.key[1] for one in differences if one.change.key[0] == "login"]
        if not set(mine) <= {*logins, *(holding.service.login for holding in part.services())}:
            part, _ = self._part(sorted(mine), self.since)
        if part.policy.value.managed == "observe" and any(one.change.key[0] != "login" for one in differences):
            part = self.reading.repository.at(self.reading.commit)  # what nobody enforced uses, nobody else can say
        return Found(tuple(differences), part, lambda: intent_of(part, self.reading.now))


def _differences(want: Resources, have: Resources, written: Mapping[Key, str]) -> list[Difference]:
    return [
        Difference(
            change,
            due=digest_of(want.get(change.key)) != written.get(change.key, ""),
            touched=digest_of(have.get(change.key)) != written.get(change.key, ""),
        )
        for change in diff(TARGET, want, have)
    ]
