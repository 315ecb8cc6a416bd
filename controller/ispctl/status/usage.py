"""Who used how much, and when? By the days that were counted, of one service or of those who used most."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final, Literal

from ispctl.desired import Entitlement, Reading
from ispctl.model.days import local_day
from ispctl.model.document import Document
from ispctl.model.tariff import Tariff
from ispctl.status.names import services
from ispctl.status.values import Speed
from ispctl.status.view import View, entitled
from ispctl.store import usage
from ispctl.structs import Struct

DAYS: Final = 30
"""Shown, unless somebody asks for more."""
Span = Literal["day", "week", "month"]


class Day(Struct):
    """Octets of one local day, as the subscriber sees them."""

    day: str
    down: int
    up: int


class Step(Struct):
    """What holds from `after` octets on, with what was given beyond the tariff: a speed, or none (`block`)."""

    after: int
    rate: Speed | None
    block: bool


class Window(Struct):
    """One fair-use policy, now. `since`: the first day of its window; `resets`: when it is over; `counts`: down, up or
    both. `used`: octets that count, `more`: what was given beyond the tariff. `tier`: what holds, `next`: what holds
    after `left` octets more; None: nothing does. The policy stands in `file`, `line`."""

    window: str
    since: str
    resets: datetime
    counts: str
    used: int
    more: int
    left: int | None
    tier: Step | None
    next: Step | None
    file: str
    line: int


class Used(Struct):
    """One service, since a day. `days` holds each day from then to today."""

    id: str
    key: str
    login: str
    tariff: str
    since: str
    down: int
    up: int
    windows: tuple[Window, ...]
    days: tuple[Day, ...]
    counted: datetime | None
    """When usage was last counted."""


class Heavy(Struct):
    """One of those who used most since a day. `login` and `tariff` are empty of a service that is gone."""

    id: str
    key: str
    login: str
    tariff: str
    since: str
    down: int
    up: int


def used(view: View, named: str, since: datetime | None = None) -> tuple[Used, ...] | None:
    """The services that are named, from the day of `since` on. None where the database gives no answer. Raises Refusal
    E321."""
    found = services(view, named)
    today = local_day(view.now, view.zone)
    first = local_day(since, view.zone) if since else today - timedelta(days=DAYS - 1)
    read = view.ask(lambda store: (usage.by_day(store, [one.owner for one in found], first), usage.last_count(store)))
    if read is None:
        return None
    days, counted = read
    answer = []
    for one in found:
        by_day = {day.day: day for day in days.get(one.owner, ())}
        each = tuple(_day(first + timedelta(days=n), by_day) for n in range((today - first).days + 1))
        entitlement = entitled(one, view.head, view.now)
        whose = one.document.value.id, one.service.key, one.service.login
        tariff = entitlement.terms.tariff if entitlement else ""
        sums = sum(day.down for day in each), sum(day.up for day in each)
        open_now = windows(view, entitlement) if entitlement else ()
        answer.append(Used(*whose, tariff, first.isoformat(), *sums, open_now, each, counted))
    return tuple(answer)


def windows(view: View, e: Entitlement) -> tuple[Window, ...]:
    """How each fair-use policy of a service stands."""
    tariff = view.head.tariff(e.terms.tariff)
    return tuple(_window(tariff, one) for one in e.fair_use) if tariff else ()


def _window(tariff: Document[Tariff], one: Reading) -> Window:
    tiers = [
        Step(
            max(tier.after + one.more, 0), Speed(tier.rate.down, tier.rate.up) if tier.rate else None, bool(tier.block)
        )
        for tier in tariff.value.fup[one.part].tiers
    ]
    where = tariff.where("fup", one.part)
    return Window(
        one.window,
        one.meter.since.isoformat(),
        one.resets,
        one.meter.counts,
        one.used,
        one.more,
        None if one.next is None else one.next - one.used,
        None if one.tier is None else tiers[one.tier],
        None if one.follows is None else tiers[one.follows],
        where.file,
        where.line,
    )


def heaviest(view: View, limit: int, span: Span) -> tuple[Heavy, ...] | None:
    """Those who used most in the day, week or month of now. None where the database gives no answer."""
    first = began(local_day(view.now, view.zone), span)
    read = view.ask(lambda store: usage.most(store, first, limit))
    if read is None:
        return None
    view.meet(*{owner.partition("/")[0] for owner, _, _ in read})
    known = _known(view, {owner for owner, _, _ in read})
    answer = []
    for owner, down, up in read:
        id, _, key = owner.partition("/")
        answer.append(Heavy(id, key, *known.get(owner, ("", "")), first.isoformat(), down, up))
    return tuple(answer)


def began(today: date, span: Span) -> date:
    """The first day of the day, week or month in which a day lies; weeks begin on Monday (ISO 8601)."""
    if span == "week":
        return today - timedelta(days=today.weekday())
    return today.replace(day=1) if span == "month" else today


def _known(view: View, owners: Collection[str]) -> dict[str, tuple[str, str]]:
    """service -> (login, tariff), of those who are there."""
    found = {}
    for owner in owners:
        for one in view.head.find(owner):
            entitlement = entitled(one, view.head, view.now)
            found[one.owner] = one.service.login, entitlement.terms.tariff if entitlement else ""
    return found


def _day(day: date, by_day: dict[date, usage.Day]) -> Day:
    found = by_day.get(day)
    return Day(day.isoformat(), found.down, found.up) if found else Day(day.isoformat(), 0, 0)
