"""A commit in the making: the files that a verb changes, and what it says of them. Reads by what it is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import Enum, auto
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from ispctl.model.document import Document
from ispctl.model.problem import Problem, Refusal, Where
from ispctl.model.record import Loc
from ispctl.model.subscriber import Subscriber
from ispctl.model.usage import Meter
from ispctl.repo import Holding, Snapshot, edit
from ispctl.repo.edit import Value
from ispctl.repo.layout import Kind, decode, kind_of
from ispctl.repo.snapshot import Prefix
from ispctl.structs import Struct

_SHOWN: Final = 3
"""So many services are named in the first line of a commit."""
_TRAILED: Final = 100
"""So many subscribers are named in the trailers; of more, the files of the commit tell."""


class Asked(Struct):
    """What may be said with every verb. `key`: the idempotency key of whoever asks, "" for nobody's."""

    now: datetime
    reason: str = ""
    ticket: str = ""
    key: str = ""


class Event(Struct):
    """One thing that happened to one service or subscriber (`key` is "" then). `text` says it in words, without a name,
    a login or a secret: it stands in the commit."""

    verb: str
    id: str
    key: str
    text: str
    token: str = ""
    """Its idempotency key."""
    reason: str = ""
    ticket: str = ""

    @property
    def owner(self) -> str:
        return f"{self.id}/{self.key}" if self.key else self.id


Used = Callable[[Snapshot, str, Collection[Meter]], Mapping[Meter, int]]
"""(commit, service, what of its usage) -> octets, a fact as well. Raises Refusal."""
Told = Callable[[Snapshot, str], datetime | None]
"""(commit, service) -> when it was first online, which is a fact and stands in no file. Raises Refusal."""


class _Same(Enum):
    """Of a file that is as the head has it."""

    AS_THE_HEAD = auto()


_SAME: Final = _Same.AS_THE_HEAD


class Already(Exception):
    """The event with this idempotency key is there: its file and line."""

    def __init__(self, where: Where) -> None:
        super().__init__(str(where))
        self.where = where


class Whole(Struct):
    """The head beyond those whom a verb concerns. Each answer costs what there is: only who needs it asks."""

    paths: Callable[[], Iterable[str]]
    """Of every file of a subscriber or an account, archived ones too."""
    held: Callable[[], frozenset[Prefix]]
    """Every static address, route and delegated prefix of a contract that is not over."""
    freed: Callable[[datetime], frozenset[Prefix]]
    """Of those that were held at a moment, what is held no more. Raises Refusal E003."""


@dataclasses.dataclass
class Draft:
    """What a verb is given: the head, as far as it goes whom it concerns, and what was asked. It gives back files."""

    head: Snapshot
    asked: Asked
    read: Callable[[str], bytes] = dataclasses.field(repr=False)
    """The content of a file of the head."""
    whole: Whole = dataclasses.field(repr=False)
    told: Told = dataclasses.field(repr=False)
    used: Used = dataclasses.field(repr=False)
    added: Mapping[str, Where] = dataclasses.field(default_factory=dict, repr=False)
    """Where accounts of the head say that somebody was added, by the idempotency key of it, as far as a verb will ask
    for them."""
    files: dict[str, bytes | None] = dataclasses.field(default_factory=dict, repr=False)
    """What differs from the head; None for a file that goes."""
    events: list[Event] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    """What whoever asked should know beside."""
    _before: list[tuple[str, bytes | _Same | None]] = dataclasses.field(default_factory=list, repr=False)

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.head.policy.value.timezone)

    @property
    def currency(self) -> str:
        return self.head.policy.value.currency

    @property
    def now(self) -> datetime:
        """In the ISP's own time."""
        return self.asked.now.astimezone(self.zone)

    # whom it concerns

    def service(self, term: str) -> Holding:
        """The one service that a login, an id or id/key names, as it stands in this draft. Raises Refusal E321."""
        found = {holding.owner: holding for holding in self.head.find(term)}
        if len(found) == 1:
            holding = next(iter(found.values()))
            place = ("services", holding.number)  # a login was found where it stands
            return holding._replace(document=self._drafted(holding.document), loc=place)
        raise ambiguous("services", found)

    def subscriber(self, term: str) -> Document[Subscriber]:
        """The one subscriber whom an id, or the login of a service, names, as in `service`. Raises Refusal E321."""
        return self._drafted(one_subscriber(self.head, term))

    def tells_device(self, held: Holding) -> bool:
        """Whether a device of the subscriber is told the login and the password by us."""
        return bool(held.service.cpe) and self.head.reaches_routers

    def _drafted(self, document: Document[Subscriber]) -> Document[Subscriber]:
        """A file as another verb of the same draft left it."""
        data = self.files.get(document.path)
        return document if data is None else decoded(document.path, data)

    # what becomes of the files

    def there(self, path: str) -> bytes | None:
        """A file of the head that there may be or not."""
        try:
            return self.read(path)
        except KeyError:
            return None

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

    def write(self, path: str, data: bytes) -> None:
        """A whole file."""
        self._keep(path, data)

    def move(self, path: str, to: str) -> None:
        """A file under another name."""
        data = self.data(path)
        self._set(path, None)
        self._keep(to, data)

    def _keep(self, path: str, data: bytes) -> None:
        """What comes back to what the head has is no change."""
        same = self.head.has(path) and self.read(path) == data
        self._set(path, _SAME if same else data)

    def _set(self, path: str, data: bytes | _Same | None, *, undoing: bool = False) -> None:
        if not undoing:
            self._before.append((path, self.files.get(path, _SAME)))
        if isinstance(data, _Same):
            self.files.pop(path, None)
        else:
            self.files[path] = data

    @property
    def changes(self) -> int:
        """How often a file was changed so far, for `touched`."""
        return len(self._before)

    def touched(self, since: int) -> frozenset[str]:
        """The files that were changed since there were so many changes."""
        return frozenset(path for path, _ in self._before[since:])

    @contextmanager
    def attempt(self, asked: Asked) -> Iterator[None]:
        """Everything below it, or nothing: what raises leaves the draft as it was. `asked`: what is said of it."""
        changes, events, notes = len(self._before), len(self.events), len(self.notes)
        self.asked, outer = asked, self.asked
        try:
            yield
        except BaseException:
            while len(self._before) > changes:
                self._set(*self._before.pop(), undoing=True)
            del self.events[events:], self.notes[notes:]
            raise
        finally:
            self.asked = outer

    # what is said of it

    def reason(self, verb: str) -> str:
        """Why; some verbs have to be answered for. Raises Refusal E683."""
        if not self.asked.reason:
            raise Refusal(Problem("E683", f"{verb} needs a reason", advice="Say it: --reason TEXT"))
        return self.asked.reason

    def say(self, verb: str, document: Document[Subscriber], key: str, text: str) -> None:
        """Note what happened."""
        asked = self.asked
        self.events.append(Event(verb, document.value.id, key, text, asked.key, asked.reason, asked.ticket))

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
        reasons = [self.asked.reason, *(event.reason for event in self.events)]
        tickets = [self.asked.ticket, *(event.ticket for event in self.events)]
        tokens = [event.token for event in self.events]
        trailers = [f"Event: {verb}" for verb in verbs]
        trailers += [f"Subscriber: {id}" for id in list(ids)[:_TRAILED]]
        for name, values in (("Reason", reasons), ("Ticket", tickets), ("Idempotency-Key", tokens)):
            trailers += [f"{name}: {value}" for value in list(dict.fromkeys(filter(None, values)))[:_TRAILED]]
        return "\n\n".join(filter(None, (subject, "\n".join(body), "\n".join(trailers)))) + "\n"


def nobody() -> Refusal:
    """Whoever was named is not there."""
    advice = "Take a login, an id or id/key; ispstat list names everybody"
    return Refusal(Problem("E321", "there is no subscriber, service or login of that name", advice=advice))


def ambiguous(what: str, names: Collection[str]) -> Refusal:
    """Several have that name, as a login may have been somebody else's before; or nobody has."""
    if not names:
        return nobody()
    text = f"there are {len(names)} {what} of that name"
    return Refusal(Problem("E321", text, advice=f"Take one of: {', '.join(sorted(names))}"))


def one_subscriber(snapshot: Snapshot, term: str) -> Document[Subscriber]:
    """The one whom an id, or the login of a service, names. Raises Refusal E321."""
    found = {holding.document.path: holding.document for holding in snapshot.find(term)}
    if len(found) != 1:
        raise ambiguous("subscribers", [document.value.id for document in found.values()])
    return next(iter(found.values()))


def decoded(path: str, data: bytes) -> Document[Any]:
    """A file of a draft. Raises Refusal where it is not sound any more."""
    kind = kind_of(path)
    assert isinstance(kind, Kind)
    document, problems = decode(path, data, kind)
    if document is None:
        raise Refusal(*problems)
    return document
