"""One part of the people of a survey: how each was, how each will be, which rows and sessions that changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Final

from ispctl.backend import Backend
from ispctl.desired import Entitlement, Frame, Terms, turns
from ispctl.index import ANNOUNCED, Look
from ispctl.intent import entitlements
from ispctl.model.subscriber import group_of
from ispctl.plan import Cause, Change, Key, Pair, Resources, diff, effects
from ispctl.platforms import Attribute
from ispctl.radius.rendering import TARGET, Intent, logins
from ispctl.reconcile import rest
from ispctl.reconcile.applied import digest_of, from_text
from ispctl.reconcile.reading import then
from ispctl.reconcile.rerender import in_other_words
from ispctl.repo import Snapshot
from ispctl.states import State
from ispctl.structs import Struct

if TYPE_CHECKING:
    from ispctl.radius.live import Behind
    from ispctl.store import Applied, AppliedService, Session, Store

TOLD = "told"
"""Kind of objects in the store: what each rendering of a group grants, by its hash, while it is written or a session
runs it."""


class Around(Struct):
    """What every part of a survey is judged with. Fit to be sent to another process."""

    commit: str
    now: datetime
    applied: Applied | None
    """The commit that was applied, if it is here."""
    intent: Intent
    """What all share; no people."""
    shared: Resources
    made: Mapping[str, frozenset[str]]
    """Ids of the changes that make a group or a set of NAS, by its name."""
    terms: Mapping[str, Terms]
    """What the tariffs granted when it was applied."""
    stopped: frozenset[str]
    """Services that were held back then."""
    left: Mapping[str, str]
    """Logins that were given up, with their last owners."""


class People(Struct):
    """A part of a survey. Fit to be kept on a disk."""

    entitlements: Mapping[str, Entitlement]
    stored: Mapping[str, AppliedService]
    want: Resources
    """Their logins alone."""
    rendered: Mapping[Key, str]
    """The digest of each login as it is wanted; empty where it was given and is not wanted any more."""
    pairs: tuple[Pair, ...]
    rows: tuple[Change, ...]
    equal: tuple[Key, ...]
    """Touched logins whose rows are what they should be: there is nothing to write but that they are."""
    waiting: tuple[Behind, ...]
    resting: tuple[Behind, ...]
    unmarked: Mapping[str, int]
    """Open sessions from which nothing can be told, by NAS."""
    until: datetime | None
    ending: int


def people(around: Around, look: Look, store: Store, backend: Backend, doubtful: Iterable[str] = ()) -> People:
    """Those of a look. `doubtful`: services that may be in it or not. Raises Unreachable."""
    part, now = look.parts[around.commit], around.now
    found = tuple(entitlements(part, now))
    mine = {entitlement.owner: entitlement for entitlement in found}
    want = logins(found, around.intent.served)
    stored = {f"{s.id}/{s.key}": s for s in store.entitlements(_keys(look, doubtful) if look.partial else None)}
    was = restored(around.terms, stored)
    was = {**was, **in_other_words(stored, was, around.stopped, lambda: then(look, around.applied))}
    last = _last(want, stored)
    rendered = {key: digest_of(want.get(key)) for key in last}
    touched = sorted(key for key, digest in last.items() if rendered[key] != digest)
    have = backend.read(touched) if touched else {}
    rows = diff(TARGET, {key: want[key] for key in touched if key in want}, have)
    owners = _owners(around.left, want, stored)
    sessions = tuple(store.sessions(logins=sorted(owners) if look.partial else None))
    behind = _behind(around, store, sessions, want, owners) if sessions else ()
    waiting, resting = rest.split(behind, now)
    online = Counter(session.login for session in sessions)
    new = (change for change in rows if change.action == "create" and change.owner not in was)
    fresh = [change.key for change in new if not _is_observed(part, change.owner)]
    foreign = _foreign(store, fresh) if fresh else frozenset()
    pairs = tuple(_pairs(mine, was, _between(around, look, mine), around.stopped, online, foreign))
    return People(
        mine,
        stored,
        want,
        rendered,
        pairs,
        tuple(with_needs(rows, around.made)),
        tuple(sorted({*touched} - {change.key for change in rows})),
        waiting,
        resting,
        rest.unmarked(sessions, around.intent, owners),
        min((e.until for e in found if e.until), default=None),
        ending(part, found, now),
    )


def ending(snapshot: Snapshot, found: Sequence[Entitlement], now: datetime) -> int:
    """How many services lose something at a moment of the day that begins now."""
    frame, end = Frame(snapshot, now), now + ANNOUNCED
    due = zip(snapshot.services(), found, strict=True)
    soon = (turns(h.document, h.number, frame) for h, e in due if e.until and e.until <= end)
    return sum(any(turn.loses for turn in one if turn.at <= end) for one in soon)


def restored(terms: Mapping[str, Terms], stored: Mapping[str, AppliedService]) -> Mapping[str, Entitlement]:
    """The applied entitlements as values; what another version wrote in other words is left out: unknown."""
    found = ((owner, from_text(row.entitlement, terms)) for owner, row in stored.items())
    return {owner: entitlement for owner, entitlement in found if entitlement}


def _keys(look: Look, doubtful: Iterable[str]) -> list[tuple[str, str]]:
    """Every service of the parts that are looked at."""
    parts = (*look.parts.values(), *([look.known] if look.known else ()))
    held = ((document.value, number) for part in parts for document, number, _ in part.services())
    named = {(person.id, person.services[number].key) for person, number in held}
    return sorted(named.union((id, key) for id, _, key in (owner.partition("/") for owner in doubtful)))


def _last(want: Resources, stored: Mapping[str, AppliedService]) -> Mapping[Key, str]:
    """The digest of every login as it was last written."""
    last: dict[Key, str] = dict.fromkeys(want, "")
    return last | {("login", row.login): row.digest for row in stored.values()}


def _owners(left: Mapping[str, str], want: Resources, stored: Mapping[str, AppliedService]) -> Mapping[str, str]:
    """Every login that is or was ours, with its service."""
    before = {row.login: owner for owner, row in stored.items()}
    return {**left, **before} | {name: str(fields["owner"]) for (_, name), fields in want.items()}


def _behind(
    around: Around, store: Store, sessions: Sequence[Session], want: Resources, owners: Mapping[str, str]
) -> Iterator[Behind]:
    from ispctl.radius import live
    from ispctl.radius.limits import Limits
    from ispctl.store import proofs

    known = {proof.uniqueid: proof for proof in proofs.read(store, logins=[session.login for session in sessions])}
    nas = around.intent.nas
    limits = Limits(store.limits(), nas, around.now)
    wanted = {**around.shared, **want}
    return live.behind(sessions, known, wanted, owners, live.nas_by_address(nas.values()), limits, _told(store))


def _is_observed(part: Snapshot, owner: str) -> bool:
    """Whether its rows are others' as long as that is so; nobody has to ask for them."""
    groups = {group_of(held.document.path) for held in part.find(owner)}
    return any(part.managed_group(group)[0] == "observe" for group in groups)


def _foreign(store: Store, fresh: Sequence[Key]) -> frozenset[str]:
    """Of logins that are not ours yet, those for which somebody else wrote rows."""
    from ispctl.radius.rows import RadiusRows

    return frozenset(name for _, name in RadiusRows(store).of_others(fresh))


def _told(store: Store) -> Callable[[str], Sequence[Attribute] | None]:
    """What a rendering of a group grants, by its hash; read when a vendor first needs it."""
    read = cache(lambda: store.objects(TOLD))

    def look(name: str) -> Sequence[Attribute] | None:
        said = read().get(name)
        return [(attribute, value) for attribute, value in said["attributes"]] if said else None

    return look


_BY_USAGE: Final = frozenset({State.ACTIVE, State.GRACE, State.THROTTLED, State.BLOCKED})
"""Between which usage moves somebody."""


def _by_itself(was: Entitlement, will_be: Entitlement | None) -> Cause:
    """What changed a service whose files say the same: a first login in time is no matter of the clock, and usage is
    none either."""
    if will_be is not None and will_be.new_password is not None and was.password != will_be.password:
        return "facts" if will_be.new_password.holds == "accepted" else "clock"
    if will_be is not None and {was.state, will_be.state} <= _BY_USAGE:
        by_usage = State.BLOCKED in (was.state, will_be.state) or was.terms.tier != will_be.terms.tier
        return "facts" if by_usage else "clock"
    if will_be is None or was.state is not State.WAITING or will_be.access != was.access:
        return "clock"
    return "facts" if will_be.first_login and will_be.first_login.at else "clock"


def makes(changes: Iterable[Change]) -> Mapping[str, frozenset[str]]:
    """The ids of what is made, by the name of the group, the set of NAS or whatever it is."""
    made: dict[str, frozenset[str]] = {}
    for change in changes:
        if change.action == "create":
            name = change.key[1].partition("@")[0]
            made[name] = made.get(name, frozenset()) | {change.id}
    return made


def with_needs(changes: Sequence[Change], made: Mapping[str, frozenset[str]]) -> Iterator[Change]:
    """A login needs the groups and the set of NAS that are made for it; one that goes, the one that replaces it."""
    going = {change.owner for change in changes if change.after is None}
    replacing: dict[str, frozenset[str]] = {}
    known: dict[tuple[str, str], frozenset[str]] = {}
    for change in changes if going else ():
        if change.action == "create" and change.owner in going:
            replacing[change.owner] = replacing.get(change.owner, frozenset()) | {change.id}
    for change in changes:
        if change.after is None:
            needs = replacing.get(change.owner, frozenset())
        else:
            names = (str(change.after.get("group")), str(change.after.get("pop")))
            if names not in known:
                known[names] = frozenset(id for name in names for id in made.get(name, ()))
            needs = known[names]
        yield change.saying(needs=needs) if needs else change


def _between(around: Around, look: Look, mine: Mapping[str, Entitlement]) -> Mapping[str, Entitlement] | None:
    """What the applied commit says at this moment; None where it is not there to be asked."""
    if around.applied is None:
        return None
    if around.applied.commit == around.commit:
        return mine
    try:
        return {e.owner: e for e in entitlements(look.parts[around.applied.commit], around.now)}
    except KeyError:
        return None


def _pairs(
    will: Mapping[str, Entitlement],
    was: Mapping[str, Entitlement],
    between: Mapping[str, Entitlement] | None,
    stopped: frozenset[str],
    online: Counter[str],
    foreign: frozenset[str],
) -> Iterator[Pair]:
    """Each service on both sides, with the cause: what the applied commit would say now lies between them; not for who
    was paused when it was applied, since what it changed for them is still to be done. `foreign`: logins of others."""
    for owner in sorted(was.keys() | will.keys()):
        before, after = was.get(owner), will.get(owner)
        middle = between.get(owner) if between is not None and owner not in stopped else before
        cause: Cause = "commit" if before is None or effects(middle, after) else _by_itself(before, after)
        names = {e.login for e in (before, after) if e} if online else ()
        others = after is not None and after.login in foreign
        yield Pair(before, after, cause, sum(online[name] for name in names), others)
