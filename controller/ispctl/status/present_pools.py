"""`ispstat pools` as text: a line for each part of each pool."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ispctl.status.present import Screen, csv_of, table
from ispctl.status.slices import ALARM, Filled, Part
from ispctl.status.values import clean, joined, span

_HEADINGS = ("POOL", "SERVED BY", "NAS", "PREFIXES", "OF", "TAKEN", "RESTING", "LEFT", "FULL")


def listed(found: Sequence[Filled], screen: Screen) -> str:
    if not found:
        return "There is no pool in inventory/pools.yaml."
    lines = [table(_HEADINGS, (_line(pool, part) for pool in found for part in pool.parts), screen)]
    lines += [clean(text) for pool in found for text in _remarks(pool)]
    return "\n".join(lines)


def csv(found: Sequence[Filled], screen: Screen) -> str:
    """One line a part; what is unknown is empty."""
    headings = (
        "pool",
        "family",
        "served_by",
        "nas",
        "prefixes",
        "total",
        "used",
        "resting",
        "left",
        "percent",
        "alarm",
    )
    rows = (
        [
            *(pool.name, pool.family, pool.served_by, part.nas, " ".join(part.prefixes), part.total, part.used),
            *(part.resting, part.left, part.percent, part.alarm),
        ]
        for pool in found
        for part in pool.parts
    )
    return csv_of(headings, rows, screen)


def _line(pool: Filled, part: Part) -> list[str]:
    full = "unknown" if part.percent is None else f"{part.percent} %{' ALARM' if part.alarm else ''}"
    resting = "-" if part.resting is None and pool.served_by != "static" else _number(part.resting)
    unit = f" /{pool.unit}" if pool.family == 6 else ""
    counts = [f"{part.total}{unit}", _number(part.used), resting, _number(part.left)]
    return [pool.name, pool.served_by, part.nas or "-", joined(part.prefixes), *counts, full]


def _remarks(pool: Filled) -> Iterator[str]:
    if pool.alarm:
        full = [part.nas or "it" for part in pool.parts if part.alarm]
        place = f"{pool.file}:{pool.line}"
        yield f"{pool.name}: {joined(full)} at {ALARM} % or more. Give it more room: {place}"
    if pool.quarantine and pool.served_by == "static" and any(part.resting is None for part in pool.parts):
        yield f"{pool.name}: what was freed within {span(pool.quarantine)} is unknown: git's history is cut off here"
    if pool.free:
        yield f"{pool.name}: free {', '.join(pool.free)}"


def _number(value: int | None) -> str:
    return "unknown" if value is None else str(value)
