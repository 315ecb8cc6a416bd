"""Backends with one fault each, around a sound one. Each must fail `ispctl.lab.contract`, or the contract sleeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ispctl.backend import Backend, Outcome, Unreachable
from ispctl.plan import Change, Fields, Key, Resources, Value
from ispctl.structs import replace


class Sound:
    """No fault: hands everything on."""

    def __init__(self, real: Backend, trespass: Callable[[], None]) -> None:
        self.real, self.trespass = real, trespass

    def read(self, keys: Sequence[Key] | None) -> Resources:
        return self.real.read(keys)

    def apply(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        return self.real.apply(changes)


class ForgetsDeletes(Sound):
    """Says that it removed something, and did not."""

    def apply(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        for change in changes:
            yield from [Outcome(change)] if change.after is None else self.real.apply([change])


class TouchesOthers(Sound):
    """Tidies up where nobody asked it to."""

    def apply(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        yield from self.real.apply(changes)
        self.trespass()


class FlapsUnits(Sound):
    """Reads 25M at one time and 25000000 at the next."""

    times = 0

    def read(self, keys: Sequence[Key] | None) -> Resources:
        self.times += 1
        found = self.real.read(keys)
        return {key: _other_units(fields) for key, fields in found.items()} if self.times % 2 else found


class SaysEmpty(Sound):
    """Takes silence for an empty target."""

    def read(self, keys: Sequence[Key] | None) -> Resources:
        try:
            return self.real.read(keys)
        except Unreachable:
            return {}


class LosesOutcomes(Sound):
    """Tells of failures alone."""

    def apply(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        return (outcome for outcome in self.real.apply(changes) if outcome.error)


class Overwrites(Sound):
    """Does not look whether what the plan saw is still there."""

    def apply(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        for change in changes:
            now = self.real.read([change.key]).get(change.key)
            for outcome in self.real.apply([replace(change, before=now)]):
                yield replace(outcome, change=change)


class RunsOnce(Sound):
    """Fails where the work is done already."""

    def apply(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        for change in changes:
            if self.real.read([change.key]).get(change.key) == change.after:
                yield Outcome(change, "it is there already", "E311")
            else:
                yield from self.real.apply([change])


class ReadsEverything(Sound):
    """Answers more than it was asked."""

    def read(self, keys: Sequence[Key] | None) -> Resources:  # noqa: ARG002  the fault
        return self.real.read(None)


class WritesHalf(Sound):
    """Leaves out a field, as a vendor does that ignores what it does not know."""

    def apply(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        for change in changes:
            half = None if change.after is None else {name: _emptied(value) for name, value in change.after.items()}
            for outcome in self.real.apply([replace(change, after=half)]):
                yield replace(outcome, change=change)


FAULTS: Final[dict[type[Sound], str]] = {
    ForgetsDeletes: "removes what is not wanted",
    TouchesOthers: "touches nothing of others",
    FlapsUnits: "reads what it wrote",
    SaysEmpty: "tells silence from emptiness",
    LosesOutcomes: "answers every change in order",
    Overwrites: "refuses what changed meanwhile",
    RunsOnce: "may be run again",
    ReadsEverything: "reads only what is asked",
    WritesHalf: "reads what it wrote",
}
"""Each fault with the promise it breaks, perhaps among others."""


def _other_units(fields: Fields) -> Fields:
    return {name: _respelled(value) for name, value in fields.items()}


def _respelled(value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(map(_respelled, value))
    return value.replace("M", "000000") if isinstance(value, str) else value


def _emptied(value: Value) -> Value:
    """Without the last row of a list that has several."""
    return value[:-1] if isinstance(value, tuple) and len(value) > 1 else value
