"""The first of very many, in an order that they do not come in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Place = tuple[Any, ...]


class Least(Generic[T]):
    """The `most` things with the smallest places; no two places are equal. Holds twice as many at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[tuple[Place, T]] = []
        self._last: Place | None = None

    def add(self, place: Place, thing: T) -> None:
        if self._last is not None and place > self._last:
            return
        self._kept.append((place, thing))
        if len(self._kept) >= 2 * self._most:
            self._cut()
            self._last = self._kept[-1][0]

    @property
    def found(self) -> Sequence[T]:
        """Them, in order."""
        self._cut()
        return [thing for _, thing in self._kept]

    def _cut(self) -> None:
        self._kept.sort(key=lambda one: one[0])
        del self._kept[self._most :]
