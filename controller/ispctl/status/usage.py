"""Who used how much, and when? By the days that were counted, of one service or of those who used most."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from ispctl.model.days import local_day
from ispctl.status.names import services
from ispctl.status.view import View, entitled
from ispctl.store import usage

DAYS: Final = 30
"""Shown, unless somebody asks for more."""
Span = Literal["day", "week", "month"]


@dataclass(frozen=True)
class Day:
    """Octets of one local day, as the subscriber sees them."""

    day: str
    down: int
    up: int


@dataclass(frozen=True)
class Used:
    """One service, since a day. `days` holds each day from then to today."""

    id: str
    key: str
    login: str
    tariff: str
    since: str
    down: int
    up: int
    days: tuple[Day, ...]
    counted: datetime | None
    """When usage was last counted."""


@dataclass(frozen=True)
class Heavy:
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
        answer.append(Used(*whose, tariff, first.isoformat(), *sums, each, counted))
    return tuple(answer)


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
