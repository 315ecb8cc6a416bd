"""Datagrams of RFC 5176: one door, its sockets, who waits for which answer. Hides pyrad; runs inside an asyncio loop.

A try is the same datagram again, so that a NAS recognises it and does not act twice (RFC 5080 section 2.2.2).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from ispctl.model.problem import Problem, Refusal
from ispctl.radius import dictionary
from ispctl.radius.session import Attribute, Door
from ispctl.structs import Struct

if TYPE_CHECKING:
    from pyrad.packet import CoAPacket

DISCONNECT: Final = 40
CHANGE: Final = 43
_ACK: Final = 1  # the answers follow their request: 41, 42 and 44, 45
_NAK: Final = 2
_ERROR_CAUSE: Final = 101
_IDS: Final = 256  # the identifier of a packet is one octet
_CATCH_UP: Final = 0.02
"""Seconds of lateness that a pacer makes good: timers are coarse, and without it a fast pace could not be kept."""
PATIENCE: Final = 8
"""So many requests without any answer in a row, and a NAS is taken for silent."""


class Heard(Struct):
    """What came back. acked None: nothing that can be trusted; `note` then says what was seen instead, if anything."""

    acked: bool | None
    cause: int | None
    tries: int
    note: str = ""


class Pacer:
    """Spreads datagrams evenly: at most `per_second` of them in any second, however late the loop wakes us."""

    def __init__(self, per_second: float) -> None:
        self._gap = (1 + _CATCH_UP) / per_second
        self._next = 0.0
        self._turn = asyncio.Lock()

    async def turn(self) -> None:
        clock = asyncio.get_running_loop().time
        async with self._turn:
            if (early := self._next - clock()) > 0:
                await asyncio.sleep(early)
            self._next = max(self._next, clock() - _CATCH_UP) + self._gap


def build(code: int, number: int, secret: str, attributes: Iterable[Attribute]) -> CoAPacket:
    """A request with Message-Authenticator, ready to be encoded. Refusal E501 for what has no place in a packet."""
    from pyrad.packet import CoAPacket

    known = dictionary.load()
    packet = CoAPacket(code=code, id=number, secret=secret.encode("utf-8"), dict=known, message_authenticator=True)
    for name, value in attributes:
        attribute = known.attributes.get(name.partition(":")[0])  # what follows is a tag
        if attribute is None:
            raise Refusal(Problem("E501", f"{name} is not an attribute that we know how to send"))
        try:
            # pyrad reads digits in an octets attribute as one number; ours are text.
            octets = attribute.type == "octets" and isinstance(value, str)
            packet.AddAttribute(name, value.encode("utf-8") if octets and isinstance(value, str) else value)
            packet.RequestPacket()
        except (KeyError, TypeError, ValueError, struct.error):
            packet = None
        if packet is None:
            raise Refusal(Problem("E501", f"the value of {name} does not fit into the attribute"))
    return packet


class _Question:
    """One request on its way: its octets, and the first answer that carries the right authenticators."""

    def __init__(self, packet: CoAPacket) -> None:
        self._packet = packet
        self.raw: bytes = packet.RequestPacket()
        self.answer: asyncio.Future[tuple[bool, int | None]] = asyncio.get_running_loop().create_future()
        self.note = ""

    def take(self, data: bytes) -> None:
        """An answer counts if code, Response Authenticator and, where present, Message-Authenticator are right."""
        from pyrad.packet import CoAPacket, PacketError

        try:
            reply = CoAPacket(packet=data, secret=self._packet.secret)
        except PacketError:
            self.note = "forged"
            return
        right = reply.code in (self._packet.code + _ACK, self._packet.code + _NAK)
        if not right or not self._packet.VerifyReply(reply, data):
            self.note = "forged"
        elif not self.answer.done():
            causes = reply.get(_ERROR_CAUSE)
            self.answer.set_result((reply.code == self._packet.code + _ACK, _number(causes)))


def _number(values: list[bytes] | None) -> int | None:
    return int.from_bytes(values[0], "big") if values and len(values[0]) == 4 else None


class _Socket(asyncio.DatagramProtocol):
    """One UDP socket, connected: the kernel drops answers from elsewhere and reports a closed port."""

    transport: asyncio.DatagramTransport

    def __init__(self) -> None:
        self.waiting: dict[int, _Question] = {}
        self._last = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, _addr: Any) -> None:
        question = self.waiting.get(data[1]) if len(data) >= 2 else None
        if question:  # none: a duplicate, or later than anybody waited
            question.take(data)

    def error_received(self, _exc: Exception) -> None:
        for question in self.waiting.values():
            question.note = question.note or "closed"

    def number(self) -> int:
        """The free identifier that was used longest ago."""
        while True:
            self._last = (self._last + 1) % _IDS
            if self._last not in self.waiting:
                return self._last


class Wire:
    """All sockets to one door, as many as the requests in flight need."""

    def __init__(self, door: Door, pacer: Pacer, source: str) -> None:
        self._door = door
        self._pacer = pacer
        self._source = source
        self._sockets: list[_Socket] = []
        self._opening = asyncio.Lock()
        self._silences = 0

    @property
    def silent(self) -> bool:
        """Nothing was heard for so long that nothing more is sent."""
        return self._silences >= PATIENCE

    async def ask(self, code: int, attributes: Iterable[Attribute]) -> Heard:
        """Sends up to `door.tries` times and waits `door.timeout` after each. Never raises for what a network does."""
        try:
            async with self._opening:  # without it everybody who finds no free identifier opens a socket
                socket = await self._free()
        except OSError as error:
            return Heard(None, None, 0, (error.strerror or "unreachable").lower())
        number = socket.number()
        question = _Question(build(code, number, self._door.secret, attributes))
        socket.waiting[number] = question
        try:
            return await self._repeat(socket, question)
        finally:
            del socket.waiting[number]

    async def _repeat(self, socket: _Socket, question: _Question) -> Heard:
        sent = 0
        while sent < self._door.tries and not question.answer.done():
            await self._pacer.turn()
            if question.answer.done() or self.silent:
                break
            socket.transport.sendto(question.raw)
            sent += 1
            await asyncio.wait([question.answer], timeout=self._door.timeout)
        if not question.answer.done():
            self._silences += 1
            return Heard(None, None, sent, question.note)
        self._silences = 0
        acked, cause = question.answer.result()
        return Heard(acked, cause, sent)

    async def _free(self) -> _Socket:
        for socket in self._sockets:
            if len(socket.waiting) < _IDS:
                return socket
        loop = asyncio.get_running_loop()
        local = (self._source, 0) if self._source else None
        _, made = await loop.create_datagram_endpoint(
            _Socket, remote_addr=(self._door.address, self._door.port), local_addr=local
        )
        self._sockets.append(made)
        return made

    def close(self) -> None:
        for socket in self._sockets:
            socket.transport.close()
