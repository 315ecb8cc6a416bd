"""A database error becomes a sentence for a person: where, what is wrong, what to do. What all databases share."""

from __future__ import annotations

from ispctl.model.problem import Problem, Refusal


def full(place: str) -> Refusal:
    advice = "Make room on that disk and run the command again; what was not committed was taken back"
    return Refusal(Problem("E309", f"{place}: the disk is full", advice=advice))


def failed(place: str, name: str, words: str = "") -> Refusal:
    """`name`: the driver's own word for it. `words`: what it says beside, if that repeats no value."""
    advice = "ispstat health says more; if the tables were changed by hand, restore them from a backup"
    said = f"{name}: {words}" if words else name
    return Refusal(Problem("E311", f"{place}: the database refused a statement ({said})", advice=advice))


def odd(place: str, table: str) -> Refusal:
    """A row of ours that says nothing we ever wrote: somebody changed it by hand."""
    advice = "Restore the table from a backup; nothing was changed"
    return Refusal(Problem("E311", f"{place}: the table {table} holds a value that ispctl never writes", advice=advice))
