"""Taking back one event of a subscriber's life, and nothing else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ispctl.verbs.account import invoice
from ispctl.verbs.grace import grace
from ispctl.verbs.renew import renew
from ispctl.verbs.revert import history, revert
from ispctl.verbs.tariff import change_tariff
from tests.verbs.drafts import PATH, Isp, balance, noon, refused


def test_a_renewal_is_taken_back_and_the_balance_is_as_before() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19")
    isp.at(noon("2026-11-01"), invoice, "50").at(noon("2026-11-01"), renew, payment="BANK-1")
    file = isp.files[PATH].decode().replace("2026-12-19", "2026-11-19").encode()
    isp.at(noon("2026-11-02"), revert, "renew-2026-11-01", reason="the neighbour's")
    assert isp.files[PATH] == file
    assert balance(isp, "2026-11-03") == Decimal("50.00")
    assert [entry.type for entry in isp.ledger.entries][-2:] == ["reversal", "reversal"]


def test_what_was_changed_beside_it_stays() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19")
    isp.at(noon("2026-11-01"), renew)
    isp.files[PATH] += b"    ipv4: {pool: other}\n"
    isp.files["inventory/pools.yaml"] = b"other: {family: 4, served_by: nas}\n"
    isp.at(noon("2026-11-02"), revert, "renew-2026-11-01", reason="x")
    assert isp.files[PATH].endswith(b"    paid_until: 2026-11-19\n    ipv4: {pool: other}\n")


def test_what_something_later_reckoned_with_is_not_taken_back_alone() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19")
    isp.at(noon("2026-11-01"), renew).at(noon("2026-11-02"), change_tariff, "gold")
    told = refused(isp, "E725", noon("2026-11-03"), revert, "renew-2026-11-01", reason="x")
    assert "change-tariff-2026-11-02 (change-tariff) came after" in told
    assert "--cascade" in told
    isp.at(noon("2026-11-03"), revert, "renew-2026-11-01", reason="x", cascade=True)
    assert (isp.service.tariff, isp.service.paid_until) == ("silver", date(2026, 11, 19))
    assert balance(isp, "2026-11-04") == 0


def test_nothing_is_taken_back_twice_or_out_of_closed_books() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19")
    isp.at(noon("2026-11-01"), renew).at(noon("2026-11-02"), revert, "renew-2026-11-01", reason="x")
    refused(isp, "E725", noon("2026-11-03"), revert, "renew-2026-11-01", reason="x")
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19", policy="money: {closed_until: 2026-11-30}\n")
    isp.at(noon("2026-11-01"), renew)
    assert "books are closed" in refused(isp, "E725", noon("2026-12-03"), revert, "renew-2026-11-01", reason="x")


def test_what_somebody_edited_since_is_not_overwritten() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19").at(noon("2026-11-01"), renew)
    isp.files[PATH] = isp.files[PATH].replace(b"2026-12-19", b"2027-05-05")
    assert "changed since" in refused(isp, "E725", noon("2026-11-03"), revert, "renew-2026-11-01", reason="x")


def test_the_history_says_what_each_event_changed() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19").at(noon("2026-11-01"), renew)
    isp.at(noon("2026-11-02"), revert, "renew-2026-11-01", reason="x")
    assert history(isp.ledger, "NPR") == [
        {
            "key": "renew-2026-11-01",
            "at": "2026-11-01T12:00:00+05:45",
            "service": "main",
            "verb": "renew",
            "was": {"paid_until": "2026-11-19"},
            "set": {"paid_until": "2026-12-19"},
            "amount": "200.00",
            "reverted": True,
            "text": "paid_until 2026-11-19 → 2026-12-19, invoice 200.00 NPR",
        }
    ]


def test_grace_and_what_is_scheduled_are_taken_back_with_what_they_reckoned_with() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19")
    before = isp.files[PATH]
    isp.at(noon("2026-11-01"), renew).at(noon("2026-11-02"), change_tariff, "bronze")
    isp.at(noon("2026-12-20"), grace, 1, reason="x").at(noon("2026-12-21"), grace, 1, reason="y")
    isp.at(noon("2026-12-21"), revert, "renew-2026-11-01", reason="the neighbour's", cascade=True)
    assert isp.files[PATH] == before
    assert balance(isp, "2026-12-22") == 0


def test_grace_that_somebody_edited_since_is_not_taken_back_with_others() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19").at(noon("2026-11-01"), renew)
    isp.at(noon("2026-12-20"), grace, 1, reason="x").at(noon("2026-12-21"), grace, 1, reason="y")
    isp.files[PATH] = isp.files[PATH].replace(b"until: 2026-12-21", b"until: 2026-12-31")
    told = refused(isp, "E725", noon("2026-12-22"), revert, "renew-2026-11-01", reason="x", cascade=True)
    assert "grace was changed since" in told
