"""Which configuration a running server has: it says so in its answer to a Status-Server (RFC 5997)."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ispctl.radius import dictionary
from ispctl.structs import Struct

if TYPE_CHECKING:
    from pyrad.packet import AuthPacket

_STATUS_SERVER: Final = 12
_ACCEPT: Final = 2
_WORD: Final = "ispctl-config "


class Running(Struct):
    """What a server says of itself; nothing where it is not ours. `stale_after`: in seconds, as of ServerSettings; None
    where an older configuration does not say it."""

    marker: str = ""
    stale_after: int | None = None


class Silence(Exception):
    """No answer that can be trusted; says what was seen."""


def running(address: tuple[str, int], secret: str, *, timeout: float = 2.0, tries: int = 2) -> Running:
    """What the server says of its configuration. Raises Silence.

    `timeout` in seconds, for each try. Nothing is changed by asking, and the server logs nothing.
    """
    request = _request(secret)
    octets = request.RequestPacket()
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as door:
        door.settimeout(timeout)
        try:
            door.connect(address)
            for _ in range(tries):
                door.send(octets)
                with suppress(TimeoutError):
                    return _read(request, door.recv(4096))
        except ConnectionRefusedError:
            raise Silence("is closed: nothing listens there") from None
        except OSError as error:
            raise Silence(f"cannot be reached ({error.strerror})") from None
    raise Silence(f"did not answer in {timeout * tries:.0f} s")


def _request(secret: str) -> AuthPacket:
    from pyrad.packet import AuthPacket

    return AuthPacket(
        code=_STATUS_SERVER,
        id=secrets.randbelow(256),
        secret=secret.encode(),
        dict=dictionary.load(),
        authenticator=secrets.token_bytes(16),
        message_authenticator=True,
    )


def _read(request: AuthPacket, answer: bytes) -> Running:
    from pyrad.packet import PacketError

    reply = None
    with suppress(PacketError):
        reply = request.CreateReply(packet=answer)
    if reply is None or not request.VerifyReply(reply, answer):
        raise Silence("answered with a wrong authenticator: the secret differs")
    if reply.code != _ACCEPT:
        raise Silence(f"answered with code {reply.code}")
    said = [str(value) for value in reply.get("Reply-Message", [])]
    words = next((text.removeprefix(_WORD).split() for text in said if text.startswith(_WORD)), [])
    marker, seconds = (*words, "", "")[:2]
    return Running(marker, int(seconds) if seconds.isdecimal() else None)
