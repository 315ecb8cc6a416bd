"""The NAS: each is known by its own address and name, groups do not go in circles, and who is planned can log in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ispctl.model.network import Nas
from ispctl.model.problem import Problem, Where
from ispctl.repo.rules.scene import Scene, meant, spot

_OCTETS = 253
"""What one RADIUS attribute holds (RFC 2865, 5)."""


def rules(scene: Scene) -> Iterator[Problem]:
    if scene.fleet_unread:
        return
    yield from _groups(scene)
    if scene.unread("inventory/defaults.yaml"):
        return
    yield from _askers(scene)
    yield from _planned(scene)


def _groups(scene: Scene) -> Iterator[Problem]:
    for kind in ("hosts", "host-groups"):
        document = scene.snapshot.file(kind)
        for name, host in document.value.root.items() if document else ():
            for i, group in enumerate(host.groups):
                known = _names(scene)
                if group not in known:
                    where = document.where(name, "groups", i) if document else None
                    advice = meant(group, known, "Add the group to inventory/groups.yaml")
                    yield Problem("E113", f"{group} is not a group of hosts", where, advice)
    yield from _circles(scene)


def _names(scene: Scene) -> dict[str, Any]:
    document = scene.snapshot.file("host-groups")
    return document.value.root if document else {}


def _circles(scene: Scene) -> Iterator[Problem]:
    document = scene.snapshot.file("host-groups")
    for circle in circles({name: group.groups for name, group in _names(scene).items()}):
        text = f"the groups {' → '.join([*circle, circle[0]])} name each other in a circle"
        where = document.where(circle[0], "groups") if document else None
        yield Problem("E128", text, where, "Take one of them out")


def circles(edges: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """The circles of a graph, each step of one seen once, beginning with the name that was reached first."""
    done = set[str]()
    for start in edges:
        path = [start] if start not in done else []
        waiting = [iter(edges[start])] if path else []
        while waiting:
            name = next((name for name in waiting[-1] if name in edges and name not in done), None)
            if name is None:
                done.add(path.pop())
                waiting.pop()
            elif name in path:
                yield path[path.index(name) :]
            else:
                path.append(name)
                waiting.append(iter(edges[name]))


def _askers(scene: Scene) -> Iterator[Problem]:
    """A request is known by the address it comes from, and accounting by the identifier too."""
    sources: dict[Any, tuple[Nas, int]] = {}
    identifiers: dict[str, Nas] = {}
    hosts = scene.snapshot.file("hosts")
    for nas in (scene.snapshot.nas[name] for name in (hosts.value.root if hosts else ())):  # as they are written
        if nas.radius is None:
            continue
        for i, source in enumerate(nas.radius.sources):
            first, other = sources.setdefault(source, (nas, i))
            if first is not nas or other != i:
                at = spot(place(scene, first, "radius", "sources", other))
                text = f"{source} is a source of {first.name} already ({at})"
                where = place(scene, nas, "radius", "sources", i)
                yield Problem("E125", text, where, "Each address belongs to one NAS: correct one of them")
        yield from _identifier(scene, nas, identifiers)


def _identifier(scene: Scene, nas: Nas, identifiers: dict[str, Nas]) -> Iterator[Problem]:
    name = nas.radius.identifier if nas.radius else None
    if name is None:
        return
    first = identifiers.setdefault(name, nas)
    if first is not nas:
        text = f"{name} is the identifier of {first.name} already ({spot(place(scene, first, 'radius', 'identifier'))})"
        where = place(scene, nas, "radius", "identifier")
        yield Problem("E126", text, where, "Give each NAS a name of its own")
    if len(name.encode()) > _OCTETS:
        text = f"the identifier has {len(name.encode())} octets; a RADIUS attribute holds {_OCTETS}"
        yield Problem("E130", text, place(scene, nas, "radius", "identifier"), "Choose a shorter one")


def place(scene: Scene, nas: Nas, *loc: str | int) -> Where:
    """Where something stands in the data of a host; the host itself, if a group or the defaults say it."""
    document = scene.snapshot.file("hosts")
    host = document.value.root[nas.name] if document else None
    if document is None or host is None or getattr(host.data, str(loc[0])) is None:
        return nas.where
    return document.where(nas.name, "data", *loc)


def _planned(scene: Scene) -> Iterator[Problem]:
    """Hosts on which services are planned ask RADIUS or hold them as bindings; what a session cannot get is said."""
    named = scene.snapshot.facts.planned(scene.now)
    for nas in scene.snapshot.nas.values():
        holds = nas.device is not None and nas.device.bindings
        if nas.radius is None and not holds and (nas.name in named or nas.groups & named):
            text = f"services are planned on {nas.name}, which has no radius"
            yield Problem("E127", text, nas.where, "Add data.radius with its sources and secret")
        elif nas.radius is not None and nas.coa is None:
            text = f"{nas.name} has no coa: a running session there cannot be changed or ended"
            yield Problem("W706", text, nas.where, "Add data.coa; until then a change waits for the next login")
    document = scene.snapshot.file("host-groups")
    if any(group not in _names(scene) for nas in scene.snapshot.nas.values() for group in nas.groups):
        return  # said already, and one of them may be meant
    filled = {group for nas in scene.snapshot.nas.values() for group in nas.groups}
    for name in _names(scene):
        if document and name in named and name not in filled:
            text = f"services are planned on {name}, and no host is in this group"
            yield Problem("W705", text, document.where_key(name), "Add it to the groups of a host")
