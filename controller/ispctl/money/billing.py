"""What a postpaid service owes for time that is over: its periods one after the other, and what changed in each."""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from ispctl.model.days import NEVER, days_later, local_day
from ispctl.model.ledger import Entry, Ledger
from ispctl.model.policy import Policy
from ispctl.model.record import Record, plain
from ispctl.model.subscriber import Service
from ispctl.model.tariff import Period, Tariff
from ispctl.money.amounts import ZERO, period_of
from ispctl.money.parts import Part, parts
from ispctl.money.periods import ONE_DAY, add_months, anchor_day, anchor_of
from ispctl.money.stages import Standing, dunning
from ispctl.structs import Struct

Sold = tuple[tuple[date, str], ...]
"""Names of tariffs, each with its first day; the first of them from the beginning on."""
_NOBODY = "sub-0"
"""Whose account has no entries."""
_OVER = (Standing.INACTIVE, Standing.ARCHIVED)


class Invoice(Struct):
    """A period, or the part of one that is there, both days included, and what it costs."""

    since: date
    until: date
    parts: tuple[Part, ...]

    @property
    def gross(self) -> Decimal:
        return sum((part.gross for part in self.parts), ZERO)

    @property
    def tax(self) -> Decimal:
        """What of it is tax."""
        return sum((part.tax for part in self.parts), ZERO)


def invoiced(service: Service, ledger: Ledger, policy: Policy) -> tuple[date, date | None] | None:
    """The first day that no invoice pays for, and the last before one that is paid for again, where a reversal left a
    gap; None: no period was ever invoiced."""
    zone, undone = ZoneInfo(policy.timezone), ledger.reversals()
    spans = sorted(
        (local_day(entry.period.since, zone), local_day(entry.period.until, zone), entry.key in undone)
        for entry in ledger.entries
        if entry.period and entry.service in (None, service.key)
    )
    if not spans:
        return None
    begins = spans[0][0]
    for first, last, gone in spans:
        if not gone and first > begins:
            return begins, first - ONE_DAY
        begins = begins if gone else max(begins, last + ONE_DAY)
    return begins, None


def next_invoice(
    service: Service,
    ledger: Ledger,
    policy: Policy,
    tariff: Callable[[str], Tariff],
    usual: str,
    since: date | None = None,
) -> Invoice | None:
    """The first period that is not invoiced yet. `usual`: the tariff of a service that names none; `since`: the first
    day of all, where no period was ever invoiced; default: that of the activation. None where there is none to come, or
    no beginning. Raises Refusal E746."""
    zone = ZoneInfo(policy.timezone)
    activated = local_day(service.activated, zone) if service.activated else None
    begins, gap = invoiced(service, ledger, policy) or (since or activated, None)
    if begins is None:
        return None
    names = sold(service, ledger, usual, zone)
    on = tariff([name for day, name in names if day <= begins][-1])
    whole, until = _period(begins, period_of(on), _ends_on(service, ledger, policy, begins))
    ends = [local_day(service.terminated, zone) - ONE_DAY] if service.terminated else []
    until = min([until, *ends, *([gap] if gap else [])])
    free = list(_free(service, ledger, policy))
    if until < begins or _stays(list(_over(ledger, policy)), begins):
        return None
    days = [begins + timedelta(days=n) for n in range((until - begins).days + 1)]
    none = {day for day in days if any(first <= day and (last is None or day <= last) for first, last in free)}
    within = [(begins, on), *((day, tariff(name)) for day, name in names if begins < day <= until)]
    return Invoice(begins, until, parts(within, begins, until, policy, whole=whole, free=none))


def cycle_of(service: Service, ledger: Ledger | None, policy: Policy, period: Period) -> tuple[date, int] | None:
    """The last day of the first period that is not invoiced yet, and the day of the month on which those before and
    after it end too; None where no invoice and no activation tells when periods begin."""
    zone = ZoneInfo(policy.timezone)
    known = ledger or Ledger(subscriber=_NOBODY)
    activated = local_day(service.activated, zone) if service.activated else None
    begins, _ = invoiced(service, known, policy) or (activated, None)
    if begins is None:
        return None
    ends_on = _ends_on(service, known, policy, begins)
    return _period(begins, period, ends_on)[1], ends_on


def _ends_on(service: Service, ledger: Ledger, policy: Policy, begins: date) -> int:
    """The day of the month on which periods end: by the policy, as those before, or by the activation."""
    if policy.money.billing.day is not None:
        return anchor_of(begins.replace(day=policy.money.billing.day))
    before, zone = begins - ONE_DAY, ZoneInfo(policy.timezone)
    if any(entry.period and local_day(entry.period.until, zone) == before for entry in _standing(service, ledger)):
        return anchor_day(service, ledger, before, policy)
    return anchor_of(local_day(service.activated, zone) if service.activated else begins)


def _period(begins: date, period: Period, ends_on: int) -> tuple[int, date]:
    """How many days the period has in which a day lies that begins one or a part of one, and its last day."""
    if period.months is None:
        days = period.days or 1
        return days, days_later(begins, days - 1)
    before = begins - ONE_DAY
    if before == _on(before, ends_on):
        until = add_months(before, period.months, ends_on)
        return (until - before).days, until
    until = _on(begins, ends_on)
    if until < begins:
        until = add_months(begins, 1, ends_on)
    return (until - add_months(until, -period.months, ends_on)).days, until


def _on(day: date, number: int) -> date:
    """That day of the same month, or the last of one that has no such."""
    return day.replace(day=min(number, monthrange(day.year, day.month)[1]))


def sold(service: Service, ledger: Ledger, usual: str, zone: ZoneInfo) -> Sold:
    """The tariffs that a service was on: as its changes are entered in the account, and as they are scheduled in the
    file. What was changed by hand counts from the change before on."""
    changes = [entry for entry in _standing(service, ledger) if entry.event and "tariff" in entry.event.set]
    written = service.tariff or usual
    first = changes[0].event.was["tariff"] or usual if changes and changes[0].event else written
    direct = [(local_day(e.at, zone), 0, n, e.event.set["tariff"] or usual) for n, e in enumerate(changes) if e.event]
    if direct:
        direct[-1] = (*direct[-1][:3], written)
    due = [(local_day(one.at, zone), 1, n, one.set.tariff) for n, one in enumerate(service.scheduled) if one.set.tariff]
    found = [(date.min, first)]
    for day, _, _, name in sorted([*direct, *due]):
        if found[-1][0] == day:
            found.pop()
        if not found or found[-1][1] != name:
            found.append((day, name))
    return tuple(found)


def _free(service: Service, ledger: Ledger, policy: Policy) -> Iterator[tuple[date, date | None]]:
    """The days for which nothing is owed, both ends included; None: no end."""
    rules, zone = policy.money.billing, ZoneInfo(policy.timezone)
    if rules.hold == "free":
        yield from _were("hold", service.hold, service, ledger, zone)
    if rules.suspended == "free":
        yield from _were("suspended", service.suspended, service, ledger, zone)
        yield from _stages(ledger, policy, Standing.SUSPENDED)
    yield from _over(ledger, policy)


def _over(ledger: Ledger, policy: Policy) -> Iterator[tuple[date, date | None]]:
    """The days on which nobody paid for so long that the service was over."""
    return _stages(ledger, policy, *_OVER)


def _stays(spans: list[tuple[date, date | None]], day: date) -> bool:
    """Whether such spans, in order, hold a day and all that come after it."""
    for first, last in spans:
        if first <= day and last is None:
            return True
        if last is not None and first <= day <= last:
            day = last + ONE_DAY
    return False


def _stages(ledger: Ledger, policy: Policy, *standings: Standing) -> Iterator[tuple[date, date | None]]:
    zone = ZoneInfo(policy.timezone)
    for stage in dunning(ledger, policy) if policy.money.dunning else ():
        if stage.standing in standings:
            yield local_day(stage.start, zone), local_day(stage.end, zone) - ONE_DAY if stage.end < NEVER else None


def _were(
    name: str, present: Record | None, service: Service, ledger: Ledger, zone: ZoneInfo
) -> Iterator[tuple[date, date | None]]:
    """The days of each hold or suspension that was in the file, as the account tells of them, each as long as it stood
    there."""
    for entry in _standing(service, ledger):
        if entry.event is not None and name in entry.event.set:
            yield from _days_of(entry.event.was[name], zone, local_day(entry.at, zone) - ONE_DAY)
    if present is not None:
        yield from _days_of(json.dumps(plain(present)), zone, None)


def _days_of(text: str | None, zone: ZoneInfo, most: date | None) -> Iterator[tuple[date, date | None]]:
    """A record as an event notes it; nothing of one that somebody wrote otherwise."""
    try:
        said = json.loads(text or "{}")
        first = _day(said.get("from") or said["since"], zone)
        until = _day(said["until"], zone) if said.get("until") else None
    except (ValueError, KeyError, AttributeError, TypeError):
        return
    ends = [day for day in (until, most) if day is not None]
    yield first, min(ends, default=None)


def _day(text: str, zone: ZoneInfo) -> date:
    return local_day(datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text), zone)


def _standing(service: Service, ledger: Ledger) -> Iterator[Entry]:
    """The entries of a service that nothing undid."""
    undone = ledger.reversals()
    return (e for e in ledger.entries if e.key not in undone and e.service in (None, service.key))
