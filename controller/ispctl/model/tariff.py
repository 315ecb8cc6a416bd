"""tariffs/<tariff>.yaml: what is sold."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ispctl.model.record import Record
from ispctl.model.scalars import BitRate, Count, Day, Flag, Money, Name, Octets, Text, Whole
from ispctl.model.subscriber import Ipv6


class Speed(Record):
    """Bits per second, seen by the subscriber."""

    down: BitRate
    up: BitRate


class Burst(Speed):
    """A faster start: `down`/`up` as long as the average of `seconds` stays under the threshold."""

    threshold: Speed
    seconds: Annotated[Whole, Field(ge=1, le=3600)]


class Rate(Speed):
    """The speed of a tariff."""

    burst: Burst | None = None

    @model_validator(mode="after")
    def _burst_is_faster(self) -> Self:
        if self.burst and (self.burst.down < self.down or self.burst.up < self.up):
            raise ValueError("burst is slower than the rate itself")
        return self


class Price(Record):
    """What a period costs from a day on; an edit never re-prices the past."""

    since: Day = Field(alias="from")
    amount: Annotated[Money, Field(ge=0)]


class Period(Record):
    """How long a payment lasts."""

    months: Annotated[Whole, Field(ge=1, le=36)] | None = None
    days: Annotated[Whole, Field(ge=1, le=1100)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.months is None) == (self.days is None):
            raise ValueError("takes either months or days")
        return self


class Tax(Record):
    """Tax on the price, in percent."""

    rate: Annotated[Money, Field(ge=0, le=100)]
    included: Flag = False


class PoolUse(Record):
    """Addresses come from a pool."""

    pool: Name


class Window(Record):
    """Hours in which usage counts less."""

    hours: Text
    percent: Annotated[Whole, Field(ge=0, le=100)] = 100


class Tier(Record):
    """What happens after so many bytes."""

    after: Octets
    rate: Speed | None = None
    block: Flag | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.rate is None) == (self.block is None):
            raise ValueError("takes either rate or block")
        return self


class FairUse(Record):
    """A fair-use policy: usage in a window decides the tier."""

    window: Literal["day", "week", "month", "cycle"]
    counts: Literal["down", "up", "both"] = "both"
    free: tuple[Window, ...] = ()
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]

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
    prices: tuple[Price, ...] = ()
    period: Period | None = None
    tax: Tax | None = None
    rate: Rate
    ipv4: PoolUse | None = Field(None, description="Pool for services that name no address of their own.")
    ipv6: Ipv6 | None = None
    sessions: Count = Field(1, description="Simultaneous sessions; 0 is unlimited.")
    fup: tuple[FairUse, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        days = [price.since for price in self.prices]
        if days != sorted(set(days)):
            raise ValueError("prices must come in ascending order of from, one a day")
        if self.ipv6 and any(part and part.static for part in (self.ipv6.wan, self.ipv6.delegated)):
            raise ValueError("ipv6 of a tariff takes pools, not static values")
        return self
