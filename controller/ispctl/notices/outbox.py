"""A letter goes once: it is written down before it is handed over, and what became of it after."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

import psutil

from ispctl.model.problem import Problem, Refusal
from ispctl.store import Message, Store
from ispctl.structs import Struct, field, replace

_LONG: Final = timedelta(minutes=10)
"""No attempt takes so long; one of another machine that is older was interrupted."""


class Waits(Exception):
    """It did not go now and may go later. The text is short and names nobody."""


class Refused(Exception):
    """It will not go as it is."""


class Unsure(Exception):
    """It was handed over whole, and no answer came: nobody knows whether it arrived."""


class Letter(Struct):
    """`key`: what it says and to whom; the same key is the same letter. `about`: for whoever lists what waits."""

    key: str
    kind: str
    subscriber: str
    about: str
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    attached: str = ""
    """The name of the file that goes with it, a PDF; empty: none does."""
    octets: bytes = field(default=b"", repr=False)
    secret: bool = False
    """Whether nobody on the way may read it."""


class Channel(Protocol):
    """A way by which letters go."""

    def send(self, letter: Letter, at: datetime) -> None:
        """Hand it over. The same letter has the same mark each time, so that whoever gets it twice can tell. Raises
        Waits, Refused, Unsure."""


class Delivered(Struct):
    """`sent`: when it went; `again`: it had gone before this call, which sent nothing. `perhaps_twice`: an attempt was
    interrupted before, so it may have arrived then, too."""

    sent: datetime
    again: bool = False
    perhaps_twice: bool = False


def promise(store: Store, letter: Letter, by: str, at: datetime) -> Message:
    """Write down that it is to go, unless that is known; what is known of it. Whatever becomes of whoever is to send
    it, the outbox tells that it did not go."""
    fresh = Message(letter.key, letter.kind, letter.subscriber, letter.about, "queued", 0, 0, "", by, "", 0, at, None)
    store.add_message(fresh)
    return store.message(letter.key) or fresh


def deliver(
    store: Store, letter: Letter, channel: Channel, by: str, clock: Callable[[], datetime], *, again: bool = False
) -> Delivered:
    """Send a letter that was not sent yet; `again`: in any case. An interrupted attempt is repeated once, so that at
    most one is too many; then it takes `again`. Raises Refusal E755 to E758."""
    now = clock()
    was = promise(store, letter, by, now)
    if was.state == "sent" and not again:
        return Delivered(was.tried or was.made, again=True)
    interrupted = was.state == "sending"
    if interrupted:
        _unless_at_work(was, now)
        if was.unsure and not again:
            raise _unsure(letter, was)
    unsure = 0 if again else was.unsure + interrupted
    trying = replace(
        was,
        state="sending",
        attempts=was.attempts + 1,
        unsure=unsure,
        error="",
        by=by,
        host=socket.gethostname(),
        pid=os.getpid(),
        tried=now,
    )
    if not store.change_message(was, trying):
        raise _at_work(was.subscriber, now)
    try:
        channel.send(letter, now)
    except Waits as error:
        store.change_message(trying, replace(trying, state="queued", error=str(error)))
        text = f"{_what(letter)} did not go ({error}); it waits in the outbox"
        raise Refusal(Problem("E755", text, advice="Send it once more later: the same command")) from None
    except Refused as error:
        store.change_message(trying, replace(trying, state="failed", error=str(error)))
        text = f"{_what(letter)} was refused ({error})"
        raise Refusal(Problem("E756", text, advice="Look at profile.email, then send it once more")) from None
    except Unsure as error:
        store.change_message(trying, replace(trying, error=str(error), pid=0))
        raise _unsure(letter, replace(trying, error=str(error))) from None
    done = clock()
    store.change_message(trying, replace(trying, state="sent", tried=done))
    store.replace_messages(trying)
    return Delivered(done, perhaps_twice=bool(unsure) or (interrupted and again))


def _unless_at_work(was: Message, now: datetime) -> None:
    """Raises Refusal E757 while whoever began to send it may still be at it."""
    here = was.host == socket.gethostname()
    at_work = was.pid and (psutil.pid_exists(was.pid) and was.pid != os.getpid() if here else True)
    if at_work and was.tried is not None and now - was.tried < _LONG:
        raise _at_work(was.subscriber, was.tried)


def _at_work(subscriber: str, since: datetime) -> Refusal:
    text = f"somebody else is sending this to {subscriber} since {since:%H:%M:%S} UTC"
    return Refusal(Problem("E757", text, advice="See what becomes of it: ispctl outbox"))


def _unsure(letter: Letter, was: Message) -> Refusal:
    why = was.error or "interrupted before an answer was written down"
    text = f"nobody knows whether {_what(letter)} arrived ({why})"
    advice = "Send it once more if it did not; " + ("--again" if was.unsure else "the same command does")
    return Refusal(Problem("E758", text, advice=advice))


def _what(letter: Letter) -> str:
    return f"the {letter.kind} of {letter.subscriber} ({letter.about})"
