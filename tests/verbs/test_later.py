"""What takes effect by the clock: holidays, and changes that are written down before their day."""

from __future__ import annotations

import pytest

from tests.verbs.conftest import FILE, SUB, Isp

HOLD = ("hold", SUB, "--from", "2031-01-10", "--until", "2031-02-10", "--direct")
LATER = ("schedule", SUB, "--at", "2031-06-01", "--direct")


def test_a_holiday_is_written_down_made_longer_and_taken_back(isp: Isp) -> None:
    before = isp.text()
    isp.done(*HOLD, "--extend", "--reason", "abroad")
    assert isp.text() == before + (
        "    hold: {from: 2031-01-10, until: 2031-02-10, extends_paid_until: true, reason: abroad}\n"
    )
    assert isp(*HOLD, "--extend").out == "It is so already; nothing changed.\n"
    done = isp.done("hold", SUB, "--until", "2031-02-20", "--direct")
    assert done["events"][0]["text"] == "no service from 2031-01-10 until 2031-02-20"
    assert "until: 2031-02-20, extends_paid_until: true, reason: abroad}" in isp.text()
    assert isp.done("hold", SUB, "--end", "--direct")["events"][0]["text"] == "taken back"
    assert isp.text() == before
    assert isp("hold", SUB, "--end", "--direct").out == "It is so already; nothing changed.\n"


def test_who_comes_back_early_keeps_the_days_that_were_held(isp: Isp) -> None:
    isp.push(FILE, isp.text() + "    hold: {from: 2025-01-01, until: 2099-12-31, extends_paid_until: true}\n")
    done = isp.done("hold", SUB, "--end", "--direct")
    assert done["events"][0]["text"] == "ended before its time (was until 2099-12-31)"
    assert "hold: {from: 2025-01-01, until: 20" in isp.text()
    assert "2099" not in isp.text()


def test_a_second_holiday_does_not_lose_the_days_of_the_first(isp: Isp) -> None:
    isp.push(FILE, isp.text() + "    hold: {from: 2025-11-01, until: 2025-11-10, extends_paid_until: true}\n")
    done = isp.done(*HOLD)
    assert done["notes"] == [
        "sub-000123/main: the hold until 2025-11-10 is over; paid_until has its days now: 2032-01-10"
    ]
    assert "paid_until: 2032-01-10          # inclusive" in isp.text()
    assert isp.text().endswith("    hold: {from: 2031-01-10, until: 2031-02-10}\n")


@pytest.mark.parametrize(
    "words, told",
    [
        (("hold", SUB, "--until", "2020-01-01"), "E687 bad-day"),
        (("hold", SUB, "--from", "2031-02-01", "--until", "2031-01-01"), "E687 bad-day"),
        (("hold", SUB), "--until says when it ends"),
        (("hold", SUB, "--from", "0001-01-01", "--until", "2031-01-01", "--extend"), "the years 1970 to 9998"),
        (("hold", SUB, "--end", "--until", "2031-01-01"), "--end stands alone"),
        (("schedule", SUB, "--at", "2020-01-01", "tariff=home-100"), "E687 bad-day: 2020-01-01 is not after today"),
        (("schedule", SUB, "--at", "2031-01-01"), "E685 no-such-field: nothing is to be set"),
        (("schedule", SUB, "--at", "2031-01-01", "login=x"), "Fields: tariff, nas, ipv4"),
        (("schedule", SUB, "--at", "2031-01-01", "tariff=nothing"), "E112"),
        (("schedule", SUB, "--cancel", "1"), "E688 no-such-change: sub-000123/main has no scheduled change 1"),
        (("schedule", SUB), "take one"),
    ],
)
def test_what_cannot_be_is_refused(isp: Isp, words: tuple[str, ...], told: str) -> None:
    said = isp(*words)
    assert (said.code, told in said.err, len(isp.log())) == (1, True, 1), said.err


def test_another_holiday_waits_until_the_first_is_ended(isp: Isp) -> None:
    isp.done(*HOLD)
    said = isp("hold", SUB, "--from", "2032-01-01", "--until", "2032-02-01")
    assert f"{FILE}:11:11 E684 not-in-that-state: sub-000123/main is on hold from 2031-01-10" in said.err


def test_changes_are_scheduled_one_below_the_other_and_taken_back_by_number(isp: Isp) -> None:
    before = isp.text()
    done = isp.done(*LATER, "tariff=home-100")
    assert done["events"][0]["text"] == "from 2031-06-01: tariff = home-100"
    assert isp.text() == before + "    scheduled: [{at: 2031-06-01, set: {tariff: home-100}}]\n"
    assert isp(*LATER, "tariff=home-100").out == "It is so already; nothing changed.\n"
    isp.done("schedule", SUB, "--at", "2031-07-01", "ipv4=203.0.113.30", "nas=lalitpur-1", "--direct")
    assert isp.text().endswith(
        "{tariff: home-100}}, {at: 2031-07-01, set: {ipv4: {static: 203.0.113.30}, nas: [lalitpur-1]}}]\n"
    )
    isp.done("schedule", SUB, "--cancel", 1, "--direct")
    assert isp.text().endswith(
        "scheduled: [{at: 2031-07-01, set: {ipv4: {static: 203.0.113.30}, nas: [lalitpur-1]}}]\n"
    )
    isp.done("schedule", SUB, "--cancel", 1, "--direct")
    assert isp.text() == before


def test_a_key_is_written_beside_what_is_scheduled_and_found_again(isp: Isp) -> None:
    first = isp.done(*LATER, "tariff=home-100", "--key", "crm-1")
    assert "set: {tariff: home-100}, key: crm-1}]" in isp.text()
    again = isp.done("schedule", SUB, "--at", "2031-09-01", "tariff=home-20", "--key", "crm-1", "--direct")
    assert (again["status"], again["commit"]) == ("already", first["commit"])


def test_a_tariff_whose_day_has_come_is_not_taken_back_without_its_price(isp: Isp) -> None:
    isp.push(FILE, isp.text() + "    scheduled: [{at: 2025-12-01, set: {tariff: home-100}}]\n")
    said = isp("schedule", SUB, "--cancel", 1, "--direct")
    assert (said.code, said.err) == (
        1,
        f"{FILE}:11:17 E684 not-in-that-state: the change of sub-000123/main to home-100 on 2025-12-01 has taken"
        " effect. Back to home-50, with what that costs: ispctl change-tariff sub-000123/main home-50\n",
    )


def test_a_place_whose_day_has_come_is_taken_back(isp: Isp) -> None:
    before = isp.text()
    isp.push(FILE, before + "    scheduled: [{at: 2025-12-01, set: {nas: [lalitpur-1]}}]\n")
    isp.done("schedule", SUB, "--cancel", 1, "--direct")
    assert isp.text() == before
