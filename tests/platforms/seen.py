"""What a router makes of a reply, as the decoder of its vendor's folder reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Attributes = Sequence[tuple[str, str]]


class Seen(NamedTuple):
    """bit/s as the subscriber sees them; burst: (down, up, threshold down, threshold up, seconds)."""

    down: int
    up: int
    burst: tuple[int, int, int, int, int] | None = None
    mark: str = ""
    """What tells a walled session from others, beside its pool."""
    pool: str = ""
    pool6: str = ""
    delegated: str = ""


def react(running: Attributes, said: Attributes) -> Attributes:
    """What a session runs after a CoA: what was said takes the place of what has the same name."""
    names = {name for name, _ in said}
    return [*(pair for pair in running if pair[0] not in names), *said]


def only(attributes: Attributes, name: str) -> str:
    """The value of an attribute that is there once at most; "" if it is not."""
    values = [value for attribute, value in attributes if attribute == name]
    assert len(values) <= 1, f"{name} is there {len(values)} times, and the router reads one"
    return values[0] if values else ""
