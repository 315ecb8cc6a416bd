"""Services that the network names (ipoe): each has a name, no two have the same, and no login looks like one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from ispctl.desired import identities
from ispctl.model.problem import Problem
from ispctl.model.subscriber import Binding, group_of
from ispctl.repo.rules.scene import Scene, Version, called, spot
from ispctl.repo.rules.unique import binding_of, conflicts
from ispctl.repo.snapshot import Holding

_MAC: Final = "[^0-9a-f]?".join(["[0-9a-f]{2}"] * 6)
"""What the server takes for a MAC address, whatever stands between its octets."""
_AS_LONG: Final = range(12, 18)
"""So long is one."""


def rules(scene: Scene) -> Iterator[Problem]:
    for version in scene.versions():
        if version.service.access.identify == "mac":
            yield from _nameless(version)
        if version.change is None and len(version.service.login) in _AS_LONG:
            yield from _spelling(version)
    yield from _lines(scene)
    yield from _devices(scene)


def _nameless(version: Version) -> Iterator[Problem]:
    service = version.service
    written = version.change is None or version.sets("mac")
    if written and not [*identities(service, service.mac)]:
        text = "an ipoe service is known by its devices, and this one has none"
        advice = "List them under mac: addresses:, make the MAC address the login, or write identify: circuit"
        yield Problem("E140", text, version.where("mac"), advice)


def _spelling(version: Version) -> Iterator[Problem]:
    login = version.service.login
    if not re.fullmatch(_MAC, login):
        return
    octets = re.sub("[^0-9a-f]", "", login)
    if login != (usual := ":".join(octets[i : i + 2] for i in range(0, 12, 2))):
        text = "the server takes this login for a MAC address, and would look it up in another spelling"
        yield Problem("E142", text, version.where("login"), f"Write it as {usual}, or choose another login")


def _lines(scene: Scene) -> Iterator[Problem]:
    found: dict[str, list[Holding]] = defaultdict(list)
    for document, number, loc in scene.snapshot.services():
        service = document.value.services[number]
        if service.access.circuit_id is not None:
            (name,) = identities(service, Binding())
            found[name].append(Holding(document, number, (*loc, "access", "circuit_id")))
    for holdings in found.values():
        for first, second in conflicts(scene, holdings):
            advice = "Correct one of them, end one before the other, or add the remote_id that tells them apart"
            yield _twice("this line", first, second, advice)


def _devices(scene: Scene) -> Iterator[Problem]:
    """What E111 does not say already, since policy or binding would bear a device that two services have."""
    for mac, holdings in scene.snapshot.macs():
        everybody = (*holdings, *scene.snapshot.by_login(mac))
        named = [holding for holding in everybody if holding.service.access.identify == "mac"]
        for first, second in conflicts(scene, named):
            if not _refused(scene, first, second):
                yield _twice(mac, first, second, "A device can be one service only: remove it from one of them")


def _refused(scene: Scene, first: Holding, second: Holding) -> bool:
    unique = scene.snapshot.policy.value.mac_unique
    if "login" in (first.loc[2], second.loc[2]):
        return False
    near = unique == "global" or group_of(first.document.path) == group_of(second.document.path)
    return unique != "off" and near and all(binding_of(one).mode != "off" for one in (first, second))


def _twice(what: str, first: Holding, second: Holding, advice: str) -> Problem:
    where = second.document.where(*second.loc)
    place = spot(first.document.where(*first.loc))
    return Problem("E141", f"{what} already names the ipoe service of {called(first)} ({place})", where, advice)
