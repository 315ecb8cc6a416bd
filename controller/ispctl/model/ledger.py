"""subscribers/<group>/**/<id>.ledger.yaml: what was invoiced and paid. Append-only; a correction is a new entry."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ispctl.model.record import Record
from ispctl.model.scalars import Moment, Money, Name, SubscriberId, Text


class Period(Record):
    """The days an invoice pays for, both included."""

    since: Moment = Field(alias="from", description="First day.")
    until: Moment = Field(description="Last day.")


class Entry(Record):
    """One line of the account. Amounts are positive; the type decides the direction."""

    key: Text = Field(description="Idempotency key; unique in the file.")
    at: Moment = Field(description="When it happened.")
    type: Literal["invoice", "payment", "credit", "adjustment", "refund", "reversal"] = Field(description="What it is.")
    amount: Money = Field(description="In the currency of the policy; only an adjustment may be negative.")
    service: Name | None = Field(None, description="Key of the service it belongs to.")
    reference: Text | None = Field(None, description="Number of the invoice or of the payment.")
    reverses: Text | None = Field(None, description="Key of the entry that this one undoes.")
    reason: Text | None = Field(None, description="Why.")
    period: Period | None = Field(None, description="What an invoice pays for.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.type == "reversal") != (self.reverses is not None):
            raise ValueError("reverses belongs to a reversal, and a reversal needs it")
        if self.amount < 0 and self.type != "adjustment":
            raise ValueError("amount is negative; only an adjustment may be")
        return self


class Ledger(Record):
    """The account of one subscriber."""

    subscriber: SubscriberId = Field(description="Whose account it is.")
    entries: tuple[Entry, ...] = Field((), description="Oldest first.")

    @model_validator(mode="after")
    def _keys(self) -> Self:
        keys = [entry.key for entry in self.entries]
        if len(set(keys)) < len(keys):
            raise ValueError("two entries carry the same key")
        known = set(keys)
        if any(entry.reverses and entry.reverses not in known for entry in self.entries):
            raise ValueError("a reversal names a key that no entry carries")
        return self
