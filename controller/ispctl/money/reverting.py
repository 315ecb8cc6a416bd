"""Undoing one event or one booking and nothing else: what the fields of the service become, which entries are reversed,
and what stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal
from zoneinfo import ZoneInfo

from ispctl.model.days import local_day
from ispctl.model.ledger import Entry, Event, Ledger
from ispctl.model.policy import Policy
from ispctl.structs import Struct

PAID_FOR: Final = frozenset({"activated", "activation", "paid_until", "grace", "hold", "tariff", "scheduled"})
"""What the price and the reach of a payment follow from: whoever changes one of them has reckoned with the others."""
ITEMS: Final = frozenset({"grace", "scheduled", "allowance"})
"""Fields that are lists: an event adds an item of its own, which has its key."""
Place = tuple[str, str]
"""A field of the service; for an item of a list, with the key of its event, else with ""."""


class Obstacle(Struct):
    """Why an event cannot be undone, or not alone. `entry`: the number of the entry that stands in the way."""

    kind: Literal["unknown", "already", "closed", "depends", "changed"]
    entry: int | None
    text: str


class Undone(Struct):
    """What undoing an event means. `entries`: numbers of those to reverse, the latest first. `restores`: fields of the
    service and what they become; None: there was no such field."""

    entries: tuple[int, ...]
    restores: Mapping[str, str | None]
    obstacles: tuple[Obstacle, ...] = ()


def revert(
    ledger: Ledger, key: str, policy: Policy, present: Callable[[Place], str | None], *, cascade: bool = False
) -> Undone:
    """Undo the entry `key`: its event with all that was booked for it, or the booking alone where it is of none.
    `present`: what stands in the file of its service now. `cascade`: with all later events that depend on it."""
    undone = ledger.reversals()
    number = next((n for n, entry in enumerate(ledger.entries) if entry.key == key), None)
    if number is None:
        return Undone((), {}, (Obstacle("unknown", None, f"no entry has the key {key}"),))
    entry = ledger.entries[number]
    if entry.reverses is not None or entry.changes_nothing:
        return Undone((), {}, (Obstacle("unknown", number, f"{key} changed nothing of a service"),))
    if key in undone:
        return Undone((), {}, (Obstacle("already", undone[key], f"{key} was reverted already"),))
    depends = dependents(ledger, number)
    events = [number, *(depends if cascade else ())]
    obstacles = [Obstacle("depends", n, _depends(ledger.entries[n], entry)) for n in (() if cascade else depends)]
    obstacles += _closed(ledger, events, policy)
    entries, restores, left = _all_of(ledger, events)
    for place, value in left.items():
        if (cascade or not depends) and present(place) != value:
            obstacles.append(Obstacle("changed", None, f"{place[0]} was changed since, by no event of the account"))
    return Undone(entries, restores, tuple(obstacles))


def dependents(ledger: Ledger, number: int) -> tuple[int, ...]:
    """The numbers of later events that stand and reckoned with what this one changed, or with what such a one changed,
    in order."""
    undone, entry = ledger.reversals(), ledger.entries[number]
    touched, found = set(_touches(entry.event)), list[int]()
    for n, later in enumerate(ledger.entries[number + 1 :], number + 1):
        stands = later.event is not None and later.reverses is None and later.key not in undone
        if stands and later.service == entry.service and touched & _touches(later.event):
            touched |= _touches(later.event)
            found.append(n)
    return tuple(found)


def _touches(event: Event | None) -> frozenset[str]:
    names = frozenset(event.set if event else ())
    return names | PAID_FOR if names & PAID_FOR else names


def _depends(later: Entry, entry: Entry) -> str:
    verb = later.event.verb if later.event else later.type
    return f"{later.key} ({verb}) came after {entry.key} and reckoned with it"


def _closed(ledger: Ledger, events: list[int], policy: Policy) -> list[Obstacle]:
    until, zone = policy.money.closed_until, ZoneInfo(policy.timezone)
    if until is None:
        return []
    text = f"the books are closed until {until}"
    return [Obstacle("closed", n, text) for n in events if local_day(ledger.entries[n].at, zone) <= until]


def _all_of(
    ledger: Ledger, events: list[int]
) -> tuple[tuple[int, ...], dict[str, str | None], dict[Place, str | None]]:
    """(entries to reverse, the latest first; what the fields become; what they are, if nothing else changed them)."""
    undone, keys = ledger.reversals(), {ledger.entries[n].key for n in events}
    entries = [
        n
        for n, entry in enumerate(ledger.entries)
        if (n in events or entry.part_of in keys) and entry.key not in undone and entry.reverses is None
    ]
    restores, left = dict[str, str | None](), dict[Place, str | None]()
    for entry in (ledger.entries[n] for n in events):
        if entry.event is not None:
            restores = dict(entry.event.was) | restores
            left |= {(name, entry.key if name in ITEMS else ""): value for name, value in entry.event.set.items()}
    return tuple(reversed(entries)), restores, left
