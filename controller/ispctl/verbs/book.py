"""The account of a subscriber in a draft: what it says, and one more line at its end."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from ispctl import money
from ispctl.model.document import Document
from ispctl.model.ledger import Entry, Ledger, companion
from ispctl.model.problem import Problem, Refusal
from ispctl.model.record import fields_of
from ispctl.model.subscriber import Subscriber
from ispctl.repo import edit
from ispctl.repo.edit import Value
from ispctl.verbs.draft import Already, Draft, decoded

_AMOUNT: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,4})?")


def names(entry: Entry, payment: str) -> bool:
    """Whether this is the reference of an entry. Of blanks it has, one is as good as another."""
    return bool(payment) and payment.split() == (entry.reference or "").split()


class Book:
    """Made anew for each verb: it knows what earlier ones of the same draft wrote."""

    def __init__(self, draft: Draft, document: Document[Subscriber]) -> None:
        self.draft, self.subscriber = draft, document
        self.path = companion(document.path)
        data = draft.files.get(self.path)
        self.document: Document[Ledger] | None = decoded(self.path, data) if data else draft.head.ledger_at(self.path)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.document.value.entries if self.document else ()

    @property
    def ledger(self) -> Ledger:
        """An empty one where there is none yet."""
        return self.document.value if self.document else Ledger(subscriber=self.subscriber.value.id)

    def unless_done(self, payment: str = "") -> None:
        """Raises Already where an entry has the idempotency key that was asked with, or where this payment (by its
        reference) is booked and was not taken back."""
        undone = self.ledger.reversals()
        for number, entry in enumerate(self.entries):
            of_payment = entry.type == "payment" or (entry.type == "note" and entry.part_of is not None)
            booked = of_payment and names(entry, payment) and entry.key not in undone
            if (entry.key == self.draft.asked.key != "") or booked:
                assert self.document is not None
                raise Already(self.document.where("entries", number))

    def key(self, kind: str, own: str = "") -> str:
        """A key for a new entry: its `own`, else that which was asked with, else one that a person can read. Of several
        entries of one event the first has the key itself."""
        taken = {entry.key for entry in self.entries}
        wanted = own or self.draft.asked.key or f"{kind}-{self.draft.now.date()}"
        if wanted not in taken:
            return wanted
        stem = f"{wanted}-{kind}" if self.draft.asked.key and not own else wanted
        number = 2
        while (found := f"{stem}-{number}") in taken:
            number += 1
        return stem if stem not in taken else found

    def enter(self, kind: str, type: str, own: str = "", **values: Value | None) -> str:
        """Add an entry, which happens now; its key. `kind` stands in a key that is made up; `own`: a key by
        which whoever enters the same meets this one, whatever was asked with. Raises Refusal."""
        key = self.key(kind, own)
        entry: dict[str, Value] = {"key": key, "at": self.draft.now.isoformat(timespec="seconds"), "type": type}
        entry |= {name: value for name, value in values.items() if value is not None and value != ""}
        for name, said in (("reason", self.draft.asked.reason), ("ticket", self.draft.asked.ticket)):
            if said and name in fields_of(Entry):
                entry.setdefault(name, said)
        if self.document is None:
            first = f"subscriber: {edit.scalar(self.subscriber.value.id)}\nentries:\n  - {edit.flow(entry)}\n"
            self.draft.write(self.path, first.encode())
        else:
            self.draft.write(self.path, edit.append(self.draft.data(self.path), self.path, "entries", entry))
        self.document = decoded(self.path, self.draft.data(self.path))
        return key

    @property
    def balance(self) -> Decimal:
        """What the subscriber owes now; negative: what he is owed."""
        return money.balance(self.ledger, self.draft.head.policy.value, self.draft.asked.now)

    def amount(self, text: str, *, signed: bool = False) -> Decimal:
        """An amount as somebody types it: "1200" or "1200.50". Raises Refusal E720."""
        policy = self.draft.head.policy.value
        unit = money.minor_unit(policy)
        if _AMOUNT.fullmatch(text):
            found = Decimal(text)
            if found == found.quantize(unit) and (found > 0 or (signed and found < 0)):
                return found.quantize(unit)
        advice = f"Write it like {Decimal(1200).quantize(unit)}, more than nothing"
        raise Refusal(Problem("E720", f"that is not an amount of {policy.currency}", advice=advice))
