"""What every backend promises, as checks that run on any of them. `broken(bench)` names the promises that are not kept.

Whoever writes a backend gives it a `Bench` and runs this; `ispctl.lab.broken` holds backends that must fail here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from ispctl.backend import Backend, Outcome, Unreachable
from ispctl.plan import Change, Fields, Key, Resources, diff


class Bench(Protocol):
    """A target that may be played with, and its backend. Each check gets a fresh one."""

    target: str

    @property
    def states(self) -> Sequence[Resources]:
        """At least two things the target may be wanted to hold; the second changes, adds and drops keys."""
        ...

    @property
    def backend(self) -> Backend: ...

    def order(self, changes: Sequence[Change]) -> Sequence[Change]:
        """The order in which changes of this target are made."""
        ...

    def foreign(self) -> object:
        """Everything on the target that is not ours, to the byte; equal while nobody touches it."""
        ...

    def edit(self, key: Key) -> None:
        """Somebody changes by hand what stands at this key, past the backend."""
        ...

    def lose(self) -> None:
        """From now on the target gives no answer."""
        ...


Opener = Callable[[], AbstractContextManager[Bench]]


def broken(opener: Opener) -> tuple[str, ...]:
    """The promises that a backend does not keep, in the order of `PROMISES`; empty for one that may be trusted."""
    return tuple(name for name in PROMISES if not keeps(name, opener))


def keeps(promise: str, opener: Opener) -> bool:
    """Whether one of the `PROMISES` is kept."""
    with opener() as bench:
        try:
            return PROMISES[promise](bench)
        except Unreachable:  # it was not asked to be so
            return False


def _make(bench: Bench, want: Resources) -> list[Outcome]:
    """Make the target hold `want`, as an apply does: read, compare, write."""
    backend = bench.backend
    return list(backend.apply(bench.order(diff(bench.target, want, backend.read(None)))))


def _each(bench: Bench) -> Iterator[Resources]:
    """Every state in turn, forth and back, and nothing at the end."""
    for want in (*bench.states, *reversed(bench.states), dict[Key, Fields]()):
        _make(bench, want)
        yield want


def reads_what_it_wrote(bench: Bench) -> bool:
    """render() and read() meet in one form: after an apply nothing is left to do, however often one looks."""
    return all(bench.backend.read(None) == want == bench.backend.read(None) for want in _each(bench))


def removes_what_is_not_wanted(bench: Bench) -> bool:
    _make(bench, bench.states[0])
    outcomes = _make(bench, {})
    return bool(outcomes) and not any(outcome.error for outcome in outcomes) and not bench.backend.read(None)


def touches_nothing_of_others(bench: Bench) -> bool:
    before = bench.foreign()
    return all(bench.foreign() == before for _ in _each(bench))


def answers_every_change_in_order(bench: Bench) -> bool:
    backend = bench.backend
    changes = bench.order(diff(bench.target, bench.states[0], backend.read(None)))
    return [outcome.change for outcome in backend.apply(changes)] == list(changes)


def may_be_run_again(bench: Bench) -> bool:
    """A run that was killed is run again, with changes that were made already."""
    backend = bench.backend
    _make(bench, bench.states[0])
    changes = bench.order(diff(bench.target, bench.states[1], backend.read(None)))
    first = [outcome.error for outcome in backend.apply(changes)]
    second = [outcome.error for outcome in backend.apply(changes)]
    return not any(first + second) and backend.read(None) == bench.states[1]


def refuses_what_changed_meanwhile(bench: Bench) -> bool:
    """What the plan saw is not there any more: the hand's edit stands, and somebody is told."""
    first, second = bench.states[:2]
    key = next(key for key in sorted(first) if key in second and first[key] != second[key])
    _make(bench, first)
    bench.edit(key)
    edited = bench.backend.read([key])
    outcomes = list(bench.backend.apply([Change(bench.target, key, first[key], second[key])]))
    return bool(outcomes and outcomes[0].error) and bench.backend.read([key]) == edited != {key: second[key]}


def reads_only_what_is_asked(bench: Bench) -> bool:
    _make(bench, bench.states[0])
    keys = sorted(bench.states[0])[::2]
    found = bench.backend.read([*keys, ("no-such-kind", "x")])
    return found == {key: bench.states[0][key] for key in keys}


def tells_silence_from_emptiness(bench: Bench) -> bool:
    """Unknown is never empty."""
    _make(bench, bench.states[0])
    bench.lose()
    try:
        bench.backend.read(None)
    except Unreachable as silence:
        return silence.target == bench.target and bool(silence.text)
    return False


PROMISES: Final[dict[str, Callable[[Bench], bool]]] = {
    check.__name__.replace("_", " "): check
    for check in (
        reads_what_it_wrote,
        removes_what_is_not_wanted,
        touches_nothing_of_others,
        answers_every_change_in_order,
        may_be_run_again,
        refuses_what_changed_meanwhile,
        reads_only_what_is_asked,
        tells_silence_from_emptiness,
    )
}
