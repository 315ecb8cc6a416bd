"""tariffs/<tariff>.yaml: what is sold."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from ispctl.model.record import Record
from ispctl.model.scalars import BitRate, Count, Day, Flag, Money, Name, Octets, Text, Whole
from ispctl.model.subscriber import Ipv6

_HOURS: Final = re.compile(r"([01]\d|2[0-3]):00-([01]\d|2[0-4]):00")


class Speed(Record):
    """Bits per second, seen by the subscriber."""

    down: BitRate = Field(description="To the subscriber.")
    up: BitRate = Field(description="From the subscriber.")


class Burst(Speed):
    """A faster start: `down`/`up` as long as the average of `seconds` stays under the threshold."""

    threshold: Speed = Field(description="The average above which the burst ends.")
    seconds: Annotated[Whole, Field(ge=1, le=3600)] = Field(description="Over so many seconds the average is taken.")


class Rate(Speed):
    """The speed of a tariff."""

    burst: Burst | None = Field(None, description="A faster start; not on every platform.")

    @model_validator(mode="after")
    def _burst_is_faster(self) -> Self:
        if self.burst and (self.burst.down < self.down or self.burst.up < self.up):
            raise ValueError("burst is slower than the rate itself")
        return self


class Price(Record):
    """What a period costs from a day on; an edit never re-prices the past."""

    since: Day = Field(alias="from", description="First day of the price.")
    amount: Annotated[Money, Field(ge=0)] = Field(description="For one period, in the currency of the policy.")


class Period(Record):
    """How long a payment lasts."""

    months: Annotated[Whole, Field(ge=1, le=36)] | None = Field(None, description="Calendar months.")
    days: Annotated[Whole, Field(ge=1, le=1100)] | None = Field(None, description="Days; instead of months.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.months is None) == (self.days is None):
            raise ValueError("takes either months or days")
        return self


class Tax(Record):
    """Tax on the price, in percent."""

    rate: Annotated[Money, Field(ge=0, le=100)] = Field(description="Percent.")
    included: Flag = Field(False, description="Whether the prices hold it already.")


class PoolUse(Record):
    """Addresses come from a pool."""

    pool: Name = Field(description="Name of a pool.")


class Window(Record):
    """Hours in which usage counts less."""

    hours: Text = Field(description="Local hours, whole ones, like 00:00-06:00 or 22:00-07:00.")
    percent: Annotated[Whole, Field(ge=0, le=100)] = Field(100, description="How much less, in percent.")

    @model_validator(mode="after")
    def _whole_hours(self) -> Self:
        if not _HOURS.fullmatch(self.hours) or self.first == self.last:
            raise ValueError("hours: expected whole hours like 00:00-06:00")
        return self

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

    after: Octets = Field(description="Usage in the window from which the tier holds.")
    rate: Speed | None = Field(None, description="The speed of the tier.")
    block: Flag | None = Field(None, description="No service instead of a speed.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.rate is None) == (not self.block):
            raise ValueError("takes either rate or block: true")
        return self


class FairUse(Record):
    """A fair-use policy: usage in a window decides the tier."""

    window: Literal["day", "week", "month", "cycle"] = Field(
        description="When counting begins anew; cycle: paid period."
    )
    counts: Literal["down", "up", "both"] = Field("both", description="Which direction counts.")
    free: tuple[Window, ...] = Field((), description="Hours that count less.")
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)] = Field(description="In ascending order of `after`.")

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        marks = [tier.after for tier in self.tiers]
        if marks != sorted(set(marks)):
            raise ValueError("tiers must come in ascending order of after")
        return self


class Tariff(Record):
    """One product: speed, addresses, price."""

    name: Name = Field(description="The name of the file.")
    billing: Literal["prepaid", "postpaid"] = Field(
        "prepaid", description="prepaid: paid_until decides. postpaid: ledger and dunning decide."
    )
    prices: tuple[Price, ...] = Field((), description="In ascending order of `from`; an edit never re-prices the past.")
    period: Period | None = Field(None, description="How long a payment lasts.")
    tax: Tax | None = Field(None, description="Tax on the prices.")
    rate: Rate = Field(description="The speed.")
    ipv4: PoolUse | None = Field(None, description="Pool for services that name no address of their own.")
    ipv6: Ipv6 | None = Field(None, description="Pools for the link and for delegated prefixes; no static values.")
    sessions: Count = Field(1, description="Simultaneous sessions; 0 is unlimited.")
    fup: tuple[FairUse, ...] = Field((), description="Fair-use policies.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        days = [price.since for price in self.prices]
        if days != sorted(set(days)):
            raise ValueError("prices must come in ascending order of from, one a day")
        if self.ipv6 and any(part and part.static for part in (self.ipv6.wan, self.ipv6.delegated)):
            raise ValueError("ipv6 of a tariff takes pools, not static values")
        return self
