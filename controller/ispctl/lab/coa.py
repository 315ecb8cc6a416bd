"""What a NAS answers to a CoA-Request or Disconnect-Request (RFC 5176), and what it then does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ispctl.lab import vendors
from ispctl.lab.nas import Nas
from ispctl.lab.rates import BadValue
from ispctl.lab.session import Session
from ispctl.radius import client

if TYPE_CHECKING:
    from pyrad.packet import CoAPacket

DISCONNECT: Final = 40
_ENVELOPE: Final = frozenset(
    ("NAS-IP-Address", "NAS-Identifier", "Proxy-State", "Message-Authenticator", "Event-Timestamp")
)
_SESSION: Final = {
    "Acct-Session-Id": lambda session: session.id,
    "User-Name": lambda session: session.login,
    "Framed-IP-Address": lambda session: session.address,
    "Calling-Station-Id": lambda session: session.mac,
}
_ALWAYS: Final = frozenset(("Session-Timeout", "Idle-Timeout", "Acct-Interim-Interval"))

Then = Callable[[], object] | None
"""What is left to do after the answer is on its way."""


class Nak(Exception):
    """A refusal with its Error-Cause (RFC 5176, 3.5)."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def answer(nas: Nas, packet: CoAPacket) -> tuple[CoAPacket | None, Then]:
    """The reply to a verified request for this NAS, None for silence. A change is made before this returns."""
    if nas.faults.ignore_coa:
        return None, None
    attributes = client.plain(packet)
    then: Then = None
    try:
        session = _admit(nas, packet.code, attributes)
        if nas.faults.ack_without_doing:
            pass
        elif packet.code == DISCONNECT:
            then = _hanging_up(nas, session)
        else:
            _change(nas, session, attributes)
    except Nak as nak:
        return refuse(packet, nak.cause), None
    return _reply(packet), then


def refuse(packet: CoAPacket, cause: str) -> CoAPacket:
    """A NAK with its Error-Cause, by name."""
    reply = _reply(packet)
    reply.code += 1  # NAK follows ACK in both number spaces
    reply["Error-Cause"] = cause
    return reply


def _reply(packet: CoAPacket) -> CoAPacket:
    reply = packet.CreateReply()
    if packet.message_authenticator:
        reply.add_message_authenticator()
    return reply


def _admit(nas: Nas, code: int, attributes: Mapping[str, Sequence[Any]]) -> Session:
    """The session meant, if this NAS can do all that is asked; else Nak. First what, then whom (RFC 5176, 3.5)."""
    for name, own in (("NAS-IP-Address", nas.address), ("NAS-Identifier", nas.name)):
        if any(value != own for value in attributes.get(name, ())):
            raise Nak("NAS-Identification-Mismatch")
    asked = attributes.keys() - _ENVELOPE - _SESSION.keys()
    vendor = vendors.vendor(nas.platform)
    if code == DISCONNECT:
        allowed = frozenset(("Acct-Terminate-Cause", "Reply-Message", "Class"))
    else:
        # Addresses, pools, prefixes and routes need a new session everywhere.
        allowed = _ALWAYS | vendor.changeable | (vendor.sometimes if nas.address_list_by_coa else frozenset())
    if "Service-Type" in asked:
        raise Nak("Unsupported-Service")
    strange = asked - allowed and not (vendor.nods and code != DISCONNECT)
    # One value names the session; a second would have to be a new one, and no address changes in a live session.
    several = any(len(attributes.get(name, ())) > 1 for name in _SESSION)
    if strange or several or vendor.deaf & attributes.keys():
        raise Nak("Unsupported-Attribute")
    if code != DISCONNECT and not asked:
        raise Nak("Invalid-Request")
    return _find(nas, attributes)


def _find(nas: Nas, attributes: Mapping[str, Sequence[Any]]) -> Session:
    named = {name: attributes[name][0] for name in _SESSION if name in attributes}
    if not named:
        raise Nak("Missing-Attribute")
    id = named.get("Acct-Session-Id")
    known = nas.sessions if id is None else filter(None, [nas.session(id)])
    found = [s for s in known if all(_SESSION[name](s) == value for name, value in named.items())]
    if not found:
        raise Nak("Session-Context-Not-Found")
    if len(found) > 1:
        raise Nak("Multiple-Session-Selection-Unsupported")
    return found[0]


def _hanging_up(nas: Nas, session: Session) -> Then:
    return lambda: nas.hangup(session, "Admin-Reset")


def _change(nas: Nas, session: Session, attributes: Mapping[str, Sequence[Any]]) -> None:
    """All or nothing: values are read before the first of them takes effect (RFC 5176, 2.2)."""
    numbers = {name: attributes[name][0] for name in _ALWAYS if name in attributes}
    if any(number < 1 for number in numbers.values()):
        raise Nak("Invalid-Attribute-Value")
    vendor = vendors.vendor(nas.platform)
    if vendor.objection(session.rate_text, attributes):
        raise Nak("Invalid-Attribute-Value")
    try:
        rate, text = vendor.rate(attributes)
    except BadValue:
        raise Nak("Invalid-Attribute-Value") from None
    with nas.lock:
        session.count(nas.clock())
        if text:
            session.rate_text = text
            session.up.set(rate.up)
            session.down.set(rate.down)
        if "Mikrotik-Address-List" in attributes:
            session.address_list = attributes["Mikrotik-Address-List"][0]
        session.timeout = numbers.get("Session-Timeout", session.timeout)
        if "Acct-Interim-Interval" in numbers:
            session.interim = numbers["Acct-Interim-Interval"]
            session.due = nas.clock() + session.interim
