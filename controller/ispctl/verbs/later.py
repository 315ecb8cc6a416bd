"""What takes effect by the clock: holidays, and changes that are written down before their day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from ispctl.model.days import ending, local_day, moment
from ispctl.model.problem import Problem, Refusal
from ispctl.model.subscriber import Hold
from ispctl.money import held_days, paid_end
from ispctl.repo import Holding
from ispctl.repo.edit import Value
from ispctl.verbs.book import Book
from ispctl.verbs.dates import dated
from ispctl.verbs.draft import Already, Draft, decoded
from ispctl.verbs.events import event, record_text, text_of
from ispctl.verbs.noted import noted
from ispctl.verbs.renew import tariff_at
from ispctl.verbs.rows import Request, Row

_DAY: Final = timedelta(days=1)
SETTINGS: Final = ("tariff", "nas", "ipv4")
"""What `schedule` sets."""


def hold(draft: Draft, term: str, since: date | None, until: date, *, extend: bool = False) -> None:
    """No service from a day (default: that of the hold that is there, else today) to a day, both included. `extend`:
    what is paid lasts so much longer. Raises Refusal E321, E684, E687."""
    held = draft.service(term)
    path, loc, there = held.document.path, (*held.loc, "hold"), held.service.hold
    book = Book(draft, held.document)
    book.unless_done()
    today = draft.now.date()
    if there is not None and _over(draft, there):
        if there.extends_paid_until:
            held = dated(draft, held, book)
        _fold(draft, held, there)
        draft.drop(path, loc)
        there = None
    if there is not None and since not in (None, there.since):
        text = f"{held.owner} is on hold from {there.since} until {there.until}"
        raise Refusal(Problem("E684", text, held.document.where(*loc), "End that first: ispctl hold SUB --end"))
    begins = there.since if there is not None else since or today
    if until < _day(draft, begins) or until < today:
        raise Refusal(Problem("E687", "a hold ends on the day it begins or later, and not in the past"))
    extends = extend or (there is not None and there.extends_paid_until)
    if there is not None and (there.until, there.extends_paid_until) == (until, extends):
        return
    said: dict[str, Value] = {"from": begins.isoformat(), "until": until.isoformat()}
    said |= {"extends_paid_until": True} if extends else {}
    why = draft.asked.reason or (there.reason if there is not None else None)
    draft.put(path, loc, said | ({"reason": why} if why else {}))
    _nothing_agreed(draft, held, book)
    _enter(draft, held)
    draft.say("hold", held.document, held.service.key, f"no service from {begins} until {until}")


def end_hold(draft: Draft, term: str) -> None:
    """Back from a holiday today; one that has not begun is taken away. The days that were held stay what they were, so
    that what is paid lasts longer by them. Raises Refusal E321."""
    held = draft.service(term)
    path, loc, there = held.document.path, (*held.loc, "hold"), held.service.hold
    Book(draft, held.document).unless_done()
    if there is None or _over(draft, there):
        return
    today = draft.now.date()
    if _day(draft, there.since) >= today:
        draft.drop(path, loc)
        _enter(draft, held)
        draft.say("hold", held.document, held.service.key, "taken back")
        return
    draft.put(path, (*loc, "until"), (today - _DAY).isoformat())
    _enter(draft, held)
    draft.say("hold", held.document, held.service.key, f"ended before its time (was until {there.until})")


def _enter(draft: Draft, held: Holding) -> None:
    """What the account says of it: how the service was, and is in this draft."""
    was, now = held.service, draft.service(held.owner).service
    changed = {"hold": (record_text(was.hold), record_text(now.hold))}
    if now.paid_until != was.paid_until:
        changed["paid_until"] = (text_of(was.paid_until), text_of(now.paid_until))
    Book(draft, held.document).enter("hold", "note", service=was.key, event=event("hold", changed))


def _nothing_agreed(draft: Draft, held: Holding, book: Book) -> None:
    """Raises Refusal E684 where a change of tariff that was agreed for when all that is paid is used would come into
    days that are used later now, and were paid by the old tariff."""
    was, now = (paid_end(one, draft.zone, "", 0) for one in (held.service, draft.service(held.owner).service))
    if was is None or now is None:
        return
    agreed = {entry.key for entry in book.entries if entry.event and entry.event.verb == "change-tariff"}
    for number, one in enumerate(held.service.scheduled):
        if one.key in agreed and one.set.tariff is not None and was <= moment(one.at, draft.zone) < now:
            text = (
                f"{held.owner} changes to {one.set.tariff} on {one.at}, and with this hold is paid for beyond that day"
            )
            advice = f"Take that back first, and agree it anew then: ispctl revert {held.owner} {one.key}"
            raise Refusal(Problem("E684", text, held.document.where(*held.loc, "scheduled", number), advice))


def _over(draft: Draft, there: Hold) -> bool:
    return ending(there.until, draft.zone, "", 0) <= draft.now


def _day(draft: Draft, value: date) -> date:
    """The local day of a day or time stamp."""
    return moment(value, draft.zone).astimezone(draft.zone).date()


def _fold(draft: Draft, held: Holding, there: Hold) -> None:
    """The days of a hold that is over stand in `paid_until` from now on, since its line makes room for another."""
    paid, end = held.service.paid_until, paid_end(held.service, draft.zone, "", 0)
    if paid is None or end is None or end == ending(paid, draft.zone, "", 0):
        return
    longer = held_days(held.service, draft.zone) * _DAY
    until = (end.astimezone(paid.tzinfo) if isinstance(paid, datetime) else paid + longer).isoformat()
    draft.put(held.document.path, (*held.loc, "paid_until"), until)
    draft.notes.append(f"{held.owner}: the hold until {there.until} is over; paid_until has its days now: {until}")


@noted
def schedule(draft: Draft, term: str, at: date, settings: Sequence[str]) -> None:
    """Another tariff, place or address from 00:00 of a day on. Raises Refusal E321, E685, E687, Already."""
    held = draft.service(term)
    path, loc, there = held.document.path, (*held.loc, "scheduled"), held.service.scheduled
    wanted = dict(map(_setting, settings))
    if not wanted:
        raise Refusal(Problem("E685", "nothing is to be set", advice=f"Say what: {'=…, '.join(SETTINGS)}=…"))
    for number, one in enumerate(there):
        if draft.asked.key and one.key == draft.asked.key:
            raise Already(held.document.where(*loc, number, "key"))
    if at <= draft.now.date():
        raise Refusal(Problem("E687", f"{at} is not after today", advice="What is to be now is not scheduled"))
    token: Mapping[str, Value] = {"key": draft.asked.key} if draft.asked.key else {}
    draft.put(path, (*loc, len(there)) if there else loc, _item(at, wanted, token, alone=not there))
    after = decoded(path, draft.data(path)).value.services[held.number].scheduled[-1]
    if any((one.at, one.set) == (after.at, after.set) for one in there):
        draft.drop(path, (*loc, len(there)))
        return
    if isinstance(tariff := wanted.get("tariff"), str):
        draft.notes += _unpaid(draft, held, tariff, at)
    said = ", ".join(setting.replace("=", " = ") for setting in settings)
    draft.say("schedule", held.document, held.service.key, f"from {at}: {said}")


def _unpaid(draft: Draft, held: Holding, tariff: str, at: date) -> list[str]:
    """That a tariff scheduled like this takes no money for what is paid ahead already."""
    paid = held.service.paid_until
    until = local_day(paid, draft.zone) if paid is not None else None
    if until is None or until < at:
        return []
    command = f"ispctl change-tariff {held.owner} {tariff} --when {at}"
    return [
        f"{held.owner} is paid until {until}, and what {tariff} costs from {at} to then is not asked for: {command}"
    ]


def _item(at: date, wanted: Mapping[str, Value], token: Mapping[str, Value], *, alone: bool) -> Value:
    item: Mapping[str, Value] = {"at": at.isoformat(), "set": wanted, **token}
    return [item] if alone else item


def _setting(text: str) -> tuple[str, Value]:
    """`ipv4=business` or `ipv4=203.0.113.9`, as it is written in the file. Raises Refusal E685."""
    name, sign, value = text.partition("=")
    if not sign or not value or name not in SETTINGS:
        raise Refusal(
            Problem("E685", "what is scheduled is written FIELD=VALUE", advice=f"Fields: {', '.join(SETTINGS)}")
        )
    if name == "nas":
        return name, value.split(",")
    if name == "ipv4":
        return name, {"static" if value.replace(".", "").isdigit() else "pool": value}
    return name, value


@noted
def unschedule(draft: Draft, term: str, number: int) -> None:
    """Take a scheduled change back, by its number from 1. Raises Refusal E321, E684, E688."""
    held = draft.service(term)
    path, loc, there = held.document.path, (*held.loc, "scheduled"), held.service.scheduled
    if not 1 <= number <= len(there):
        known = ", ".join(f"{i}: from {one.at}" for i, one in enumerate(there, start=1)) or "none"
        text = f"{held.owner} has no scheduled change {number}"
        raise Refusal(Problem("E688", text, held.document.where(*loc), f"There are: {known}"))
    _unbooked(draft, held, number - 1)
    _not_due(draft, held, number - 1)
    draft.drop(path, loc if len(there) == 1 else (*loc, number - 1))
    draft.say("schedule", held.document, held.service.key, f"taken back: from {there[number - 1].at}")


def _not_due(draft: Draft, held: Holding, number: int) -> None:
    """Raises Refusal E684 where the tariff of a scheduled change holds already: without its line the one before would
    hold again, and nobody would have reckoned what that costs."""
    one = held.service.scheduled[number]
    at = moment(one.at, draft.zone)
    if one.set.tariff is None or at > draft.asked.now:
        return
    text = f"the change of {held.owner} to {one.set.tariff} on {one.at} has taken effect"
    before = tariff_at(draft, held, at - timedelta.resolution).name
    advice = f"Back to {before}, with what that costs: ispctl change-tariff {held.owner} {before}"
    raise Refusal(Problem("E684", text, held.document.where(*held.loc, "scheduled", number), advice))


def _unbooked(draft: Draft, held: Holding, number: int) -> None:
    """Raises Refusal E684 where something was booked for a scheduled change, which would stay without it; where only
    the open books can be changed, that is said."""
    book, one = Book(draft, held.document), held.service.scheduled[number]
    undone = book.ledger.reversals()
    entry = next((e for e in book.entries if e.event and one.key and e.key == one.key and e.key not in undone), None)
    if entry is None or entry.amount is None:
        return
    booked = f"{entry.type} of {entry.amount} {draft.currency}"
    closed = draft.head.policy.value.money.closed_until
    if closed is not None and local_day(entry.at, draft.zone) <= closed:
        draft.notes.append(
            f"{held.owner}: the {booked} for it stays booked, since the books are closed until {closed}."
        )
        return
    text = f"{held.owner} changes to {one.set.tariff} on {one.at}, for which the account has the {booked}"
    advice = f"Take both back: ispctl revert {held.owner} {entry.key}"
    raise Refusal(Problem("E684", text, held.document.where(*held.loc, "scheduled", number), advice))


def _hold_row(draft: Draft, row: Row) -> None:
    since, extend = row.day("from"), row.flag("extend")
    if not row.flag("end"):
        hold(draft, row.text("sub"), since, row.needed_day("until"), extend=extend)
    elif since or extend or row.day("until"):
        raise row.wrong("end stands alone")
    else:
        end_hold(draft, row.text("sub"))


def _schedule_row(draft: Draft, row: Row) -> None:
    settings = [f"{name}={row.text(name)}" for name in SETTINGS if row.text(name, "")]
    if not row.text("cancel", ""):
        schedule(draft, row.text("sub"), row.needed_day("at"), settings)
    elif settings or row.day("at"):
        raise row.wrong("cancel stands alone")
    else:
        unschedule(draft, row.text("sub"), row.number_of("cancel"))


REQUESTS: Final = {
    "hold": Request(_hold_row, ("from", "until", "extend", "end")),
    "schedule": Request(_schedule_row, ("at", "cancel", *SETTINGS)),
}
