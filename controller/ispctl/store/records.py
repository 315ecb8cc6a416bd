"""Rows of the store as values. Times are aware datetimes in UTC, volumes are bytes, durations are seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal

from ispctl.structs import Struct, field


class Applied(Struct):
    """What the database was last made equal to."""

    commit: str
    at: datetime
    digest: str


class AppliedService(Struct):
    """What one service was last given: its entitlement as JSON text, and the commit it came from."""

    id: str
    key: str
    login: str
    entitlement: str = field(repr=False)
    digest: str
    commit: str
    at: datetime

    def said(self, name: str) -> str:
        """A value of the entitlement; empty where it has none, or where somebody made it unreadable."""
        try:
            values = json.loads(self.entitlement)
        except ValueError:
            return ""
        return str(values.get(name, "")) if isinstance(values, dict) else ""


class RunRecord(Struct):
    """One run of the journal. `finished` is None while it runs, or for ever when it was killed."""

    run: str
    kind: str
    commit: str
    base: str
    digest: str
    actor: str
    host: str
    pid: int
    started: datetime
    finished: datetime | None
    outcome: str
    counts: Mapping[str, int]


class Pause(Struct):
    """Somebody decided that a part of the network stays as it is until a moment: everything, a target, a group, or one
    service. `resumed` is None unless somebody ended it before."""

    id: str
    kind: Literal["everything", "target", "group", "service"]
    name: str
    since: datetime
    until: datetime
    reason: str
    by: str
    resumed: datetime | None = None
    resumed_by: str = ""

    @property
    def what(self) -> str:
        return f"{self.kind} {self.name}".strip()

    def is_on(self, now: datetime) -> bool:
        return self.resumed is None and self.since <= now < self.until


class Message(Struct):
    """Something that is told to a subscriber. `sending`: somebody, who has this pid on this host, is at it, or was
    interrupted. `unsure`: attempts that were interrupted. `tried`: when the last one began; of one that was sent, when
    it went."""

    key: str
    kind: str
    subscriber: str
    about: str
    state: Literal["queued", "sending", "sent", "failed"]
    attempts: int
    unsure: int
    error: str
    by: str
    host: str
    pid: int
    made: datetime
    tried: datetime | None


class Unsent(Struct):
    """How many letters wait, since when the oldest of them does, and how many were refused lately."""

    waiting: int
    since: datetime | None
    refused: int


class Undone(Struct):
    """A run that was taken back: it had applied `commit` over `base`, and run `undone_by` applied `base` again."""

    run: str
    commit: str
    base: str
    undone_by: str
    at: datetime
    by: str


class Session(Struct):
    """One row of radacct. `nas` is the address the NAS gives itself; `octets_in` is what the NAS received, unless its
    accounting counts the other way round. `stopped` is None for a session nobody has ended."""

    uniqueid: str
    sessionid: str
    login: str
    nas: str
    port: str
    mac: str
    started: datetime | None
    updated: datetime | None
    stopped: datetime | None
    seconds: int
    octets_in: int
    octets_out: int
    ipv4: str
    ipv6: str
    ipv6_prefix: str
    delegated: str
    klass: str
    cause: str
    sent: str = ""
    """The User-Name as the NAS sent it, where that is not the login: a MAC address or a line (ipoe)."""


class Proof(Struct):
    """What was asked of a live session, what it answered, and what proves that it happened.

    `down`, `up`: bit/s that were promised; `burst_down`, `burst_up`: octets that a burst may add. `tries`: how
    often it was asked in the last run; `attempts`: in how many runs in a row this was in vain; `retry`: when it may be
    asked again.
    """

    uniqueid: str
    login: str
    nas: str
    kind: Literal["coa", "disconnect"]
    class_to: str
    answer: str = ""
    tries: int = 0
    sent: datetime | None = None
    acked: datetime | None = None
    proved: datetime | None = None
    proof: str = ""
    octets_in: int = 0
    octets_out: int = 0
    counted: datetime | None = None
    down: int = 0
    up: int = 0
    attempts: int = 0
    error_cause: int | None = None
    retry: datetime | None = None
    burst_down: int = 0
    burst_up: int = 0

    @property
    def awaited(self) -> bool:
        """Whether a change was acknowledged and is still to be proved."""
        return self.kind == "coa" and self.answer == "ack" and self.acked is not None and self.proved is None


class Limit(Struct):
    """Something that a NAS cannot do to a running session: take any change (coa), change these attributes, take these
    values, or find a session by more than its id (names). `entry`: hash of what git said of the host by then."""

    nas: str
    what: Literal["coa", "attributes", "values", "names"]
    subject: str
    error_cause: int | None
    learned: datetime
    entry: str


class Reject(Struct):
    """One refused login, or an address that speaks RADIUS without being a NAS of ours (`login` is empty then)."""

    at: datetime | None
    login: str
    nas: str
    mac: str
    reason: str
    detail: str


EPOCH: Final = datetime.fromtimestamp(0, UTC)
"""Stands for a moment that somebody made unreadable by hand."""


@lru_cache(256)
def stamp(moment: datetime) -> int:
    """Whole seconds since 1970; refuses a naive moment, whose meaning would depend on the machine. Kept: a run has few
    moments and many changes."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return int(moment.timestamp() // 1)


def stamp_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else stamp(moment)


def moment(seconds: object) -> datetime | None:
    """The moment of a stamp; None for what is absent or is no stamp."""
    if not isinstance(seconds, int) or not 0 <= seconds < 253402300800:
        return None
    return datetime.fromtimestamp(seconds, UTC)
