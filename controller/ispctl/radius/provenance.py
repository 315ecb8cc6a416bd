"""Where each attribute of a reply comes from: the line of a file, and what it means in words. Pure.

Stands beside `rendering`: whatever that gives to a NAS is explained here, by the part of the rendering it comes from
and not by its name, so that a vendor's own attributes need nothing of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from ispctl.desired import Because, Context, Entitlement
from ispctl.model.document import Document
from ispctl.model.network import Nas, Pool
from ispctl.model.problem import Where
from ispctl.plan import Value
from ispctl.platforms import Attribute, platform
from ispctl.radius.decision import GIVEN, HANDED_OUT
from ispctl.radius.rendering import SERVED_POOLS, behind_wall, granted, login, served_by_server
from ispctl.structs import Struct

_STEPS: Final = ((10**9, "Gbit/s"), (10**6, "Mbit/s"), (10**3, "kbit/s"))
_KINDS: Final = {
    "Framed-IP-Address": "ipv4",
    "Framed-Pool": "ipv4",
    SERVED_POOLS[0]: "ipv4",
    "Framed-Route": "routes",
    "Framed-IPv6-Route": "routes",
}
_CLASS: Final = Because("rule", "names what the session was given; the NAS sends it back")


class Scene(Context, Protocol):
    """What a commit says, as far as replies depend on it."""

    @property
    def nas(self) -> Mapping[str, Nas]: ...

    @property
    def pools(self) -> Mapping[str, Pool]: ...

    def interim(self, name: str) -> Where:
        """Where the accounting interval of a NAS is written."""
        ...


class Origin(Struct):
    """Why an attribute has its value, and what the value means."""

    because: Because
    meaning: str


def origins(entitlement: Entitlement, platform_name: str, scene: Scene, interim: int) -> Mapping[Attribute, Origin]:
    """(name, value) -> where it comes from, of everything that a login of this entitlement may be given there: what
    its own rows hold, what its group holds, and what stands behind the wall. `interim`: seconds, as rendered. What the
    server gives from a pool of its own is found both as rows name it and as the decision does (HANDED_OUT)."""
    e, served = entitlement, served_by_server(scene.pools)
    found = dict(_walled(platform_name, scene, served))  # the server may wall anybody by itself
    found |= dict(_of_group(e, platform_name, scene, served))
    found |= dict(_own(e, served))
    for (name, pool), origin in [one for one in found.items() if one[0][0] in GIVEN and one[0][1] != "-"]:
        found[GIVEN[name], HANDED_OUT + pool] = origin
    found["Acct-Interim-Interval", str(interim)] = Origin(_shortest(scene, interim), f"a report every {interim} s")
    return found


def class_origin(klass: str) -> Origin:
    """Of the attribute Class, whatever it holds."""
    by_server = klass.partition("/wall:")[2]
    return Origin(_CLASS, f"walled by the server: {by_server}" if by_server else "place and grade, login and group")


def _of_group(
    e: Entitlement, platform_name: str, scene: Scene, served: frozenset[str]
) -> Iterator[tuple[Attribute, Origin]]:
    tariff = scene.tariff(e.terms.tariff)
    name = e.terms.tariff
    rate = Because("tariff", f"rate of tariff {name}", _key(tariff, "rate"))
    if e.terms.throttled or e.terms.tier:
        rate = e.because.get("rate", rate)
    meaning = _speed(e.terms.down, e.terms.up)
    if e.terms.burst:
        down, up, _, _, seconds = e.terms.burst
        meaning += f", burst to {_bits(down)} / {_bits(up)} over {seconds} s"
    vendor = platform(platform_name)
    speed = tuple(vendor.speed(e.terms))
    for attribute in speed:
        yield attribute, Origin(rate, _one_way(attribute[0], e.terms.down, e.terms.up) or meaning)
    for attribute in granted(e.terms, platform_name, served)[len(speed) :]:
        kind = "ipv4" if attribute[0] in (vendor.pools[0], SERVED_POOLS[0]) else "ipv6"
        because = Because("tariff", f"{kind} of tariff {name}", _key(tariff, kind))
        yield attribute, Origin(because, _from_pool(*attribute))


def _own(e: Entitlement, served: frozenset[str]) -> Iterator[tuple[Attribute, Origin]]:
    """What stands in the login's own rows."""
    rows: Value = login(e, served)["reply"]
    for row in rows if isinstance(rows, tuple) else ():
        if isinstance(row, tuple):
            name, value = str(row[0]), str(row[2])
            because = e.because.get(_KINDS.get(name, "ipv6"))
            fixed = "fixed" if not name.endswith("Pool") else _from_pool(name, value)
            meaning = f"routed to the session: {value.partition(' ')[0]}" if name.endswith("Route") else fixed
            yield (name, value), Origin(because or Because("rule", "the default of the format"), meaning)


def _from_pool(name: str, pool: str) -> str:
    if name not in SERVED_POOLS:
        return f"an address of the NAS's pool {pool}"
    if pool == "-":
        return "nothing of the server's pool that the tariff names"
    return f"{'an address' if name == SERVED_POOLS[0] else 'a prefix'} of pool {pool}, given by the server"


def _walled(platform_name: str, scene: Scene, served: frozenset[str]) -> Iterator[tuple[Attribute, Origin]]:
    policy = scene.policy
    wall = policy.value.wall
    because = Because("wall", "the wall in policy", policy.where_key("wall"))
    speed = _speed(wall.rate.down, wall.rate.up)
    try:
        marked = tuple(platform(platform_name).walled(wall))
    except ValueError:  # it has no wall, and says so where one is needed (E136)
        return
    plain = tuple(platform(platform_name).rate(wall.rate.down, wall.rate.up))
    for name, value in marked:
        meaning = speed if (name, value) in plain else "marks who may reach the payment page only"
        yield (name, value), Origin(because, _one_way(name, wall.rate.down, wall.rate.up) or meaning)
    for name, value in behind_wall(wall, platform_name, served)[len(marked) :]:
        yield (name, value), Origin(because, _from_pool(name, value))


def _shortest(scene: Scene, interim: int) -> Because:
    """All NAS are told the shortest interval that one of them asks for."""
    name = next((name for name, nas in sorted(scene.nas.items()) if nas.accounting.interim == interim), "")
    if not name:
        return Because("rule", "the usual interval: no NAS says another")
    return Because("nas", f"interim of {name}, the shortest of all NAS", scene.interim(name))


def _key(document: Document[Any] | None, name: str) -> Where | None:
    return document.where_key(name) if document else None


def _one_way(name: str, down: int, up: int) -> str:
    """Where a vendor has an attribute for each direction, each is told apart."""
    if name.endswith("-Down"):
        return f"{_bits(down)} down"
    return f"{_bits(up)} up" if name.endswith("-Up") else ""


def _speed(down: int, up: int) -> str:
    return f"{_bits(down)} down, {_bits(up)} up"


def _bits(rate: int) -> str:
    size, unit = next((step for step in _STEPS if rate >= step[0]), (1, "bit/s"))
    return f"{rate / size:.7g} {unit}"
