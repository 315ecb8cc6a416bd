"""What verbs enter is what `ispstat account` says."""

from __future__ import annotations

import pytest

from tests.gates import example
from tests.verbs.conftest import SUB, Isp


def test_the_balance_comes_first_and_the_newest_entry_next(isp: Isp) -> None:
    isp.done("invoice", SUB, "300", "--reference", "INV-1", "--due", "2030-01-10", "--direct")
    isp.done("pay", SUB, "120.50", "--reference", "BANK-1", "--direct")
    lines = isp.cli.stat("account", SUB).out.splitlines()
    assert lines[:3] == [
        f"{SUB}  owes 179.50 NPR",
        "account   due: INV-1 is to be paid until 2030-01-10",
        "ageing    179.50 not due yet",
    ]
    assert lines[3].startswith("oldest    INV-1, 179.50 of 300.00, due 2030-01-10")
    assert lines[4] == "", "the service is prepaid: nothing follows from what is owed"
    assert [line.split()[2:6] for line in lines[-2:]] == [
        ["payment", "-120.50", "179.50", "BANK-1"],
        ["invoice", "+300.00", "300.00", "INV-1"],
    ]


def test_its_json_has_decimal_texts_and_the_line_of_each_entry(isp: Isp) -> None:
    isp.done("renew", SUB, "--key", "gw-1", "--direct")
    (one,) = isp.cli.stat("account", SUB, "--format", "json").json["items"]
    assert (one["balance"], one["credit"], one["overdue"], one["currency"]) == ("1356.00", "0.00", "0.00", "NPR")
    (entry,) = one["entries"]
    assert (entry["key"], entry["verb"], entry["amount"], entry["line"]) == ("gw-1", "renew", "1356.00", 3)
    assert entry["file"].endswith("sub-000123.ledger.yaml")


def test_what_follows_is_said_where_a_service_is_postpaid(isp: Isp) -> None:
    isp.done("invoice", "sub-000077", "300", "--due", "2030-01-10", "--direct")
    (one,) = isp.cli.stat("account", "sub-000077", "--format", "json").json["items"]
    assert [stage["state"] for stage in one["coming"]][-3:] == ["suspended", "inactive", "archived"]


def test_a_note_that_was_reverted_carries_no_money(isp: Isp) -> None:
    isp.done("grace", SUB, "--days", "2", "--reason", "x", "--key", "g", "--direct")
    isp.done("revert", SUB, "g", "--reason", "oops", "--direct")
    (one,) = isp.cli.stat("account", SUB, "--format", "json").json["items"]
    assert [(entry["type"], entry["amount"]) for entry in one["entries"]] == [("reversal", None), ("note", None)]


def test_what_is_over_is_credit(isp: Isp) -> None:
    isp.done("pay", SUB, "100", "--direct")
    assert isp.cli.stat("account", SUB).out.startswith(f"{SUB}  has 100.00 NPR over\n")


@pytest.mark.parametrize("last, shown", [("0", 0), ("1", 1), ("9", 2)])
def test_so_many_entries_are_shown_as_are_asked_for(isp: Isp, last: str, shown: int) -> None:
    isp.done("pay", SUB, "1", "--direct")
    isp.done("pay", SUB, "2", "--direct")
    said = isp.cli.stat("account", SUB, "--last", last)
    assert said.out.count("payment") == shown
    assert (f"{2 - shown} older entries: --last 2" in said.out) == (shown < 2)


def test_an_account_that_was_never_used_is_empty(isp: Isp) -> None:
    assert "owes nothing; nothing was ever entered" in isp.cli.stat("account", SUB).out


@pytest.mark.parametrize("words", [("account", SUB), ("revert", SUB)])
def test_an_account_that_cannot_be_read_is_not_an_empty_one(isp: Isp, words: tuple[str, ...]) -> None:
    path = "subscribers/lalitpur/3f/sub-000123.ledger.yaml"
    isp.push(path, f"subscriber: {SUB}\nentries:\n  - {{key: k, at: soon, type: payment, amount: 1}}\n")
    example.git(isp.clone, "pull", "-q")
    said = isp.cli.stat(*words) if words[0] == "account" else isp(*words)
    assert (said.code, f"{path}:3:" in said.err and "E032" in said.err, said.out) == (1, True, "")


@pytest.mark.shows("name")
def test_whoever_is_archived_is_still_asked_about_by_the_id(isp: Isp) -> None:
    """sub-000204 is terminated for over a year; what is owed is said before it is out of reach of verbs."""
    isp.done("invoice", "sub-000204", "600", "--reference", "INV-9", "--direct")
    gone = isp.done("archive", "sub-000204", "--direct")
    assert "sub-000204 owes 600.00 NPR: no verb changes an archived account, so settle it first." in gone["notes"]
    (one,) = isp.cli.stat("account", "sub-000204", "--format", "json").json["items"]
    assert (one["state"], one["balance"], one["coming"]) == ("archived", "600.00", [])
    assert one["file"].startswith("archive/")
    stated = isp("statement", "sub-000204", "--format", "json").json
    assert stated["closing"] == "600.00"
    assert "E321" in isp.cli.stat("account", "sub-000299").err
