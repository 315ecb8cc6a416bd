"""One folder per NAS vendor, found by name. Each answers: which RADIUS attributes carry a tariff or a wall, and what a
running session can be told without ending it. A platform without a folder is served by `wispr`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast

from ispctl.desired import Terms
from ispctl.model.network import FALLBACK
from ispctl.model.policy import Wall

Attribute = tuple[str, str]
"""(name in FreeRADIUS's dictionary, value as text)"""


class Platform(Protocol):
    """What a vendor's folder offers."""

    name: str
    changeable: frozenset[str]
    """Attributes that a CoA changes in a running session; anything else needs a new session."""

    def tariff(self, terms: Terms) -> Sequence[Attribute]:
        """The speed of a tariff. Raises ValueError, in words for a person, if the vendor cannot express it."""
        ...

    def wall(self, wall: Wall) -> Sequence[Attribute]:
        """What marks a session that may reach the payment page only."""
        ...


@cache
def platform(name: str) -> Platform:
    """The vendor's folder, or the fallback."""
    return cast(Platform, import_module(f"ispctl.platforms.{folder(name)}").PLATFORM)


def folder(name: str) -> str:
    """The folder that serves a platform: its own, or the fallback's."""
    own = name.replace("-", "_")
    return own if own.isidentifier() and find_spec(f"ispctl.platforms.{own}") else FALLBACK
