"""What the loop knows of itself, as a value for `ispstat health` and /metrics; and saying a thing once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ispctl.gates import Closed
from ispctl.store import LoopState


class Logger(Protocol):
    """structlog's, or a test's. An event is a stable word; fields hold ids, never logins, names or secrets."""

    def info(self, event: str, **fields: Any) -> Any: ...

    def warning(self, event: str, **fields: Any) -> Any: ...

    def error(self, event: str, **fields: Any) -> Any: ...


class Once:
    """Says what is wrong when it begins or changes, and when it is over; not in every turn."""

    def __init__(self, log: Logger) -> None:
        self.log = log
        self._said: dict[str, tuple[object, ...]] = {}

    def wrong(self, topic: str, event: str, *mark: object, **fields: Any) -> None:
        """`mark`: what it is about; the same again is not said again."""
        if self._said.get(topic) != (event, *mark):
            self._said[topic] = (event, *mark)
            self.log.warning(event, **fields)

    def well(self, topic: str, event: str, **fields: Any) -> None:
        """It is over, if it ever was."""
        if self._said.pop(topic, None) is not None:
            self.log.info(event, **fields)


@dataclass
class Seen:
    """What one loop has seen so far. Moments are aware; None: never."""

    since: datetime
    branch: str
    head: str = ""
    fetched: datetime | None = None
    fetch_code: str = ""
    refused: tuple[str, ...] = ()
    stopped: str = ""
    gates: tuple[Closed, ...] = ()
    until: datetime | None = None
    good: datetime | None = None
    nas: Mapping[str, datetime] = field(default_factory=dict)
    away: str = ""
    turns: int = 0
    applies: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def state(self) -> LoopState:
        """For the database, where everybody on call may read it."""
        gates = {gate.gate: gate.wanted for gate in self.gates}
        return LoopState(
            self.branch,
            self.head,
            self.fetched,
            self.fetch_code,
            self.refused,
            self.stopped,
            gates,
            self.until,
            self.good,
            self.nas,
        )

    def words(self, *, leads: bool) -> str:
        """One line for whoever asks the service manager."""
        if not leads:
            return f"no database ({self.away})" if self.away else "standing by"
        left = [
            f"head refused ({' '.join(self.refused)})" if self.refused else "",
            self.fetch_code,
            self.stopped,
            self.away,
        ]
        left += [f"configures {', '.join(list(self.nas)[:3])}{' …' if len(self.nas) > 3 else ''}"] if self.nas else []
        left += [f"gate {gate.gate} closed" for gate in self.gates]
        return f"serving {self.head[:12]}; {', '.join(filter(None, left)) or 'all well'}"

    def ended(self, ending: str, seconds: float) -> None:
        self.applies[ending] = self.applies.get(ending, 0) + 1
        self.seconds = seconds


def allow(gates: tuple[Closed, ...]) -> str:
    """The numbers that would open closed gates, as they are typed."""
    return " ".join(gate.flag for gate in gates)


def words(gates: tuple[Closed, ...]) -> Mapping[str, str]:
    """Closed gates as fields of a log line."""
    return {gate.gate: f"{gate.wanted}+{gate.recent}>{gate.limit}" for gate in gates}
