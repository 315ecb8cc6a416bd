"""subscribers/<group>/**/<id>.ledger.yaml: what was invoiced and paid. Append-only; a correction is a new entry.

What one entry says of another (a reversal, a key given twice) is judged by the rules of `repo`, which know the lines.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal

from ispctl.model.record import Record, check, field
from ispctl.model.rules import Between
from ispctl.model.scalars import Currency, Day, Moment, Money, Name, SubscriberId, Text

Type = Literal["invoice", "payment", "credit", "adjustment", "refund", "reversal", "note"]
LEDGER: Final = ".ledger.yaml"
"""How the name of an account ends."""
ADDED: Final = "add"
"""The verb of an event that begins an account and changes no field."""
_UNSIGNED: Final = {"invoice", "payment", "credit", "refund"}
"""What says its direction by its type, and would be two things with a sign. An invoice may be over nothing."""


class Period(Record):
    """The days an invoice pays for, both included."""

    since: Moment = field(key="from", description="First day.")
    until: Moment = field(description="Last day.")


class Event(Record):
    """What happened to the service with this entry. From it, and from nothing else, the event is undone."""

    verb: Name = field(description="What was done: renew, grace, change-tariff, …")
    was: dict[Name, Text | None] = field(
        default_factory=dict,
        description="The fields of the service that it changed, as they stood in the file; null: there was none.",
    )
    set: dict[Name, Text | None] = field(
        default_factory=dict, description="The same fields as they stand since; null: taken away."
    )
    quote: dict[Name, Text] = field(
        default_factory=dict, description="How its amount was reckoned, part by part, for whoever asks later."
    )

    @check
    def _fits(self) -> None:
        if self.was.keys() != self.set.keys():
            raise ValueError("was and set name the same fields: those that the event changed")


class Entry(Record):
    """One line of the account. Amounts are positive; the type decides the direction."""

    key: Text = field(description="Idempotency key; unique in the file.")
    at: Moment = field(description="When it happened.")
    type: Type = field(description="What it is. A note carries no money: something happened to the service only.")
    amount: Money | None = field(
        default=None, description="In the currency of the policy, tax included; only an adjustment may be negative."
    )
    tax: Annotated[Money, Between(0)] | None = field(default=None, description="The tax that the amount holds.")
    currency: Currency | None = field(default=None, description="ISO 4217; may be said, and is the policy's then.")
    service: Name | None = field(default=None, description="Key of the service it belongs to.")
    reference: Text | None = field(default=None, description="Number of the invoice or of the payment.")
    reverses: Text | None = field(default=None, description="Key of the earlier entry that this one undoes.")
    part_of: Text | None = field(default=None, description="Key of the entry whose event this one belongs to.")
    reason: Text | None = field(default=None, description="Why.")
    period: Period | None = field(default=None, description="What an invoice pays for.")
    due: Day | None = field(
        default=None, description="Last day to pay an invoice; default: by `money.dunning` of the policy."
    )
    event: Event | None = field(default=None, description="What happened to the service.")

    @check
    def _fits(self) -> None:
        if (self.type == "reversal") != (self.reverses is not None):
            raise ValueError("reverses belongs to a reversal, and a reversal needs it")
        if self.event is not None and self.service is None:
            raise ValueError("an entry with an event names the service")
        if self.due is not None and self.type != "invoice":
            raise ValueError("due belongs to an invoice")

    @check
    def _amounts(self) -> None:
        if self.type == "note":
            if self.amount is not None:
                raise ValueError("a note carries no amount")
        elif self.amount is None and self.type != "reversal":
            raise ValueError("amount is missing")
        amount = self.amount or Decimal(0)
        if amount < 0 and self.type in _UNSIGNED:
            raise ValueError("amount is negative; only an adjustment may be")
        if amount == 0 and self.type in _UNSIGNED - {"invoice"}:
            raise ValueError("amount is zero")
        if self.tax is not None and self.tax > abs(amount):
            raise ValueError("tax is more than the amount that holds it")

    @property
    def changes_nothing(self) -> bool:
        """Whether it only notes what was done elsewhere: there is nothing in it that could be undone."""
        return self.type == "note" and not (self.event and self.event.set)


class Ledger(Record):
    """The account of one subscriber."""

    subscriber: SubscriberId = field(description="Whose account it is.")
    entries: tuple[Entry, ...] = field(default=(), description="In the order in which they were written.")

    def added(self) -> Iterator[tuple[str, int]]:
        """The keys under which whoever has this account was added, and the numbers of the entries that say so."""
        notes = ((n, entry) for n, entry in enumerate(self.entries) if entry.event is not None)
        return ((entry.key, n) for n, entry in notes if entry.event is not None and entry.event.verb == ADDED)

    def reversals(self) -> Mapping[str, int]:
        """Which entries are undone: their keys, and the number of the entry that undoes each."""
        return {entry.reverses: number for number, entry in enumerate(self.entries) if entry.reverses is not None}


def companion(path: str) -> str:
    """The file of the account to that of a subscriber, and the other way round."""
    return path.removesuffix(LEDGER) + ".yaml" if path.endswith(LEDGER) else path.removesuffix(".yaml") + LEDGER
