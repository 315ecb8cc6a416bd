"""Tariffs and groups: what they name exists, and defaults are what a whole group may have."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl.model.document import Document
from ispctl.model.problem import Problem
from ispctl.model.subscriber import Group
from ispctl.repo.rules.pools import known_nas, used, used_by_ipv4, used_by_ipv6
from ispctl.repo.rules.scene import Scene, meant


def rules(scene: Scene) -> Iterator[Problem]:
    for tariff in scene.snapshot.tariffs():
        if tariff.value.ipv4:
            yield from used(scene, tariff.value.ipv4.pool, 4, tariff.spot("ipv4", "pool"))
        yield from used_by_ipv6(scene, tariff.value.ipv6, tariff, "ipv6")
    for group in scene.snapshot.groups():
        yield from _group(scene, group)


def _group(scene: Scene, group: Document[Group]) -> Iterator[Problem]:
    defaults, limits = group.value.defaults, group.value.limits
    if defaults.tariff:
        yield from known_tariff(scene, defaults.tariff, group, "defaults", "tariff")
    for i, name in enumerate(limits.tariffs or ()):
        yield from known_tariff(scene, name, group, "limits", "tariffs", i)
    for i, name in enumerate(defaults.nas or ()):
        yield from known_nas(scene, name, group.spot("defaults", "nas", i))
    yield from used_by_ipv4(scene, defaults.ipv4, group, "defaults", "ipv4")
    yield from used_by_ipv6(scene, defaults.ipv6, group, "defaults", "ipv6")
    shared = "every service of the group would have the same"
    ipv6 = defaults.ipv6
    static = (("ipv4", bool(defaults.ipv4 and defaults.ipv4.static)),
              ("ipv6", bool(ipv6 and any(part and part.static for part in (ipv6.wan, ipv6.delegated)))))  # fmt: skip
    for name, found in static:
        if found:
            advice = "Name a pool here, and write the address at the service that has it"
            yield Problem("E119", f"an address as a default: {shared}", group.where_key("defaults", name), advice)
    if defaults.mac and defaults.mac.addresses:
        where = group.where_key("defaults", "mac", "addresses")
        yield Problem("E119", f"devices as a default: {shared}", where, "List devices at the service that has them")


def known_tariff(scene: Scene, name: str, document: Document[object], *loc: str | int) -> Iterator[Problem]:
    """E112 for a tariff that does not exist; nothing for one whose file could not be read."""
    if scene.tariff(name) is None and not scene.tariff_unread(name):
        advice = meant(name, scene.tariff_names, f"Add it as tariffs/{name}.yaml")
        yield Problem("E112", f"there is no tariff {name}", document.where(*loc), advice)
