"""What is to be known of the usage of a service, so that its tariff can decide."""

from datetime import date
from typing import NamedTuple


class Meter(NamedTuple):
    """Octets from the local day `since` on, before `until`, of the directions that count (down, up, both). `free`:
    (first hour, hour after the last, percent that do not count)."""

    since: date
    until: date
    counts: str
    free: tuple[tuple[int, int, int], ...] = ()

    def percent(self, hour: int) -> int:
        """How much of an hour's usage counts; of hours that nobody told apart, all of it."""
        for first, last, less in self.free:
            if (first <= hour < last) if first < last else (hour >= first or hour < last) and hour < 24:
                return 100 - less
        return 100
