"""What a verb says of money and of days is what whoever asked for it has to tell the customer."""

from __future__ import annotations

from tests.verbs.conftest import FILE, SUB, Isp

UNTIL = "paid_until: 2031-12-31"


def notes(isp: Isp, *words: object) -> list[str]:
    found: list[str] = isp.done(*words, "--direct")["notes"]
    return found


def test_who_pays_less_or_more_than_the_invoice_is_told_what_is_open(isp: Isp) -> None:
    paid = ("--payment", "CASH-1", "--amount")
    assert f"{SUB}/main: 1000.00 of 1356.00 NPR are paid" in notes(isp, "renew", SUB, *paid, "1000")
    assert not [one for one in notes(isp, "renew", SUB, "--payment", "CASH-2") if "are paid" in one]
    more = notes(isp, "renew", SUB, "--payment", "CASH-3", "--amount", 1400)
    assert f"{SUB}/main: 1400.00 of 1356.00 NPR are paid" in more


def test_whom_a_holiday_gives_days_is_told_of_them_beside_the_paid_day(isp: Isp) -> None:
    hold = "hold: {from: 2031-12-02, until: 2031-12-11, extends_paid_until: true}"
    isp.push(FILE, isp.text().replace(UNTIL, f"{UNTIL}\n    {hold}"))
    (event,) = isp.done("renew", SUB, "--direct")["events"]
    assert event["text"].startswith("paid until 2032-01-31 and 10 days of hold longer, ")


def test_whose_contract_ends_is_told_how_that_is_taken_back(isp: Isp) -> None:
    assert isp("terminate", SUB, "--reason", "moves", "--direct").code == 0
    said = isp("renew", SUB, "--direct")
    assert said.code == 1
    assert f"ispctl terminate {SUB}/main --cancel" in said.err
    assert isp("terminate", f"{SUB}/main", "--cancel", "--direct").code == 0
    assert isp("renew", SUB, "--direct").code == 0
