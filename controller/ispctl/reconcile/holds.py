"""What is not done on NAS now, and what ends sessions there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.model.network import Nas
from ispctl.model.subscriber import group_of
from ispctl.nas import closed_until
from ispctl.plan import Change, Ending, Stop
from ispctl.platforms.device import Slice, nas_platform
from ispctl.reconcile.world import World
from ispctl.repo import Snapshot
from ispctl.store import Pause, Store, facts

PREFIX: Final = "nas:"
"""How the targets are named: nas:lalitpur-1."""


def disruptive(nas: Mapping[str, Nas], changes: Iterable[Change]) -> dict[str, tuple[str, ...]]:
    """The targets whose sessions end, with the ids of all that is done there."""
    mine: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        mine[change.target].append(change)
    platforms = {target: nas_platform(nas[target.removeprefix(PREFIX)].platform) for target in mine}
    return {
        target: tuple(change.id for change in them)
        for target, them in mine.items()
        if (platform := platforms[target]) is not None and any(map(platform.disrupts, them))
    }


def endings(
    store: Store,
    addresses: Mapping[str, Collection[str]],
    ending: Mapping[str, tuple[str, ...]],
    online: Mapping[str, int | None],
) -> Iterator[Ending]:
    """How many are online there, by the accounting and by the device itself (`online`, by host), and who. `addresses`:
    by which each host names itself."""
    for target, ids in ending.items():
        host = target.removeprefix(PREFIX)
        logins = [login for _, login in facts.online(store, addresses[host])]
        owners = {row.login: f"{row.id}/{row.key}" for row in store.given(logins)}
        sessions = max(len(logins), online.get(host) or 0)
        others = sessions - sum(login in owners for login in logins)
        yield Ending(target, ids, sessions, owners=frozenset(owners.values()), others=others)


def stops(
    world: World,
    snapshot: Snapshot,
    nas: Mapping[str, Nas],
    changes: Sequence[Change],
    ending: Collection[str],
    pauses: Collection[Pause],
) -> Iterator[Stop]:
    """What is not done now: paused, only observed, frozen, or waiting for the window."""
    policy, zone = snapshot.policy.value, ZoneInfo(snapshot.policy.value.timezone)
    mine: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        mine[change.target].append(change)
    for pause in pauses:
        held = [
            c.id for target, them in mine.items() for c in them if pause.kind == "everything" or pause.name == target
        ]
        if held and pause.kind in ("everything", "target"):
            yield Stop(
                "paused", pause.what, (), tuple(held), id=pause.id, by=pause.by, reason=pause.reason, until=pause.until
            )
    for target, them in mine.items():
        one, ids = nas[target.removeprefix(PREFIX)], tuple(change.id for change in them)
        if snapshot.managed_nas(one)[0] == "observe":
            yield Stop("observed", f"target {target}", (), ids)
            continue
        # In a lab nobody is cut off, whatever the hour.
        if closed := closed_until(policy.nas, zone, world.now, disruptive=target in ending and not world.store.is_lab):
            until, reason = closed
            yield Stop("paused", f"target {target}", (), ids, by="policy", reason=reason, until=until)


def stopped(changes: Iterable[Change], reason: str) -> Iterator[Stop]:
    """A stop for each device."""
    held: dict[str, list[str]] = defaultdict(list)
    for change in changes:
        held[change.target].append(change.id)
    for target, ids in sorted(held.items()):
        yield Stop("paused", f"target {target}", (), tuple(ids), by="ispctl", reason=reason)


def observed(
    world: World, snapshot: Snapshot, slices: Mapping[str, Slice], changes: Sequence[Change]
) -> Iterator[Stop]:
    """Devices that know people whose group is only observed, whether or not anything changes for those. `slices`: what
    each of them knows."""
    bound = {PREFIX + host: one.bindings for host, one in slices.items() if one.bindings}
    mine = [change for change in changes if change.target in bound]
    if not mine:
        return
    whole = world.repository.at(snapshot.commit)
    observed = {name for name in whole.group_folders if whole.managed_group(name)[0] == "observe"}
    groups = {one.value.id: group_of(one.path) for one in whole.subscribers()} if observed else {}
    on = {target: {groups.get(one.owner.partition("/")[0]) for one in them} for target, them in bound.items()}
    for name in sorted(observed):
        if ids := tuple(change.id for change in mine if name in on[change.target]):
            yield Stop("observed", f"group {name}", (), ids)
