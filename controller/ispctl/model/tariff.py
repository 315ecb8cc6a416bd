"""tariffs/<tariff>.yaml: what is sold."""

import re
from typing import Annotated, Final, Literal

from ispctl.model.record import Record, check, field
from ispctl.model.rules import Between, Length
from ispctl.model.scalars import BitRate, Count, Day, Flag, Money, Name, Octets, Text, Whole
from ispctl.model.subscriber import Ipv6

_HOURS: Final = r"([01]\d|2[0-3]):00-([01]\d|2[0-4]):00"


class Speed(Record):
    """Bits per second, seen by the subscriber."""

    down: BitRate = field(description="To the subscriber.")
    up: BitRate = field(description="From the subscriber.")


class Burst(Speed):
    """A faster start: `down`/`up` as long as the average of `seconds` stays under the threshold."""

    threshold: Speed = field(description="The average above which the burst ends.")
    seconds: Annotated[Whole, Between(1, 3600)] = field(description="Over so many seconds the average is taken.")


class Rate(Speed):
    """The speed of a tariff."""

    burst: Burst | None = field(default=None, description="A faster start; not on every platform.")

    @check
    def _burst_is_faster(self) -> None:
        if self.burst and (self.burst.down < self.down or self.burst.up < self.up):
            raise ValueError("burst is slower than the rate itself")


class Price(Record):
    """What a period costs from a day on; an edit never re-prices the past."""

    since: Day = field(key="from", description="First day of the price.")
    amount: Annotated[Money, Between(0)] = field(description="For one period, in the currency of the policy.")


class Period(Record):
    """How long a payment lasts."""

    months: Annotated[Whole, Between(1, 36)] | None = field(default=None, description="Calendar months.")
    days: Annotated[Whole, Between(1, 1100)] | None = field(default=None, description="Days; instead of months.")

    @check
    def _one(self) -> None:
        if (self.months is None) == (self.days is None):
            raise ValueError("takes either months or days")


class Tax(Record):
    """Tax on the price, in percent."""

    rate: Annotated[Money, Between(0, 100)] = field(description="Percent.")
    included: Flag = field(default=False, description="Whether the prices hold it already.")


class PoolUse(Record):
    """Addresses come from a pool."""

    pool: Name = field(description="Name of a pool.")


class Window(Record):
    """Hours in which usage counts less."""

    hours: Text = field(description="Local hours, whole ones, like 00:00-06:00 or 22:00-07:00.")
    percent: Annotated[Whole, Between(0, 100)] = field(default=100, description="How much less, in percent.")

    @check
    def _whole_hours(self) -> None:
        if not re.fullmatch(_HOURS, self.hours) or self.first == self.last:
            raise ValueError("hours: expected whole hours like 00:00-06:00")

    @property
    def first(self) -> int:
        """The first hour of the day."""
        return int(self.hours[:2])

    @property
    def last(self) -> int:
        """The hour after the last, 0 to 24; less than the first where it is of the next day."""
        return int(self.hours[6:8])


class Tier(Record):
    """What happens after so many bytes."""

    after: Octets = field(description="Usage in the window from which the tier holds.")
    rate: Speed | None = field(default=None, description="The speed of the tier.")
    block: Flag | None = field(default=None, description="No service instead of a speed.")

    @check
    def _one(self) -> None:
        if (self.rate is None) == (not self.block):
            raise ValueError("takes either rate or block: true")


class FairUse(Record):
    """A fair-use policy: usage in a window decides the tier."""

    window: Literal["day", "week", "month", "cycle"] = field(
        description="When counting begins anew; cycle: paid period."
    )
    counts: Literal["down", "up", "both"] = field(default="both", description="Which direction counts.")
    free: tuple[Window, ...] = field(default=(), description="Hours that count less.")
    tiers: Annotated[tuple[Tier, ...], Length(1)] = field(description="In ascending order of `after`.")

    @check
    def _ascending(self) -> None:
        marks = [tier.after for tier in self.tiers]
        if marks != sorted(set(marks)):
            raise ValueError("tiers must come in ascending order of after")


class Tariff(Record):
    """One product: speed, addresses, price."""

    name: Name = field(description="The name of the file.")
    billing: Literal["prepaid", "postpaid"] = field(
        default="prepaid", description="prepaid: paid_until decides. postpaid: ledger and dunning decide."
    )
    prices: tuple[Price, ...] = field(
        default=(), description="In ascending order of `from`; an edit never re-prices the past."
    )
    period: Period | None = field(default=None, description="How long a payment lasts.")
    tax: Tax | None = field(default=None, description="Tax on the prices.")
    rate: Rate = field(description="The speed.")
    ipv4: PoolUse | None = field(default=None, description="Pool for services that name no address of their own.")
    ipv6: Ipv6 | None = field(
        default=None, description="Pools for the link and for delegated prefixes; no static values."
    )
    sessions: Count = field(default=1, description="Simultaneous sessions; 0 is unlimited.")
    fup: tuple[FairUse, ...] = field(default=(), description="Fair-use policies.")

    @check
    def _ordered(self) -> None:
        days = [price.since for price in self.prices]
        if days != sorted(set(days)):
            raise ValueError("prices must come in ascending order of from, one a day")
        if self.ipv6 and any(part and part.static for part in (self.ipv6.wan, self.ipv6.delegated)):
            raise ValueError("ipv6 of a tariff takes pools, not static values")
