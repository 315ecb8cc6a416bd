"""What a file may say and nothing acts on yet. Each such line is named: nobody shall believe that it works."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl.model.document import Document
from ispctl.model.problem import Problem, Where
from ispctl.model.subscriber import Group, Subscriber
from ispctl.model.tariff import Tariff
from ispctl.platforms import platform, platforms
from ispctl.repo.rules.scene import Scene


def rules(scene: Scene) -> Iterator[Problem]:
    for tariff in scene.snapshot.tariffs():
        yield from _tariff(tariff, scene)
    for group in scene.snapshot.groups():
        yield from _group(group)
    for document in scene.snapshot.subscribers():
        yield from _subscriber(document, acs=scene.snapshot.reaches_routers)
    yield from _lines(scene)
    yield from _pools(scene)
    yield from _hosts(scene)
    targets = scene.snapshot.targets
    if targets and targets.value.radius.replicas and not targets.value.radius.dsn.startswith("postgres"):
        yield _not_yet(targets.where_key("radius", "replicas"), "replicas: a SQLite file has none")


def _tariff(tariff: Document[Tariff], scene: Scene) -> Iterator[Problem]:
    value = tariff.value
    policy = scene.snapshot.file("policy")
    if value.billing == "postpaid" and policy is not None and policy.value.money.dunning is None:
        text = "postpaid: without money.dunning in the policy, what is owed never stops a service"
        yield _not_yet(tariff.where("billing"), text)


def _group(group: Document[Group]) -> Iterator[Problem]:
    for name in ("subscribers", "tariffs", "rate"):
        if getattr(group.value.limits, name) is not None:
            yield _not_yet(group.where_key("limits", name), f"limits.{name}: nothing is refused for it")


def _subscriber(document: Document[Subscriber], *, acs: bool) -> Iterator[Problem]:
    for number, service in enumerate(document.value.services):
        if service.cpe and not acs:
            text = "cpe: inventory/targets.yaml says nothing about cpe, so that no device is configured"
            yield _not_yet(document.where_key("services", number, "cpe"), text)
        elif service.cpe and service.access.type == "ipoe":
            text = "cpe: a service without a login has nothing that its device is told"
            yield _not_yet(document.where_key("services", number, "cpe"), text)
        for i in range(1, len(service.cpe) if acs else 0):
            text = f"cpe[{i}]: the first device alone is told the login"
            yield _not_yet(document.where("services", number, "cpe", i), text)
        if service.access.vlan is not None:
            text = "vlan: no VLAN is configured, and none is compared"
            yield _not_yet(document.where("services", number, "access", "vlan"), text)
        for i, device in enumerate(service.mac.addresses):
            if int(device.mac[:2], 16) & 2:
                text = f"{device.mac} is locally administered: phones and computers change such addresses at will"
                where = document.where("services", number, "mac", "addresses", i, "mac")
                yield Problem("W702", text, where, "Bind the address that is printed on the device")


def _lines(scene: Scene) -> Iterator[Problem]:
    """Services that are known by their line, where nobody would tell it."""
    made = _made(scene)
    mute = {host for host, vendor in made.items() if vendor in platforms() and not platform(vendor).lines}
    for version in scene.versions() if mute else ():
        if version.service.access.circuit_id is None:
            continue
        for host in sorted(mute.intersection(scene.snapshot.reach(version.value("nas") or ()))):
            text = f"circuit_id: {host} tells RADIUS of no line, as {made[host]} is configured by ispctl"
            yield _not_yet(version.document.where("services", version.number, "access", "circuit_id"), text)


def _made(scene: Scene) -> dict[str, str]:
    """The platforms of the NAS that ispctl configures, by host."""
    snapshot = scene.snapshot
    return {name: nas.platform for name, nas in snapshot.nas.items() if snapshot.reaches_devices and nas.device}


def _pools(scene: Scene) -> Iterator[Problem]:
    document, snapshot, made = scene.snapshot.pools_file, scene.snapshot, _made(scene)
    for name, pool in document.value.root.items() if document else ():
        if document is None:
            continue
        hosts = set(pool.slices or snapshot.reach(pool.nas))
        configured = bool(made) and hosts <= made.keys()
        if pool.served_by == "dhcp" and not configured:
            text = f"served_by dhcp: the addresses of pool {name} are handed out by nobody"
            yield _not_yet(document.where(name, "served_by"), text)
        for host in sorted(hosts & made.keys()) if pool.served_by == "dhcp" else ():
            if made[host] in platforms() and pool.family not in platform(made[host]).leases:
                text = f"served_by dhcp: {host} hands out no IPv{pool.family} of pool {name}: {made[host]} cannot"
                yield _not_yet(document.where(name, "served_by"), text)
        if pool.quarantine and pool.served_by != "radius":
            yield _not_yet(document.where_key(name, "quarantine"), "quarantine: a freed address may be given at once")
        for field in ("gateway", "exclude") if pool.family == 6 and pool.elsewhere else ():
            if getattr(pool, field):
                text = f"{field}: no NAS keeps anything of pool {name} back; of IPv6 the server alone does"
                yield _not_yet(document.where_key(name, field), text)
        if pool.slices and pool.served_by != "radius" and not configured:
            yield _not_yet(document.where_key(name, "slices"), "slices: the pool is not configured on the NAS")


def _hosts(scene: Scene) -> Iterator[Problem]:
    targets = scene.snapshot.targets
    if targets and targets.value.nas is not None:
        return
    for kind in ("hosts", "host-groups", "defaults"):
        document = scene.snapshot.file(kind)
        if document is None:
            continue
        parts = {(): document.value} if kind == "defaults" else {(name,): h for name, h in document.value.root.items()}
        for loc, part in parts.items():
            for name in ("username", "password", "connection_options"):
                if getattr(part, name):
                    yield _not_yet(document.where_key(*loc, name), f"{name}: nothing logs in to a NAS")


def _not_yet(where: Where, text: str) -> Problem:
    return Problem("W700", text, where)
