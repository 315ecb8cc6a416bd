"""One subscriber online at a stand-in: what it may do, and counters that follow what it may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ispctl.lab.granted import Granted
from ispctl.lab.rates import Way

_UNLIMITED = 1_000_000_000


@dataclass
class Counter:
    """Octets of one direction, as floats so that short spans are not lost."""

    way: Way
    octets: float = 0.0
    burst_left: float = 0.0

    def set(self, way: Way) -> None:
        """A new rate; its burst begins anew, as the queue behind it does."""
        self.way = way
        self.burst_left = way.burst_seconds

    def run(self, seconds: float, share: float) -> None:
        """Let `seconds` pass at `share` (0 to 1) of the rate; no limit counts as a line of 1 Gbit/s."""
        rate = self.way.rate or _UNLIMITED
        extra = 0.0
        if self.burst_left > 0 and share >= 1:
            burst = min(seconds, self.burst_left)
            self.burst_left -= burst
            extra = burst * (self.way.burst - rate)
        self.octets += (seconds * rate * share + extra) / 8


@dataclass
class Session:
    """One session. Times are seconds of the NAS's own clock. `utilisation`: share of the rate in use, 0 to 1."""

    id: str
    nas: str
    login: str
    mac: str
    address: str
    granted: Granted
    started: float
    utilisation: float = 1.0
    prefix: str | None = None
    delegated: str | None = None
    address_list: str | None = None
    timeout: int | None = None
    interim: int = 300
    port: int = 0
    said: dict[str, Any] = field(default_factory=dict)
    ended: str = ""
    due: float = 0.0
    rate_text: str = ""
    seen: float = 0.0
    up: Counter = field(default_factory=lambda: Counter(Way()))
    down: Counter = field(default_factory=lambda: Counter(Way()))

    def __post_init__(self) -> None:
        self.seen = self.started
        self.due = self.started + self.interim
        self.address_list = self.granted.address_list
        self.timeout = self.granted.timeout
        self.rate_text = self.granted.rate_text
        self.up.set(self.granted.rate.up)
        self.down.set(self.granted.rate.down)

    @property
    def open(self) -> bool:
        return not self.ended

    def count(self, now: float) -> None:
        """Bring the counters to `now`."""
        for counter in (self.up, self.down):
            counter.run(max(0.0, now - self.seen), self.utilisation)
        self.seen = max(self.seen, now)

    def seconds(self) -> int:
        return int(self.seen - self.started)

    def as_json(self) -> dict[str, Any]:
        """For a person or a test: names as in RADIUS where there is one, rates in bit/s, volumes in octets."""
        return {
            "session": self.id,
            "nas": self.nas,
            "login": self.login,
            "mac": self.mac,
            "address": self.address,
            "prefix": self.prefix,
            "delegated": self.delegated,
            "routes": list(self.granted.routes),
            "pool": self.granted.pool,
            "address_list": self.address_list,
            "class": [value.decode("utf-8", "replace") for value in self.granted.classes],
            "rate": self.rate_text,
            "rate_up": self.up.way.rate,
            "rate_down": self.down.way.rate,
            "interim": self.interim,
            "timeout": self.timeout,
            "seconds": self.seconds(),
            "octets_up": int(self.up.octets),
            "octets_down": int(self.down.octets),
            "utilisation": self.utilisation,
            "ignored": list(self.granted.ignored),
            "complaints": list(self.granted.complaints),
            "ended": self.ended,
        }
