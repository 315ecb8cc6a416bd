"""What is only observed: planned beside an old system, and never written (`managed` in policy, group and host).

A service is managed as its group says, a NAS as it says itself, else as the policy says. What services share is written
for those that are enforced; where the policy observes and nobody enforced uses it, it is left out too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from ispctl.desired import Because, Entitlement
from ispctl.gates import owners_of, spread
from ispctl.model.subscriber import group_of
from ispctl.plan import Change, Plan, Stop, Switch
from ispctl.radius.rendering import WALLED, group_name
from ispctl.reconcile.stops import host_of, used_by
from ispctl.repo import Snapshot

_SHARED: Final = frozenset({"group", "pop"})
_FOR_ALL: Final = frozenset({"range", "realm"})
"""What the server reads whoever asks: written as soon as anybody is enforced."""


def with_observed(plan: Plan, snapshots: Sequence[Snapshot], entitlements: Iterable[Entitlement]) -> Plan:
    """The plan with what is not written, and how that has changed. `snapshots`: the commit, and what it is compared
    with; whoever is in the commit no more is managed as before."""
    after, *before = snapshots
    switches = tuple(_switches(before[0], after)) if before else ()
    return replace(plan, stops=(*plan.stops, *_stops(plan, snapshots, entitlements)), switches=switches)


def observes(snapshot: Snapshot) -> bool:
    """Whether a commit only observes anything."""
    if snapshot.policy.value.managed == "observe":
        return True
    if any(snapshot.managed_group(name)[0] == "observe" for name in snapshot.group_folders):
        return True
    return any(snapshot.managed_nas(nas)[0] == "observe" for nas in snapshot.nas.values())


def _stops(plan: Plan, snapshots: Sequence[Snapshot], entitlements: Iterable[Entitlement]) -> Iterator[Stop]:
    observed = {name for name in snapshots[0].group_folders if snapshots[0].managed_group(name)[0] == "observe"}
    hosts = [name for name, nas in snapshots[0].nas.items() if snapshots[0].managed_nas(nas)[0] == "observe"]
    groups = _groups(snapshots) if observed else {}
    for name in sorted(observed):
        mine = {service.owner for service in plan.services if groups.get(service.now.id) == name}
        mine |= {o for c in plan.changes for o in owners_of(c) if groups.get(o.partition("/")[0]) == name}
        held = spread(_of_people(plan), mine, ())
        held |= used_by([change for change in plan.changes if change.id in held], plan.changes)
        yield Stop("observed", f"group {name}", tuple(sorted(mine)), tuple(sorted(held)))
    for name in hosts:
        ids = [change.id for change in plan.changes if _is_of(change, name)]
        yield Stop("observed", f"nas {name}", (), tuple(sorted(ids)))
    if snapshots[0].policy.value.managed == "observe":
        used = {part for e in entitlements if groups.get(e.id) not in observed for part in (group_name(e), e.pop)}
        used |= {WALLED} if used else set()
        unused = [c for c in plan.changes if c.key[0] in _SHARED and c.key[1].partition("@")[0] not in used]
        unused += [] if used else [c for c in plan.changes if c.key[0] in _FOR_ALL]
        ids = [change.id for change in unused]
        yield Stop("observed", "what nobody enforced uses", (), tuple(sorted(ids)))


def _of_people(plan: Plan) -> list[Change]:
    return [change for change in plan.changes if change.key[0] in ("login", "session")]


def _is_of(change: Change, host: str) -> bool:
    if change.key[0] == "nas":
        return str((change.after or change.before or {}).get("host", "")) == host
    return change.key[0] == "session" and host_of(change) == host


def _groups(snapshots: Sequence[Snapshot]) -> dict[str, str]:
    """Subscriber id -> its group; the first commit that knows it says."""
    found: dict[str, str] = {}
    for document in (document for snapshot in snapshots for document in snapshot.subscribers()):
        found.setdefault(document.value.id, group_of(document.path))
    return found


def _switches(before: Snapshot, after: Snapshot) -> Iterator[Switch]:
    """Parts that both commits have and manage otherwise."""
    for name in sorted(after.group_folders & before.group_folders):
        was, (now, where) = before.managed_group(name)[0], after.managed_group(name)
        if was != now:
            count = sum(group_of(holding.document.path) == name for holding in after.services())
            yield Switch(f"group {name}", was, now, count, Because("managed", f"managed: {now}", where))
    for name, nas in after.nas.items():
        if name in before.nas:
            was, (now, where) = before.managed_nas(before.nas[name])[0], after.managed_nas(nas)
            if was != now:
                yield Switch(f"nas {name}", was, now, 0, Because("managed", f"managed: {now}", where))
