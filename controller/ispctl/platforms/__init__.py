"""One folder per NAS vendor, found by its name: a new one needs no edit anywhere else.

Each answers which RADIUS attributes carry a speed, a wall or a pool, and what a running session can be told without
ending it. What comes from which document stands in docs/platforms.md. The vendor's attributes are described by the
`*.dict` files of its folder, which `radius.dictionary` reads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import ClassVar, Final, cast

from ispctl.desired import Terms
from ispctl.model.policy import Wall

Attribute = tuple[str, str]
"""(name in FreeRADIUS's dictionary, perhaps with a tag as in "ERX-Service-Activate:1"; value as text)"""

NAMES: Final = frozenset(
    {"NAS-IP-Address", "NAS-IPv6-Address", "NAS-Identifier", "Acct-Session-Id", "User-Name", "Framed-IP-Address"}
)
STANDARD_POOLS: Final = ("Framed-Pool", "Framed-IPv6-Pool", "Delegated-IPv6-Prefix-Pool")
"""RFC 2869, 3162 and 6911. A login's own pool is told by these on every platform: its rows know no vendor."""


class Platform(ABC):
    """What a vendor's folder offers, as PLATFORM. Rates are bit/s as the subscriber sees them."""

    name: ClassVar[str]
    attributes: ClassVar[frozenset[str]]
    """Everything it may render, without tags, pools apart."""
    changeable: ClassVar[frozenset[str]] = frozenset()
    """Attributes that a CoA changes in a running session; anything else needs a new session."""
    coa_port: ClassVar[int] = 3799
    """Where it listens for CoA unless it is configured otherwise."""
    names: ClassVar[frozenset[str]] = NAMES
    """Attributes that may name a session to it."""
    pools: ClassVar[tuple[str, str, str]] = STANDARD_POOLS
    """What names a pool of IPv4 addresses, of IPv6 addresses or link prefixes, of delegated prefixes."""
    bursts: ClassVar[bool] = False
    """Whether a tariff's burst can be told."""
    redirects: ClassVar[bool] = False
    """Whether it can be told the address of the payment page."""
    binds: ClassVar[bool] = True
    """Whether it can hold addresses and devices of services for which RADIUS is not asked, where it is configured."""
    leases: ClassVar[frozenset[int]] = frozenset({4, 6})
    """The families of pools that are served_by dhcp whose addresses it hands out, where it is configured."""
    serves: ClassVar[frozenset[str]] = frozenset({"pppoe", "ipoe"})
    """The types of interfaces that it opens for subscribers where it is configured; `bindings` alone open others."""
    lines: ClassVar[bool] = True
    """Whether it may tell RADIUS of the line (DHCP option 82) as ispctl configures it."""

    takes_back: ClassVar[str] = ""
    """What a CoA has to say with each former value before it says a new one; "" where a new one replaces the old."""

    @abstractmethod
    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        """A speed. Raises ValueError, in words for a person, if the vendor cannot express it."""

    def speed(self, terms: Terms) -> Sequence[Attribute]:
        """The speed of a tariff; where there are no `bursts` it is the plain rate. Raises ValueError as `rate` does."""
        return self.rate(terms.down, terms.up)

    @abstractmethod
    def walled(self, wall: Wall) -> Sequence[Attribute]:
        """What tells a walled session from any other, and its speed. Raises ValueError if nothing would."""

    def tariff(self, terms: Terms) -> tuple[Attribute, ...]:
        """All that a tariff grants. Raises ValueError as `rate` does."""
        named = (terms.ipv4, terms.ipv6, terms.delegated)
        pools = [text.removeprefix("pool:") if text.startswith("pool:") else "" for text in named]
        return (*self.speed(terms), *self._pools(*pools))

    def wall(self, wall: Wall) -> tuple[Attribute, ...]:
        """All that a walled session gets: no IPv6 unless the wall has a pool of it, and never a delegated prefix.
        Raises ValueError as `walled` does."""
        return (*self.walled(wall), *self._pools(wall.pool, wall.pool6, None))

    def refers(self, attribute: Attribute) -> str:
        """What has to stand on the router for this to work, as one would call it there; "" if nothing."""
        return f"pool {attribute[1]}" if attribute[0] in self.pools else ""

    def changes(self, attribute: Attribute) -> bool:
        """Whether a CoA changes this in a running session."""
        return untagged(attribute[0]) in self.changeable

    def change(self, before: Sequence[Attribute] | None, after: Sequence[Attribute]) -> tuple[Attribute, ...] | None:
        """What a CoA says to a session that was given `before` (None: unknown) and shall run `after`; None where only
        a new session will do."""
        new = tuple(filter(self.changes, after))
        if not self.takes_back:
            return new or None
        old = tuple(filter(self.changes, before or ()))
        ended = [(self.takes_back, value) for name, value in old if (name, value) not in new]
        return (*ended, *(pair for pair in new if pair not in old)) if old and new else None

    def _pools(self, *names: str | None) -> list[Attribute]:
        return [(attribute, name) for attribute, name in zip(self.pools, names, strict=True) if name]


@cache
def platform(name: str) -> Platform:
    """The vendor's folder. Raises KeyError for a name without one: validation comes first (E139)."""
    if name not in platforms():
        raise KeyError(name)
    return cast(Platform, import_module(f"ispctl.platforms.{name.replace('-', '_')}").PLATFORM)


@cache
def platforms() -> tuple[str, ...]:
    """The names of all platforms: those of the folders, with dashes."""
    folders = Path(__file__).parent.iterdir()
    return tuple(sorted(folder.name.replace("_", "-") for folder in folders if (folder / "__init__.py").is_file()))


@cache
def nas_platforms() -> tuple[str, ...]:
    """The names of those whose NAS can be configured: their folders have a module `nas`, sorted."""
    folders = Path(__file__).parent.glob("*/nas.py")
    return tuple(sorted(file.parent.name.replace("_", "-") for file in folders))


@cache
def pool_names() -> tuple[tuple[str, ...], ...]:
    """For pools of IPv4 addresses, of IPv6 addresses and of delegated prefixes: every name that some platform has."""
    kinds = zip(STANDARD_POOLS, *(platform(name).pools for name in platforms()), strict=True)
    return tuple(tuple(sorted(set(names))) for names in kinds)


def untagged(name: str) -> str:
    """An attribute without its tag: ERX-Service-Activate:1 -> ERX-Service-Activate."""
    return name.partition(":")[0]


def short(rate: int, units: str = "kMG") -> str:
    """50000000 -> 50M; what is not whole in a unit stays in the next smaller one. `units`: of 10^3, 10^6, 10^9."""
    steps = ((10**9, units[2]), (10**6, units[1]), (10**3, units[0]))
    return next((f"{rate // size}{unit}" for size, unit in steps if rate % size == 0), str(rate))


def within(what: str, rates: Sequence[int], least: int, most: int) -> None:
    """Raises ValueError unless each of these bit/s can be told."""
    if min(rates) < least:
        raise ValueError(f"{what} is at least {short(least)} bit/s")
    if max(rates) > most:
        raise ValueError(f"{what} is at most {short(most)} bit/s")
