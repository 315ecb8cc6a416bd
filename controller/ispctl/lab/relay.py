"""Many NASes behind one address for changes, as in a lab, and the clock that makes their updates due."""

from __future__ import annotations

import select
import socket
import threading
from collections import OrderedDict
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ispctl.lab import coa
from ispctl.lab.nas import Nas
from ispctl.radius import client
from ispctl.radius.client import Place
from ispctl.radius.dictionary import load

if TYPE_CHECKING:
    from pyrad.packet import CoAPacket

_REMEMBERED = 256


class Fleet:
    """Stand-ins and their shared CoA port. A context manager: inside it changes are answered and updates are sent.

    `secret`: of CoA and Disconnect; a request under another one meets silence. `listen`: port 0 takes a free one.
    """

    def __init__(self, members: Sequence[Nas], secret: str, listen: Place = ("127.0.0.1", 0)) -> None:
        self.members = {nas.name: nas for nas in members}
        self._secret = secret.encode()
        self._link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._link.bind(listen)
        self.coa: Place = self._link.getsockname()
        self._answered: OrderedDict[tuple[Place, bytes], bytes | None] = OrderedDict()
        self._over = threading.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for work in (self._hear, self._keep_time):
            thread = threading.Thread(target=work, name=f"fleet-{work.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering and free the port. Sessions are forgotten without a Stop, as when the power goes."""
        self._over.set()
        self._wake_out.send(b".")
        for thread in self._threads:
            thread.join()
        for link in (self._link, self._wake_in, self._wake_out):
            link.close()

    def _hear(self) -> None:
        while not self._over.is_set():
            ready, _, _ = select.select([self._link, self._wake_in], [], [])
            if self._link in ready and not self._over.is_set():
                raw, sender = self._link.recvfrom(4096)
                self._serve(raw, sender)

    def _serve(self, raw: bytes, sender: Place) -> None:
        asked = (sender, raw)
        then: coa.Then = None
        if (
            asked not in self._answered
        ):  # a repeated request gets the same answer, and is not done twice (RFC 5080, 2.2.2)
            packet = self._read(raw)
            if packet is None:
                return
            reply, then = self._answer(packet)
            self._answered[asked] = reply.ReplyPacket() if reply is not None else None
            if len(self._answered) > _REMEMBERED:
                self._answered.popitem(last=False)
        if (known := self._answered[asked]) is not None:
            self._link.sendto(known, sender)
        if then is not None:
            threading.Thread(target=then, name="fleet-then", daemon=True).start()

    def _read(self, raw: bytes) -> CoAPacket | None:
        """A request that proves to know the secret; None for anything else, which meets silence."""
        from pyrad.packet import CoAPacket, PacketError

        try:
            packet = CoAPacket(packet=raw, secret=self._secret, dict=load())
            if packet.code not in (40, 43) or not packet.VerifyCoARequest():
                return None
            if packet.message_authenticator and not packet.verify_message_authenticator():
                return None
            client.plain(packet)
        except (PacketError, ValueError, IndexError):
            return None
        return packet

    def _answer(self, packet: CoAPacket) -> tuple[CoAPacket | None, coa.Then]:
        named = client.plain(packet)
        address, name = (named.get(key, [None])[0] for key in ("NAS-IP-Address", "NAS-Identifier"))
        if address is None and name is None:
            chosen = list(self.members.values()) if len(self.members) == 1 else []
        else:
            chosen = [
                nas for nas in self.members.values() if name in (None, nas.name) and address in (None, nas.address)
            ]
        if len(chosen) != 1:
            return coa.refuse(packet, "NAS-Identification-Mismatch"), None
        return coa.answer(chosen[0], packet)

    def _keep_time(self) -> None:
        while not self._over.is_set():
            due = [nas.tick() - nas.clock() for nas in self.members.values()]
            self._over.wait(min(1.0, max(0.05, min(due, default=1.0))))
