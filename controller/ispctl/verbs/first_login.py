"""A service that begins with its first login: paid for now, and dated once the network has told when that was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.money import period_of, renewed
from ispctl.repo.edit import Value
from ispctl.verbs.book import Book
from ispctl.verbs.dates import confirm
from ispctl.verbs.draft import Draft
from ispctl.verbs.events import record_text
from ispctl.verbs.renew import activate, book_payment, counted, enter_invoice, prepaid, sellable, steps, tariff_at
from ispctl.verbs.rows import Request, Row


def activate_at_first_login(
    draft: Draft, term: str, *, until: date | None = None, periods: int = 1, payment: str = "", amount: str = ""
) -> None:
    """Let a service begin when its subscriber logs in, at the latest on the day `until`. What it costs is what it costs
    today. Raises Refusal as `activate` does, E687."""
    held = draft.service(term)
    book = Book(draft, held.document)
    book.unless_done(payment)
    held = sellable(draft, held, book, "activated")
    service = held.service
    if service.activated is not None or service.paid_until is not None:
        name = "activated" if service.activated is not None else "paid_until"
        text = f"{held.owner} has begun: {name} {getattr(service, name)}"
        raise Refusal(Problem("E684", text, held.document.where(*held.loc, name), "ispctl renew pays for more"))
    if until is not None and until < draft.now.date():
        raise Refusal(Problem("E687", f"{until} is over", advice="Take a day to come, or none"))
    period = period_of(prepaid(held, tariff_at(draft, held, draft.asked.now)))
    found = renewed(service, period, draft.head.policy.value, draft.asked.now, held.owner, periods=periods)
    unit, each = steps(period)
    said: dict[str, Value] = {"at": "first-login", "since": draft.now.isoformat(timespec="seconds")}
    said |= {unit: each * periods}
    said |= {"until": until.isoformat()} if until else {}
    draft.put(held.document.path, (*held.loc, "activation"), {**said, "key": book.key("activate")})
    written = record_text(draft.service(held.owner).service.activation)
    cost = enter_invoice(draft, held, book, "activate", found, {"activation": (None, written)}, dated=False)
    if payment or amount:
        book_payment(held, book, payment, amount)
    last = f" until {until}" if until else ""
    lasts = counted(unit, each * periods)
    draft.say("activate", held.document, service.key, f"waits for its first login{last}, {lasts}{cost}")


_FIELDS: Final = ("on", "first_login", "until", "periods", "payment", "amount")


def _row(draft: Draft, row: Row) -> None:
    paid = {"payment": row.text("payment", ""), "amount": row.text("amount", "")}
    sub, on, until, periods = row.text("sub"), row.day("on"), row.day("until"), row.number_of("periods", 1)
    first = row.flag("first_login")
    if (on and first) or (until and not first):
        raise row.wrong("on is the day it begins; first_login waits, at the latest until")
    if first:
        activate_at_first_login(draft, sub, until=until, periods=periods, **paid)
    else:
        activate(draft, sub, on=on, periods=periods, **paid)


def _request(draft: Draft, row: Row) -> None:
    """One that may also confirm what the network told."""
    if not row.flag("confirm"):
        _row(draft, row)
    elif any(row.text(name, "") for name in _FIELDS):
        raise row.wrong("confirm stands alone")
    else:
        confirm(draft, row.text("sub"))


REQUESTS: Final[Mapping[str, Request]] = {"activate": Request(_request, (*_FIELDS, "confirm"))}
