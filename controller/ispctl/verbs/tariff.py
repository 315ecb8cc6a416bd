"""Another tariff for a service: what it costs, from when it holds, and the line of the account that keeps the quote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Final, Literal

from ispctl.model.days import local_day, moment
from ispctl.model.problem import Problem, Refusal
from ispctl.model.subscriber import Service
from ispctl.model.tariff import Tariff
from ispctl.money import Quote, anchor_day, held_days, quote, takes_effect
from ispctl.money.quotes import Remaining
from ispctl.repo import Holding
from ispctl.repo.edit import Value
from ispctl.structs import as_dict
from ispctl.verbs.book import Book
from ispctl.verbs.draft import Draft
from ispctl.verbs.events import Changed, Was, event, text_of
from ispctl.verbs.renew import sellable, tariff_at
from ispctl.verbs.rows import Request, Row
from ispctl.verbs.volume import Volume, put_usage, usage_after

When = Literal["now", "period-end"] | date


def change_tariff(
    draft: Draft, term: str, name: str, *, when: When | None = None, remaining: Remaining | None = None
) -> None:
    """`when` it holds; default: now, or where it costs less a day as the policy says. `remaining`: what becomes of what
    is paid. Raises Refusal E321, E684, E722, E724, E746."""
    held = draft.service(term)
    book = Book(draft, held.document)
    book.unless_done()
    held = sellable(draft, held, book, "given another tariff")
    new, old = _named(draft, name), tariff_at(draft, held, draft.asked.now)
    if _coming(draft, held, new.name) or new.name == old.name:
        return
    if (old.billing, new.billing) != ("prepaid", "prepaid"):
        _unpriced(draft, held, book, old, new, when)
        return
    policy, today, service = draft.head.policy.value, draft.now.date(), held.service
    until = local_day(service.paid_until, draft.zone) if service.paid_until is not None else None
    if until is not None and until + _held(draft, service, today) < today:
        until = None  # nothing is left to reckon with
    ends = until + _held(draft, service, None) if until else None
    day = _day(when, takes_effect(old, new, ends, today, policy), ends, today)
    gone = _held(draft, service, day) if until else timedelta()
    anchor = anchor_day(service, book.ledger, until, policy) if until else None
    paid_as = _paid_as(draft, held, book, old, gone)
    found = quote(old, new, until, day, policy, remaining=remaining, anchor=anchor, paid_as=paid_as, held=gone.days)
    if day == today:
        written = found.until - gone if found.until else None
        _now(draft, held, book, found, gone, usage_after(draft, held, old, new, written))
    else:
        _later(draft, held, book, found, gone)
        _carried(draft, new, day)
    if found.period_days and (before := paid_as(day - gone).name) != old.name:
        draft.notes.append(f"What is left was paid as {before}; {old.name} came by a schedule that took no money.")


def _held(draft: Draft, service: Service, before: date | None) -> timedelta:
    """The days of a hold, those before a day, in which nothing of what is paid was used."""
    return timedelta(days=held_days(service, draft.zone, before))


def _paid_as(draft: Draft, held: Holding, book: Book, old: Tariff, gone: timedelta) -> Callable[[date], Tariff]:
    """By which tariff a day was paid, as the account says: one that was scheduled by hand took no money for what was
    paid before. What the account does not know was paid as it is used, by `old`. `gone`: so much later than it was paid
    for is it used."""
    undone = book.ledger.reversals()
    spans: list[tuple[date, date, list[str]]] = []
    for entry in book.ledger.entries:
        said = entry.event.quote if entry.event and entry.service == held.service.key else {}
        if entry.key in undone:
            continue
        if entry.period is not None and "tariff" in said:
            since, until = (local_day(day, draft.zone) for day in (entry.period.since, entry.period.until))
            spans.append((since, until, said["tariff"].split(" → ")))
        elif "new" in said and "day" in said:
            spans.append((date.fromisoformat(said["day"]) - gone, date.max, [said["new"]]))

    def paid_as(day: date) -> Tariff:
        names = next((names for since, until, names in reversed(spans) if since <= day <= until), [old.name])
        known = draft.head.tariff(names[-1])
        return old if old.name in names or known is None else known.value

    return paid_as


def _coming(draft: Draft, held: Holding, wanted: str) -> bool:
    """Whether it is scheduled already. Raises Refusal E684 where another change is: its price reckoned without this
    one, and it would come nevertheless."""
    for number, one in enumerate(held.service.scheduled):
        if one.set.tariff is None or moment(one.at, draft.zone) <= draft.asked.now:
            continue
        if one.set.tariff == wanted:
            return True
        text = f"{held.owner} changes to {one.set.tariff} on {one.at}, which was agreed before"
        advice = f"Take that back first: ispctl revert {held.owner} {one.key}" if one.key else ""
        where = held.document.where(*held.loc, "scheduled", number)
        raise Refusal(Problem("E684", text, where, advice or f"ispctl schedule {held.owner} --cancel {number + 1}"))
    return False


def _now(draft: Draft, held: Holding, book: Book, found: Quote, gone: timedelta, usage: Sequence[Volume]) -> None:
    changed = _put(draft, held, book, found.new, found.day) | put_usage(draft, held, book, usage)
    changed |= _bought(draft, held, found, gone)
    _enter(draft, held, book, found, event("change-tariff", changed, _parts(found)))
    _say(draft, held, found, changed, f"{found.old} → {found.new}")


def _later(draft: Draft, held: Holding, book: Book, found: Quote, gone: timedelta) -> None:
    changed = _put(draft, held, book, found.new, found.day) | _bought(draft, held, found, gone)
    _enter(draft, held, book, found, event("change-tariff", changed, _parts(found)))
    _say(draft, held, found, changed, f"{found.old} → {found.new} from {found.day}")


def _bought(draft: Draft, held: Holding, found: Quote, gone: timedelta) -> dict[str, Was]:
    """Until when it is paid, where what is left buys days of the new tariff; the hold in the file adds its own."""
    paid = text_of(held.service.paid_until)
    if found.remaining != "convert" or not found.period_days or found.until is None:
        return {}
    bought = (found.until - gone).isoformat()
    if bought == paid:
        return {}
    hold = held.service.hold
    if hold is not None and _held(draft, held.service, None) > gone:
        text = f"days of the hold until {hold.until} that are yet to come are added to that"
        draft.notes.append(f"{held.owner}: {text}.")
    draft.put(held.document.path, (*held.loc, "paid_until"), bought)
    return {"paid_until": (paid, bought)}


def _say(draft: Draft, held: Holding, found: Quote, changed: Changed, text: str) -> None:
    until = f", paid until {found.until}" if "paid_until" in changed else ""
    draft.say("change-tariff", held.document, held.service.key, f"{text}{until}{_money(draft, found)}")


def _put(draft: Draft, held: Holding, book: Book, name: str, day: date) -> dict[str, Was]:
    """Write another tariff down, from a day on. A change that was scheduled and is due goes over the tariff itself:
    after one of those the next is written like them."""
    service = held.service
    due = [one.at for one in service.scheduled if one.set.tariff and moment(one.at, draft.zone) <= draft.asked.now]
    today = day == draft.now.date()
    if today and not due:
        draft.put(held.document.path, (*held.loc, "tariff"), name)
        return {"tariff": (service.tariff, name)}
    later = today and any(moment(at, draft.zone) > moment(day, draft.zone) for at in due)
    at = text_of(draft.now if later else day)
    item: Value = {"at": at, "set": {"tariff": name}, "key": book.key("change-tariff")}
    draft.put(held.document.path, (*held.loc, "scheduled", len(service.scheduled)), item)
    return {"scheduled": (None, f"{at} {name}")}


def _carried(draft: Draft, new: Tariff, day: date) -> None:
    """Of a change to come: nobody knows what will have been used."""
    if new.fup and draft.head.policy.value.money.change_tariff.usage != "carried":
        draft.notes.append(f"What is used until {day} is carried, where its window goes on.")


def _unpriced(draft: Draft, held: Holding, book: Book, old: Tariff, new: Tariff, when: When | None) -> None:
    """Between tariffs of which one is postpaid: its invoices reckon with it, and nothing is paid ahead."""
    if old.billing != new.billing:
        text = f"{old.name} is {old.billing} and {new.name} is {new.billing}: what is paid ahead has no meaning there"
        advice = "Change it in the file, with paid_until taken away or written, in a merge request"
        raise Refusal(Problem("E722", text, held.document.where(*held.loc), advice))
    today = draft.now.date()
    day = _day(when, today, None, today)
    changed = _put(draft, held, book, new.name, day)
    if day == today:
        changed |= put_usage(draft, held, book, usage_after(draft, held, old, new))
    else:
        _carried(draft, new, day)
    book.enter("change-tariff", "note", service=held.service.key, event=event("change-tariff", changed))
    draft.say("change-tariff", held.document, held.service.key, f"{old.name} → {new.name} from {day}")


def _enter(draft: Draft, held: Holding, book: Book, found: Quote, what: Value) -> None:
    """The invoice for what is due, the credit for what is over, or neither; and how it was reckoned."""
    type = "invoice" if found.due > 0 else "credit" if found.due < 0 else "note"
    amount = f"{abs(found.due)}" if found.due else None
    tax = f"{found.tax}" if found.due and found.tax else None
    due = found.day.isoformat() if found.due > 0 and found.day > draft.now.date() else None
    book.enter("change-tariff", type, amount=amount, tax=tax, service=held.service.key, due=due, event=what)
    draft.notes += _sentences(draft, found)


def _parts(found: Quote) -> dict[str, str]:
    """The quote as it is kept."""
    return {name: str(value) for name, value in as_dict(found).items() if value is not None}


def _sentences(draft: Draft, found: Quote) -> list[str]:
    """How the amount came about, for whoever asks at the counter."""
    money = draft.currency
    if not found.period_days:
        return [f"{found.new} costs {found.new_price} {money} a period; nothing that was paid is left."]
    said = [
        f"{found.old}: {found.old_price} {money} for {found.period_days} days, {found.used_days} used, "
        f"{found.unused} left ({found.old_daily} a day).",
        f"{found.new}: {found.new_price} {money} ({found.new_daily} a day); {found.remaining_days} days left"
        + (f" cost {found.cost}." if found.remaining == "keep-expiry" else f": the rest buys it until {found.until}."),
    ]
    return [*said, *([f"Fee: {found.fee} {money}."] if found.fee else [])]


def _money(draft: Draft, found: Quote) -> str:
    if not found.due:
        return ""
    return f", {abs(found.due)} {draft.currency} {'due' if found.due > 0 else 'credit'}"


def _day(when: When | None, usual: date, until: date | None, today: date) -> date:
    """From which day on it holds."""
    if when is None:
        return usual
    if isinstance(when, date):
        if when < today:
            raise Refusal(Problem("E724", f"{when} is over", advice="Take today or a later day"))
        return when
    return until + timedelta(days=1) if when == "period-end" and until else today


def _named(draft: Draft, name: str) -> Tariff:
    found = draft.head.tariff(name)
    if found is not None:
        return found.value
    known = sorted(one.value.name for one in draft.head.tariffs())
    near = get_close_matches(name, known, n=1)
    advice = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}"
    raise Refusal(Problem("E724", f"there is no tariff {name}", advice=advice))


def when_of(text: str) -> When | None:
    """now, period-end or a day; nothing for the policy's own. Raises ValueError."""
    if text in ("now", "period-end"):
        return "now" if text == "now" else "period-end"
    return date.fromisoformat(text) if text else None


def _row(draft: Draft, row: Row) -> None:
    try:
        when = when_of(row.text("when", ""))
    except ValueError:
        raise row.wrong("when is neither now nor period-end nor a day, like 2026-12-01") from None
    kinds: dict[str, Remaining] = {"keep-expiry": "keep-expiry", "convert": "convert"}
    kind = row.text("remaining", "")
    if kind and kind not in kinds:
        raise row.wrong("remaining is neither keep-expiry nor convert")
    change_tariff(draft, row.text("sub"), row.text("tariff"), when=when, remaining=kinds.get(kind))


REQUESTS: Final = {"change-tariff": Request(_row, ("tariff", "when", "remaining"))}
