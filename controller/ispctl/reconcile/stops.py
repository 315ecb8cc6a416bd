"""What a plan may not touch, since somebody said so: pauses. Marks the plan; whoever acts leaves out what is marked.

A pause of a login or a group holds what belongs to it alone: its rows, and its live session. What many share, such as
the group of a tariff, is not held by one of them; it reaches who is paused at the next login.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ispctl.gates import owners_of, spread
from ispctl.model.subscriber import group_of
from ispctl.plan import Change, Plan, Stop
from ispctl.radius.rendering import TARGET
from ispctl.repo import Snapshot
from ispctl.structs import Struct, replace

if TYPE_CHECKING:
    from ispctl.store import Pause, Store

STOPPED: Final = "stopped"
"""Kind of objects in the store: services that were held back by a stop when a commit was applied; see `notes`."""


class Whom(Struct):
    """Whom a pause is about: the group of each subscriber in the commit and in the applied one, since whoever leaves a
    paused group is still paused and whoever enters it is too; and whom each pause has held already."""

    groups: Mapping[str, frozenset[str]]
    before: Mapping[str, Mapping[str, Any]]

    def is_meant(self, owner: str, pause: Pause) -> bool:
        if pause.kind == "service":
            return owner == pause.name
        known = pause.name in self.groups.get(owner.partition("/")[0], ())
        return known or pause.id in self.before.get(owner, {}).get("by", ())


def whom(snapshots: Sequence[Snapshot], store: Store) -> Whom:
    """`snapshots`: the commit, and the one that is applied."""
    found: dict[str, set[str]] = {}
    for document in (document for snapshot in snapshots for document in snapshot.subscribers()):
        found.setdefault(document.value.id, set()).add(group_of(document.path))
    return Whom({id: frozenset(names) for id, names in found.items()}, store.objects(STOPPED))


Kept = Mapping[str, frozenset[str]]
"""By what is stopped: the names of the groups and of the sets of NAS that those who wait still use."""


def with_stops(
    plan: Plan, pauses: Sequence[Pause], snapshots: Sequence[Snapshot], store: Store, elsewhere: Kept | None = None
) -> Plan:
    """The plan with every pause that holds. `elsewhere`: what those use who are in no part of this plan."""
    if not pauses:
        return plan
    meant, kept = whom(snapshots, store), elsewhere or {}
    stops = (_stop(plan, one, meant, kept.get(one.what, frozenset())) for one in pauses)
    return replace(plan, stops=(*plan.stops, *stops))


def kept_by(plan: Plan) -> Kept:
    """What those use who wait in a plan."""
    return {
        stop.what: frozenset(used(change for change in plan.changes if change.id in ids))
        for stop in plan.stops
        if (ids := frozenset(stop.changes))
    }


def together(one: Sequence[Stop], other: Sequence[Stop]) -> tuple[Stop, ...]:
    """The stops of two parts of one plan; where both have one, the first one's reason holds."""
    found = {(stop.kind, stop.what, stop.id): stop for stop in one}
    for stop in other:
        known = found.get((stop.kind, stop.what, stop.id))
        services = sorted({*(known.services if known else ()), *stop.services})
        changes = sorted({*(known.changes if known else ()), *stop.changes})
        found[stop.kind, stop.what, stop.id] = replace(known or stop, services=tuple(services), changes=tuple(changes))
    return tuple(found.values())


def _stop(plan: Plan, pause: Pause, meant: Whom, elsewhere: frozenset[str]) -> Stop:
    held = _held(plan.changes, pause, meant) | removals(plan.changes, elsewhere)
    rows = [change for change in plan.changes if change.id in held and change.key[0] == "login"]
    services = sorted({owner for change in rows for owner in owners_of(change)})
    return Stop(
        "paused",
        pause.what,
        tuple(services),
        tuple(sorted(held)),
        id=pause.id,
        by=pause.by,
        reason=pause.reason,
        until=pause.until,
    )


def _held(changes: Collection[Change], pause: Pause, meant: Whom) -> frozenset[str]:
    if pause.kind == "everything" or (pause.kind == "target" and pause.name == TARGET):
        return frozenset(change.id for change in changes)
    if pause.kind == "target":
        host = pause.name.removeprefix("nas:")
        return frozenset(c.id for c in changes if c.key[0] == "session" and host_of(c) == host)
    own = (change for change in changes if change.key[0] in ("login", "session"))
    owners = {owner for change in own for owner in owners_of(change) if meant.is_meant(owner, pause)}
    waiting = spread(changes, owners, ())
    return waiting | used_by([change for change in changes if change.id in waiting], changes)


def used_by(waiting: Collection[Change], changes: Collection[Change]) -> frozenset[str]:
    """The removals of what those who wait still use."""
    return removals(changes, used(waiting))


def used(waiting: Iterable[Change]) -> set[str]:
    """The groups and the sets of NAS that logins stand on while they wait."""
    logins = (change.before for change in waiting if change.key[0] == "login" and change.before)
    return {str(fields.get(name)) for fields in logins for name in ("group", "pop")}


def removals(changes: Iterable[Change], names: Collection[str]) -> frozenset[str]:
    """The removals of these groups and sets of NAS."""
    gone = (change for change in changes if change.after is None and change.key[0] in ("group", "pop"))
    return frozenset(change.id for change in gone if change.key[1].partition("@")[0] in names)


def host_of(change: Change) -> str:
    """The NAS that a session is on."""
    return str((change.after or change.before or {}).get("nas", ""))
