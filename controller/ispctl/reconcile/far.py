"""The people of a plan who are too many to be held together: surveyed in slices on all cores, and kept on a disk.

Nobody in a slice shares anything with anybody elsewhere, so that each slice can be planned, written and killed alone.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from ispctl import gates
from ispctl.index import Look
from ispctl.model.problem import Problem
from ispctl.plan import Alike, Change, Plan, ServiceChange, Stop, Sums, Switch, alike, cohorts
from ispctl.reconcile.people import People
from ispctl.reconcile.rerender import noticed
from ispctl.reconcile.stops import Kept, kept_by, together
from ispctl.structs import Struct, replace

if TYPE_CHECKING:
    from ispctl.radius.live import Behind

T = TypeVar("T")
IN_MEMORY: Final = 32 * 1024 * 1024
"""Octets of slices that need no file."""


class Slice(NamedTuple):
    """One part of the people, with what is done to them."""

    services: Sequence[ServiceChange]
    changes: Sequence[Change]
    """Of their logins, and of their sessions."""
    people: People | None


class Gist(Struct):
    """What is known of a slice without having it at hand, and the slice itself, packed."""

    sums: Sums
    alike: Alike
    noticed: frozenset[str]
    rerendered: tuple[str, ...]
    until: datetime | None
    ending: int
    waiting: tuple[Behind, ...]
    resting: tuple[Behind, ...]
    groups: Mapping[str, str]
    stops: tuple[Stop, ...]
    switches: tuple[Switch, ...]
    kept: Kept
    enforced: frozenset[str]
    """The groups and the sets of NAS of those who are not only observed, where the policy observes."""
    counts: Mapping[str, int]
    wrong: tuple[Problem, ...]
    """What forbids to plan any of it."""
    packed: bytes
    unsaid: int = 0
    """How many end by the clock and were not announced."""


def gist(
    plan: Plan,
    until: datetime | None,
    ending: int,
    counts: Mapping[str, int],
    used: frozenset[str],
    people: People | None = None,
    wrong: tuple[Problem, ...] = (),
) -> Gist:
    """Of the plan of a slice. `used`: see Gist.enforced; `people` is None where only a plan is wanted."""
    import pickle

    kept = replace(people, pairs=(), rows=(), waiting=(), resting=()) if people else None
    return Gist(
        gates.sums(plan),
        alike(plan.services),
        noticed(plan),
        plan.rerendered,
        until,
        ending,
        people.waiting if people else (),
        people.resting if people else (),
        groups_of(people) if people else {},
        plan.stops,
        plan.switches,
        kept_by(plan),
        used,
        counts,
        wrong,
        pickle.dumps(Slice(tuple(plan.services), tuple(plan.changes), kept), pickle.HIGHEST_PROTOCOL),
    )


def groups_of(people: People) -> Mapping[str, str]:
    """The logical group of each login with a session that waits."""
    found = ((one.session.login, people.want.get(("login", one.session.login))) for one in people.waiting)
    return {login: str(fields["group"]) for login, fields in found if fields}


class Far:
    """All slices of a plan; none, where everybody is at hand."""

    def __init__(self) -> None:
        self.sums: Sums | None = None
        self.noticed: frozenset[str] = frozenset()
        self.rerendered: tuple[str, ...] = ()
        self.until: datetime | None = None
        self.ending = 0
        self.unsaid = 0
        self.waiting: tuple[Behind, ...] = ()
        self.resting: tuple[Behind, ...] = ()
        self.groups: dict[str, str] = {}
        """Of the logins of those who wait."""
        self.stops: tuple[Stop, ...] = ()
        self.switches: tuple[Switch, ...] = ()
        self.kept: dict[str, frozenset[str]] = {}
        self.enforced: frozenset[str] = frozenset()
        self.counts = Counter[str]()
        self.wrong: tuple[Problem, ...] = ()
        self.count = 0
        """How many slices there are."""
        self.alone = 0
        """So many of them one process does as fast as several."""
        self._alike: dict[Any, list[str]] = {}
        self._shelf: _Shelf | None = None
        self._services = 0
        self._changes = 0

    def add(self, one: Gist) -> None:
        """A slice that follows those that are there."""
        self.sums = self.sums.plus(one.sums) if self.sums else one.sums
        self.noticed |= one.noticed
        self.rerendered += one.rerendered
        self.until = min(filter(None, (self.until, one.until)), default=None)
        self.ending += one.ending
        self.unsaid += one.unsaid
        self.waiting += one.waiting
        self.resting += one.resting
        self.groups |= one.groups
        self.stops = together(self.stops, one.stops)
        self.switches = _summed(self.switches, one.switches)
        for what, names in one.kept.items():
            self.kept[what] = names | self.kept.get(what, frozenset())
        self.enforced |= one.enforced
        self.counts.update(one.counts)
        self.wrong += one.wrong
        self.count += 1
        for key, owners in one.alike.items():
            self._alike.setdefault(key, []).extend(owners)
        self._services += one.sums.summary["services"]
        self._changes += sum(one.sums.summary[action] for action in ("create", "update", "delete"))
        self._shelf = self._shelf or _Shelf()
        self._shelf.add(one.packed)

    @property
    def any(self) -> bool:
        """Whether there is any slice."""
        return self.sums is not None

    def packed(self) -> Iterator[bytes]:
        """One slice after the other, each to be unpacked."""
        yield from self._shelf or ()

    def slices(self) -> Iterator[Slice]:
        """One after the other."""
        return map(unpacked, self.packed())

    def joined(self, plan: Plan) -> Plan:
        """The plan of those who are at hand, with all others."""
        if self.sums is None:
            return plan
        near: dict[Any, list[str]] = {key: list(owners) for key, owners in alike(plan.services, plan.many).items()}
        for key, owners in self._alike.items():
            near.setdefault(key, []).extend(owners)
        return replace(
            plan,
            services=_Joined(plan.services, self, 0, self._services),
            changes=_Joined(plan.changes, self, 1, self._changes),
            cohorts=cohorts(near),
            rerendered=(*plan.rerendered, *self.rerendered),
            stops=together(plan.stops, self.stops),
            switches=_summed(plan.switches, self.switches),
            sums=gates.sums(plan).plus(self.sums),
        )


def _summed(one: Sequence[Switch], other: Sequence[Switch]) -> tuple[Switch, ...]:
    """The switches of two parts of one plan, which have the same."""
    counts = {switch.what: switch.services for switch in one}
    return tuple(replace(switch, services=switch.services + counts.get(switch.what, 0)) for switch in other or one)


def unpacked(packed: bytes) -> Slice:
    """A slice as it was."""
    import pickle

    found: Slice = pickle.loads(packed)  # noqa: S301  nobody else can write to a file without a name
    return found


def gathered(look: Look, work: Callable[[Look], Gist]) -> Far:
    """The slices of a look, each with what the work makes of it."""
    found = Far()
    if look.slices is not None:
        found.alone = look.slices.size.alone
        for one in look.slices.each(work, "services"):
            found.add(one)
    return found


class _Shelf:
    """Packed slices, in a file that has no name once they are many: it is gone with the process. What finds no room
    there stays in memory."""

    def __init__(self) -> None:
        import tempfile

        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  as long as its plan
        weakref.finalize(self, self._file.close)
        self._kept: list[tuple[int, int] | bytes] = []
        """Where each begins and how long it is; or itself."""

    def add(self, packed: bytes) -> None:
        try:
            start = self._file.seek(0, 2)
            self._file.write(packed)
            self._file.flush()
        except OSError:
            self._kept.append(packed)
        else:
            self._kept.append((start, len(packed)))

    def __iter__(self) -> Iterator[bytes]:
        for one in tuple(self._kept):
            if isinstance(one, bytes):
                yield one
            else:
                self._file.seek(one[0])
                yield self._file.read(one[1])


class _Joined(Collection[T]):
    """What is at hand, and then one part of each slice: read anew whenever somebody goes through it."""

    def __init__(self, near: Collection[T], far: Far, part: int, count: int) -> None:
        self._near, self._far, self._part, self._count = near, far, part, count

    def __len__(self) -> int:
        return len(self._near) + self._count

    def __iter__(self) -> Iterator[T]:
        return chain(self._near, chain.from_iterable(map(itemgetter(self._part), self._far.slices())))

    def __contains__(self, one: object) -> bool:
        return any(one == other for other in self)
