"""Which usage changes what somebody is entitled to: asked as numbers, and remembered as marks that a count may reach.

A mark is the usage at which the next tier of a policy begins. What is counted is added to all that is written here,
also what does not count for the policy, so that a mark is reached too early, and never too late: whoever reached one
is looked at again, by the days themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Final, NamedTuple

from ispctl.model.usage import Meter
from ispctl.store import usage
from ispctl.store._store import Store
from ispctl.store.records import moment, stamp, stamp_or_none

_ROW: Final = "SELECT owner, part, counts, hourly, used, next, until FROM ispctl_meter"


class Mark(NamedTuple):
    """One policy of a service: what was used when it was written down, and all that was counted since. `next`: the
    usage at which its tier is another; `until`: when the window of a tier that holds is over."""

    owner: str
    part: int
    counts: str
    hourly: bool
    used: int
    next: int | None
    until: datetime | None

    @property
    def reached(self) -> bool:
        return self.next is not None and self.used >= self.next


def used(
    store: Store, asked: Mapping[str, Collection[Meter]], through: date | None = None
) -> dict[str, dict[Meter, int]]:
    """What each service (id/key) used of what is asked of it, until the end of a day; what nobody used is left out."""
    owners: dict[Meter, list[str]] = defaultdict(list)
    for owner, meters in asked.items():
        for meter in set(meters):
            owners[meter].append(owner)
    found: dict[str, dict[Meter, int]] = {}
    for meter, names in owners.items():
        for owner, octets in _sums(store, meter, sorted(names), through or date.max):
            mine = found.setdefault(owner, {})
            mine[meter] = mine.get(meter, 0) + octets
    return found


def _sums(store: Store, meter: Meter, owners: list[str], through: date) -> Iterator[tuple[str, int]]:
    octets = {"down": "sum(down)", "up": "sum(up)"}.get(meter.counts, "sum(down) + sum(up)")
    hour = ", hour" if meter.free else ""
    sql = (
        f"SELECT owner, {octets}{hour} FROM ispctl_usage WHERE owner IN ({{}}) AND day >= ? AND day < ?"
        f" GROUP BY owner{hour}"
    )
    days = usage.number(meter.since), min(usage.number(meter.until), usage.number(through) + 1)
    for owner, total, *hours in store.database.among(sql, owners, days):
        yield str(owner), int(total) * (meter.percent(int(hours[0])) if hours else 100) // 100


def known(store: Store, owners: Collection[str]) -> dict[str, list[Mark]]:
    """The marks of these services (id/key), in the order of their policies."""
    found: dict[str, list[Mark]] = {}
    for row in store.database.among(f"{_ROW} WHERE owner IN ({{}}) ORDER BY owner, part", sorted(owners)):
        owner, part, counts, hourly, octets, following, until = row
        mark = Mark(str(owner), int(part), str(counts), bool(hourly), int(octets), following, moment(until))
        found.setdefault(mark.owner, []).append(mark)
    return found


def to_look_at(store: Store, now: datetime) -> frozenset[str]:
    """The services whose tier may be another than at their last apply: who reached a mark, or whose window is over."""
    sql = "SELECT owner FROM ispctl_meter WHERE used >= next OR until <= ?"
    return frozenset(str(owner) for (owner,) in store.database.stream(sql, (stamp(now),)))


def next_reset(store: Store, after: datetime, without: Collection[str] = ()) -> datetime | None:
    """When the next window of a tier that holds is over, of services but these."""
    sql = "SELECT owner, until FROM ispctl_meter WHERE until > ? ORDER BY until"
    rows = store.database.stream(sql, (stamp(after),))
    return next((moment(until) for owner, until in rows if owner not in without), None)


def put(store: Store, mark: Mark) -> None:
    """Belongs into the transaction that writes the rows of its login."""
    store.database.write(
        "INSERT INTO ispctl_meter (owner, part, counts, hourly, used, next, until) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (owner, part) DO UPDATE SET counts = excluded.counts, hourly = excluded.hourly,"
        " used = excluded.used, next = excluded.next, until = excluded.until",
        (mark.owner, mark.part, mark.counts, int(mark.hourly), mark.used, mark.next, stamp_or_none(mark.until)),
    )


def forget(store: Store, mark: Mark) -> None:
    """Of a policy that its service does not have any more."""
    store.database.write("DELETE FROM ispctl_meter WHERE owner = ? AND part = ?", (mark.owner, mark.part))
