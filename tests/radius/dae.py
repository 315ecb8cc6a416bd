"""A small NAS for the tests of sessions: a real UDP socket that takes CoA and Disconnect and keeps sessions."""

from __future__ import annotations

import hmac
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from pyrad.packet import CoAACK, CoAPacket, DisconnectACK, DisconnectNAK, DisconnectRequest, PacketError

from ispctl.radius import dictionary
from ispctl.radius.session import Door, LiveSession

SECRET = "canary-pw-coa"
NOON = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)
END, BELL = b"", b"bell"
"""Datagrams to itself: nothing comes any more; everything before this was taken."""


def live(number: int = 1, **other: Any) -> LiveSession:
    said: dict[str, Any] = {
        "unique": f"{number:032x}",
        "login": f"sub{number}@home.example",
        "nas_address": "192.0.2.1",
        "nas_identifier": "lalitpur-1",
        "session_id": f"81a{number:05x}",
        "framed_ip": f"100.64.{number // 250}.{number % 250 + 1}",
        "calling_station": "02:00:5e:10:00:01",
        "class_": "0123abcd-4567cdef",
        "started": NOON,
        "updated": NOON,
        "octets_in": 0,
        "octets_out": 0,
        "interim": 300,
    }
    return LiveSession(**{**said, **other})


@dataclass
class Seen:
    """One datagram that came in and carried both authenticators."""

    packet: CoAPacket
    raw: bytes
    source: tuple[str, int]
    at: float


@dataclass
class Dae:
    """Answers as RFC 5176 asks. `script`, where given, returns the datagrams to send instead; None means honest."""

    secret: str = SECRET
    script: Callable[[Dae, Seen], list[bytes] | None] | None = None
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    dropped: int = 0
    acted: int = 0

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.bind(("127.0.0.1", 0))
        self._answered: dict[tuple[tuple[str, int], bytes], list[bytes]] = {}
        self._rung: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ring(END)
        self._thread.join()
        self._socket.close()

    def _ring(self, what: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(what, self._socket.getsockname())

    def catch_up(self) -> None:
        """Wait until all that was sent to it so far is taken: who asks may be in less patience than a busy machine."""
        self._ring(BELL)
        self._rung.get(timeout=60)

    def door(self, **other: Any) -> Door:
        said = {"nas": "lalitpur-1", "address": "127.0.0.1", "port": self._socket.getsockname()[1]}
        return Door(**{**said, "secret": SECRET, "per_second": 10_000, "timeout": 2.0, **other})

    def dial_in(self, *sessions: LiveSession) -> None:
        for one in sessions:
            self.sessions[one.session_id] = {"User-Name": one.login, "Framed-IP-Address": one.framed_ip}

    def begin_anew(self, sessions: dict[str, dict[str, Any]]) -> None:
        """These sessions, and no memory of what was answered."""
        self.sessions = sessions
        self.seen.clear()
        self._answered.clear()

    def send(self, datagram: bytes, to: tuple[str, int]) -> None:
        self._socket.sendto(datagram, to)

    def _serve(self) -> None:
        while True:
            data, source = self._socket.recvfrom(4096)
            if data == END:
                return
            if data == BELL:
                self._rung.put(None)
                continue
            for answer in self._answers(data, source):
                self._socket.sendto(answer, source)

    def _answers(self, data: bytes, source: tuple[str, int]) -> list[bytes]:
        try:
            packet = CoAPacket(packet=data, secret=self.secret.encode(), dict=dictionary.load())
        except PacketError:
            packet = None
        if packet is None or not packet.VerifyCoARequest() or not packet.message_authenticator:
            self.dropped += 1
            return []
        if not packet.verify_message_authenticator():
            self.dropped += 1
            return []
        seen = Seen(packet, data, source, time.monotonic())
        self.seen.append(seen)
        scripted = self.script(self, seen) if self.script else None
        if scripted is not None:
            return scripted
        if (source, data) not in self._answered:
            self._answered[source, data] = [self.honest(seen)]
        return self._answered[source, data]

    def honest(self, seen: Seen) -> bytes:
        """Acts on the one session that fits all that identifies it; 503 if none does."""
        packet = seen.packet
        known = self.sessions.get(packet["Acct-Session-Id"][0])
        stale = known is None or any(name in packet and packet[name][0] != known[name] for name in list(known)[:2])
        if known is None or stale:
            return self.nak(seen, 503)
        self.acted += 1
        if packet.code == DisconnectRequest:
            del self.sessions[packet["Acct-Session-Id"][0]]
        else:
            known.update({name: packet[name] for name in self.names(seen) if name not in list(known)[:2]})
        return self.ack(seen)

    def ack(self, seen: Seen, signed: bool = True) -> bytes:
        reply = seen.packet.CreateReply(message_authenticator=signed)
        return bytes(reply.ReplyPacket())

    def nak(self, seen: Seen, cause: int | None) -> bytes:
        reply = seen.packet.CreateReply(message_authenticator=True)
        reply.code = reply.code + 1  # the NAK follows the ACK: 41, 42 and 44, 45
        assert reply.code - 1 in (CoAACK, DisconnectACK) or reply.code == DisconnectNAK
        if cause is not None:
            reply[101] = [cause.to_bytes(4, "big")]
        return bytes(reply.ReplyPacket())

    def names(self, seen: Seen) -> Iterator[str]:
        return (name for name in seen.packet.keys() if isinstance(name, str))  # noqa: SIM118


def altered(reply: bytes, secret: str = SECRET) -> bytes:
    """The same answer with a changed authenticator."""
    wrong = hmac.digest(secret.encode(), reply, "md5")
    return reply[:4] + wrong + reply[20:]
