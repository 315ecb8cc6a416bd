"""Live sessions: change them (CoA), end them (Disconnect). RFC 5176.

`Sessions` has a synchronous face; inside, a thread runs an asyncio loop, so that a slow reader of answers never delays
the hearing of others. That takes a while to load: what is said about sessions, without asking, stands in `session`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal, Self

from ispctl.model.problem import Refusal
from ispctl.radius._causes import (
    FEWER_NAMES,
    FEWER_NAMES_TO_END,
    MORE_NAMES,
    NOT_FOUND,
    SEVERAL,
    meaning,
    named,
)
from ispctl.radius._dae import CHANGE, DISCONNECT, PATIENCE, Heard, Pacer, Wire, build
from ispctl.radius.session import Answer, Attribute, Door, Kind, LiveSession, Request

_DOORS: Final = 500  # NASes asked at the same time; each holds a socket, of which a process may mostly have 1024
_IN_FLIGHT: Final = 512  # requests on their way to one NAS; above 256 it takes several sockets

Put = Callable[[Answer], None]


class Sessions:
    """Asks NASes. A context manager: sockets and the thread live no longer than the `with` block.

    source: local address to send from, where a NAS takes CoA from that one alone; "" leaves it to the system.
    """

    _loop: asyncio.AbstractEventLoop
    _thread: threading.Thread

    def __init__(self, source: str = "") -> None:
        self._source = source
        self._pacers: dict[tuple[str, int], Pacer] = {}

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ispctl-sessions", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(_end_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def change(self, session: LiveSession, door: Door, attributes: Sequence[Attribute]) -> Answer:
        """CoA-Request: the session keeps running, with these attributes. Raises Refusal E501, and then sent nothing."""
        return next(self.many([Request(session, door, tuple(attributes))]))

    def disconnect(self, session: LiveSession, door: Door) -> Answer:
        """Disconnect-Request: the session ends. A session that is gone already answers `gone`."""
        return next(self.many([Request(session, door)]))

    def many(self, requests: Iterable[Request], progress: Callable[[int, int], None] | None = None) -> Iterator[Answer]:
        """One answer per request, as they come; NASes side by side, each at most `per_second` datagrams a second.

        progress: called with (answered, all) before each answer is handed out. Raises Refusal E501 at once, before
        anything is sent. Sending begins with the first answer asked for; closing the iterator drops what is not sent.
        """
        work = list(requests)
        for request in dict.fromkeys((r.door, r.attributes) for r in work):
            build(CHANGE, 0, request[0].secret, request[1] or ())
        return self._answers(work, progress)

    def _answers(self, work: list[Request], progress: Callable[[int, int], None] | None) -> Iterator[Answer]:
        answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        job = asyncio.run_coroutine_threadsafe(self._ask_all(work, answers.put), self._loop)
        job.add_done_callback(lambda _: answers.put(None))
        try:
            for number in range(1, len(work) + 1):
                answer = answers.get()
                if answer is None:  # ended before all had answers: raises what ended it
                    job.result()
                    return
                if progress:
                    progress(number, len(work))
                yield answer
        finally:
            job.cancel()

    async def _ask_all(self, work: list[Request], put: Put) -> None:
        by_door: dict[Door, list[Request]] = {}
        for request in work:
            by_door.setdefault(request.door, []).append(request)
        doors = asyncio.Semaphore(_DOORS)
        async with asyncio.TaskGroup() as group:
            for door, its in by_door.items():
                group.create_task(self._ask_door(doors, door, its, put))

    async def _ask_door(self, doors: asyncio.Semaphore, door: Door, work: list[Request], put: Put) -> None:
        async with doors:
            pacer = self._pacers.setdefault((door.address, door.port), Pacer(door.per_second))
            wire = Wire(door, pacer, self._source)
            try:
                await _ask_in_turn(wire, door, work, put)
            finally:
                wire.close()


async def _ask_in_turn(wire: Wire, door: Door, work: list[Request], put: Put) -> None:
    """A few first; the rest at full pace once one has answered, and not at all what would be in vain."""
    heard = _Told(wire, door)
    ends = Pacer(door.ends_per_minute / 60) if door.ends_per_minute else None

    async def asked(request: Request) -> Answer:
        if ends and request.attributes is None:
            await ends.turn()
        return heard.note(request, await _ask(wire, request, alone=heard.alone))

    async def worker(mine: Iterator[Request]) -> None:
        for request in mine:
            put(heard.spared(request) or await asked(request))

    for part in (work[:PATIENCE], work[PATIENCE:]):
        shared = iter(part)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(len(part), in_flight(door))):
                group.create_task(worker(shared))


def in_flight(door: Door) -> int:
    """Requests on their way at once: as many as keep the pace with a NAS that takes its time, and no more, since each
    of them is asked again when it falls silent."""
    return max(PATIENCE, min(_IN_FLIGHT, int(door.per_second * door.timeout)))


class _Told:
    """What one NAS has said so far, and what it therefore need not be asked."""

    def __init__(self, wire: Wire, door: Door) -> None:
        self.alone = False
        self._wire, self._door = wire, door
        self._refused: Counter[tuple[Attribute, ...]] = Counter()
        self._cause: int | None = None
        self._done: set[tuple[Attribute, ...]] = set()

    def note(self, request: Request, answer: Answer) -> Answer:
        self.alone = answer.named == "alone" if answer.named else self.alone
        if request.attributes and answer.kind == "ack":
            self._done.add(request.attributes)
        if request.attributes and answer.kind == "unsupported":
            self._refused[request.attributes] += 1
            self._cause = answer.error_cause
        return answer

    def spared(self, request: Request) -> Answer | None:
        """The answer that a request would get, without asking: from a silent NAS, and to a change that it refused to
        everybody so far."""
        if self._wire.silent:
            text = f"{self._door} was not asked: {PATIENCE} requests in a row had no answer"
            return Answer(request.session, "silent", None, text, 0)
        same = request.attributes
        if same and self._refused[same] >= PATIENCE and same not in self._done:
            text = f"{self._door} refused the same change {PATIENCE} times ({named(self._cause)})"
            return Answer(request.session, "unsupported", self._cause, text, 0)
        return None


async def _ask(wire: Wire, request: Request, *, alone: bool) -> Answer:
    """By one way of naming the session, then by the other where that may help."""
    session = request.session
    code = DISCONNECT if request.attributes is None else CHANGE
    alone = bool(session.session_id) and (alone or request.alone)

    async def send(alone: bool) -> Heard:
        names = identify(session, alone=alone, names=request.door.names)
        return await wire.ask(code, [*names, *(request.attributes or ())])

    try:
        heard = first = await send(alone)
        if session.session_id and heard.acked is False and heard.cause in _otherwise(code, alone):
            again = await send(not alone)
            heard = Heard(again.acked, again.cause, heard.tries + again.tries, again.note)
    except Refusal:  # the change itself was tried before: what does not fit came from the accounting
        return Answer(session, "nak", None, f"the session cannot be named to {request.door}: its row is damaged", 0)
    kind, text = _meaning(request, heard)
    return Answer(session, kind, heard.cause, text, heard.tries, _named(alone, first, heard))


def _otherwise(code: int, alone: bool) -> frozenset[int]:
    """The causes after which another way of naming the session may help."""
    if alone:
        return MORE_NAMES
    return FEWER_NAMES_TO_END if code == DISCONNECT else FEWER_NAMES


def _named(alone: bool, first: Heard, last: Heard) -> Literal["", "alone", "whole"]:
    """What the NAS wants, where it said so: a miss (503) may be one stale value, and says nothing about the NAS."""
    if first is last or not last.acked or first.cause in (NOT_FOUND, SEVERAL):
        return ""
    return "whole" if alone else "alone"


def identify(
    session: LiveSession, *, alone: bool = False, names: frozenset[str] | None = None
) -> tuple[Attribute, ...]:
    """What names a session to its NAS (RFC 5176 section 3): the NAS itself, for relays, and the session.

    alone: by Acct-Session-Id only, without User-Name and Framed-IP-Address. names: those its platform takes.
    """
    found: list[tuple[str, str | None]] = [
        (_by_family(session.nas_address, "NAS-IP-Address", "NAS-IPv6-Address"), session.nas_address),
        ("NAS-Identifier", session.nas_identifier),
        ("Acct-Session-Id", session.session_id),
    ]
    if not alone:
        found.append(("User-Name", session.login))
        found.append((_by_family(session.framed_ip, "Framed-IP-Address", ""), session.framed_ip))
    return tuple((name, value) for name, value in found if name and value and (names is None or name in names))


def _by_family(address: str, four: str, six: str) -> str:
    """The attribute that can hold an address; "" if none can (a NAS may send anything into its own accounting)."""
    try:
        return four if ipaddress.ip_address(address).version == 4 else six
    except ValueError:
        return ""


def _meaning(request: Request, heard: Heard) -> tuple[Kind, str]:
    door = request.door
    if heard.acked:
        return "ack", f"{door} says it is done"
    if heard.acked is None:
        return "silent", _silence(door, heard)
    kind, says, advice = meaning(heard.cause)
    usual = {"gone": "has no such session any more", "unsupported": "cannot do this to a running session"}
    text = f"{door} {says or usual.get(kind, 'refused')} ({named(heard.cause)})"
    return kind, f"{text}; {advice}" if advice else text


def _silence(door: Door, heard: Heard) -> str:
    if heard.note == "closed":
        return f"nothing listens at {door}: check the CoA port, and that the NAS takes CoA at all"
    if heard.note == "forged":
        return f"{door} answered with a wrong authenticator: its secret differs, or the answers are forged"
    if not heard.tries:
        return f"{door} cannot be reached from here: {heard.note}"
    return f"{door} did not answer {heard.tries} tries: check the secret, our source address and the firewall"


async def _end_all() -> None:
    """Cancels what is under way and lets it close its sockets."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)  # transports close in the next turn of the loop
