"""What a commit means against what was applied: the pairs, rows and sessions from which a live plan is made.

Only what is touched is read: a service whose applied entitlement and rows' digest are what they should be costs
nothing here. Hand edits of rows nobody touches are drift's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, cached_property

from ispctl.backend import Backend
from ispctl.desired import Entitlement, Frame, Terms, turns
from ispctl.index import ANNOUNCED, Besides, Index, Look, whole
from ispctl.intent import intent_of
from ispctl.model.problem import Refusal
from ispctl.plan import Cause, Change, Coming, Key, Pair, Plan, Resources, build, diff, effects
from ispctl.platforms import Attribute
from ispctl.radius import live
from ispctl.radius.limits import Limits
from ispctl.radius.rendering import Intent, needed, needs_new_session, render, session_class
from ispctl.radius.rows import TARGET
from ispctl.reconcile import rest, settled
from ispctl.reconcile.applied import digest_of, from_text, terms_from_value
from ispctl.reconcile.managed import with_observed
from ispctl.reconcile.rerender import in_other_words, with_rerendered
from ispctl.reconcile.stops import STOPPED, with_stops
from ispctl.repo import Repository, Snapshot
from ispctl.store import Applied, AppliedService, Session, Store

SHARED = ("group", "nas", "pop", "range", "realm")
RENDERED = "rendered"
TERMS = "terms"
LEFT = "left"
TOLD = "told"
"""Kinds of objects in the store: the digest of each shared key as last written; what each tariff granted; each login
that was given up, with its last owner, until its sessions have ended; what each rendering of a group grants, by its
hash, while it is written or a session runs it."""


@dataclass(frozen=True)
class Survey:
    """A live plan and what it was made from."""

    plan: Plan
    intent: Intent
    want: Resources
    stored: Mapping[str, AppliedService]
    behind: tuple[live.Behind, ...]
    """Sessions that run something else than they should; of those that rest, the plan says so as unread."""
    equal: tuple[Key, ...]
    """Touched keys whose rows are what they should be: there is nothing to write but that they are."""
    applied: Applied | None
    snapshot: Snapshot
    """The commit, as far as it was looked at."""
    total: int
    """Services that there are, in git or as applied."""
    partial: bool
    """Whether there is more in git than `snapshot` holds; the rest is as it was applied."""

    @property
    def entitlements(self) -> Mapping[str, Entitlement]:
        return {e.owner: e for e in self.intent.entitlements}


@dataclass(frozen=True)
class Reading:
    """The sources of a survey."""

    repository: Repository
    store: Store
    backend: Backend
    commit: str
    now: datetime
    index: Index | None = None

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
        revs = tuple(dict.fromkeys([self.applied.commit, self.commit] if self.applied else [self.commit]))
        index = self.index if self.index is not None and self.index.exists else None
        if index is None or self.applied is None or not settled.by_this_version(self.store):
            return whole({rev: self.repository.at(rev) for rev in revs}, self.now)
        ids = frozenset(owner.partition("/")[0] for owner in self.doubtful)
        return index.look(revs, self.now, Besides(self.applied.at, ids))

    @cached_property
    def doubtful(self) -> frozenset[str]:
        """Services that have to be looked at though neither git nor time has changed them."""
        return frozenset({*settled.left(self.store), *self.store.behind()})

    @property
    def snapshot(self) -> Snapshot:
        return self.look.parts[self.commit]

    def then(self) -> Intent | None:
        """What the applied commit said when it was applied, as far as it is looked at; None where it is not here."""
        part = self.look.parts.get(self.applied.commit) if self.applied else None
        try:
            return intent_of(part, self.applied.at) if part and self.applied else None
        except (KeyError, ValueError):  # it says what this version does not understand any more
            return None

    @property
    def parts(self) -> tuple[Snapshot, ...]:
        """The commit, and the applied one where it is another and is here."""
        return (self.snapshot, *(part for rev, part in self.look.parts.items() if rev != self.commit))


def survey(reading: Reading) -> Survey:
    """The live plan of a commit. Raises Unreachable where the database gives no answer to trust."""
    store, snapshot, look = reading.store, reading.snapshot, reading.look
    intent = intent_of(snapshot, reading.now)
    want = render(intent)
    stored = {f"{s.id}/{s.key}": s for s in store.entitlements(_keys(reading) if look.partial else None)}
    was = restored(store, stored)
    was = {**was, **in_other_words(stored, was, lambda: store.objects(STOPPED), reading.then)}
    touched = _touched(reading, want, stored)
    have = reading.backend.read(touched) if touched else {}
    rows = diff(TARGET, {key: want[key] for key in touched if key in want}, have)
    owners = _owners(store, want, stored)
    sessions = tuple(store.sessions(logins=sorted(owners) if look.partial else None))
    found = _behind(reading, sessions, want, intent, owners)
    waiting, resting = rest.split(found, reading.now)
    applied = reading.last
    plan = build(
        "live",
        _pairs(reading, intent, was, Counter(session.login for session in sessions)),
        (*_with_needs(rows), *(one.change for one in waiting)),
        commit=snapshot.commit,
        base=applied.commit if applied else "",
        now=reading.now,
        disturbs=disturbs(intent, waiting),
        changed_files=_changed(reading, applied),
        assumes=rest.notes(sessions, waiting, intent, owners),
        unread=rest.unread(resting, intent.policy.timezone),
        until=min(filter(None, (_until(intent), look.until)), default=None),
        coming=Coming(reading.now + ANNOUNCED, _ending(snapshot, intent, reading.now) + look.ending),
    )
    plan = with_rerendered(plan, lambda: None if settled.by_this_version(store) else reading.then())
    stopped = with_stops(plan, store.pauses(reading.now), reading.parts, store)
    plan = with_observed(stopped, reading.parts, intent.entitlements)
    equal = tuple(sorted({*touched} - {change.key for change in rows}))
    total = max(store.services, snapshot.facts.services)
    return Survey(plan, intent, want, stored, waiting, equal, applied, snapshot, total, look.partial)


def _keys(reading: Reading) -> list[tuple[str, str]]:
    """Every service of the parts that are looked at."""
    held = (holding for part in reading.parts for holding in part.services())
    named = {(one.document.value.id, one.service.key) for one in held}
    doubtful = ((id, key) for id, _, key in (owner.partition("/") for owner in reading.doubtful))
    return sorted(named.union(doubtful))


def propose(repository: Repository, look: Look, base: str, head: str) -> Plan:
    """What a commit would change against another, at one moment; knows no database and no device. Both stand in `look`,
    as far as they can differ."""
    before, after, now = look.parts[base], look.parts[head], look.now
    old, new = intent_of(before, now), intent_of(after, now)
    was = {e.owner: e for e in old.entitlements}
    will = {e.owner: e for e in new.entitlements}
    pairs = [Pair(was.get(o), will.get(o), "commit", None) for o in sorted(was.keys() | will.keys())]
    plan = build(
        "proposed",
        pairs,
        _with_needs(diff(TARGET, render(new), render(old))),
        commit=after.commit,
        base=before.commit,
        now=now,
        disturbs=disturbs(new),
        changed_files=frozenset(repository.changes(base, head).paths),
        assumes=(*_assumptions(repository, before, after, pairs), *_named(old, new)),
        until=min(filter(None, (_until(new), look.until)), default=None),
        coming=Coming(now + ANNOUNCED, _ending(after, new, now) + look.ending),
    )
    return with_observed(plan, (after, before), new.entitlements)


def _ending(snapshot: Snapshot, intent: Intent, now: datetime) -> int:
    """How many services lose something at a moment of the day that begins now."""
    frame, then = Frame(snapshot, now), now + ANNOUNCED
    due = zip(snapshot.services(), intent.entitlements, strict=True)
    soon = (turns(h.document, h.number, frame) for h, e in due if e.until and e.until <= then)
    return sum(any(turn.loses for turn in found if turn.at <= then) for found in soon)


def restored(store: Store, stored: Mapping[str, AppliedService]) -> Mapping[str, Entitlement]:
    """The applied entitlements as values; what another version wrote in other words is left out: unknown."""
    terms: dict[str, Terms] = {}
    for name, value in store.objects(TERMS).items():
        try:
            terms[name] = terms_from_value(value)
        except TypeError:
            continue
    found = ((owner, from_text(row.entitlement, terms)) for owner, row in stored.items())
    return {owner: entitlement for owner, entitlement in found if entitlement}


def disturbs(intent: Intent, waiting: Sequence[live.Behind] = ()) -> Callable[[Entitlement, Entitlement], bool]:
    """Whether a session must end for a change to take effect. Who is online is known by what `waiting` sessions need
    where they are; anybody else by every platform he is planned on."""
    kinds: dict[str, set[str]] = {}
    for one in waiting:
        kinds.setdefault(one.owner, set()).add(one.kind)

    def check(was: Entitlement, will_be: Entitlement) -> bool:
        if will_be.owner in kinds:
            return "disconnect" in kinds[will_be.owner]
        hosts = [intent.nas[name] for name in will_be.nas if name in intent.nas]
        platforms = {nas.platform for nas in hosts} or set(intent.platforms)
        pairs = [(session_class(was, intent, p), session_class(will_be, intent, p)) for p in sorted(platforms)]
        return any(needs_new_session(before, after) for before, after in pairs)

    return check


def _behind(
    reading: Reading, sessions: Iterable[Session], want: Resources, intent: Intent, owners: Mapping[str, str]
) -> Iterator[live.Behind]:
    store = reading.store
    proofs = {proof.uniqueid: proof for proof in store.proofs()}
    limits = Limits(store.limits(), intent.nas, reading.now)
    return live.behind(sessions, proofs, want, owners, live.nas_by_address(intent.nas.values()), limits, _told(store))


def shared_key(key: Key) -> str:
    """How a shared key is named in the store."""
    return "/".join(key)


def key_of(name: str) -> Key:
    """The reverse of `shared_key`."""
    kind, _, rest = name.partition("/")
    return kind, rest


def _told(store: Store) -> Callable[[str], Sequence[Attribute] | None]:
    """What a rendering of a group grants, by its hash; read when a vendor first needs it."""
    read = cache(lambda: store.objects(TOLD))

    def look(name: str) -> Sequence[Attribute] | None:
        said = read().get(name)
        return [(attribute, value) for attribute, value in said["attributes"]] if said else None

    return look


def _touched(reading: Reading, want: Resources, stored: Mapping[str, AppliedService]) -> list[Key]:
    """Every key that is wanted otherwise than it was last written."""
    written = reading.store.objects(RENDERED)
    shared = {key for key in want if key[0] in SHARED} | {key_of(name) for name in written}
    last = {key: written.get(shared_key(key), {}).get("digest", "") for key in shared}
    last |= {key: "" for key in want if key[0] == "login"}
    last |= {("login", row.login): row.digest for row in stored.values()}
    return sorted(key for key, digest in last.items() if digest_of(want.get(key)) != digest)


def _until(intent: Intent) -> datetime | None:
    return min((e.until for e in intent.entitlements if e.until), default=None)


def _with_needs(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """A login needs the groups and the set of NAS that are made for it; one that goes, the one that replaces it."""
    made: dict[str, set[str]] = {}
    for change in changes:
        if change.action == "create":
            kind, name = change.key
            made.setdefault(change.owner if kind == "login" else name.partition("@")[0], set()).add(change.id)

    def needs(change: Change) -> frozenset[str]:
        if change.key[0] != "login":
            return frozenset()
        names = [change.after.get("group"), change.after.get("pop")] if change.after else [change.owner]
        return frozenset(id for name in names for id in made.get(str(name), ()))

    return tuple(replace(change, needs=needs(change)) if made else change for change in changes)


def _owners(store: Store, want: Resources, stored: Mapping[str, AppliedService]) -> Mapping[str, str]:
    """Every login that is or was ours, with its service."""
    left = {login: str(said.get("owner", "")) for login, said in store.objects(LEFT).items()}
    before = {row.login: owner for owner, row in stored.items()}
    return left | before | {name: str(fields["owner"]) for (kind, name), fields in want.items() if kind == "login"}


def _pairs(
    reading: Reading,
    intent: Intent,
    was: Mapping[str, Entitlement],
    online: Counter[str],
) -> Iterator[Pair]:
    """Each service on both sides, with the cause: what the applied commit would say now lies between them; not for who
    was paused when it was applied, since what it changed for them is still to be done."""
    between = _between(reading, intent)
    stopped = reading.store.objects(STOPPED)
    will = {e.owner: e for e in intent.entitlements}
    for owner in sorted(was.keys() | will.keys()):
        before, after = was.get(owner), will.get(owner)
        middle = between.get(owner) if between is not None and owner not in stopped else before
        cause: Cause = "commit" if before is None or effects(middle, after) else "clock"
        logins = {e.login for e in (before, after) if e}
        yield Pair(before, after, cause, sum(online[login] for login in logins))


def _between(reading: Reading, intent: Intent) -> Mapping[str, Entitlement] | None:
    """What the applied commit says at this moment; None where it is not there to be asked."""
    if reading.applied is None:
        return None
    if reading.applied.commit == reading.commit:
        return {e.owner: e for e in intent.entitlements}
    try:
        part = reading.look.parts[reading.applied.commit]
        return {e.owner: e for e in intent_of(part, reading.now).entitlements}
    except KeyError:
        return None


def _changed(reading: Reading, applied: Applied | None) -> frozenset[str]:
    if applied is None:
        return frozenset()
    try:
        return frozenset(reading.repository.changes(applied.commit, reading.commit).paths)
    except Refusal:
        return frozenset()


def _named(old: Intent, new: Intent) -> Iterator[str]:
    """What routers have to know by name that they did not have to know before."""
    more: dict[str, list[str]] = {}
    for vendor, thing in sorted(needed(new) - needed(old)):
        more.setdefault(vendor, []).append(thing)
    for vendor, things in more.items():
        yield f"Routers of platform {vendor} have to know before this is applied: {', '.join(things)}"


def _assumptions(repository: Repository, before: Snapshot, after: Snapshot, pairs: Iterable[Pair]) -> Iterator[str]:
    yield "Who is online is not asked here: what is said of sessions holds for those who are"
    touched = (pair.will_be for pair in pairs if pair.was != pair.will_be)
    learning = sum(e is not None and e.mac_mode == "learn" for e in touched)
    if learning:
        yield f"MAC addresses that were learned stay as they are (services that learn: {learning})"
    if not repository.contains(after.commit, before.commit):
        yield "The base is not in the history of this commit: what only the base has appears as removed; rebase first"
