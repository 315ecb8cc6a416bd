"""One session of CWMP (TR-069, section 3.7), from the Inform to the empty answer: octets in, octets out. Pure.

A task is a generator: it yields requests, and each is answered by what the device says to it. So what is done in a
session reads from top to bottom, and can be tried against a device that is a function.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, Protocol, TypeVar

from ispctl.cpe import soap
from ispctl.cpe.soap import Asked, Done, Envelope, Fault, Inform, Names, Reply, Request, TransferComplete, Values
from ispctl.structs import Struct

T = TypeVar("T")
Task = Generator[Request, Reply, T]
REQUESTS: Final = 300
"""So many messages a session may have."""
_UNREADABLE: Final = Fault(9002)
"""What an answer counts as that is damaged, or is none to what was asked: try again later."""


class Caller(Struct):
    """Who speaks. `serial`: of the device whose own login was given, None for the login of the factory."""

    serial: str | None
    address: str


class Desk(Protocol):
    """Whoever knows devices and decides what is done. Never raises for what a device said."""

    def inform(self, inform: Inform, caller: Caller) -> Task[None] | None:
        """What is to be done in a session; None: nothing. Raises Stranger."""
        ...

    def close(self) -> None:
        """It is not asked any more."""
        ...


class Stranger(Exception):
    """This login is not good for this device."""


class Answer(Struct):
    """Of HTTP. `over`: the session has ended."""

    status: int
    body: bytes = b""
    over: bool = False


class Session:
    """`serial` is empty until the Inform."""

    def __init__(self, desk: Desk, caller: Caller) -> None:
        self._desk, self._caller = desk, caller
        self._task: Task[None] | None = None
        self._sent: Request | None = None
        self._came: Reply | None = None
        self._id = ""
        """Of what was sent."""
        self._answered: set[str] = set()
        """The ids of what was answered before."""
        self._again = False
        """Whether what was sent was sent twice."""
        self._namespace, self._count = "", 0
        self.serial = ""

    def receive(self, data: bytes) -> Answer:
        """What is answered to one POST. Raises what the desk does, and nothing for what stands in `data`."""
        self._count += 1
        if self._count > REQUESTS:
            return self._end(400)
        if not data.strip():
            return self._go() if self.serial else self._end(400)
        try:
            envelope = soap.read(data)
        except soap.Malformed:
            return self._end(400)
        if isinstance(envelope.message, Inform):
            return self._begin(envelope, envelope.message)
        return self._heard(envelope) if self.serial else self._end(400)

    def _heard(self, envelope: Envelope) -> Answer:
        match envelope.message:
            case TransferComplete() | Asked():
                return Answer(200, soap.answered(envelope))
            case Names() | Values() | Done() | Fault() as reply:
                if self._sent is not None and envelope.id in self._answered and not self._again:
                    self._again = True  # it did not hear us, and says again what it said; once, should it count wrongly
                    return self._asked(self._sent)
                self._came = reply if self._fits(reply, envelope) else _UNREADABLE
        return self._go(hold=envelope.hold)

    def close(self) -> None:
        """Nothing more is done in it."""
        if self._task is not None:
            self._task.close()
        self._task = self._sent = self._came = None

    def _begin(self, envelope: Envelope, inform: Inform) -> Answer:
        """An Inform in the midst of a session begins anew."""
        self.close()
        self._namespace = envelope.namespace
        if envelope.damaged:
            inform = Inform(inform.device, inform.events)
        try:
            self._task = self._desk.inform(inform, self._caller)
        except Stranger:
            return self._end(403)
        self.serial = inform.device.serial
        return Answer(200, soap.informed(envelope))

    def _go(self, *, hold: bool = False) -> Answer:
        """Our turn, unless the device wants nothing of us as yet."""
        if hold:
            return Answer(204)
        if self._task is None or (self._sent is not None and self._came is None):
            return self._end(204)
        came, self._came = (self._came if self._sent else None), None
        self._answered |= {self._id} - {""}
        try:
            self._sent = next(self._task) if came is None else self._task.send(came)
        except StopIteration:
            return self._end(204)
        self._id, self._again = f"i{self._count}", False
        return self._asked(self._sent)

    def _asked(self, request: Request) -> Answer:
        return Answer(200, soap.asked(request, self._id, self._namespace))

    def _fits(self, reply: Reply, envelope: Envelope) -> bool:
        """Whether it answers what was asked, and may be believed."""
        if envelope.damaged or self._sent is None:
            return False
        match reply:
            case Names():
                return self._sent.method == "GetParameterNames"
            case Values():
                return self._sent.method == "GetParameterValues"
            case Done():
                return reply.method == f"{self._sent.method}Response"
        return True

    def _end(self, status: int) -> Answer:
        self.close()
        return Answer(status, over=True)
