"""What is said about live sessions: the session, the door of its NAS, a request, an answer, a proof. Values alone."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from ispctl.structs import Struct, field

Attribute = tuple[str, str | int | bytes]
"""A name of our dictionary and its value: ("Mikrotik-Rate-Limit", "25M/50M"), ("Session-Timeout", 3600)."""


class LiveSession(Struct):
    """One open row of radacct, each value exactly as the NAS sent it.

    nas_address: NAS-IP-Address. framed_ip, calling_station, class_: "" where the NAS sent none. Times are aware.
    octets_in, octets_out: Acct-Input-Octets and -Output-Octets with gigawords. interim: seconds between two reports.
    """

    unique: str
    login: str
    nas_address: str
    nas_identifier: str | None
    session_id: str
    framed_ip: str
    calling_station: str
    class_: str
    started: datetime
    updated: datetime
    octets_in: int
    octets_out: int
    interim: int


class Door(Struct):
    """Where and how a NAS takes CoA and Disconnect. per_second: most datagrams in a second; timeout: seconds a try;
    names: attributes that may name a session to it, None for all that we know."""

    nas: str
    address: str
    port: int
    secret: str = field(repr=False)
    per_second: int
    timeout: float = 1.5
    tries: int = 3
    names: frozenset[str] | None = None
    ends_per_minute: int = 0
    """Most sessions that end in a minute; 0: no matter."""

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.nas} ({host}:{self.port})"


class Request(Struct):
    """What is asked of one session: a change to these attributes, or without any (None) its end.

    alone: name it by Acct-Session-Id alone at first, where its NAS is known to want no more.
    """

    session: LiveSession
    door: Door
    attributes: tuple[Attribute, ...] | None = None
    alone: bool = False


Kind = Literal["ack", "nak", "unsupported", "gone", "silent"]
_CODES: Final[dict[Kind, str]] = {
    "ack": "",
    "gone": "",
    "silent": "E502",
    "nak": "E503",
    "unsupported": "E504",
}


class Answer(Struct):
    """What a NAS said. tries: datagrams sent, 0 if none was. `text` is a sentence without secrets and logins.

    ack: it says it did (no proof, see `verify`). nak: refused. unsupported: refused for good, a Disconnect will do it.
    gone: it knows no such session. silent: no answer that can be trusted. named: what this NAS turned out to want,
    after it had refused the other: the session's id `alone`, or the `whole` identification; "" where it is not known.
    """

    session: LiveSession
    kind: Kind
    error_cause: int | None
    text: str
    tries: int
    named: Literal["", "alone", "whole"] = ""

    @property
    def code(self) -> str:
        """E502 to E504, or "" where nothing went wrong: done, or there is no session left to change."""
        return _CODES[self.kind]


class Proof(Struct):
    """Whether the accounting after a change shows it. `code` is E505 if it shows the opposite.

    baseline: the reading to give to `verify` as `before` the next time; counts from after the change once there is one.
    """

    kind: Literal["proved", "waiting", "contradicted", "gone"]
    text: str
    baseline: LiveSession

    @property
    def code(self) -> str:
        return "E505" if self.kind == "contradicted" else ""
