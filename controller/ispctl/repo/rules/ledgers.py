"""Accounts: what one entry says of another, and amounts that can be paid in the currency of the policy."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl import money
from ispctl.model.days import moment
from ispctl.model.document import Document
from ispctl.model.ledger import Entry, Ledger
from ispctl.model.problem import Problem
from ispctl.repo.rules.scene import Scene, spot

_CORRECT = "A mistake that was committed is undone by a reversal"


def rules(scene: Scene) -> Iterator[Problem]:
    for ledger in scene.snapshot.ledgers():
        yield from _keys(ledger)
        yield from _reversals(scene, ledger)
        yield from _invoices(ledger)
        if scene.snapshot.file("policy") is not None:
            yield from _amounts(scene, ledger)


def _keys(ledger: Document[Ledger]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for number, entry in enumerate(ledger.value.entries):
        if first.setdefault(entry.key, number) != number:
            earlier = ledger.where("entries", first[entry.key], "key")
            text = f"the key {entry.key} stands twice in this account (first at {spot(earlier)})"
            advice = "If it is the same event, remove the later line; otherwise give it a key of its own"
            yield Problem("E742", text, ledger.where("entries", number, "key"), advice)
        if entry.part_of is not None and entry.part_of not in first:
            yield _unknown(ledger, number, "part_of", entry.part_of)


def _reversals(scene: Scene, ledger: Document[Ledger]) -> Iterator[Problem]:
    earlier: dict[str, Entry] = {}
    undone: dict[str, int] = {}
    for number, entry in enumerate(ledger.value.entries):
        if entry.reverses is not None:
            of = earlier.get(entry.reverses)
            if of is None:
                yield _unknown(ledger, number, "reverses", entry.reverses)
            elif text := _wrong(scene, entry, of, undone):
                yield Problem("E744", text, ledger.where("entries", number, "reverses"), _CORRECT)
            undone.setdefault(entry.reverses, number)
        earlier.setdefault(entry.key, entry)


def _wrong(scene: Scene, entry: Entry, of: Entry, undone: dict[str, int]) -> str:
    """What is wrong with a reversal of an entry; empty for nothing."""
    if of.key in undone:
        return f"{of.key} is reversed already"
    if of.reverses is not None:
        return f"{of.key} is a reversal itself: enter anew what it took back"
    if entry.amount != of.amount:
        return f"{of.key} is over {of.amount or 'no amount'}, and its reversal over {entry.amount or 'no amount'}"
    if moment(entry.at, scene.zone) < moment(of.at, scene.zone):
        return f"it is dated before {of.key}, which it undoes"
    return ""


def _unknown(ledger: Document[Ledger], number: int, name: str, key: str) -> Problem:
    text = f"no earlier entry of this account has the key {key}"
    return Problem("E743", text, ledger.where("entries", number, name), "Take the key of the entry that is meant")


def _invoices(ledger: Document[Ledger]) -> Iterator[Problem]:
    """A number is given to one invoice; one that was reversed may be written again."""
    undone, first = ledger.value.reversals(), dict[str, int]()
    for number, entry in enumerate(ledger.value.entries):
        if entry.type != "invoice" or entry.reference is None or entry.key in undone:
            continue
        if first.setdefault(entry.reference, number) != number:
            earlier = ledger.where("entries", first[entry.reference], "reference")
            text = f"{entry.reference} is the number of another invoice already (at {spot(earlier)})"
            where = ledger.where("entries", number, "reference")
            yield Problem("E747", text, where, "Give each invoice a number of its own")


def _amounts(scene: Scene, ledger: Document[Ledger]) -> Iterator[Problem]:
    policy = scene.snapshot.policy.value
    unit = money.minor_unit(policy)
    for number, entry in enumerate(ledger.value.entries):
        if entry.currency not in (None, policy.currency):
            text = f"the currency is {entry.currency}, and that of the policy is {policy.currency}"
            where = ledger.where("entries", number, "currency")
            yield Problem("E745", text, where, "Enter it in the currency of the policy")
        for name in ("amount", "tax"):
            value = getattr(entry, name)
            if value is not None and value % unit:
                text = f"{value} {policy.currency} cannot be paid: the smallest amount is {unit}"
                yield Problem("E745", text, ledger.where("entries", number, name), "Round it as the policy says")
