"""NAS devices in a plan: rows of RADIUS are `survey`'s and `write`'s.

A device is looked at (`looking`) only where what git says of it is not what it was last made equal to. What grants goes
before the rows, what takes away after the sessions; each in waves (`configure`), of which the next begins when all of
the last are well.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from ispctl.desired import Because
from ispctl.digests import sha256
from ispctl.gates import sums
from ispctl.intent import slices_of
from ispctl.model.network import Nas
from ispctl.model.policy import Policy
from ispctl.nas import Known
from ispctl.plan import Change, Ending, Key, Plan, Resources, ServiceChange, Stop, Sums, Unread, diff
from ispctl.platforms.device import Slice, nas_platform, template_path
from ispctl.platforms.rendering import render
from ispctl.radius.live import addresses_by_nas
from ispctl.reconcile import holds
from ispctl.reconcile.holds import PREFIX
from ispctl.reconcile.named import Lack, Names, things, with_needs
from ispctl.reconcile.named import stops as stops_of
from ispctl.reconcile.stand_ins import stand_ins
from ispctl.reconcile.stops import together
from ispctl.reconcile.world import World
from ispctl.repo import Repository, Snapshot
from ispctl.structs import Struct, as_dict, field, replace

NOT_THERE: Final = "it lacks something that these rows name, or may lack it"


class Wanted(Struct):
    """What a commit says of one device. `mark` stands for all that it is made of."""

    nas: Nas
    slice: Slice
    mark: str
    commit: str
    addresses: tuple[str, ...]
    """By which it names itself, and no other NAS does."""
    templates: Mapping[str, bytes] = field(repr=False)

    def resources(self) -> Resources:
        """Raises Refusal E800, E801."""
        platform = nas_platform(self.nas.platform)
        assert platform is not None
        return render(platform, self.slice, self.templates)


class Instead(Struct):
    """What one device should hold, whatever is said of it now. `commit`: that said it, where that is known; `pauses`:
    the ids of those that do not hold it."""

    host: str
    resources: Resources
    commit: str
    pauses: Collection[str]


class Fleet(Struct):
    """The devices that were looked at, and what is to be done there."""

    wanted: Mapping[str, Wanted] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    unread: tuple[Unread, ...] = ()
    stops: tuple[Stop, ...] = ()
    endings: tuple[Ending, ...] = ()
    """What is done there that ends sessions."""
    equal: tuple[str, ...] = ()
    """Hosts that stand as they should already."""
    early: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Removals that make room: they go with what takes their place (ids)."""
    lacking: Lack = field(default_factory=dict)
    """What those may lack that gave no answer, or are looked at or configured now."""
    seen: Mapping[str, Resources] = field(default_factory=dict)
    """What stood on each that answered."""
    known: Mapping[str, Mapping[Key, Known]] = field(default_factory=dict)
    policy: Policy | None = None

    def joined(self, plan: Plan, names: Names | None = None) -> Plan:
        """A plan with what is to be done on devices. `names`: what its rows call by name; those wait for it."""
        if not (self.changes or self.unread or self.lacking):
            return plan
        rows = plan
        if names is not None:
            plan = with_needs(plan, names.needing(plan, self.changes))
        changes = tuple(sorted((*plan.changes, *self.changes), key=lambda one: (one.target, one.key)))
        alone = Plan("live", plan.commit, plan.base, plan.now, (), self.changes, stops=self.stops, endings=self.endings)
        more = sums(alone)
        both: Sums | None = plan.sums.plus(more) if plan.sums else None
        kept = self.of(plan.still, plan.services)
        people = holds.stopped(
            (one for one in self.changes if one.id in kept), "it knows people who are left as they are"
        )
        stops = together(together(plan.stops, self.stops), tuple(people))
        unread = (*plan.unread, *self.unread)
        whole = replace(plan, changes=changes, unread=unread, stops=stops, endings=self.endings, sums=both)
        return replace(whole, stops=together(stops, tuple(self._named(whole, rows, names)))) if names else whole

    def _named(self, plan: Plan, rows: Plan, names: Names) -> Iterator[Stop]:
        """Rows that name what is not there: not now (a stop), or nobody knows (no answer)."""
        paused = {id for stop in self.stops if stop.kind == "paused" for id in stop.changes}
        begun: dict[str, set[str]] = defaultdict(set)
        for change in self.changes:
            if change.id in paused:
                begun[change.target].add(change.id)
        for row in rows.changes if self.lacking else ():
            for host, _ in names.waits(row, self.lacking, plan.services):
                begun[PREFIX + host].add(row.id)
        return stops_of(plan, begun, dict.fromkeys(begun, NOT_THERE))

    def without(self, plan: Plan, undone: Collection[str]) -> Plan:
        """A plan in which the rows wait that name what could not be made (ids of changes of devices)."""
        begun: dict[str, set[str]] = defaultdict(set)
        for change in self.changes:
            if change.id in undone:
                begun[change.target].add(change.id)
        return replace(plan, stops=together(plan.stops, tuple(stops_of(plan, begun, dict.fromkeys(begun, NOT_THERE)))))

    def named(self, rows: Collection[Change], names: Names) -> frozenset[str]:
        """The removals from devices of what these rows name as long as they stay."""
        found = set()
        for change in self.changes if rows else ():
            nas = self.wanted[change.target.removeprefix(PREFIX)].nas
            if change.after is None and things(nas, [change.key]).keys() & names.called(rows, nas.platform):
                found.add(change.id)
        return frozenset(found)

    def of(self, owners: Collection[str], services: Collection[ServiceChange]) -> frozenset[str]:
        """The changes of devices that know some of these people themselves (`bindings`): while their rows wait, nothing
        is taken from them there either. Where one of them is known to no plan (`services`), of all such devices."""
        asked = frozenset(owners) - {""}
        bound = {host for host, one in self.wanted.items() if one.nas.device and one.nas.device.bindings}
        if not (asked and bound):
            return frozenset()
        theirs = [one for one in services if one.owner in asked]
        if len(theirs) == len(asked):
            sides = (side for one in theirs for side in (one.was, one.will_be) if side is not None)
            bound &= {host for side in sides for host in side.nas}
        return frozenset(one.id for one in self.changes if one.target.removeprefix(PREFIX) in bound)

    def early_for(self, kept: Collection[str]) -> frozenset[str]:
        """Of removals that have to wait those that would make room, with what would take their place."""
        mine = self.early.keys() & kept
        return frozenset(mine).union(*(self.early[id] for id in mine))

    def alone(self) -> Fleet:
        """The same where rows are left out: what devices know of people is done with those, behind the same gates."""
        bound = {PREFIX + host for host, one in self.wanted.items() if one.nas.device and one.nas.device.bindings}
        mine = (one for one in self.changes if one.target in bound)
        stops = holds.stopped(mine, "what it knows of people is done with their rows: ispctl apply without --target")
        return replace(self, stops=together(self.stops, tuple(stops)))


def wanted(repository: Repository, snapshot: Snapshot, now: datetime) -> dict[str, Wanted]:
    """What a commit says of every device that ispctl configures, by host. `snapshot`: as much of it as all share."""
    hosts = [nas for nas in snapshot.nas.values() if nas.device is not None]
    if not hosts:
        return {}
    whole = any(nas.device.bindings for nas in hosts if nas.device)
    slices = slices_of(repository.at(snapshot.commit) if whole else snapshot, now)
    own = repository.templates(snapshot.commit, "templates/nas/") if slices else {}
    addresses, commit = addresses_by_nas(snapshot.nas.values()), snapshot.commit
    return {
        name: Wanted(snapshot.nas[name], one, _mark(snapshot.nas[name], one, own), commit, addresses.get(name, ()), own)
        for name, one in slices.items()
    }


def due(world: World, snapshot: Snapshot) -> dict[str, Wanted]:
    """What a commit says of every device that is reached from here: in a lab, of those that have a stand-in."""
    doors = stand_ins(world.store)
    all_of_them = wanted(world.repository, snapshot, world.now)
    return {host: one for host, one in all_of_them.items() if doors is None or host in doors}


def proposed(repository: Repository, before: Snapshot, after: Snapshot, now: datetime) -> Fleet:
    """What a commit changes on devices against another, as far as git knows. Raises Refusal E800, E801."""
    if not after.reaches_devices:
        return Fleet()
    old, new = wanted(repository, before, now) if before.reaches_devices else {}, wanted(repository, after, now)
    found: list[Change] = []
    for host, will in sorted(new.items()):
        was = old.get(host)
        if was is None or was.mark != will.mark:
            found += explained(diff(PREFIX + host, will.resources(), was.resources() if was else {}), will.nas)
    many = {PREFIX + host: _at_most(host, (before, after), now) for host in new}
    disruptive = holds.disruptive(after.nas, found)
    ends = tuple(Ending(target, ids, at_most=many[target]) for target, ids in disruptive.items())
    return Fleet(changes=tuple(found), endings=ends)


def _at_most(host: str, snapshots: Iterable[Snapshot], now: datetime) -> int:
    """How many services may be there, in one commit or the other."""
    there = ((one, one.nas[host]) for one in snapshots if host in one.nas)
    return max(one.facts.served({nas.name, *nas.groups}, now) for one, nas in there)


def explained(changes: Sequence[Change], nas: Nas) -> list[Change]:
    """What asks for it, as far as one line can be named: the device's own."""
    because = (Because("nas", f"what {nas.name} should hold", nas.where),)
    return [replace(change, because=because) for change in changes]


def _mark(nas: Nas, one: Slice, own: Mapping[str, bytes]) -> str:
    """Stands for all that the resources of a device are made of: what git says, the templates, and this version; and
    for which device it is, since another one in its place has nothing of them."""
    from importlib.metadata import version  # with what reads mail and archives

    platform = nas_platform(one.platform)
    assert platform is not None
    texts = {
        name: own.get(template_path(one.platform, name), b"").decode("utf-8", "replace") for name in platform.templates
    }
    device = nas.management.hostname, nas.management.port, nas.device.host_key if nas.device else None
    said = json.dumps([version("ispctl"), device, as_dict(one), texts], sort_keys=True, default=str)
    return sha256(said.encode()).hexdigest()[:32]
