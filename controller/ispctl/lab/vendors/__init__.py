"""How the NAS of each vendor reads what it is told: a module for each platform, found by its name.

Written from the vendors' rules, apart from `platforms`, which renders: tests hold the two together. Without a module a
NAS reads the WISPr attributes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, Final, cast

from ispctl.lab.rates import Rate

Attributes = Mapping[str, Sequence[Any]]
OTHERS: Final = "wispr"


class Vendor:
    """What differs between NASes. `own`: attributes that have an effect beside the standard ones; a CoA changes
    `changeable`, and `sometimes` where the release can. Rates raise BadValue where the NAS could not use them."""

    own: ClassVar[frozenset[str]] = frozenset()
    changeable: ClassVar[frozenset[str]] = frozenset()
    sometimes: ClassVar[frozenset[str]] = frozenset()
    pools: ClassVar[tuple[str, str, str]] = ("Framed-Pool", "Framed-IPv6-Pool", "Delegated-IPv6-Prefix-Pool")
    """Names of pools of IPv4 addresses, of link prefixes, of delegated prefixes."""
    marks: ClassVar[str] = "Filter-Id"
    """What holds the mark of a walled session; "" if nothing does."""
    deaf: ClassVar[frozenset[str]] = frozenset()
    """What may not name a session to it."""
    nods: ClassVar[bool] = False
    """Whether it acknowledges attributes that it does nothing with."""

    def rate(self, told: Attributes) -> tuple[Rate, str]:
        """The rate and how it was written; without one, no limit."""
        raise NotImplementedError

    def mark(self, told: Attributes) -> str | None:
        """The address list, filter or service of a walled session."""
        found: str | None = one(told, self.marks) if self.marks else None
        return found

    def objection(self, running: str, told: Attributes) -> str | None:
        """Why a session that runs `running` cannot be told this by CoA, as far as the values go."""


@cache
def vendor(platform: str) -> Vendor:
    """How a NAS of this platform reads."""
    name = platform.replace("-", "_")
    known = name.isidentifier() and find_spec(f"{__name__}.{name}")
    return cast(Vendor, import_module(f"{__name__}.{name if known else OTHERS}").VENDOR)


def one(told: Attributes, name: str) -> Any:
    """The first value of an attribute, or None."""
    values = told.get(name)
    return values[0] if values else None
