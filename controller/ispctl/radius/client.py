"""One RADIUS question, one answer: the client half of a NAS, real or stand-in. Hides pyrad and the socket."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ispctl.radius import mschap
from ispctl.radius.dictionary import load

if TYPE_CHECKING:
    from pyrad.packet import Packet

Place = tuple[str, int]
"""Address and UDP port."""

UNSAID = ("MS-", "Message-Authenticator")
"""What belongs to the method and to the packet: keys, proofs, checksums."""
METHODS = ("pap", "chap", "mschapv2", "none")


def access_request(secret: str, attributes: dict[str, Any], password: str, method: str) -> tuple[Packet, bytes]:
    """An Access-Request with the password in it, and what MS-CHAP2-Success must hold ("" for the other methods)."""
    from pyrad.packet import AuthPacket

    login = str(attributes["User-Name"])
    packet = AuthPacket(secret=secret.encode(), dict=load(), authenticator=os.urandom(16))
    packet.add_message_authenticator()
    for name, value in attributes.items():
        packet[name] = value
    expected = b""
    if method == "pap":
        packet["User-Password"] = packet.PwCrypt(password)
    elif method == "none":  # nobody typed anything: RouterOS and others send an empty one
        packet["User-Password"] = packet.PwCrypt("")
    elif method == "chap":
        challenge, identifier = os.urandom(16), os.urandom(1)
        packet["CHAP-Challenge"] = challenge
        digest = hashlib.md5(identifier + password.encode() + challenge).digest()  # noqa: S324 (RFC 1994)
        packet["CHAP-Password"] = identifier + digest
    elif method == "mschapv2":
        challenge, peer, number = os.urandom(16), os.urandom(16), os.urandom(1)[0]
        packet["MS-CHAP-Challenge"] = challenge
        packet["MS-CHAP2-Response"] = mschap.response(number, challenge, peer, login, password)
        expected = bytes([number]) + mschap.success_text(challenge, peer, login, password).encode()
    else:
        raise ValueError(f"{method!r} is none of {', '.join(METHODS)}")
    return packet, expected


def accounting_request(secret: str, attributes: dict[str, Any]) -> Packet:
    """An Accounting-Request; values of None are left out."""
    from pyrad.packet import AcctPacket

    packet = AcctPacket(secret=secret.encode(), dict=load())
    for name, value in attributes.items():
        if value is not None:
            packet[name] = value
    return packet


def ask(packet: Packet, server: Place, source: str, *, timeout: float, tries: int) -> Packet | None:
    """Send `packet` from `source` until a valid answer comes; None after `tries` times `timeout` seconds of silence.

    An answer with a wrong authenticator, or to an Access-Request without a Message-Authenticator, is not heard.
    """
    raw = packet.RequestPacket()
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as link:
        link.bind((source, 0))
        link.connect(server)
        for _ in range(tries):
            try:
                link.send(raw)
            except ConnectionRefusedError:
                continue
            answer = _listen(link, packet, time.monotonic() + timeout)
            if answer is not None:  # one without attributes counts as false
                return answer
    return None


def _listen(link: socket.socket, packet: Packet, deadline: float) -> Packet | None:
    from pyrad.packet import PacketError

    while (left := deadline - time.monotonic()) > 0:
        link.settimeout(left)
        try:
            raw = link.recv(4096)
            answer = packet.CreateReply(packet=raw)
            if packet.VerifyReply(answer, raw, enforce_ma=True):
                return answer
        except TimeoutError:
            return None
        except (PacketError, ConnectionRefusedError):
            continue  # not RADIUS, or nobody there yet: the deadline decides
    return None


def proves(reply: Mapping[str, Sequence[Any]], expected: bytes) -> bool:
    """Whether an accept of MS-CHAPv2 shows that the server knows the password too."""
    return [value[:43] for value in reply.get("MS-CHAP2-Success", ())] == [expected]


def plain(packet: Packet) -> dict[str, list[Any]]:
    """Name -> values of what the dictionary knows; an attribute that it does not know stands under its number."""
    return {key if isinstance(key, str) else str(key): list(packet[key]) for key in packet.keys()}  # noqa: SIM118


def told(reply: Mapping[str, Sequence[Any]]) -> list[tuple[str, str]]:
    """(name, value) of each attribute of a reply as texts, in the order of names; keys and proofs stay unsaid."""
    return [(name, _said(name, value)) for name in sorted(reply) for value in reply[name]]


def _said(name: str, value: Any) -> str:
    if name.startswith(UNSAID):
        return ""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return text.lstrip("".join(map(chr, range(1, 32))))  # the tag of RFC 2868
