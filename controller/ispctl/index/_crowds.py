"""Those whom another rate of their tariff concerns, without their files: what it means for one of a kind, it means for
all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final, Literal

from ispctl.desired import Terms, terms_of
from ispctl.index._file import File, Member
from ispctl.model.tariff import FairUse, Period, Tariff
from ispctl.repo import Snapshot
from ispctl.repo.traits import hashed
from ispctl.structs import Struct, replace

Rates = Literal["read", "counted", "left out"]
"""What becomes of those for whom nothing differs but the rate of their tariff."""
FEW: Final = 20
"""So many of a kind are read rather than counted."""


class Crowd(Struct):
    """Services of one kind. `example`: one that is looked at; `owners`: all others, in order; `logins`: theirs, each
    hashed as it is written."""

    example: str
    owners: tuple[str, ...]
    logins: tuple[int, ...]


class Rated:
    """Whom the rates of these tariffs concern, as the index knows them."""

    def __init__(self) -> None:
        self.alone: set[int] = set()
        """Files that have to be read."""
        self.kinds: list[tuple[Member, list[Member]]] = []
        """An example of each kind, and the others."""

    def crowds(self, without: Collection[int]) -> Iterator[Crowd]:
        """Those who are in none of these files."""
        for example, others in self.kinds:
            left = sorted((one.owner, one.login) for one in others if one.file not in without)
            if left:
                owners, logins = zip(*left, strict=True)
                yield Crowd(example.owner, owners, logins)


def meant(tariff: Tariff) -> tuple[Terms, str, tuple[FairUse, ...], Period | None]:
    """All of a tariff that a service, or a rule about it, depends on. Its period decides in which window usage counts;
    what is paid stands with the service."""
    return terms_of(tariff), tariff.billing, tariff.fup, tariff.period if tariff.fup else None


def rate_alone(before: Snapshot, after: Snapshot, name: str) -> bool:
    """Whether a tariff is the same in both but for its rate, of which no rule about a service knows."""
    one, other = before.tariff(name), after.tariff(name)
    if one is None or other is None:
        return False
    (was, *rest), (now, *others) = meant(one.value), meant(other.value)
    return rest == others and replace(was, down=now.down, up=now.up, burst=now.burst) == now


def rated(index: File, names: Iterable[str], now: datetime, differing: AbstractSet[int], few: int) -> Rated:
    """Whom the rates of these tariffs concern. An example is none of the files that differ."""
    found, turned = Rated(), index.turned(index.checked, int(now.timestamp()))
    for name in sorted(names):
        if turned:  # whatever they were when the index was judged
            found.alone |= turned & index.using([hashed("tariff", name)])
        kinds: dict[int, list[Member]] = defaultdict(list)
        for member in index.members(hashed("tariff", name)):
            kinds[member.kind].append(member)
        for kind, members in kinds.items():
            apart = differing | found.alone
            example = next((one for one in members if one.file not in apart), None)
            if not kind or example is None or len(members) <= few:
                found.alone |= {one.file for one in members}
            else:
                found.alone.add(example.file)
                found.kinds.append((example, members))
    return found
