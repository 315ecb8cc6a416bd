"""One context at one moment, with what thousands of services have in common looked up once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import cache, partial
from zoneinfo import ZoneInfo

from ispctl.desired._values import Context, Terms, pop_of, terms_of, throttled, tiered
from ispctl.model.days import ending, moment
from ispctl.model.document import Document
from ispctl.model.ledger import Ledger, companion
from ispctl.model.policy import Policy
from ispctl.model.subscriber import Group
from ispctl.model.tariff import Speed, Tariff


class Frame:
    """A context is frozen while it is asked, so that every answer may be kept. Nothing that it keeps leads back to it,
    so that a part of a commit goes with the last who asks for it, and no collector has to go through it."""

    def __init__(self, context: Context, now: datetime) -> None:
        self.context, self.now = context, now
        self.policy = context.policy.value
        self.zone = ZoneInfo(self.policy.timezone)
        self.group: Callable[[str], Document[Group] | None] = cache(context.group)
        self.tariff: Callable[[str], Document[Tariff] | None] = cache(context.tariff)
        self.terms: Callable[[str], Terms] = cache(partial(_terms, self.tariff))
        self.slow: Callable[[str], Terms] = cache(partial(_slow, self.terms, self.policy))
        self.tier: Callable[[Terms, str, Speed], Terms] = cache(tiered)
        self.reach: Callable[[tuple[str, ...]], tuple[str, ...]] = cache(context.reach)
        self.pop: Callable[[tuple[str, ...]], str] = cache(pop_of)

    def ledger(self, path: str) -> Document[Ledger] | None:
        """The account beside the file of a subscriber."""
        return self.context.ledger_at(companion(path))

    def moment(self, value: datetime | date) -> datetime:
        """The instant at which a day or time stamp begins, in UTC."""
        return moment(value, self.zone)

    def ending(self, value: datetime | date, owner: str, spread: int) -> datetime:
        """The instant at which an inclusive day or a time stamp ends, see `model.days`."""
        return ending(value, self.zone, owner, spread)


def _terms(tariffs: Callable[[str], Document[Tariff] | None], name: str) -> Terms:
    tariff = tariffs(name)
    if tariff is None:
        raise KeyError(name)
    return terms_of(tariff.value)


def _slow(terms: Callable[[str], Terms], policy: Policy, name: str) -> Terms:
    """The terms of a tariff for a service that is throttled."""
    rules = policy.money.dunning
    assert rules is not None
    assert rules.throttled is not None
    return throttled(terms(name), rules.throttled.rate)
