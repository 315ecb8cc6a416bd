"""Paid time: activation and renewal. Each changes until when a service is in use, and says so in the account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from ispctl.desired import entitle
from ispctl.model.days import ending, local_day, moment
from ispctl.model.problem import Problem, Refusal
from ispctl.model.tariff import Period, Tariff
from ispctl.money import Charge, Renewed, held_days, period_of, priced, renewed
from ispctl.money.periods import Anchor
from ispctl.repo import Holding
from ispctl.verbs.book import Book
from ispctl.verbs.dates import dated, undated, waits
from ispctl.verbs.draft import Draft
from ispctl.verbs.events import Changed, Was, event, record_text, text_of
from ispctl.verbs.rows import Request, Row


def renew(
    draft: Draft,
    term: str,
    *,
    periods: int = 1,
    anchor: Anchor | None = None,
    payment: str = "",
    amount: str = "",
) -> None:
    """Pay for more periods: a new `paid_until`, an invoice, and with `payment` (its reference) what was paid; `amount`
    where that is another than the invoice's. Who waits for the first login has so much more from there on. Raises
    Refusal E321, E684, E720, E722, E729, E746, Already."""
    held = draft.service(term)
    book = Book(draft, held.document)
    book.unless_done(payment)
    _unless_ended(held, "renewed")
    if waits(draft, held):
        _lengthen(draft, held, book, periods)
    else:
        _renew(draft, dated(draft, held, book), book, periods, anchor)
    if payment or amount:
        book_payment(held, book, payment, amount)
    if held.service.suspended is not None:
        draft.notes.append(f"{held.owner} stays suspended; ispctl resume {held.owner} ends that.")


def _renew(draft: Draft, held: Holding, book: Book, periods: int, anchor: Anchor | None) -> None:
    # the first day is the same on any tariff, and what it costs goes by the tariff of that day
    found = _renewed(draft, held, book, prepaid(held, tariff_at(draft, held, draft.asked.now)), 1, anchor)
    begins = found.since + _later(draft, held, found)
    then = prepaid(held, tariff_at(draft, held, max(draft.asked.now, moment(begins, draft.zone))))
    found = _renewed(draft, held, book, then, periods, anchor)
    _extend(draft, held, book, "renew", found)


def _lengthen(draft: Draft, held: Holding, book: Book, periods: int) -> None:
    """More of what begins with the first login, by today's price as what is paid already. Raises Refusal E722, E729,
    E746."""
    activation, loc = held.service.activation, (*held.loc, "activation")
    assert activation is not None
    last = activation.until
    if last is not None and ending(last, draft.zone, "", 0) <= draft.now:
        raise undated(held, f"{held.owner} never began: its first login had to come by {last}")
    tariff = prepaid(held, tariff_at(draft, held, draft.asked.now))
    unit, each = steps(period_of(tariff))
    paid = activation.months if unit == "months" else activation.days
    if paid is None:
        other = "days" if unit == "months" else "months"
        text = f"what is paid for {held.owner} are {other} from the first login on, and {tariff.name} is sold by {unit}"
        raise undated(held, text)
    policy, more = draft.head.policy.value, each * periods
    found = renewed(held.service, period_of(tariff), policy, draft.asked.now, held.owner, periods=periods)
    draft.put(held.document.path, (*loc, unit), paid + more)
    longer = draft.service(held.owner).service.activation
    changed = {"activation": (record_text(activation), record_text(longer))}
    cost = enter_invoice(draft, held, book, "renew", found, changed, dated=False)
    text = f"waits for its first login, {counted(unit, more)} more, {counted(unit, paid + more)} in all{cost}"
    draft.say("renew", held.document, held.service.key, text)


def steps(period: Period) -> tuple[Literal["months", "days"], int]:
    """How long one payment lasts, in which unit."""
    return ("months", period.months) if period.months else ("days", period.days or 0)


def counted(unit: str, number: int) -> str:
    """So many months or days, in words."""
    return f"{number} {unit if number != 1 else unit.removesuffix('s')}"


def activate(
    draft: Draft, term: str, *, on: date | None = None, periods: int = 1, payment: str = "", amount: str = ""
) -> None:
    """Let a service begin: today or on a day, with its first periods. Raises Refusal as `renew` does, E684."""
    held = draft.service(term)
    book = Book(draft, held.document)
    book.unless_done(payment)
    held = sellable(draft, held, book, "activated")
    service = held.service
    if service.activated is not None:
        text = f"{held.owner} began {service.activated}"
        raise Refusal(Problem("E684", text, held.document.where(*held.loc, "activated"), "ispctl renew pays for more"))
    begins = on or draft.now.date()
    draft.put(held.document.path, (*held.loc, "activated"), begins.isoformat())
    tariff = tariff_at(draft, held, moment(begins, draft.zone))
    if tariff.billing != "prepaid":
        book.enter("activate", "note", service=service.key, event=event("activate", {"activated": (None, str(begins))}))
        draft.say("activate", held.document, service.key, f"begins {begins}")
        return
    at = max(draft.asked.now, moment(begins, draft.zone))
    found = renewed(service, period_of(tariff), draft.head.policy.value, at, held.owner, periods=periods)
    _extend(draft, held, book, "activate", found, activated=begins)
    if payment or amount:
        book_payment(held, book, payment, amount)


def tariff_at(draft: Draft, held: Holding, at: datetime) -> Tariff:
    """What the service is on at a moment, with what is scheduled until then and its group's default."""
    name = entitle(held.document, held.number, draft.head, at).terms.tariff
    found = draft.head.tariff(name)
    assert found is not None, "validation comes first"
    return found.value


def prepaid(held: Holding, tariff: Tariff) -> Tariff:
    if tariff.billing != "prepaid":
        text = f"{held.owner} is on {tariff.name}, which is postpaid: its ledger decides, not what is paid ahead"
        advice = "ispctl invoice SUB writes the next invoice, ispctl pay SUB AMOUNT books what is paid"
        raise Refusal(Problem("E722", text, held.document.where(*held.loc), advice))
    return tariff


def _renewed(draft: Draft, held: Holding, book: Book, tariff: Tariff, periods: int, anchor: Anchor | None) -> Renewed:
    policy, period = draft.head.policy.value, period_of(tariff)
    return renewed(
        held.service, period, policy, draft.asked.now, held.owner, book.ledger, periods=periods, anchor=anchor
    )


def sellable(draft: Draft, held: Holding, book: Book, what: str) -> Holding:
    """The service with its dates in its file. Raises Refusal E684 where its contract ends, E729 where nobody knows when
    it began."""
    _unless_ended(held, what)
    return dated(draft, held, book)


def _unless_ended(held: Holding, what: str) -> None:
    if held.service.terminated is not None:
        text = f"{held.owner} ends {held.service.terminated} and cannot be {what}"
        where = held.document.where(*held.loc, "terminated")
        raise Refusal(Problem("E684", text, where, f"ispctl terminate {held.owner} --cancel, if the contract goes on"))


def _extend(
    draft: Draft,
    held: Holding,
    book: Book,
    verb: str,
    found: Renewed,
    activated: date | None = None,
) -> None:
    """Write the new end, the invoice for it, and what happened."""
    service, path = held.service, held.document.path
    until = text_of(found.until)
    assert until is not None
    changed: dict[str, Was] = {"paid_until": (text_of(service.paid_until), until)}
    if activated is not None:
        changed["activated"] = (None, activated.isoformat())
    draft.put(path, (*held.loc, "paid_until"), until)
    if found.hold_spent:
        changed["hold"] = (record_text(service.hold), None)
        draft.drop(path, (*held.loc, "hold"))
        draft.notes.append(f"{held.owner}: its hold is over and gone, so that its days are not added to this end.")
    more = 0 if found.hold_spent else held_days(service, draft.zone)
    longer = f" and {more} {'day' if more == 1 else 'days'} of hold longer" if more else ""
    text = f"paid until {until}{longer}{enter_invoice(draft, held, book, verb, found, changed)}"
    if found.grace_days:
        text += f", {found.grace_days} days of grace deducted"
    draft.say(verb, held.document, service.key, text)


def enter_invoice(
    draft: Draft, held: Holding, book: Book, verb: str, found: Renewed, changed: Changed, *, dated: bool = True
) -> str:
    """Enter the invoice for what is paid, or a note where there is no price, with what the event changed; the amount in
    words. Not `dated`: nobody knows yet which days are paid for."""
    service, tariffs = held.service, _tariffs(draft, held, found)
    unpriced = [tariff.name for _, tariff in tariffs if not tariff.prices]
    if len(unpriced) == len(tariffs):
        draft.notes.append(f"{held.owner}: tariffs/{unpriced[0]}.yaml names no price, so there is no invoice.")
        book.enter(verb, "note", service=service.key, event=event(verb, changed))
        return ""
    cost = _cost(draft, held, found, tariffs)
    period = {"from": found.since.isoformat(), "until": local_day(found.until, draft.zone).isoformat()}
    book.enter(
        verb,
        "invoice",
        amount=f"{cost.gross}",
        tax=f"{cost.tax}" if cost.tax else None,
        service=service.key,
        period=period if dated else None,
        event=event(verb, changed, {"tariff": " → ".join(tariff.name for _, tariff in tariffs)}),
    )
    return f", {cost.gross} {draft.currency}"


def book_payment(held: Holding, book: Book, payment: str, amount: str) -> None:
    """What was paid for the entry that was written last."""
    invoice = book.entries[-1]
    if not amount and invoice.amount is None:
        text = "there is no price, so it is not known how much was paid"
        raise Refusal(Problem("E720", text, advice="Say it: --amount AMOUNT"))
    paid = book.amount(amount) if amount else (invoice.amount or Decimal(0))
    said = {"service": held.service.key, "reference": payment, "part_of": invoice.key}
    if invoice.amount is not None and paid != invoice.amount:
        of = f"{paid} of {invoice.amount} {book.draft.currency}"
        book.draft.notes.append(f"{held.owner}: {of} are paid")
    if paid:
        book.enter("payment", "payment", amount=f"{paid}", **said)
    elif payment:  # of nothing, and yet it begins one period only
        book.enter("payment", "note", **said)


def _tariffs(draft: Draft, held: Holding, found: Renewed) -> list[tuple[date, Tariff]]:
    """What the service is on in the time that is paid for: each with its first day there."""
    gone = _later(draft, held, found)
    coming = {local_day(one.at, draft.zone) - gone for one in held.service.scheduled if one.set.tariff is not None}
    days = found.since, *sorted(day for day in coming if found.since < day <= found.periods[-1][1])
    at = [(day, tariff_at(draft, held, max(draft.asked.now, moment(day + gone, draft.zone)))) for day in days]
    return [one for number, one in enumerate(at) if number == 0 or one[1].name != at[number - 1][1].name]


def _later(draft: Draft, held: Holding, found: Renewed) -> timedelta:
    """How much later than it is paid for it is used: by the days of a hold that is in the file."""
    return timedelta(days=held_days(held.service, draft.zone) if found.anchor == "expiry" else 0)


def _cost(draft: Draft, held: Holding, found: Renewed, tariffs: Sequence[tuple[date, Tariff]]) -> Charge:
    """What the periods cost, each by the price of its first day and, where the tariff changes in it, of that day."""
    total = Charge(Decimal(0), Decimal(0), Decimal(0))
    for since, until in found.periods:
        begins = [one for one in tariffs if one[0] <= since][-1][1]
        within = [(since, begins), *(one for one in tariffs if since < one[0] <= until)]
        one = priced(within, since, until, draft.head.policy.value)
        total = Charge(total.net + one.net, total.tax + one.tax, total.gross + one.gross)
        if len(within) > 1:
            names = " → ".join(tariff.name for _, tariff in within)
            draft.notes.append(f"{held.owner}: {since} to {until} is priced by the days of each tariff, {names}.")
    return total


def _row_of(row: Row) -> dict[str, str]:
    return {"payment": row.text("payment", ""), "amount": row.text("amount", "")}


def _anchor(row: Row) -> Anchor | None:
    known: dict[str, Anchor | None] = {"expiry": "expiry", "now": "now", "": None}
    text = row.text("anchor", "")
    if text not in known:
        raise row.wrong("anchor is neither expiry nor now")
    return known[text]


REQUESTS: Final = {
    "renew": Request(
        lambda draft, row: renew(
            draft,
            row.text("sub"),
            periods=row.number_of("periods", 1),
            anchor=_anchor(row),
            **_row_of(row),
        ),
        ("periods", "anchor", "payment", "amount"),
    ),
}
