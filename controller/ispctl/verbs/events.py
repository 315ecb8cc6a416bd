"""What happened to a service, in the words of its account: fields as they were and as they are, and their way back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from ispctl.model.record import plain
from ispctl.model.subscriber import Activation, Hold, Service, Suspended
from ispctl.money.reverting import ITEMS
from ispctl.repo import Holding
from ispctl.repo.edit import Value
from ispctl.verbs.draft import Draft

_RECORDS: Final = frozenset({"activation", "hold", "suspended"})
Was = tuple[str | None, str | None]
"""A field of the service as it was and as it is; None: there is none."""
Changed = Mapping[str, Was]
"""By field: as it was and as it is, None for not there. Items of `grace`, `scheduled` and `allowance` have its key."""


def event(verb: str, changed: Changed, quote: Mapping[str, str] | None = None) -> Value:
    """As it stands in an entry of the account."""
    was: dict[str, Value] = {name: before for name, (before, _) in changed.items()}
    now: dict[str, Value] = {name: after for name, (_, after) in changed.items()}
    return {"verb": verb, "was": was, "set": now, **({"quote": dict(quote)} if quote else {})}


def text_of(value: date | datetime | None) -> str | None:
    """A day or time stamp as it stands in a file."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.isoformat() if value is not None else None


def present(service: Service, name: str, key: str) -> str | None:
    """A field as an event notes it. `key`: of the event, for items of a list."""
    if name in ("activated", "paid_until", "terminated"):
        return text_of(getattr(service, name))
    if name == "tariff":
        return service.tariff
    if name in _RECORDS:
        return record_text(getattr(service, name))
    if name == "grace":
        return next((text_of(one.until) for one in service.grace if one.key == key), None)
    if name == "allowance":
        mine = (one for one in service.allowance if one.key == key)
        said = [allowed(one.window, text_of(one.since) or "", one.more or -(one.less or 0)) for one in mine]
        return ", ".join(said) or None
    if name == "scheduled":
        return next((f"{text_of(one.at)} {one.set.tariff}" for one in service.scheduled if one.key == key), None)
    raise KeyError(name)


def allowed(window: str, day: str, octets: int) -> str:
    """An allowance as an event notes it; less than nothing where it takes away."""
    return f"{window} {day} {octets:+}"


def record_text(record: Activation | Hold | Suspended | None) -> str | None:
    """A hold, a suspension or an activation, on one line."""
    if record is None:
        return None
    return json.dumps(plain(record), separators=(",", ":"))


def restore(draft: Draft, held: Holding, name: str, value: str | None, key: str) -> None:
    """Let a field be what it was. Raises Refusal E657."""
    path, service = held.document.path, held.service
    if name in ITEMS:
        items = getattr(service, name)
        numbers = [n for n, one in enumerate(items) if one.key == key]
        if len(numbers) == len(items) and items:
            draft.drop(path, (*held.loc, name))
        else:
            for number in reversed(numbers):
                draft.drop(path, (*held.loc, name, number))
    elif value is not None:
        draft.put(path, (*held.loc, name), json.loads(value) if name in _RECORDS else value)
    elif present(service, name, key) is not None:
        draft.drop(path, (*held.loc, name))
