"""A commit in the making: the files that a verb changes, and what it says of them. Reads by what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.model.document import Document
from ispctl.model.problem import Problem, Refusal, Where
from ispctl.model.record import Loc
from ispctl.model.subscriber import Subscriber
from ispctl.repo import Holding, Snapshot, edit
from ispctl.repo.edit import Value

LEDGER: Final = ".ledger.yaml"
_SHOWN: Final = 3
"""So many services are named in the first line of a commit."""
_TRAILED: Final = 100
"""So many subscribers are named in the trailers; of more, the files of the commit tell."""


@dataclass(frozen=True)
class Asked:
    """What may be said with every verb. `key`: the idempotency key of whoever asks, "" for nobody's."""

    now: datetime
    reason: str = ""
    ticket: str = ""
    key: str = ""


@dataclass(frozen=True)
class Event:
    """One thing that happened to one service or subscriber (`key` is "" then). `text` says it in words, without a name,
    a login or a secret: it stands in the commit."""

    verb: str
    id: str
    key: str
    text: str

    @property
    def owner(self) -> str:
        return f"{self.id}/{self.key}" if self.key else self.id


class Already(Exception):
    """The event with this idempotency key is there: its file and line."""

    def __init__(self, where: Where) -> None:
        super().__init__(str(where))
        self.where = where


@dataclass
class Draft:
    """What a verb is given: the head, as far as it goes whom it concerns, and what was asked. It gives back files."""

    head: Snapshot
    asked: Asked
    read: Callable[[str], bytes] = field(repr=False)
    """The content of a file of the head."""
    files: dict[str, bytes | None] = field(default_factory=dict, repr=False)
    """What differs from the head; None for a file that goes."""
    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What whoever asked should know beside."""

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.head.policy.value.timezone)

    @property
    def now(self) -> datetime:
        """In the ISP's own time."""
        return self.asked.now.astimezone(self.zone)

    # whom it concerns

    def service(self, term: str) -> Holding:
        """The one service that a login, an id or id/key names. Raises Refusal E321."""
        found = {holding.owner: holding for holding in self.head.find(term)}
        if len(found) == 1:
            return next(iter(found.values()))
        if not found:
            raise self._nobody()
        text = f"there are {len(found)} services of that name"
        raise Refusal(Problem("E321", text, advice=f"Take one of: {', '.join(sorted(found))}"))

    @staticmethod
    def _nobody() -> Refusal:
        advice = "Take a login, an id or id/key; ispstat list names everybody"
        return Refusal(Problem("E321", "there is no subscriber, service or login of that name", advice=advice))

    # what becomes of the files

    def data(self, path: str) -> bytes:
        """A file as it stands in this draft."""
        data = self.files[path] if path in self.files else self.read(path)
        assert data is not None, "a file that was taken away"
        return data

    def put(self, path: str, loc: Loc, value: Value) -> None:
        """Write one value, and leave every other octet. Raises Refusal E657."""
        self._keep(path, edit.put(self.data(path), path, loc, value))

    def drop(self, path: str, loc: Loc) -> None:
        """Take one key away. Raises Refusal E657."""
        self._keep(path, edit.drop(self.data(path), path, loc))

    def _keep(self, path: str, data: bytes) -> None:
        """What comes back to what the head has is no change."""
        if self.head.has(path) and self.read(path) == data:
            self.files.pop(path, None)
        else:
            self.files[path] = data

    # what is said of it

    def reason(self, verb: str) -> str:
        """Why; some verbs have to be answered for. Raises Refusal E683."""
        if not self.asked.reason:
            raise Refusal(Problem("E683", f"{verb} needs a reason", advice="Say it: --reason TEXT"))
        return self.asked.reason

    def say(self, verb: str, document: Document[Subscriber], key: str, text: str) -> None:
        """Note what happened."""
        self.events.append(Event(verb, document.value.id, key, text))

    def message(self) -> str:
        """Of the commit: what happened to whom, and trailers that a machine reads (features.md)."""
        verbs = dict.fromkeys(event.verb for event in self.events)
        owners = list(dict.fromkeys(event.owner for event in self.events))
        if len(self.events) == 1:
            subject = f"{self.events[0].verb} {owners[0]}: {self.events[0].text}"
        elif len(owners) <= _SHOWN:
            subject = f"{', '.join(verbs)} {', '.join(owners)}"
        else:
            subject = f"{', '.join(verbs)}: {len(owners):,} services"
        body = [f"{event.owner}: {event.text}" for event in self.events[:_TRAILED]] if len(self.events) > 1 else []
        ids = dict.fromkeys(event.id for event in self.events)
        said = {"Reason": self.asked.reason, "Ticket": self.asked.ticket, "Idempotency-Key": self.asked.key}
        trailers = [f"Event: {verb}" for verb in verbs]
        trailers += [f"Subscriber: {id}" for id in list(ids)[:_TRAILED]]
        trailers += [f"{name}: {value}" for name, value in said.items() if value]
        return "\n\n".join(filter(None, (subject, "\n".join(body), "\n".join(trailers)))) + "\n"


def ledger_path(path: str) -> str:
    """The account beside the file of a subscriber."""
    return path.removesuffix(".yaml") + LEDGER
