"""inventory/policy.yaml, `money`: how amounts, periods and accounts are reckoned. Left out, it takes nothing away."""

from decimal import Decimal
from typing import Annotated, Final, Literal, get_args

from ispctl.model.record import Record, check, field
from ispctl.model.rules import Between
from ispctl.model.scalars import Day, Flag, Money, Whole
from ispctl.model.tariff import Speed

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
"""As `date.weekday` counts them."""
_DIGITS: Final = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
"""ISO 4217: the currencies whose minor unit is not a hundredth."""


def minor_digits(currency: str) -> int:
    """Decimal places of a currency (ISO 4217): 2 for NPR and EUR, 0 for JPY, 3 for KWD."""
    return _DIGITS.get(currency, 2)


class Rounding(Record):
    """How an amount becomes one that can be paid."""

    mode: Literal["half-up", "half-even", "up", "down"] = field(
        default="half-up",
        description="half-up: 0.005 is 0.01. half-even: to the even neighbour. up, down: from, to zero.",
    )
    digits: Annotated[Whole, Between(0, 4)] | None = field(
        default=None, description="Decimal places; default: those of the currency (ISO 4217)."
    )


class Renewal(Record):
    """Where a renewed period begins."""

    after_expiry: Literal["now", "expiry"] = field(
        default="now", description="Paid after the end: from today, or from where it ended."
    )
    anchor: Literal["kept", "clamped"] = field(
        default="kept", description="kept: 31 Jan, 28 Feb, 31 Mar. clamped: 31 Jan, 28 Feb, 28 Mar."
    )


class ChangeTariff(Record):
    """What another tariff costs, and from when it holds."""

    fee: Annotated[Money, Between(0)] = field(default=Decimal(0), description="For each change, tax included.")
    downgrade: Literal["waits", "now"] = field(
        default="waits", description="A tariff that costs less a day: from the end of what is paid, or at once."
    )
    remaining: Literal["keep-expiry", "convert"] = field(
        default="keep-expiry",
        description="keep-expiry: the difference is paid. convert: the remaining money buys days of the new tariff.",
    )
    usage: Literal["carried", "reset", "scaled"] = field(
        default="carried", description="What becomes of the usage so far; scaled: the same part of the new allowance."
    )


class GraceRules(Record):
    """How much grace may be given, and what becomes of its days."""

    days: Annotated[Whole, Between(1, 366)] = field(default=7, description="At most so many days at once.")
    per_30_days: Annotated[Whole, Between(1)] = field(default=2, description="At most so often within 30 days.")
    per_365_days: Annotated[Whole, Between(1)] = field(default=6, description="At most so often within 365 days.")
    deducted: Flag = field(
        default=True, description="Whether the days that were used are part of the next period that is paid."
    )


class Billing(Record):
    """How the time of a postpaid service is invoiced, once it is over: `ispctl invoice SUB`."""

    day: Annotated[Whole, Between(1, 28)] | None = field(
        default=None, description="Day on which periods of months begin; default: that on which the service began."
    )
    hold: Literal["free", "charged"] = field(default="free", description="The days of a holiday.")
    suspended: Literal["free", "charged"] = field(
        default="charged", description="The days of a suspension, by a person or because nobody paid."
    )


class Throttled(Record):
    """Service at a low speed for whoever does not pay; nobody becomes faster by it."""

    rate: Speed = field(description="The speed, without a burst.")
    days: Annotated[Whole, Between(1, 3660)] | None = field(
        default=None, description="Days before the wall; default: no wall, until the service is suspended."
    )


class Dunning(Record):
    """What happens to a postpaid account that is not paid. A stage follows the one before; payment ends it."""

    days_to_pay: Annotated[Whole, Between(0, 366)] = field(
        default=14, description="For an invoice that names no `due`: so many days after its own."
    )
    reminders: tuple[Annotated[Whole, Between(1, 366)], ...] = field(
        default=(3, 10), description="Days after the last day to pay on which a reminder is due, in ascending order."
    )
    grace_days: Annotated[Whole, Between(0, 366)] = field(
        default=7, description="After the last reminder: so many days of service are left."
    )
    throttled: Throttled | None = field(
        default=None,
        description="After the days of grace: a low speed before the wall, or instead of it; default: the wall.",
    )
    suspend_after: Annotated[Whole, Between(1, 3660)] = field(
        default=14, description="Days behind the wall, or at the low speed instead, before the service is suspended."
    )
    end_after: Annotated[Whole, Between(1, 3660)] = field(
        default=60, description="Days of suspension before the account is inactive: the service is over."
    )
    archive_after: Annotated[Whole, Between(1, 36600)] = field(
        default=365,
        description="Days without activity, or after the end of all contracts, before an account is archived.",
    )
    minimum: Annotated[Money, Between(0)] = field(
        default=Decimal(0), description="Less than this that is overdue takes nothing away."
    )
    credit_limit: Annotated[Money, Between(0)] | None = field(
        default=None, description="Owing more than this brings the wall, or `throttled`, at once; default: no limit."
    )
    weekend: tuple[Weekday, ...] = field(
        default=("saturday", "sunday"),
        description="Days of the week on which no stage begins that takes something away.",
    )
    holidays: tuple[Day, ...] = field(default=(), description="Other days on which none begins.")

    @check
    def _fits(self) -> None:
        if list(self.reminders) != sorted(set(self.reminders)):
            raise ValueError("reminders come in ascending order, one a day")
        if len(set(self.weekend)) == len(WEEKDAYS):
            raise ValueError("weekend holds every day of the week: nothing would ever begin")


class Accounting(Record):
    """How amounts, periods and accounts are reckoned."""

    rounding: Rounding = field(
        default_factory=Rounding.usual, description="How an amount becomes one that can be paid."
    )
    renewal: Renewal = field(default_factory=Renewal.usual, description="Where a renewed period begins.")
    change_tariff: ChangeTariff = field(default_factory=ChangeTariff.usual, description="What another tariff costs.")
    grace: GraceRules = field(default_factory=GraceRules.usual, description="How much grace may be given.")
    billing: Billing = field(default_factory=Billing.usual, description="How postpaid time is invoiced.")
    dunning: Dunning | None = field(
        default=None, description="What happens to a postpaid account that is not paid; default: nothing."
    )
    closed_until: Day | None = field(
        default=None, description="Last day whose books are closed: what happened until then is not reverted."
    )
