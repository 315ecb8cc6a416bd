"""What routers can be told: every platform exists and can express speeds, walls and pools, and a CoA finds its port.

What a vendor cannot do fails here, in the merge request, and not at a login.
"""

from __future__ import annotations

from collections.abc import Iterator

from ispctl.desired import Terms, all_terms, terms_of, tier_name, tiered
from ispctl.model.document import Document
from ispctl.model.network import FALLBACK, Coa, Nas
from ispctl.model.problem import Problem
from ispctl.model.record import fields_of
from ispctl.model.tariff import Tariff
from ispctl.platforms import STANDARD_POOLS, platform, platforms
from ispctl.repo.rules.fleet import place
from ispctl.repo.rules.scene import Scene, Version, meant, takes_its_own


def rules(scene: Scene) -> Iterator[Problem]:
    yield from _known(scene)
    if scene.fleet_unread or scene.unread("inventory/defaults.yaml"):
        return
    clients = [nas for nas in scene.snapshot.nas.values() if nas.radius and nas.platform in platforms()]
    names = sorted({nas.platform for nas in clients}) or [FALLBACK]
    for nas in clients:
        yield from _coa(scene, nas)
    for tariff in scene.snapshot.tariffs():
        for name in names:
            yield from _speed(tariff, name)
    for name in names if scene.snapshot.file("policy") else ():
        yield from _wall(scene, name)
        yield from _throttled(scene, name)
    for version in filter(takes_its_own, scene.versions()):
        yield from _own_pools(scene, version, clients)


def _known(scene: Scene) -> Iterator[Problem]:
    for kind in ("hosts", "host-groups", "defaults"):
        document = scene.snapshot.file(kind)
        if document is None:
            continue
        parts = {(): document.value} if kind == "defaults" else {(name,): h for name, h in document.value.root.items()}
        for loc, part in parts.items():
            if part.platform and part.platform not in platforms():
                text = f"nothing is known about platform {part.platform}"
                advice = meant(part.platform, platforms(), "Leave it out: it is told WISPr's attributes")
                yield Problem("E139", text, document.where(*loc, "platform"), advice)


def _coa(scene: Scene, nas: Nas) -> Iterator[Problem]:
    """The port that is assumed is not the one where every vendor listens."""
    usual = platform(nas.platform).coa_port
    if nas.coa and "port" not in nas.coa.given and usual != fields_of(Coa)["port"].default:
        text = f"{nas.name} has no port for CoA: {nas.platform} listens at {usual} unless it is told otherwise"
        yield Problem("E138", text, place(scene, nas, "coa"), f"Write port: {usual}, or what the router is set to")
    if nas.coa and not platform(nas.platform).changeable:
        text = f"{nas.name} cannot change a running session: whoever gets another speed is disconnected"
        yield Problem("W708", text, place(scene, nas, "coa"))


def _speed(tariff: Document[Tariff], name: str) -> Iterator[Problem]:
    terms = terms_of(tariff.value)
    try:
        platform(name).tariff(terms)
    except ValueError as error:
        text = f"{tariff.value.name} cannot be told to {name} routers: {error}"
        yield Problem("E129", text, tariff.where_key("rate"), "Change the rate, or the platform of the host")
        return
    yield from _tiers(tariff, terms, name)
    if terms.burst and not platform(name).bursts:
        text = f"{name} routers know no burst: there {tariff.value.name} has its plain rate"
        yield Problem("W704", text, tariff.where_key("rate", "burst"))


def _tiers(tariff: Document[Tariff], terms: Terms, name: str) -> Iterator[Problem]:
    for part, rule in enumerate(tariff.value.fup):
        for number, tier in enumerate(rule.tiers):
            if tier.rate is None:
                continue
            try:
                platform(name).tariff(tiered(terms, tier_name(part, number), tier.rate))
            except ValueError as error:
                text = f"a tier of {tariff.value.name} cannot be told to {name} routers: {error}"
                where = tariff.where("fup", part, "tiers", number, "rate")
                yield Problem("E129", text, where, "Change the rate, or the platform of the host")


def _throttled(scene: Scene, name: str) -> Iterator[Problem]:
    policy = scene.snapshot.policy
    found = all_terms((tariff.value for tariff in scene.snapshot.tariffs()), policy.value)
    for terms in found.values():
        try:
            if terms.throttled:
                platform(name).tariff(terms)
        except ValueError as error:
            text = f"a throttled service cannot be told to {name} routers: {error}"
            where = policy.where("money", "dunning", "throttled", "rate")
            yield Problem("E129", text, where, "Change the rate, or the platform of the host")
            return


def _wall(scene: Scene, name: str) -> Iterator[Problem]:
    policy = scene.snapshot.policy
    wall = policy.value.wall
    try:
        platform(name).wall(wall)
    except ValueError as error:
        if _walls(scene):
            text = f"a wall cannot be told to {name} routers: {error}"
            yield Problem("E136", text, policy.where("wall"), "Name a pool at wall.pool, or change wall.rate")
    if wall.redirect and not platform(name).redirects:
        text = f"{name} routers are not told where to send people: their own {wall.address_list} has to do it"
        yield Problem("W709", text, policy.where("wall", "redirect"))


def _walls(scene: Scene) -> bool:
    """Whether anybody may ever be walled."""
    policy = scene.snapshot.policy.value
    if any(
        block and block.method == "wall" for block in (policy.expired, policy.suspended, policy.hold, policy.blocked)
    ):
        return True
    return scene.snapshot.facts.walls(scene.now)


def _own_pools(scene: Scene, version: Version, clients: list[Nas]) -> Iterator[Problem]:
    """The rows of a login know no vendor: a pool of its own has to be one that the standard attributes name."""
    ipv4, ipv6 = version.value("ipv4"), version.value("ipv6")
    tariff = scene.tariff(str(version.value("tariff")))
    uses = (
        ("ipv4", (), ipv4),
        ("ipv6", ("wan",), ipv6 and ipv6.wan),
        ("ipv6", ("delegated",), ipv6 and ipv6.delegated),
    )
    reached = scene.snapshot.reach(version.value("nas") or ())
    hosts = [nas for nas in clients if nas.name in reached] or clients
    for number, (field, below, use) in enumerate(uses):
        pool = use.pool if use else None
        if pool is None or tariff is None or pool == _sold(tariff.value, number) or not _served(scene, pool):
            continue
        deaf = sorted({nas.platform for nas in hosts if platform(nas.platform).pools[number] != STANDARD_POOLS[number]})
        if deaf:
            text = (
                f"pool {pool} of its own cannot be told to {', '.join(deaf)} routers: they take it from a tariff only"
            )
            advice = "Make a tariff with this pool, or give a static value"
            yield Problem("E137", text, version.where(field, *below, "pool"), advice)


def _served(scene: Scene, name: str) -> bool:
    """Whether a pool is the routers' own; what else is wrong with it is said elsewhere."""
    pool = scene.snapshot.pools.get(name)
    return pool is not None and pool.served_by == "nas"


def _sold(tariff: Tariff, number: int) -> str | None:
    """The pool that a tariff has for an address, a link prefix, a delegated prefix (0, 1, 2)."""
    ipv6 = tariff.ipv6
    use = (tariff.ipv4, ipv6 and ipv6.wan, ipv6 and ipv6.delegated)[number]
    return use.pool if use else None
