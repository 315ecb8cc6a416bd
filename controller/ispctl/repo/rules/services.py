"""Services: what they name exists and fits together, now and after each scheduled change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ispctl.model.days import ending
from ispctl.model.document import Document
from ispctl.model.problem import Problem
from ispctl.model.subscriber import Ipv6, Service, group_of
from ispctl.model.tariff import Tariff
from ispctl.repo.layout import PROFILES
from ispctl.repo.rules.pools import extends, known_nas, used_by_ipv4, used_by_ipv6
from ispctl.repo.rules.scene import Scene, Version, meant, takes_its_own
from ispctl.repo.rules.tariffs import known_tariff

_ROOM = 3000
"""Octets that routes may take of a reply: a packet has 4096 at most (RFC 2865, 3), and other things stand in it."""

_DECIDE = ("nas", "tariff")


def rules(scene: Scene) -> Iterator[Problem]:
    reached = _Reach(scene)
    realms = {realm.casefold() for realm in scene.snapshot.policy.value.realms}
    known_realms = scene.snapshot.file("policy") is not None
    for version in scene.versions():
        if version.change is None:
            if known_realms:
                yield from _realm(version, realms)
            if version.service.terminated is not None:
                yield from _order(scene, version)
            if version.service.cpe:
                yield from _profiles(scene, version)
        yield from _names(scene, version)
        tariff = _tariff(scene, version)
        if tariff is not None and version.change is None:
            yield from _billing(version, tariff.value)
        yield from reached.rules(version, tariff)
        if version.service.routes:
            yield from _routes(version)
    for version in scene.versions(over=True):
        yield from _sold(scene, version)
    yield from _backwards(scene)


def _backwards(scene: Scene) -> Iterator[Problem]:
    """What ends before it begins; a model sees it only where both ends are days, or both are time stamps."""
    advice = "Correct one of the two dates"
    for document, number, loc in scene.snapshot.services():
        service = document.value.services[number]
        if service.activated is not None and service.terminated is not None:
            life = scene.life(service)
            if life.end <= life.start:
                text = "terminated is not after activated: there would never be a service"
                yield Problem("E134", text, document.where(*loc, "terminated"), advice)
        hold = service.hold
        if hold is not None and ending(hold.until, scene.zone, "", 0) <= scene.moment(hold.since):
            text = "the hold ends before it begins"
            yield Problem("E134", text, document.where(*loc, "hold", "until"), advice)


def _realm(version: Version, realms: set[str]) -> Iterator[Problem]:
    _, at, realm = version.service.login.partition("@")
    if at and realm.casefold() not in realms:
        text = f"the realm {realm} is not in the policy"
        yield Problem("E116", text, version.where("login"), meant(realm, realms, "Add it to inventory/policy.yaml"))


def _names(scene: Scene, version: Version) -> Iterator[Problem]:
    service, document = version.service, version.document
    yield from _sold(scene, version)
    if service.nas and version.sets("nas"):
        for i, name in enumerate(service.nas):
            yield from known_nas(scene, name, version.spot("nas", i))
    if service.ipv4 is not None and version.sets("ipv4"):
        loc = version.places.get("ipv4", ("services", version.number, "ipv4"))
        yield from used_by_ipv4(scene, service.ipv4, document, *loc)
    if service.ipv6 is not None and version.sets("ipv6"):
        loc = version.places.get("ipv6", ("services", version.number, "ipv6"))
        yield from used_by_ipv6(scene, service.ipv6, document, *loc)


def _profiles(scene: Scene, version: Version) -> Iterator[Problem]:
    for i, name in enumerate(one.profile for one in version.service.cpe):
        if name not in scene.profiles:
            said = meant(name, scene.profiles, "")
            advice = f"{said}{'' if said.endswith('?') else '.'} Or write {PROFILES}{name}.yaml (docs/cpe.md)"
            yield Problem("E145", f"there is no profile {name} of devices", version.where("cpe", i, "profile"), advice)


def _sold(scene: Scene, version: Version) -> Iterator[Problem]:
    """There is a tariff; also of a service that is over, since what it was is still shown."""
    service, document = version.service, version.document
    if version.sets("tariff") and service.tariff is not None:
        loc = version.places.get("tariff", ("services", version.number, "tariff"))
        yield from known_tariff(scene, service.tariff, document, *loc)
    if version.change is None and version.value("tariff") is None:
        if scene.unread(f"subscribers/{group_of(document.path)}/group.yaml"):
            return
        text = "neither the service nor its group names a tariff"
        yield Problem("E117", text, version.where("tariff"), meant("", scene.tariff_names, "Add one under tariffs/"))


def _tariff(scene: Scene, version: Version) -> Document[Tariff] | None:
    name = version.value("tariff")
    return scene.tariff(name) if name else None


def _billing(version: Version, tariff: Tariff) -> Iterator[Problem]:
    service = version.service
    if tariff.billing == "postpaid":
        given = {
            "paid_until": service.paid_until is not None,
            "activation": service.activation is not None,
            "grace": bool(service.grace),
            "hold": bool(service.hold and service.hold.extends_paid_until),
        }
        for name, found in given.items():
            if found:
                said = "hold.extends_paid_until" if name == "hold" else name
                text = f"{said} belongs to prepaid, and {tariff.name} is postpaid"
                yield Problem("E120", text, version.where(name), "Remove it: the ledger decides")
    elif service.paid_until is None and service.activation is None:
        text = f"{tariff.name} is prepaid and nothing was paid yet: the service is expired from its first day"
        yield Problem("W701", text, version.where("key"), "Write paid_until once it is paid")


def _order(scene: Scene, version: Version) -> Iterator[Problem]:
    """Things that could never happen, because the service is over before."""
    service = version.service
    end = scene.life(service).end
    for name, loc, at in _beginnings(scene, service):
        if at >= end:
            text = f"{name} is not before terminated: it would never take effect"
            where = version.document.where("services", version.number, *loc)
            yield Problem("E121", text, where, "Correct one of the two dates, or remove it")


def _beginnings(scene: Scene, service: Service) -> Iterator[tuple[str, tuple[str | int, ...], datetime]]:
    for at, i in scene.schedule(service):
        yield f"scheduled[{i}].at", ("scheduled", i, "at"), at
    if service.hold is not None:
        yield "hold.from", ("hold", "from"), scene.moment(service.hold.since)


def _routes(version: Version) -> Iterator[Problem]:
    size = sum(2 + len(str(route)) + 10 for route in version.service.routes)
    if size > _ROOM and version.sets("routes"):
        text = f"{len(version.service.routes)} routes take {size} octets; a RADIUS reply has room for {_ROOM}"
        yield Problem("E130", text, version.where("routes"), "Route a larger prefix instead")


class _Reach:
    """Whether the pools of a service are there where it is planned; remembers, since thousands are planned alike."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.snapshot = scene.snapshot
        self.missing: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
        self.usual: dict[tuple[str, tuple[str, ...]], bool] = {}

    def rules(self, version: Version, tariff: Document[Tariff] | None) -> Iterator[Problem]:
        names = version.value("nas")
        if not names or self.scene.pools_unread or self.scene.fleet_unread or self._is_usual(version, tariff, names):
            return
        seen = set[str]()
        for loc, pool in _pools(version, tariff.value if tariff else None):
            hosts = self.without(pool, names)
            if hosts and pool not in seen and (version.change is None or any(map(version.sets, (loc[0], *_DECIDE)))):
                text = f"pool {pool} is not for {', '.join(hosts)}, where this service is planned"
                advice = "Name another pool or another nas, or give the pool a part there"
                yield Problem("E109", text, version.where(*loc), advice)
            seen.add(pool)

    def _is_usual(self, version: Version, tariff: Document[Tariff] | None, names: tuple[str, ...]) -> bool:
        """Whether it is handed out what its tariff says, and that is there where it is planned."""
        if tariff is None or takes_its_own(version):
            return False
        key = tariff.path, names
        if key not in self.usual:
            self.usual[key] = not any(self.without(pool, names) for _, pool in _pools(version, tariff.value))
        return self.usual[key]

    def without(self, name: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """The hosts among those that `names` stand for to which a pool does not extend."""
        known = self.missing.get((name, names))
        if known is None:
            pool, nas = self.snapshot.pools.get(name), self.snapshot.nas
            misspelled = pool is None or not nas.keys() >= pool.slices.keys()
            hosts = () if misspelled else [host for host in self.snapshot.reach(names) if nas[host].radius]
            known = tuple(host for host in hosts if pool and not extends(self.scene, pool, host))
            self.missing[name, names] = known
        return known


def _pools(version: Version, tariff: Tariff | None) -> Iterator[tuple[tuple[str, str, str], str]]:
    """(place, pool) of what is handed out to a service, its own choice first."""
    own4 = version.value("ipv4")
    use4 = own4 if own4 is not None else tariff.ipv4 if tariff else None
    if use4 is not None and use4.pool is not None:
        yield ("ipv4", "pool", ""), use4.pool
    own6: Ipv6 | None = version.value("ipv6")
    sold: Ipv6 | None = tariff.ipv6 if tariff else None
    wan = (own6 and own6.wan) or (sold and sold.wan)
    delegated = (own6 and own6.delegated) or (sold and sold.delegated)
    if wan and wan.pool:
        yield ("ipv6", "wan", "pool"), wan.pool
    if delegated and delegated.pool:
        yield ("ipv6", "delegated", "pool"), delegated.pool
