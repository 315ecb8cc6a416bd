"""What a bookkeeper is given: beancount and hledger themselves read it, and every sum comes out."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from beancount import loader
from beancount.core import data
from hypothesis import given, settings
from hypothesis import strategies as st

from ispctl import money
from ispctl.model.ledger import Ledger
from ispctl.model.policy import Policy
from ispctl.model.reading import read
from ispctl.report.plain_accounts import Books, Format, receivable, transactions
from tests.gates import example
from tests.verbs.conftest import SUB, Isp

POLICY = read(Policy, {"format": "1", "timezone": "Asia/Kathmandu", "currency": "NPR"})
AWKWARD = (
    'a "b" \\ c',
    "; date:2020-13-13",
    "[2020-99-99] (x) | = @@ {1}",
    "a  b:c",
    "=1+1",
    "é ü अ ✓",
    "\\",
    "*",
    "1",
)
TARIFFS = ("home-50", "10", "a.b_c", "no tariff", "")
_TYPES = ("invoice", "payment", "credit", "adjustment", "refund", "note", "reversal")
_ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(_TYPES),
        st.integers(1, 10**6),
        st.integers(0, 60),
        st.sampled_from(AWKWARD) | st.text(max_size=12),
        st.sampled_from(TARIFFS),
    ),
    max_size=12,
)
_LEDGERS = st.lists(_ENTRIES, min_size=1, max_size=3)
_IDS = ("sub-1", "7", "a-b--c-")


def ledger(id: str, drawn: list[tuple[str, int, int, str, str]]) -> Ledger:
    """An account that the rules of the repository would accept."""
    said: list[dict[str, Any]] = []
    open_: list[str] = []
    for number, (kind, cents, days, raw, tariff) in enumerate(drawn):
        text = "".join(sign for sign in raw if sign.isprintable()).strip()
        at = (date(2026, 1, 5) + timedelta(days=days)).isoformat()
        entry: dict[str, Any] = {"key": f"k{number}{text}", "at": at, "type": kind, "reference": text or None}
        if kind == "reversal":
            if not open_:
                continue
            entry["reverses"] = open_.pop(cents % len(open_))
        elif kind != "note":
            open_.append(entry["key"])
            entry["amount"] = f"{Decimal(-cents if kind == 'adjustment' and cents % 2 else cents) / 100:.2f}"
        if kind == "invoice":
            entry["tax"] = f"{Decimal(cents // 9) / 100:.2f}"
            quote = {"tariff": tariff} if tariff else {}
            entry |= {"service": "main", "event": {"verb": "renew", "was": {}, "set": {}, "quote": quote}}
        said.append(entry)
    return read(Ledger, {"subscriber": id, "entries": said})


def books(format: Format, ledgers: Iterable[Ledger], since: date | None = None, until: date | None = None) -> str:
    made = Books(format, POLICY, since, until)
    return "".join([*made.begin(), *(piece for one in ledgers for piece in made.subscriber(one))])


def by_beancount(text: str) -> dict[str, Decimal]:
    """What accounts come to, if bean-check has nothing to say."""
    entries, errors, _ = loader.load_string(text)
    assert [error.message for error in errors] == []
    postings = [posting for one in entries if isinstance(one, data.Transaction) for posting in one.postings]
    return sums((posting.account, Decimal(posting.units.number)) for posting in postings)  # type: ignore[union-attr, arg-type]


def by_hledger(text: str) -> dict[str, Decimal]:
    """The same of hledger, which checks strictly: accounts, currencies, balances."""
    if shutil.which("hledger") is None:
        pytest.skip("hledger is not installed")
    command = ["hledger", "-f", "-", "--strict", "balance", "--flat", "--no-total", "--output-format", "csv"]
    said = subprocess.run(
        command, input=text.encode(), capture_output=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    assert said.returncode == 0, said.stderr.decode()
    rows = list(csv.reader(io.StringIO(said.stdout.decode())))[1:]
    return {account: Decimal(amount.removesuffix(" NPR")) for account, amount in rows}


def by_csv(text: str) -> dict[str, Decimal]:
    return sums((row["account"], Decimal(row["amount"])) for row in csv.DictReader(io.StringIO(text)))


def sums(postings: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """By account, those that come to something."""
    found = defaultdict[str, Decimal](Decimal)
    for account, amount in postings:
        found[account] += amount
    return {account: amount for account, amount in found.items() if amount}


@settings(deadline=None, max_examples=40)
@given(_LEDGERS)
def test_beancount_finds_no_fault_and_the_same_sums_as_the_rest_of_ispctl(drawn: list[Any]) -> None:
    ledgers = [ledger(id, entries) for id, entries in zip(_IDS, drawn, strict=False)]
    found = by_beancount(books("beancount", ledgers))
    assert sum(found.values()) == 0
    for one in ledgers:
        owed = money.balance(one, POLICY, datetime(2027, 1, 1, tzinfo=UTC))
        assert found.get(receivable(one.subscriber), 0) == owed
    assert by_csv(books("csv", ledgers)) == found


@settings(deadline=None, max_examples=15)
@given(_LEDGERS)
def test_hledger_finds_no_fault_and_the_same_sums_as_beancount(drawn: list[Any]) -> None:
    ledgers = [ledger(id, entries) for id, entries in zip(_IDS, drawn, strict=False)]
    assert by_hledger(books("hledger", ledgers)) == by_beancount(books("beancount", ledgers))


@settings(deadline=None, max_examples=40)
@given(_LEDGERS, st.integers(0, 60), st.integers(0, 60))
def test_the_books_of_some_days_open_with_what_stood_before_and_close_with_what_stands_after(
    drawn: list[Any], start: int, length: int
) -> None:
    ledgers = [ledger(id, entries) for id, entries in zip(_IDS, drawn, strict=False)]
    since = date(2026, 1, 5) + timedelta(days=start)
    until = since + timedelta(days=length)
    found, whole = by_beancount(books("beancount", ledgers, since, until)), books("beancount", ledgers, None, until)
    owed = {account: amount for account, amount in by_beancount(whole).items() if "Receivable" in account}
    assert {account: amount for account, amount in found.items() if "Receivable" in account} == owed
    assert by_csv(books("csv", ledgers, since, until)) == found
    before = by_beancount(books("beancount", ledgers, None, since - timedelta(days=1)))
    earned = {account: by_beancount(whole).get(account, 0) - before.get(account, 0) for account in before | found}
    assert {account: amount for account, amount in earned.items() if account.startswith("Income") and amount} == {
        account: amount for account, amount in found.items() if account.startswith("Income") and amount
    }


@given(_ENTRIES)
def test_every_transaction_balances(drawn: list[Any]) -> None:
    assert all(sum(amount for _, amount in one.postings) == 0 for one in transactions(ledger("sub-1", drawn), POLICY))


def test_keys_and_references_come_back_from_beancount_as_they_were() -> None:
    drawn = [("invoice", 100, 0, text, "home-50") for text in AWKWARD]
    entries, _, _ = loader.load_string(books("beancount", [ledger("sub-1", drawn)]))
    told = [(one.narration, one.meta["reference"]) for one in entries if isinstance(one, data.Transaction)]
    assert sorted(told) == sorted((f"k{number}{text}", text) for number, text in enumerate(AWKWARD))


def test_what_is_paid_ahead_is_income_of_its_tariff(isp: Isp) -> None:
    isp.done("renew", SUB, "--payment", "BANK-1", "--direct")
    found = by_beancount(isp("export", "accounts").out)
    assert found["Income:Tariff:Home-50"] < 0
    assert found["Income:Services"] < 0  # nobody knows of which tariff the invoices of a file are


def test_a_period_that_is_over_is_income_of_its_tariff(isp: Isp) -> None:
    before = by_beancount(isp("export", "accounts").out)
    isp.done("invoice", "sub-000207", "--direct")
    found = by_beancount(isp("export", "accounts").out)
    (name,) = (one for one in found.keys() - before.keys() if one.startswith("Income"))
    assert name == "Income:Tariff:Lease-500"
    assert found["Income:Services"] == before["Income:Services"]


def test_the_books_hold_every_account_and_nobodys_name(isp: Isp) -> None:
    for number in ("000077", "000206", "000207"):
        assert receivable(f"sub-{number}") in isp("export", "accounts").out
    found = by_beancount(isp("export", "accounts").out)
    assert found == by_hledger(isp("export", "accounts", "--format", "hledger").out)
    assert found == by_csv(isp("export", "accounts", "--format", "csv").out)


def test_who_is_archived_stays_in_the_books(isp: Isp) -> None:
    before = by_beancount(isp("export", "accounts").out)
    for ending in (".yaml", ".ledger.yaml"):
        old = f"subscribers/kathmandu/07/sub-000207{ending}"
        (isp.clone / "archive/kathmandu/07").mkdir(parents=True, exist_ok=True)
        example.git(isp.clone, "mv", old, old.replace("subscribers/", "archive/"))
    example.commit(isp.clone, "Archive")
    assert receivable("sub-000207") in isp("export", "accounts").out
    assert by_beancount(isp("export", "accounts").out) == before


def test_an_archived_account_that_cannot_be_read_is_told(isp: Isp) -> None:
    path = "archive/kathmandu/07/sub-000300.ledger.yaml"
    isp.push(path, "subscriber: sub-000300\nentries:\n  - {key: x, at: nonsense, type: note}\n")
    example.git(isp.clone, "pull", "-q")
    said = isp("export", "accounts")
    assert (said.code, f"{path}:3:18 E032 wrong-value" in said.err) == (1, True), said.err


def test_the_books_of_a_month_open_with_what_stood_before(isp: Isp) -> None:
    days = ("--from", "2025-11-01", "--to", "2025-11-30")
    text = isp("export", "accounts", *days).out
    assert f'2025-11-01 * "opening" ""\n  {receivable("sub-000206")}  -655.00 NPR\n' in text
    assert "2025-10" not in text
    assert by_beancount(text) == by_hledger(isp("export", "accounts", *days, "--format", "hledger").out)


@pytest.mark.parametrize(
    "words, told",
    [
        (("--from", "2026-02-01", "--to", "2026-01-01"), "the first day is after the last one"),
        (("--from", "yesterday"), "expected a day, like 2026-12-01"),
    ],
)
def test_days_that_are_none_are_told(isp: Isp, words: tuple[str, ...], told: str) -> None:
    said = isp("export", "accounts", *words)
    assert (said.code, told in said.err) == (1, True), said.err
