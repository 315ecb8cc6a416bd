"""What is only observed: planned beside an old system, and never written (`managed` in policy, group and host).

A service is managed as its group says, a NAS as it says itself, else as the policy says. What services share is written
for those that are enforced; where the policy observes and nobody enforced uses it, it is left out too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ispctl.desired import Because, Entitlement
from ispctl.gates import owners_of, spread
from ispctl.model.subscriber import group_of
from ispctl.plan import Change, Plan, Stop, Switch
from ispctl.radius.rendering import WALLED, group_name
from ispctl.reconcile.stops import Kept, host_of, removals, used_by
from ispctl.repo import Snapshot
from ispctl.structs import replace

_SHARED: Final = frozenset({"group", "pop"})
_FOR_ALL: Final = frozenset({"range", "realm"})
"""What the server reads whoever asks: written as soon as anybody is enforced."""


def with_observed(
    plan: Plan,
    snapshots: Sequence[Snapshot],
    entitlements: Iterable[Entitlement],
    used: frozenset[str] = frozenset(),
    elsewhere: Kept | None = None,
) -> Plan:
    """The plan with what is not written, and how that has changed. `snapshots`: the commit, and what it is compared
    with; whoever is in the commit no more is managed as before. Of those who are in no part of this plan: what those
    use who are enforced (`used`), and those who are not (`elsewhere`)."""
    after, *before = snapshots
    switches = tuple(_switches(before[0], after)) if before else ()
    stops = _stops(plan, snapshots, used | enforced(snapshots, entitlements), elsewhere or {})
    return replace(plan, stops=(*plan.stops, *stops), switches=switches)


def enforced(snapshots: Sequence[Snapshot], entitlements: Iterable[Entitlement]) -> frozenset[str]:
    """The groups and the sets of NAS that are used by those who are not only observed; asked for only where the policy
    observes."""
    if snapshots[0].policy.value.managed != "observe":
        return frozenset()
    observed = _observed(snapshots[0])
    groups = _groups(snapshots) if observed else {}
    mine = (e for e in entitlements if groups.get(e.id) not in observed)
    return frozenset(part for e in mine for part in (group_name(e), e.pop))


def _observed(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(name for name in snapshot.group_folders if snapshot.managed_group(name)[0] == "observe")


def _stops(plan: Plan, snapshots: Sequence[Snapshot], used: frozenset[str], elsewhere: Kept) -> Iterator[Stop]:
    observed = _observed(snapshots[0])
    hosts = [name for name, nas in snapshots[0].nas.items() if snapshots[0].managed_nas(nas)[0] == "observe"]
    groups = _groups(snapshots) if observed else {}
    for name in sorted(observed):
        mine = {service.owner for service in plan.services if groups.get(service.now.id) == name}
        mine |= {o for c in plan.changes for o in owners_of(c) if groups.get(o.partition("/")[0]) == name}
        held = spread(_of_people(plan), mine, ())
        held |= used_by([change for change in plan.changes if change.id in held], plan.changes)
        held |= removals(plan.changes, elsewhere.get(f"group {name}", frozenset()))
        yield Stop("observed", f"group {name}", tuple(sorted(mine)), tuple(sorted(held)))
    for name in hosts:
        ids = [change.id for change in plan.changes if _is_of(change, name)]
        yield Stop("observed", f"nas {name}", (), tuple(sorted(ids)))
    if snapshots[0].policy.value.managed == "observe":
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
        was, (now, line) = before.managed_group(name)[0], after.managed_group(name)
        if was != now:
            count = sum(group_of(holding.document.path) == name for holding in after.services())
            yield Switch(f"group {name}", was, now, count, Because("managed", f"managed: {now}", line))
    for name, nas in after.nas.items():
        if name in before.nas:
            was, (now, at) = before.managed_nas(before.nas[name])[0], after.managed_nas(nas)
            if was != now:
                yield Switch(f"nas {name}", was, now, 0, Because("managed", f"managed: {now}", at))
