"""Coming and going: a new subscriber, the end of a contract, and what becomes of the file after it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import chain
from pathlib import PurePosixPath
from typing import Final, Literal

from ispctl.adopt.yaml_text import Value, dump
from ispctl.model.accounting import Dunning
from ispctl.model.days import moment
from ispctl.model.document import Document
from ispctl.model.ledger import ADDED, LEDGER, Ledger
from ispctl.model.problem import Problem, Refusal, Where
from ispctl.model.subscriber import Subscriber, group_of
from ispctl.repo import Holding, Snapshot, edit
from ispctl.repo.layout import ARCHIVE, home_of
from ispctl.structs import Struct, field
from ispctl.verbs.book import Book
from ispctl.verbs.change import relocate
from ispctl.verbs.draft import Already, Draft, decoded
from ispctl.verbs.events import event, text_of
from ispctl.verbs.mac import device
from ispctl.verbs.noted import note
from ispctl.verbs.rows import Request, Row

Seal = Callable[[Snapshot, str, str], str]
"""(commit, service, clear text) -> what may stand in git as the password of that service."""
_MOST_VLAN: Final = 4094
_NUMBERED: Final = re.compile(r"sub-([0-9]{1,18})")


class Line(Struct):
    """How an ipoe service is told from others: by its devices, or by the line it comes from."""

    identify: Literal["mac", "circuit"]
    circuit_id: str = ""
    remote_id: str = ""
    devices: Sequence[str] = ()


class Newcomer(Struct):
    """Whoever is added, with one service. `tariff` and `nas` may be left to the group; `id`: "" for the next one."""

    group: str
    login: str
    tariff: str = ""
    nas: Sequence[str] = ()
    id: str = ""
    profile: Mapping[str, str] = field(default_factory=dict, repr=False)
    vlan: int | None = None
    line: Line | None = None
    """None for pppoe."""
    password: str = field(default="", repr=False)


def add(draft: Draft, who: Newcomer, seal: Seal) -> None:
    """A new file. Raises Refusal E616, E686, E209, and what is wrong with the file."""
    known = sorted(one.value.name for one in draft.head.groups())
    if who.group not in known:
        text = f"there is no group {who.group}"
        raise Refusal(Problem("E616", text, advice=f"There are: {', '.join(known)}"))
    if draft.asked.key and (before := draft.added.get(draft.asked.key) or _just_added(draft)):
        raise Already(before)
    if same := [held for held in draft.head.by_login(who.login) if _is(held, who)]:
        draft.notes.append(f"{same[0].owner} is that subscriber.")
        return
    id = _id(draft, who.id)
    path = home_of(who.group, id)
    draft.write(path, _file(id, who, "" if who.line else seal(draft.head, f"{id}/main", who.password)).encode())
    document: Document[Subscriber] = decoded(path, draft.data(path))
    if draft.asked.key:
        Book(draft, document).enter(ADDED, "note", service="main", event={"verb": ADDED})
    group = draft.head.group(who.group)
    sold = draft.head.tariff(who.tariff or (group.value.defaults.tariff if group else None) or "")
    if sold is not None and sold.value.billing == "prepaid":
        draft.notes.append(f"Nothing is paid yet: ispctl activate {id} begins the service with its first period.")
    draft.say("add", document, "", f"a new subscriber of {who.group}")


def _just_added(draft: Draft) -> Where | None:
    """The entry of whoever was added with the same key in this draft."""
    key = draft.asked.key
    said = edit.scalar(key).encode()
    new = [path for path, data in draft.files.items() if data and path.endswith(LEDGER) and said in data]
    accounts: Iterator[Document[Ledger]] = (decoded(path, draft.data(path)) for path in new)
    return next((one.where("entries", n) for one in accounts for found, n in one.value.added() if found == key), None)


def _is(held: Holding, who: Newcomer) -> bool:
    """Whether what was asked for is there already; ids and passwords apart."""
    subscriber, service = held.document.value, held.service
    return (
        held.service.terminated is None  # whose contract ended may come back, as somebody new
        and group_of(held.document.path) == who.group
        and subscriber.profile.name == who.profile.get("name")
        and (service.tariff or "") == who.tariff
    )


def _id(draft: Draft, wanted: str) -> str:
    """The next number after all there are and were; or the one that is wanted, if nobody has or had it."""
    paths = chain(draft.whole.paths(), (path for path, data in draft.files.items() if data is not None))
    used = {PurePosixPath(path).name.partition(".")[0]: path for path in paths}
    if wanted in used:
        text = f"{wanted} is taken ({used[wanted]})"
        raise Refusal(Problem("E686", text, advice="An id is never used again; without --id the next one is taken"))
    last = max((int(found[1]) for name in used if (found := _NUMBERED.fullmatch(name))), default=0)
    return wanted or f"sub-{last + 1:06}"


def _file(id: str, who: Newcomer, sealed: str) -> str:
    service: dict[str, Value] = {"key": "main", "login": who.login}
    if sealed:
        service["password"] = sealed
    access: dict[str, Value] = {"type": "ipoe", "identify": who.line.identify} if who.line else {"type": "pppoe"}
    said = {"circuit_id": who.line.circuit_id, "remote_id": who.line.remote_id} if who.line else {}
    access |= {name: value for name, value in said.items() if value}
    if who.vlan is not None:
        access["vlan"] = who.vlan
    if len(access) > 1:
        service["access"] = access
    if who.tariff:
        service["tariff"] = who.tariff
    if who.nas:
        service["nas"] = list(who.nas)
    if who.line and who.line.devices:
        devices = [{"mac": device(mac)} for mac in who.line.devices]
        service["mac"] = {"mode": "fixed", "max": len(devices), "addresses": devices}
    first, *rest = dump(service).splitlines(keepends=True)
    return dump({"id": id, "profile": who.profile}) + "services:\n" + f"  - {first}" + "".join(f"    {x}" for x in rest)


def terminate(draft: Draft, term: str, on: date | None = None) -> None:
    """The end of a contract: the first day without service (default: today). Raises Refusal E321, E683."""
    held, day = draft.service(term), on or draft.now.date()
    book = Book(draft, held.document)
    book.unless_done()
    if held.service.terminated == day:
        return
    draft.reason("terminate")
    draft.put(held.document.path, (*held.loc, "terminated"), day.isoformat())
    _enter_end(book, held, day)
    was = f" (was {held.service.terminated})" if held.service.terminated else ""
    draft.say("terminate", held.document, held.service.key, f"no service from {day}{was}")


def stay(draft: Draft, term: str) -> None:
    """Take the end of a contract back. Raises Refusal E321."""
    held = draft.service(term)
    book = Book(draft, held.document)
    book.unless_done()
    if held.service.terminated is None:
        return
    draft.drop(held.document.path, (*held.loc, "terminated"))
    _enter_end(book, held, None)
    draft.say("terminate", held.document, held.service.key, f"taken back (was {held.service.terminated})")


def _enter_end(book: Book, held: Holding, day: date | None) -> None:
    changed = {"terminated": (text_of(held.service.terminated), text_of(day))}
    book.enter("terminate", "note", service=held.service.key, event=event("terminate", changed))


def archive(draft: Draft, term: str) -> None:
    """Out of the live tree, with the account, once all contracts are over for as long as the policy says. What the
    services held is free then, and rests as its pools ask for. Raises Refusal E321, E684."""
    document = draft.subscriber(term)
    dunning = draft.head.policy.value.money.dunning or Dunning()
    rest = timedelta(days=dunning.archive_after)
    for number, service in enumerate(document.value.services):
        owner, where = f"{document.value.id}/{service.key}", document.where("services", number, "terminated")
        if service.terminated is None:
            raise Refusal(Problem("E684", f"{owner} is not terminated", where, "ispctl terminate ends it"))
        ready = moment(service.terminated, draft.zone) + rest
        if ready > draft.now:
            text = f"the contract of {owner} is not over for as long as money.dunning.archive_after says"
            advice = f"From {ready.astimezone(draft.zone):%Y-%m-%d %H:%M} on it may be archived"
            raise Refusal(Problem("E684", text, where, advice))
    owed = Book(draft, document).balance
    if owed:
        said = f"owes {owed} {draft.currency}" if owed > 0 else f"has {-owed} {draft.currency} over"
        draft.notes.append(f"{document.value.id} {said}: no verb changes an archived account, so settle it first.")
    note(draft, document, "archive")
    relocate(draft, document.path, f"{ARCHIVE}/{document.path.removeprefix('subscribers/')}")
    draft.say("archive", document, "", "the contract is over")


def line_of(ipoe: str, devices: Sequence[str], circuit_id: str, remote_id: str) -> Line | None:
    """How an ipoe service is known; None for pppoe (`ipoe` ""). Raises ValueError where that does not go together."""
    if ipoe not in ("", "mac", "circuit"):
        raise ValueError("ipoe is mac or circuit")
    if bool(devices) != (ipoe == "mac") or bool(circuit_id) != (ipoe == "circuit") or (remote_id and not circuit_id):
        raise ValueError("mac goes with ipoe mac; circuit_id, and remote_id, with ipoe circuit")
    return Line("mac" if ipoe == "mac" else "circuit", circuit_id, remote_id, devices) if ipoe else None


_PROFILE: Final = ("name", "mobile", "email", "address")
_ADDED: Final = (*_PROFILE, "group", "login", "tariff", "nas", "id", "ipoe", "mac", "circuit_id", "remote_id", "vlan")


def joining(seal: Seal, password: Callable[[], str]) -> Mapping[str, Request]:
    """The verb that needs a password, as a request."""

    def act(draft: Draft, row: Row) -> None:
        if row.text("sub", ""):
            raise row.wrong("sub is who is there already; id names a new subscriber")
        try:
            line = line_of(
                row.text("ipoe", ""), row.several("mac"), row.text("circuit_id", ""), row.text("remote_id", "")
            )
        except ValueError as error:
            raise row.wrong(str(error)) from None
        row.text("name")
        vlan = row.number_of("vlan") if row.text("vlan", "") else None
        if vlan and vlan > _MOST_VLAN:
            raise row.wrong(f"vlan is not a number from 1 to {_MOST_VLAN}")
        who = Newcomer(
            group=row.text("group"),
            login=row.text("login"),
            tariff=row.text("tariff", ""),
            nas=row.several("nas"),
            id=row.text("id", ""),
            profile={name: row.text(name) for name in _PROFILE if row.text(name, "")},
            vlan=vlan,
            line=line,
            password="" if line else password(),
        )
        add(draft, who, seal)

    return {"add": Request(act, _ADDED)}


def _terminate_row(draft: Draft, row: Row) -> None:
    on = row.day("on")
    if not row.flag("cancel"):
        terminate(draft, row.text("sub"), on)
    elif on:
        raise row.wrong("cancel takes the end away, on sets it: take one")
    else:
        stay(draft, row.text("sub"))


REQUESTS: Final = {
    "terminate": Request(_terminate_row, ("on", "cancel")),
    "archive": Request(lambda draft, row: archive(draft, row.text("sub"))),
}
