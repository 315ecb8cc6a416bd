"""How far a payment reaches: days of the ISP, months that keep their day, grace and what is deducted for it."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ispctl.model.days import NEVER, days_later, ending, local_day, moment
from ispctl.model.ledger import Ledger
from ispctl.model.ledger import Period as Invoiced
from ispctl.model.policy import Policy
from ispctl.model.scalars import LAST_YEAR
from ispctl.model.subscriber import Activation, Service
from ispctl.model.tariff import Period
from ispctl.structs import Struct

ONE_DAY = timedelta(days=1)
Anchor = Literal["expiry", "now"]


def paid_end(service: Service, zone: ZoneInfo, owner: str, spread: int) -> datetime | None:
    """When what is paid ends, in UTC, with the days of a hold that extends it; None: nothing was paid. `owner` and
    `spread` as of `model.days.ending`. Days stay days where a clock is moved; where a time stamp is written, the time
    between counts."""
    paid, hold = service.paid_until, service.hold
    if paid is None:
        return None
    if hold is None or not _extends(service, zone):
        return min(ending(paid, zone, owner, spread), NEVER)
    if not any(isinstance(one, datetime) for one in (paid, hold.since, hold.until)):
        return min(ending(days_later(paid, held_days(service, zone)), zone, owner, spread), NEVER)
    end = ending(paid, zone, owner, spread)
    longer = ending(hold.until, zone, "", 0) - moment(hold.since, zone)
    return end + min(max(longer, timedelta()), NEVER - end)


def held_days(service: Service, zone: ZoneInfo, before: date | None = None) -> int:
    """The days of a hold by which what is paid lasts longer; `before`: those before a day."""
    hold = service.hold
    if hold is None or not _extends(service, zone):
        return 0
    last = ending(hold.until, zone, "", 0)
    last = last if before is None else min(last, moment(before, zone))
    # a night in which clocks are moved is a day like others
    return max((last - moment(hold.since, zone) + ONE_DAY / 2) // ONE_DAY, 0)


def _extends(service: Service, zone: ZoneInfo) -> bool:
    """Whether a hold adds to what is paid: all of it, if it begins while it is paid."""
    hold, paid = service.hold, service.paid_until
    if hold is None or paid is None or not hold.extends_paid_until:
        return False
    return moment(hold.since, zone) < ending(paid, zone, "", 0)


def effective_expiry(service: Service, policy: Policy, owner: str) -> datetime | None:
    """When service ends: what is paid, the hold that extends it, and the latest grace. None: nothing was ever paid or
    given."""
    return _last_end(service, ZoneInfo(policy.timezone), owner, policy.expiry.spread)


def _last_end(service: Service, zone: ZoneInfo, owner: str, spread: int) -> datetime | None:
    ends = [ending(grace.until, zone, owner, spread) for grace in service.grace]
    paid = paid_end(service, zone, owner, spread)
    return max([*ends, *([paid] if paid else [])], default=None)


def extended(until: date | datetime, period: Period, periods: int, anchor: int, zone: ZoneInfo) -> date | datetime:
    """The end `periods` later, or earlier. Months go to day `anchor`, or to the last day of a month that has no such;
    a time stamp keeps its local time of day."""
    day = local_day(until, zone)
    if period.months is not None:
        day = add_months(day, period.months * periods, anchor)
    else:
        day = days_later(day, (period.days or 0) * periods)
    if not isinstance(until, datetime):
        return day
    return datetime.combine(day, until.astimezone(zone).time(), zone)


def reach(begins: date, period: Period, periods: int = 1) -> date:
    """The last day of so many periods that begin on a day. What begins with a month ends with one."""
    before = begins - ONE_DAY
    if period.months is not None:
        return add_months(before, period.months * periods, anchor_of(begins))
    return days_later(before, (period.days or 0) * periods)


def begun(activation: Activation, at: datetime, zone: ZoneInfo) -> date:
    """The last day that is paid for a service whose first session began at a moment: that local day is the first, as if
    it had been activated on it."""
    step = Period(days=1) if activation.months is None else Period(months=1)
    return reach(local_day(at, zone), step, activation.months or activation.days or 0)


def anchor_of(begins: date) -> int:
    """The day of the month on which a period ends that begins on a day, if the month has it."""
    return begins.day - 1 or 31


def add_months(day: date, months: int, anchor: int) -> date:
    """Day `anchor` of the month so many months later, or the last of a month that has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > LAST_YEAR:
        return date(LAST_YEAR, 12, 31)
    return date(year, month + 1, min(anchor, monthrange(year, month + 1)[1]))


def anchor_day(service: Service, ledger: Ledger | None, until: date, policy: Policy) -> int:
    """The day of the month to which a paid day belongs that may have been cut off at the end of a short one. It follows
    from the periods in the ledger, as far as they follow on each other, else from the day of activation; where neither
    tells, the end of a month is meant."""
    if policy.money.renewal.anchor == "clamped" or not _is_last(until):
        return until.day
    zone = ZoneInfo(policy.timezone)
    begins = {local_day(p.until, zone): local_day(p.since, zone) for p in _periods(service, ledger)}
    anchor, end, known = until.day, until, False
    while _is_last(end) and end in begins:
        first = min(begins.pop(end), end)
        end, known = first - ONE_DAY, True
        anchor = max(anchor, anchor_of(first))
    if known:
        return anchor
    return (
        likely_anchor(until)
        if service.activated is None
        else max(anchor, anchor_of(local_day(service.activated, zone)))
    )


def likely_anchor(until: date) -> int:
    """The day of the month that is meant by a paid day of which nothing else is known."""
    return 31 if _is_last(until) else until.day


def _periods(service: Service, ledger: Ledger | None) -> list[Invoiced]:
    entries = ledger.entries if ledger else ()
    undone = ledger.reversals() if ledger else {}
    return [e.period for e in entries if e.period and e.key not in undone and e.service in (None, service.key)]


def _is_last(day: date) -> bool:
    return (day + ONE_DAY).day == 1


class Renewed(Struct):
    """What a renewal pays for, and the new `paid_until`."""

    periods: tuple[tuple[date, date], ...]
    """The first and the last day of each period that is paid for."""
    until: date | datetime
    anchor: Anchor
    """From where it counts."""
    grace_days: int = 0
    """Days of grace that were used and are part of it."""
    hold_spent: bool = False
    """Whether `hold` has to go: it is over, and its days would be added to this end as if it were yet to come."""

    @property
    def since(self) -> date:
        """The first day that is paid for."""
        return self.periods[0][0]


def renewed(
    service: Service,
    period: Period,
    policy: Policy,
    now: datetime,
    owner: str,
    ledger: Ledger | None = None,
    *,
    periods: int = 1,
    anchor: Anchor | None = None,
) -> Renewed:
    """What so many periods pay for. `anchor`: from where, instead of what the policy says. Paid before the end, it
    counts from the end to the second; after it from today, whose day is the first."""
    zone, paid, hold = ZoneInfo(policy.timezone), service.paid_until, service.hold
    end = paid_end(service, zone, owner, policy.expiry.spread)
    begins, used, spent = local_day(now, zone), 0, False
    if paid is None or end is None:
        begins = max([begins, *([local_day(service.activated, zone)] if service.activated else [])])
    else:
        if anchor is None:
            anchor = "expiry" if now < end or policy.money.renewal.after_expiry == "expiry" else "now"
        if anchor == "expiry":
            day = local_day(paid, zone)
            ends = _ends(paid, period, periods, anchor_day(service, ledger, day, policy), policy)
            return Renewed(_split(day + ONE_DAY, [local_day(end, zone) for end in ends]), ends[-1], "expiry")
        used = used_grace(service, ledger, policy, now) if policy.money.grace.deducted else 0
    if hold is not None and hold.extends_paid_until:
        spent = ending(hold.until, zone, "", 0) <= now
        begins = begins if spent else min(begins, local_day(hold.since, zone))  # all of its days are added
    return Renewed(*_from(begins - used * ONE_DAY, period, periods, policy), "now", used, hold_spent=spent)


def _ends(paid: date | datetime, period: Period, periods: int, anchor: int, policy: Policy) -> list[date | datetime]:
    """The end of each of so many periods, as if they were paid one by one."""
    zone = ZoneInfo(policy.timezone)
    if policy.money.renewal.anchor == "kept":
        return [extended(paid, period, number + 1, anchor, zone) for number in range(periods)]
    ends = [paid]
    for _ in range(periods):
        ends.append(extended(ends[-1], period, 1, local_day(ends[-1], zone).day, zone))
    return ends[1:]


def _from(
    begins: date, period: Period, periods: int, policy: Policy
) -> tuple[tuple[tuple[date, date], ...], date | datetime]:
    """The same from a first day on."""
    first = reach(begins, period)
    ends = [first, *_ends(first, period, periods - 1, anchor_of(begins), policy)]
    return _split(begins, [local_day(end, ZoneInfo(policy.timezone)) for end in ends]), ends[-1]


def _split(begins: date, ends: Sequence[date]) -> tuple[tuple[date, date], ...]:
    firsts = [begins, *(end + ONE_DAY for end in ends[:-1])]
    return tuple(zip(firsts, ends, strict=True))


def used_grace(service: Service, ledger: Ledger | None, policy: Policy, now: datetime) -> int:
    """Whole days of grace after what is paid that have passed. One that was given when nothing was left begins on the
    day on which the account says so, since there was no service before; any other follows on what was there."""
    zone = ZoneInfo(policy.timezone)
    paid = paid_end(service, zone, "", 0)
    if paid is None:
        return 0
    days, today, known = 0, local_day(now, zone), _given(service, ledger, zone)
    begins = local_day(paid, zone)  # an inclusive day ends when the next one begins
    for until, key in sorted((local_day(grace.until, zone), grace.key or "") for grace in service.grace):
        begins = max(begins, known.get(key, begins))
        days += max((min(until + ONE_DAY, today) - begins).days, 0)
        begins = max(begins, until + ONE_DAY)
    return days


def graced(service: Service, days: int, policy: Policy, now: datetime) -> date:
    """The last day of so many days of grace: they follow on what is paid or given, and begin today at the earliest."""
    zone = ZoneInfo(policy.timezone)
    end = _last_end(service, zone, "", 0)
    begins = max([local_day(now, zone), *([local_day(end, zone)] if end else [])])
    return begins + (days - 1) * ONE_DAY


def grace_refused(service: Service, ledger: Ledger | None, days: int, policy: Policy, now: datetime) -> str:
    """Why the policy does not allow so many more days of grace; empty where it does. A reverted one does not count; one
    that somebody wrote into the file counts as given on its last day, since nothing else is known of it."""
    rules, zone = policy.money.grace, ZoneInfo(policy.timezone)
    if days > rules.days:
        return f"{days} days are asked for, and the policy allows {rules.days} at once"
    given = list(_grants(service, ledger, zone))
    for span, most in ((30, rules.per_30_days), (365, rules.per_365_days)):
        count = sum(1 for day in given if day > local_day(now, zone) - timedelta(days=span))
        if count >= most:
            return f"grace was given {count} times within {span} days, and the policy allows {most}"
    return ""


def _grants(service: Service, ledger: Ledger | None, zone: ZoneInfo) -> Iterator[date]:
    """The days on which grace was given."""
    undone = ledger.reversals() if ledger else {}
    entered = _given(service, ledger, zone)
    yield from (day for key, day in entered.items() if key not in undone)
    yield from (local_day(one.until, zone) for one in service.grace if one.key not in entered)


def _given(service: Service, ledger: Ledger | None, zone: ZoneInfo) -> dict[str, date]:
    """When grace was given, by its key, as far as the account tells."""
    return {
        entry.key: local_day(entry.at, zone)
        for entry in (ledger.entries if ledger else ())
        if entry.event and entry.event.verb == "grace" and entry.service == service.key
    }
