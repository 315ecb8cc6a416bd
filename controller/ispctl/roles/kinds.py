"""What kind of change a file says, from both of its sides. What a commit says of itself plays no part: it may lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from ispctl.model.document import Document
from ispctl.model.ledger import Entry, Ledger
from ispctl.model.problem import Where
from ispctl.model.record import Loc, fields_of
from ispctl.model.roles import ROLES, Kind
from ispctl.model.subscriber import Activation, Grace, Scheduled, Service, Setting, Subscriber
from ispctl.money.periods import begun
from ispctl.repo import layout
from ispctl.repo.layout import ARCHIVE

_SHARED: Final[dict[str, Kind]] = {
    "hosts": "hosts",
    "host-groups": "hosts",
    "defaults": "hosts",
    "pools": "pools",
    "policy": "policy",
    "targets": "targets",
    "roles": "roles",
    "tariff": "tariffs",
    "group": "groups",
    "cpe-profile": "templates",
}
_KEYS: Final = {"inventory/keyring.age", "inventory/recipients.txt"}
_FIELDS: Final[dict[str, Kind]] = {
    "login": "login",
    "password": "password",
    "old_passwords": "password",
    "access": "place",
    "tariff": "tariff",
    "nas": "place",
    "activated": "activate",
    "activation": "activate",
    "hold": "hold",
    "suspended": "suspend",
    "terminated": "terminate",
    "ipv4": "ip",
    "ipv6": "ip",
    "routes": "ip",
    "mac": "mac",
    "allowance": "topup",
    "cpe": "cpe",
}
"""Of a service, those whose kind does not depend on their value."""
_WITH_ADD: Final = {"key", "login", "password", "access", "tariff", "nas", "mac", "cpe"}
"""What a service cannot do without, or begins with; anything else is of its own kind also where it is new."""
_UTC: Final = ZoneInfo("UTC")
_SET: Final[dict[str, Kind]] = {name: _FIELDS[name] for name in fields_of(Setting)}
_PERSON: Final[frozenset[Kind]] = frozenset(
    {*_FIELDS.values(), "add", "remove", "archive", "move", "renew", "revert", "grace", "profile", "other"}
)
_ACCOUNT: Final[frozenset[Kind]] = frozenset(
    {"invoice", "payment", "credit", "adjustment", "refund", "reversal", "note", "archive", "move", "other"}
)


class Done(NamedTuple):
    """One thing that changed, and where it stands: in the file as it is now, or where it stood."""

    kind: Kind
    where: Where


class Side(NamedTuple):
    """A file before or after; `data` is None where it cannot be read."""

    path: str
    data: bytes | None


def possible(path: str) -> frozenset[Kind]:
    """The kinds that a change of a file may be of, before it is read."""
    kind = layout.kind_of(path)
    name = kind.name if isinstance(kind, layout.Kind) else ""
    if path.startswith(f"{ARCHIVE}/"):
        return frozenset({"archive", "other"})
    if name == "subscriber":
        return _PERSON
    return _ACCOUNT if name == "ledger" else frozenset({_shared(path, name)})


def kinds(before: Side | None, after: Side | None) -> Iterator[Done]:
    """All of them. The two sides are one file, or one that moved."""
    path = after.path if after is not None else before.path if before is not None else ""
    where = Where(path)
    archived = [side.path.startswith(f"{ARCHIVE}/") for side in (before, after) if side]
    if any(archived):
        contents = {side.data for side in (before, after) if side}
        moved = len(archived) == 2 and not all(archived) and len(contents) == 1 and None not in contents
        yield Done("archive" if moved else "other", where)
        if moved and before is not None and after is not None and _home(before) != _home(after):
            yield Done("move", where)
        return
    found = layout.kind_of(path)
    if not isinstance(found, layout.Kind) or found.name not in {"subscriber", "ledger"}:
        yield Done(_shared(path, found.name if isinstance(found, layout.Kind) else ""), where)
        return
    sides = [_read(side, found) for side in (before, after)]
    if any(side is not None and document is None for side, document in zip((before, after), sides, strict=True)):
        yield Done("other", where)
        return
    if before is not None and after is not None and before.path != after.path:
        yield Done("move", where)
    yield from _person(*sides) if found.name == "subscriber" else _account(*sides)


def _home(side: Side) -> str:
    """Where a file lies in its half of the tree: the archive has the folders of the living."""
    return side.path.partition("/")[2]


def _shared(path: str, name: str) -> Kind:
    if path in _KEYS:
        return "keys"
    if path == ROLES:
        return "roles"
    return "templates" if path.startswith("templates/") else _SHARED.get(name, "other")


def _read(side: Side | None, kind: layout.Kind) -> Document[Any] | None:
    if side is None or side.data is None or len(side.data) > kind.limit:
        return None
    return layout.decode(side.path, side.data, kind)[0]


def _person(before: Document[Subscriber] | None, after: Document[Subscriber] | None) -> Iterator[Done]:
    if after is None:
        if before is not None:
            yield Done("remove", Where(before.path))
        return
    if before is None:
        yield Done("add", Where(after.path))
    elif before.value.id != after.value.id:
        yield Done("other", after.where("id"))
    elif before.value.profile != after.value.profile:
        yield Done("profile", after.where_key("profile"))
    old = {service.key: service for service in before.value.services} if before else {}
    for number, service in enumerate(after.value.services):
        was = old.pop(service.key, None)
        if was is None and before is not None:
            yield Done("add", after.where("services", number))
        yield from _service(was, service, after, ("services", number))
    if before is not None:
        yield from (
            Done("remove", before.where("services", number))
            for number, service in enumerate(before.value.services)
            if service.key in old
        )


def _service(was: Service | None, service: Service, document: Document[Subscriber], loc: Loc) -> Iterator[Done]:
    dated = was is not None and _dated(was, service)
    for name, field in fields_of(Service).items():
        if (was is None and name in _WITH_ADD) or (dated and name in {"activation", "activated"}):
            continue
        old = getattr(was, name) if was is not None else field.default
        new = getattr(service, name)
        if old != new and not (name == "hold" and was is not None and _spent(was, service)):
            where = document.where_key(*loc, name)
            yield from (Done(kind, where) for kind in _of_field(name, old, new))


def _dated(was: Service, service: Service) -> bool:
    """Whether the dates of a first login were written down by a renewal, which reckons with them: the service may have
    begun then, and more is paid than it began with."""
    activation, begins, paid = was.activation, service.activated, service.paid_until
    if activation is None or was.activated is not None or begins is None or paid is None:
        return False
    if service.activation is not None or not _day(activation.since) <= _day(begins):
        return False
    in_time = activation.until is None or _day(begins) <= _day(activation.until)
    return in_time and _day(paid) > begun(activation, datetime.combine(_day(begins), time(), UTC), _UTC)


def _spent(was: Service, service: Service) -> bool:
    """Whether a hold that is over went with a renewal: what is paid reaches beyond it, and further than it did with the
    days that it added."""
    hold, old, new = was.hold, was.paid_until, service.paid_until
    if hold is None or service.hold is not None or not hold.extends_paid_until or new is None:
        return False
    counted = old is not None and _day(hold.since) <= _day(old)
    added = _day(hold.until) - _day(hold.since) + timedelta(days=1) if counted else timedelta()
    return _day(new) > _day(hold.until) and (old is None or _day(new) > _day(old) + added)


def _of_field(name: str, old: Any, new: Any) -> Iterable[Kind]:
    if name == "paid_until":
        return ("renew",) if _later(old, new) else ("revert",)
    if name == "activation" and old and new and old.but(months=new.months, days=new.days) == new:
        return _begins_with(old, new)
    if name == "grace":
        return _grace(old, new)
    if name == "scheduled":
        return _scheduled(old, new)
    return (_FIELDS.get(name, "other"),)


def _begins_with(old: Activation, new: Activation) -> Iterable[Kind]:
    """More or less that is paid from the first login on. A month may be so many days or so many."""
    if (old.months is None) != (new.months is None):
        return ("activate",)
    more = (old.months or 0, old.days or 0) < (new.months or 0, new.days or 0)
    return ("renew",) if more else ("revert",)


def _later(old: date | None, new: date | None) -> bool:
    """Whether a paid time reaches further. Where one is a moment and the other a day, only another day counts."""
    if old is None or new is None:
        return old is None
    if isinstance(old, datetime) and isinstance(new, datetime):
        return new > old
    return _day(new) > _day(old)


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _grace(old: Sequence[Grace], new: Sequence[Grace]) -> Iterator[Kind]:
    """Given, or taken back."""
    if any(one not in old for one in new):
        yield "grace"
    if any(one not in new for one in old):
        yield "revert"


def _scheduled(old: Sequence[Scheduled], new: Sequence[Scheduled]) -> Iterable[Kind]:
    """Of what is to change, or is not to change any more."""
    differ = [one for one in (*old, *new) if (one in old) != (one in new)]
    found = {_SET[name] for one in differ for name in one.set.given}
    return sorted(found) or ("other",)


def _account(before: Document[Ledger] | None, after: Document[Ledger] | None) -> Iterator[Done]:
    """What was entered. An account in which something was altered, or that went, is of no kind that has a name."""
    if after is None or (before is not None and _rewritten(before.value, after.value)):
        document = after or before
        if document is not None:
            yield Done("other", Where(document.path))
        return
    known = len(before.value.entries) if before is not None else 0
    entries: Sequence[Entry] = after.value.entries
    for number in range(known, len(entries)):
        yield Done(entries[number].type, after.where("entries", number))


def _rewritten(before: Ledger, after: Ledger) -> bool:
    return before.subscriber != after.subscriber or after.entries[: len(before.entries)] != before.entries
