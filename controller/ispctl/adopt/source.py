"""The one face of everything that can be imported: what a source is asked, and what it tells. Pure.

A source is a module of its own (`freeradius`, `customers`, `routeros`). What is not about the source (ids, tariffs,
pools, sealing, checks) is done once, in `draft`, `places` and `importing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Protocol
from zoneinfo import ZoneInfo

from ispctl.adopt.meaning import Meaning
from ispctl.adopt.old import Finding, OldNas
from ispctl.repo import Snapshot
from ispctl.structs import Struct, field

Progress = Callable[[str, int, int], None]


class Asked(Struct):
    """What a source has to know. Dates are read in `zone`; `known` is the repository it goes into, None for a new
    one; `used` are the ids that somebody there has or had."""

    zone: ZoneInfo
    known: Snapshot | None
    used: frozenset[str]
    progress: Progress

    def is_new(self, login: str) -> bool:
        return not (self.known and self.known.by_login(login))


class Told(Struct):
    """What a source says of the logins that are new: `logins` is how many it looked at, `meanings` are those of which a
    service can be made. `served` are the addresses that the old server handed out, by pool."""

    logins: int
    meanings: Sequence[Meaning]
    findings: Sequence[Finding]
    nas: Sequence[OldNas] = ()
    served: Mapping[str, Sequence[IPv4Address]] = field(default_factory=dict)


class Source(Protocol):
    """Something that can be imported."""

    def told(self, asked: Asked) -> Told: ...
