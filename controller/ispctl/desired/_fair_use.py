"""Fair use: which of what a service used counts for which policy of its tariff, and what follows. Pure.

The windows are days of the ISP: a day, a week from Monday on (ISO 8601), a month, or a cycle, which is what one payment
pays for. What was used in them is a fact, asked for by `Meter` and given as a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from ispctl.model.days import local_day, moment
from ispctl.model.ledger import Ledger
from ispctl.model.policy import Policy
from ispctl.model.subscriber import Service
from ispctl.model.tariff import FairUse, Speed, Tariff, Tier
from ispctl.model.usage import Meter
from ispctl.money import anchor_day, extended
from ispctl.structs import Struct

_UNITS: Final = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"))
_DAY: Final = timedelta(days=1)


class Reading(Struct):
    """One policy of a tariff as it stands: `used` octets of its window, less what was given beyond it (`more`)."""

    part: int
    window: str
    meter: Meter
    resets: datetime
    """When its window ends."""
    used: int
    more: int
    tier: int | None
    """The tier that holds, from 0; None: none yet."""
    next: int | None
    """The usage from which on another one holds; None: none does."""
    follows: int | None
    """That one."""


class Held(Struct):
    """The strictest tier that holds, of which policy."""

    reading: Reading
    tier: Tier

    @property
    def name(self) -> str:
        """As part of the name of a group: "fup-1-2"."""
        return tier_name(self.reading.part, self.reading.tier or 0)


def tier_name(part: int, tier: int) -> str:
    """The second tier of the first policy is "fup-1-2"."""
    return f"fup-{part + 1}-{tier + 1}"


def meters(
    service: Service, ledger: Ledger | None, tariff: Tariff, policy: Policy, today: date, zone: ZoneInfo
) -> Iterator[Meter]:
    """What each policy of the tariff asks for today. `ledger`: the account, if there is one."""
    for rule in tariff.fup:
        since, until = window(rule.window, service, ledger, tariff, policy, today, zone)
        yield Meter(since, until, rule.counts, tuple((one.first, one.last, one.percent) for one in rule.free))


def readings(
    service: Service,
    ledger: Ledger | None,
    tariff: Tariff,
    policy: Policy,
    today: date,
    zone: ZoneInfo,
    used: Mapping[Meter, int],
) -> Iterator[Reading]:
    """How each policy of the tariff stands today. `used`: what is known; nothing else was used."""
    for part, meter in enumerate(meters(service, ledger, tariff, policy, today, zone)):
        rule = tariff.fup[part]
        count, more = used.get(meter, 0), given(service, rule.window, meter, zone)
        marks = [max(tier.after + more, 0) for tier in rule.tiers]
        tier = sum(mark <= count for mark in marks) - 1
        following = tier + 1 if tier + 1 < len(marks) else None
        mark = None if following is None else marks[following]
        yield Reading(
            part,
            rule.window,
            meter,
            moment(meter.until, zone),
            count,
            more,
            tier if tier >= 0 else None,
            mark,
            following,
        )


def strictest(tariff: Tariff, found: tuple[Reading, ...]) -> Held | None:
    """The tier that leaves least: a block, then the lowest speed to the subscriber, then from him."""
    held = [Held(one, tariff.fup[one.part].tiers[one.tier]) for one in found if one.tier is not None]
    return min(held, key=lambda one: _speed(one.tier), default=None)


def _speed(tier: Tier) -> tuple[int, int]:
    return (tier.rate.down, tier.rate.up) if tier.rate else (-1, -1)


def slowed(tariff: Tariff) -> Iterator[tuple[str, Speed]]:
    """Every speed that fair use may leave to services of a tariff, by the name of its tier."""
    for part, rule in enumerate(tariff.fup):
        for number, tier in enumerate(rule.tiers):
            if tier.rate is not None:
                yield tier_name(part, number), tier.rate


def window(
    kind: str,
    service: Service,
    ledger: Ledger | None,
    tariff: Tariff,
    policy: Policy,
    today: date,
    zone: ZoneInfo,
) -> tuple[date, date]:
    """The first day of the window in which a day lies, and the first after it."""
    if kind == "day":
        return today, today + _DAY
    if kind == "week":
        monday = today - today.weekday() * _DAY
        return monday, monday + 7 * _DAY
    if kind == "cycle" and (found := _cycle(service, ledger, tariff, policy, today, zone)) is not None:
        return found
    return _month(today, 1)


@lru_cache(maxsize=1024)
def _month(today: date, first: int) -> tuple[date, date]:
    """The month that begins on a day of the calendar's, at most the 28th."""
    since = today.replace(day=first) if today.day >= first else (today.replace(day=1) - _DAY).replace(day=first)
    return since, (since.replace(day=1) + 32 * _DAY).replace(day=first)


def _cycle(
    service: Service, ledger: Ledger | None, tariff: Tariff, policy: Policy, today: date, zone: ZoneInfo
) -> tuple[date, date] | None:
    """The period of what is paid in which a day lies: they follow on each other to both sides of `paid_until`. A
    postpaid service is invoiced by periods: those of its account, or that are to come."""
    period = tariff.period
    if tariff.billing == "postpaid":
        from ispctl.money import cycle_of  # the arithmetic of invoices, which most have no use for

        found = cycle_of(service, ledger, policy, period) if period is not None else None
        if found is None:
            return _month(today, policy.money.billing.day or 1)
        paid, anchor = found
    elif service.paid_until is None or period is None:
        return None
    else:
        paid = local_day(service.paid_until, zone)
        anchor = anchor_day(service, ledger, paid, policy)
    assert period is not None
    if period.months is not None:
        back = ((paid.year - today.year) * 12 + paid.month - today.month) // period.months
    else:
        back = (paid - today).days // (period.days or 1)

    def end(periods: int) -> date:
        return local_day(extended(paid, period, -periods, anchor, zone), zone)

    last = end(back + 1)
    for number in (back, back - 1):  # the day of the month says in which of both
        before, last = last, end(number)
        if before < today <= last:
            return before + _DAY, last + _DAY
    return None


Change = Literal["carried", "reset", "scaled"]


def forgiven(change: Change, old: FairUse | None, new: FairUse, used: int, more: int) -> int:
    """So much more than its limits say may be used in a window after a change of tariff, or less where it is negative.
    `old`: the policy of the former tariff for the same window; `used`: what counts by the new one; `more`: what was
    given before. carried: what was used counts. reset: none does. scaled: it is the same part of the new limit."""
    if change == "carried" or not used:
        return 0
    if change == "reset" or old is None:
        return used
    before, after = (rule.tiers[0].after + more for rule in (old, new))
    return used - used * after // before if before > 0 else 0


def given(service: Service, kind: str, meter: Meter, zone: ZoneInfo) -> int:
    """What was given beyond the tariff for a window."""
    found = (one for one in service.allowance if one.window == kind)
    mine = (one for one in found if meter.since <= local_day(one.since, zone) < meter.until)
    return sum((one.more or 0) - (one.less or 0) for one in mine)


def volume(octets: int) -> str:
    """ "1.2 TB", "50 GB", "0 MB": as people say it; GB = 10^9 bytes."""
    found = ((f"{octets / size:.1f}", unit) for size, unit in reversed(_UNITS))
    said, unit = next((one for one in found if float(one[0]) < 1000), (f"{octets / _UNITS[0][0]:.1f}", _UNITS[0][1]))
    return f"{said.removesuffix('.0')} {unit}"
