"""What a ledger comes to, and what follows from the order of its entries."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ispctl.model.days import NEVER
from ispctl.money import Settlement, ageing, balance, settle, statement
from tests.money.accounts import at, day, invoice, ledger, payment, policy, reversal

RULES = policy(dunning={})
LATE = at("2027-01-01T00:00")


def settled(*entries: dict[str, Any], now: Any = LATE) -> Settlement:
    return settle(ledger(*entries), RULES, now)


def left(found: Settlement) -> dict[int, int]:
    return {debt.entry: int(debt.left) for debt in found.open}


def whole(*amounts: Decimal) -> tuple[int, ...]:
    return tuple(map(int, amounts))


def test_a_part_payment_settles_the_oldest_first() -> None:
    owed = invoice("2026-09-01", "100"), invoice("2026-10-01", "100"), invoice("2026-11-01", "100")
    assert left(settled(*owed, payment("2026-11-05", "150"))) == {1: 50, 2: 100}
    assert left(settled(*reversed(owed), payment("2026-11-05", "150"))) == {1: 50, 0: 100}


def test_what_is_paid_too_much_becomes_credit_and_pays_the_next_invoice() -> None:
    over = settled(invoice("2026-10-01", "100"), payment("2026-10-05", "130"))
    assert (left(over), *whole(over.credit, over.balance)) == ({}, 30, -30)
    following = settled(invoice("2026-10-01", "100"), payment("2026-10-05", "130"), invoice("2026-11-01", "100"))
    assert (left(following), *whole(following.credit)) == ({2: 70}, 0)


def test_what_is_paid_back_is_paid_no_more() -> None:
    over = invoice("2026-10-01", "100"), payment("2026-10-05", "130")
    assert settled(*over, {"type": "refund", "at": "2026-10-06", "amount": "30"}).balance == 0
    more = settled(*over, {"type": "refund", "at": "2026-10-06", "amount": "40"})
    assert left(more) == {0: 10}
    alone = settled({"type": "refund", "at": "2026-10-06", "amount": "40"})
    assert (left(alone), *whole(alone.balance)) == ({0: 40}, 40)


def test_credits_and_negative_adjustments_pay_like_payments_and_positive_ones_are_owed() -> None:
    found = settled(
        invoice("2026-10-01", "100"),
        {"type": "credit", "at": "2026-10-02", "amount": "20"},
        {"type": "adjustment", "at": "2026-10-03", "amount": "-30"},
        {"type": "adjustment", "at": "2026-10-04", "amount": "5"},
    )
    assert (left(found), *whole(found.balance)) == ({0: 50, 3: 5}, 55)


def test_a_reversal_undoes_exactly_one_entry() -> None:
    twice = invoice("2026-10-01", "100"), invoice("2026-10-01", "100"), payment("2026-10-05", "100")
    found = settled(*twice, reversal("2026-10-06", "e1", "100"))
    assert (left(found), *whole(found.credit)) == ({}, 0)
    bounced = settled(*twice, reversal("2026-10-06", "e2", "100"))
    assert left(bounced) == {0: 100, 1: 100}
    assert settled(*twice, reversal("2026-10-06", "e0", "100")).balance == 0


def test_a_reversal_counts_from_its_own_day_on() -> None:
    entries = invoice("2026-10-01", "100"), reversal("2026-10-06", "e0", "100")
    assert balance(ledger(*entries), RULES, at("2026-10-05T12:00")) == 100
    assert balance(ledger(*entries), RULES, at("2026-10-06T00:00")) == 0


def test_the_example_of_the_shipped_account() -> None:
    found = settled(
        invoice("2026-10-01", "7345.00"),
        payment("2026-10-09T14:05:00+05:45", "8000.00"),
        invoice("2026-11-01", "7345.00"),
        {"type": "adjustment", "at": "2026-11-03", "amount": "-120.00"},
        {"type": "credit", "at": "2026-11-05", "amount": "250.00"},
        {"type": "refund", "at": "2026-11-06", "amount": "655.00"},
    )
    assert found.balance == Decimal("6975.00")
    assert left(found) == {2: 6975}


def test_the_age_of_a_debt_is_counted_from_its_last_day_to_pay() -> None:
    owed = settled(
        invoice("2026-06-01", "1", due="2026-06-15"),
        invoice("2026-09-01", "2", due="2026-09-15"),
        invoice("2026-10-01", "4", due="2026-10-15"),
        invoice("2026-11-01", "8", due="2026-11-15"),
        invoice("2026-12-01", "16", due="2026-12-15"),
    )
    assert whole(*ageing(owed, day("2026-12-14"))) == (16, 8, 4, 2, 1)
    assert whole(*ageing(owed, day("2026-12-15"))) == (16, 8, 0, 4, 2 + 1)


def test_a_statement_has_what_was_before_what_came_and_what_is_after() -> None:
    account = ledger(
        invoice("2026-10-01", "100"),
        payment("2026-10-20", "60"),
        invoice("2026-11-01", "100"),
        payment("2026-12-01", "9"),
    )
    found = statement(account, day("2026-10-20"), day("2026-11-30"), RULES)
    assert whole(found.opening, found.closing, found.credit) == (100, 140, 0)
    assert [(line.entry, *whole(line.amount, line.balance)) for line in found.lines] == [(1, -60, 40), (2, 100, 140)]
    assert whole(*found.ageing) == (0, 100, 40, 0, 0)


def test_the_days_of_a_statement_are_those_of_the_isp() -> None:
    account = ledger(payment("2026-10-31T19:00:00+00:00", "5"))
    assert statement(account, day("2026-11-01"), day("2026-11-30"), RULES).closing == -5
    assert statement(account, day("2026-11-01"), day("2026-11-30"), RULES).opening == 0


# whatever is entered

AMOUNTS = st.decimals("0.01", "5000", places=2)
DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
TYPES = ("invoice", "payment", "credit", "adjustment", "refund")


@st.composite
def accounts(draw: st.DrawFn) -> list[dict[str, Any]]:
    entries = [
        {"key": f"e{n}", "type": draw(st.sampled_from(TYPES)), "at": str(draw(DAYS)), "amount": str(draw(AMOUNTS))}
        for n in range(draw(st.integers(0, 12)))
    ]
    for entry in entries:
        if entry["type"] == "adjustment" and draw(st.booleans()):
            entry["amount"] = f"-{entry['amount']}"
    for entry in [entry for entry in entries if draw(st.integers(0, 3)) == 0]:
        later = date.fromisoformat(entry["at"]) + timedelta(days=draw(st.integers(0, 90)))
        entries.append(reversal(str(later), entry["key"], entry["amount"], key=f"r{entry['key']}"))
    return entries


def money_in(entries: list[dict[str, Any]]) -> Decimal:
    """What was paid or credited, and not paid back or reversed."""
    undone = {entry.get("reverses") for entry in entries}
    total = Decimal(0)
    for entry in entries:
        amount = Decimal(entry["amount"])
        if entry["type"] != "reversal" and entry["key"] not in undone:
            gives = entry["type"] in ("payment", "credit") or (entry["type"] == "adjustment" and amount < 0)
            total += abs(amount) if gives else -amount if entry["type"] == "refund" else 0
    return total


@given(accounts())
def test_money_is_never_made(entries: list[dict[str, Any]]) -> None:
    """What was settled and what is credit is what was paid."""
    found = settle(ledger(*entries), RULES, NEVER)
    refunds = {n for n, entry in enumerate(entries) if entry["type"] == "refund"}
    settled_ = sum(debt.paid for debt in found.debts)
    owed_back = sum(debt.left for debt in found.debts if debt.entry in refunds)
    assert settled_ + found.credit - owed_back == money_in(entries)
    assert all(0 <= debt.paid <= debt.amount for debt in found.debts)
    assert not (found.credit and found.open)


@given(accounts(), DAYS)
def test_the_balance_is_what_is_left_of_debts_without_the_credit(entries: list[dict[str, Any]], until: date) -> None:
    now = at(f"{until}T23:59")
    account = ledger(*entries)
    assert settle(account, RULES, now).balance == balance(account, RULES, now)


@given(accounts(), DAYS, DAYS)
def test_opening_and_lines_are_the_closing(entries: list[dict[str, Any]], one: date, other: date) -> None:
    since, until = sorted((one, other))
    found = statement(ledger(*entries), since, until, RULES)
    assert found.opening + sum(line.amount for line in found.lines) == found.closing
    assert sum(found.ageing) - found.credit == found.closing
    assert found == statement(ledger(*entries), since, until, RULES)
    assert found.opening == statement(ledger(*entries), date(2026, 1, 1), since - timedelta(days=1), RULES).closing


@given(accounts(), st.randoms(use_true_random=False))
def test_the_order_in_which_a_day_was_written_does_not_matter(entries: list[dict[str, Any]], random: Any) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)
    one, other = (settle(ledger(*order), RULES, NEVER) for order in (entries, shuffled))
    assert (one.balance, one.credit) == (other.balance, other.credit)
    assert sum(debt.left for debt in one.open) == sum(debt.left for debt in other.open)


@given(accounts(), DAYS)
def test_oldest_debts_are_paid_before_younger_ones(entries: list[dict[str, Any]], until: date) -> None:
    found = settle(ledger(*entries), RULES, at(f"{until}T23:59"))
    seen_open = False
    for debt in found.debts:
        assert not (seen_open and debt.paid)
        seen_open = seen_open or bool(debt.left)
