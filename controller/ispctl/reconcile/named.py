"""What rows call by name that a NAS has to hold: they are written once it is there, and it goes once they are.

A service that is there keeps its rows while one of its NAS lacks what they would name; a new one is only kept out where
all of its NAS do. What everybody on a platform shares waits for each NAS on which somebody needs it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from ispctl.gates import owners_of, spread
from ispctl.model.network import Nas
from ispctl.plan import Change, Fields, Key, Plan, Resources, ServiceChange, Stop
from ispctl.platforms import STANDARD_POOLS, platform
from ispctl.radius.rendering import TARGET, WALLED, Intent, given
from ispctl.structs import Struct, replace

Lack = Mapping[str, frozenset[str]]
"""What is not there, as `Platform.refers` calls it, by host."""


def things(nas: Nas, resources: Iterable[Key]) -> dict[str, Key]:
    """What of this RADIUS may name, as `Platform.refers` calls it, in small letters."""
    from ispctl.platforms.device import nas_platform

    vendor = nas_platform(nas.platform)
    return {name.casefold(): key for key in resources if vendor is not None and (name := vendor.called(key))}


class Names(Struct):
    """Of one plan. `groups`: as they shall be; `stood`: as they are."""

    nas: Mapping[str, Nas]
    pops: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, Fields]
    stood: Mapping[str, Fields]

    @staticmethod
    def of(intent: Intent, shared: Resources, changes: Iterable[Change]) -> Names:
        """`shared`: the rows that all share, as they shall be; `changes`: the plan's."""
        groups = {name: fields for (kind, name), fields in shared.items() if kind == "group"}
        before = {change.key[1]: change.before for change in changes if change.key[0] == "group"}
        stood = {name: fields for name, fields in {**groups, **before}.items() if fields is not None}
        return Names(intent.nas, intent.pops, groups, stood)

    def waits(self, change: Change, lack: Lack, services: Collection[ServiceChange]) -> list[tuple[str, str]]:
        """(host, what it lacks) for all that a change of rows has to wait for; empty where it need not."""
        if change.after is None or change.key[0] not in ("group", "login"):
            return []
        hosts = self._hosts(change)
        if change.action == "create" and (change.key[0] == "group" or not hosts or set(hosts) - lack.keys()):
            return []
        found = []
        for host in lack.keys() & set(hosts):
            vendor = self.nas[host].platform
            newly = self._called(change.key, change.after, vendor, self.groups)
            newly -= self._called(change.key, change.before, vendor, self.stood)
            found += [(host, thing) for thing in sorted(newly & lack[host])] if newly else []
        if change.action == "create" and {host for host, _ in found} != set(hosts):
            return []
        if found and change.key[0] == "group":
            tariff = _tariff(change)
            used = {host for one in services if one.will_be and _is_on(one, tariff) for host in one.will_be.nas}
            found = [one for one in found if one[0] in used or tariff == WALLED]
        return sorted(found)

    def needing(self, plan: Plan, devices: Collection[Change]) -> dict[str, frozenset[str]]:
        """Ids of rows -> those of what is made for them on devices."""
        made: dict[str, dict[str, str]] = {}
        for change in devices:
            host = change.target.partition(":")[2]
            if change.before is None and host in self.nas:
                for thing in things(self.nas[host], [change.key]):
                    made.setdefault(host, {})[thing] = change.id
        lack = {host: frozenset(ids) for host, ids in made.items()}
        found = {}
        for change in plan.changes if lack else ():
            if waits := self.waits(change, lack, plan.services):
                found[change.id] = frozenset(made[host][thing] for host, thing in waits)
        return found

    def called(self, rows: Iterable[Change], vendor: str) -> frozenset[str]:
        """What these rows call by name on a platform as long as nothing is done to them."""
        return frozenset().union(*(self._called(one.key, one.before, vendor, self.stood) for one in rows))

    def _hosts(self, change: Change) -> tuple[str, ...]:
        if change.key[0] == "login":
            return self.pops.get(str((change.after or {}).get("pop")), ())
        vendor = change.key[1].rpartition("@")[2]
        return tuple(name for name, nas in self.nas.items() if nas.radius and nas.platform == vendor)

    def _called(self, key: Key, fields: Fields | None, vendor: str, groups: Mapping[str, Fields]) -> frozenset[str]:
        if fields is None:
            return frozenset()
        own: tuple[object, ...] = ()
        if key[0] == "login":
            reply, fields = fields["reply"], groups.get(f"{fields['group']}@{vendor}")
            own = reply if isinstance(reply, tuple) else ()
        elif not key[1].endswith(f"@{vendor}"):
            return frozenset()
        pools = [f"pool {row[2]}" for row in own if isinstance(row, tuple) and row[0] in STANDARD_POOLS]
        told = given(fields) if fields else ()
        return frozenset(text.casefold() for text in (*pools, *map(platform(vendor).refers, told)) if text)


def with_needs(plan: Plan, needs: Mapping[str, frozenset[str]]) -> Plan:
    """A plan whose rows name what they need on devices."""
    if not needs:
        return plan
    changes = tuple(replace(c, needs=c.needs | needs[c.id]) if c.id in needs else c for c in plan.changes)
    return replace(plan, changes=changes)


def stops(plan: Plan, begun: Mapping[str, Collection[str]], reasons: Mapping[str, str]) -> Iterator[Stop]:
    """The rows that wait for something, with those that wait for them. `begun`: ids, of what is not done on a device or
    of rows, by target; `reasons`: why, by target."""
    for target, ids in sorted(begun.items()):
        waiting = spread(plan.changes, (), ids) if ids else frozenset[str]()
        rows = [change for change in plan.changes if change.id in waiting and change.target == TARGET]
        if not rows:
            continue
        owners = {owner for row in rows if row.key[0] == "login" for owner in owners_of(row)}
        tariffs = {_tariff(row) for row in rows if row.key[0] == "group"}
        owners |= {s.owner for s in plan.services if s.will_be and any(_is_on(s, one) for one in tariffs)}
        changes = tuple(sorted(row.id for row in rows))
        services = tuple(sorted(owners - {""}))
        yield Stop("paused", f"target {target}", services, changes, by="ispctl", reason=reasons[target])


def _tariff(group: Change) -> str:
    return group.key[1].rpartition("@")[0]


def _is_on(service: ServiceChange, group: str) -> bool:
    entitlement = service.will_be
    assert entitlement is not None
    return group == (WALLED if entitlement.access == "walled" else f"isp:{entitlement.terms.name}")
