"""What becomes of the usage so far when a service changes its tariff, as the policy says; kept beside the service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from ispctl.desired import forgiven, given, meters, volume
from ispctl.model.tariff import Tariff
from ispctl.repo import Holding
from ispctl.repo.edit import Value
from ispctl.verbs.book import Book
from ispctl.verbs.draft import Draft
from ispctl.verbs.events import Was, allowed

_UNIT: Final = 10**6


class Volume(NamedTuple):
    """So many octets more for a window that is now; less, where it is negative. A whole number of MB, rounded in favour
    of the subscriber."""

    window: str
    octets: int


def usage_after(draft: Draft, held: Holding, old: Tariff, new: Tariff, until: date | None = None) -> tuple[Volume, ...]:
    """What the policy's `change_tariff.usage` means now. `until`: to when the service is paid by the change. Raises
    Refusal where the database has to be asked and gives no answer."""
    policy, zone = draft.head.policy.value, draft.zone
    change = policy.money.change_tariff.usage
    if change == "carried" or not new.fup:
        return ()
    service = held.service
    if until is not None and service.paid_until is not None and not hasattr(service.paid_until, "hour"):
        service = service.but(paid_until=until)
    ledger = Book(draft, held.document).ledger
    asked = tuple(meters(service, ledger, new, policy, draft.now.date(), zone))
    used, found = draft.used(draft.head, held.owner, asked), dict[str, Volume]()
    for rule, meter in zip(new.fup, asked, strict=True):
        before = next((one for one in old.fup if one.window == rule.window), None)
        more = forgiven(change, before, rule, used.get(meter, 0), given(service, rule.window, meter, zone))
        if rounded := -(-more // _UNIT) * _UNIT:
            found.setdefault(rule.window, Volume(rule.window, rounded))
    return tuple(found.values())


def put_usage(draft: Draft, held: Holding, book: Book, found: Sequence[Volume]) -> dict[str, Was]:
    """Write it beside the service, with the key of the event."""
    key, day = book.key("change-tariff"), draft.now.date().isoformat()
    for number, one in enumerate(found, len(held.service.allowance)):
        name = "more" if one.octets > 0 else "less"
        item: dict[str, Value] = {"window": one.window, "from": day, name: f"{abs(one.octets) // _UNIT}MB"}
        draft.put(held.document.path, (*held.loc, "allowance", number), {**item, "key": key})
        said = f"{volume(abs(one.octets))} {'more' if one.octets > 0 else 'less'}"
        draft.notes.append(f"Usage: {said} in this {one.window}, since the policy says so of a change of tariff.")
    text = ", ".join(allowed(one.window, day, one.octets) for one in found)
    return {"allowance": (None, text)} if found else {}
