"""What a postpaid service is invoiced: every day once, whenever somebody thinks of it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ispctl.model.problem import Refusal
from ispctl.verbs.billing import bill, bill_or_say
from ispctl.verbs.coming import stay, terminate
from ispctl.verbs.draft import Already
from ispctl.verbs.later import end_hold, hold
from ispctl.verbs.revert import revert
from ispctl.verbs.state import resume, suspend
from ispctl.verbs.tariff import change_tariff
from tests.verbs.drafts import PATH, Isp

DAY = timedelta(days=1)
PRICES = {"silver": "310", "bronze": "155", "gold": "620"}


def noon(day: str | date) -> str:
    return f"{day}T12:00:00+05:45"


def postpaid(fields: str = "activated: 2027-01-01", **more: Any) -> Isp:
    isp = Isp(fields, tariffs=PRICES, **more)
    for name in PRICES:
        isp.files[f"tariffs/{name}.yaml"] += b"billing: postpaid\n"
    return isp


def invoices(isp: Isp) -> list[tuple[str, str, str]]:
    """First day, last day, amount of what is not reversed."""
    undone = isp.ledger.reversals()
    return [
        (str(one.period.since), str(one.period.until), str(one.amount))
        for one in isp.ledger.entries
        if one.period and one.key not in undone
    ]


def refused(isp: Isp, code: str, day: str, *words: Any, **options: Any) -> str:
    with pytest.raises(Refusal) as caught:
        isp.at(noon(day), bill, *words, **options)
    assert {problem.code for problem in caught.value.problems} == {code}
    return str(caught.value)


def test_a_period_is_invoiced_when_it_is_over_and_once() -> None:
    isp = postpaid().at(noon("2027-01-31"), bill)
    assert (invoices(isp), isp.said) == ([], [])
    isp.at(noon("2027-02-01"), bill)
    assert isp.said == ["2027-01-01 to 2027-01-31, 310.00 NPR owed"]
    assert invoices(isp.at(noon("2027-02-20"), bill)) == [("2027-01-01", "2027-01-31", "310.00")]
    (entry,) = isp.ledger.entries
    assert (entry.key, entry.due, entry.service) == ("invoice-main-2027-01-01", None, "main")
    assert isp.problems(noon("2027-02-20")) == []


def test_what_was_forgotten_is_invoiced_month_by_month() -> None:
    isp = postpaid().at(noon("2027-02-01"), bill).at(noon("2027-06-05"), bill, due=date(2027, 6, 30))
    assert isp.said == ["4 periods, 2027-02-01 to 2027-05-31, 1240.00 NPR owed"]
    assert [since for since, _, _ in invoices(isp)] == [f"2027-0{n}-01" for n in range(1, 6)]
    assert {entry.due for entry in isp.ledger.entries[1:]} == {date(2027, 6, 30)}


@pytest.mark.parametrize(
    "activated, ends",
    [
        ("2027-01-01", ["2027-01-31", "2027-02-28", "2027-03-31"]),
        ("2027-01-15", ["2027-02-14", "2027-03-14", "2027-04-14"]),
        ("2027-01-31", ["2027-02-28", "2027-03-30", "2027-04-30"]),
        ("2028-01-30", ["2028-02-29", "2028-03-29", "2028-04-29"]),
    ],
)
def test_periods_keep_the_day_on_which_the_service_began(activated: str, ends: list[str]) -> None:
    isp = postpaid(f"activated: {activated}").at(noon(date.fromisoformat(activated) + 110 * DAY), bill)
    assert [until for _, until, _ in invoices(isp)] == ends
    assert {amount for _, _, amount in invoices(isp)} == {"310.00"}


def test_a_billing_day_of_the_policy_makes_the_first_period_a_part_of_one() -> None:
    isp = postpaid("activated: 2027-01-12", policy="money: {billing: {day: 1}}\n").at(noon("2027-03-01"), bill)
    assert invoices(isp) == [("2027-01-12", "2027-01-31", "200.00"), ("2027-02-01", "2027-02-28", "310.00")]
    assert isp.notes == ["sub-1/main: silver from 2027-01-12, 20 of 31 days: 200.00"]


def test_the_price_of_the_first_day_holds_and_tax_is_said() -> None:
    isp = postpaid()
    prices = b'prices: [{from: 2020-01-01, amount: "310"}, {from: 2027-02-01, amount: "400"}]\ntax: {rate: "13"}\n'
    lines = isp.files["tariffs/silver.yaml"].splitlines(keepends=True)
    isp.files["tariffs/silver.yaml"] = b"".join(prices if b"prices" in line else line for line in lines)
    isp.at(noon("2027-03-01"), bill)
    assert [(str(one.amount), str(one.tax)) for one in isp.ledger.entries] == [("350.30", "40.30"), ("452.00", "52.00")]


def test_a_contract_that_ends_is_invoiced_until_its_last_day_and_no_further() -> None:
    isp = postpaid().at(noon("2027-02-01"), bill).at(noon("2027-02-10"), terminate, date(2027, 2, 15), reason="moves")
    isp.at(noon("2027-02-15"), bill).at(noon("2027-06-15"), bill)
    assert invoices(isp)[1:] == [("2027-02-01", "2027-02-14", "155.00")]
    isp.at(noon("2027-06-16"), stay)
    assert invoices(isp.at(noon("2027-06-16"), bill))[2][0] == "2027-02-15"


def test_a_change_of_tariff_is_priced_by_the_days_of_each() -> None:
    isp = postpaid().at(noon("2027-01-11"), change_tariff, "gold")
    isp.at(noon("2027-01-12"), change_tariff, "bronze", when=date(2027, 1, 22)).at(noon("2027-02-03"), bill)
    assert invoices(isp) == [("2027-01-01", "2027-01-31", "370.00")], "10 × 10 + 11 × 20 + 10 × 5"
    assert isp.ledger.entries[-1].event is not None
    assert dict(isp.ledger.entries[-1].event.quote) == {
        "tariff": "silver → gold → bronze",
        "part-1": "silver from 2027-01-01, 10 of 31 days: 100.00",
        "part-2": "gold from 2027-01-11, 11 of 31 days: 220.00",
        "part-3": "bronze from 2027-01-22, 10 of 31 days: 50.00",
    }
    isp.at(noon("2027-02-11"), change_tariff, "silver").at(noon("2027-03-01"), bill)
    assert invoices(isp)[1][2] == "254.65", "10 days of bronze and 18 of silver, of 28"


def test_a_change_that_was_reverted_never_was() -> None:
    isp = (
        postpaid()
        .at(noon("2027-01-11"), change_tariff, "gold", key="up")
        .at(noon("2027-01-12"), revert, "up", reason="x")
    )
    assert invoices(isp.at(noon("2027-02-01"), bill)) == [("2027-01-01", "2027-01-31", "310.00")]


@pytest.mark.parametrize("rule, amounts", [("free", ["160.00", "260.00"]), ("charged", ["310.00", "310.00"])])
def test_a_holiday_costs_what_the_policy_says(rule: str, amounts: list[str]) -> None:
    isp = postpaid(policy=f"money: {{billing: {{hold: {rule}}}}}\n")
    isp.at(noon("2027-01-10"), hold, date(2027, 1, 17), date(2027, 3, 31)).at(noon("2027-02-01"), bill)
    isp.at(noon("2027-02-05"), end_hold)
    isp.at(noon("2027-03-01"), bill)
    amounts = amounts if rule == "charged" else ["160.00", "265.71"]
    assert [amount for _, _, amount in invoices(isp)] == amounts


@pytest.mark.parametrize("rule, amount", [("free", "210.00"), ("charged", "310.00")])
def test_a_suspension_costs_what_the_policy_says(rule: str, amount: str) -> None:
    isp = postpaid(policy=f"money: {{billing: {{suspended: {rule}}}}}\n")
    isp.at(noon("2027-01-11"), suspend, reason="abuse").at(noon("2027-01-21"), resume)
    assert invoices(isp.at(noon("2027-02-01"), bill))[0][2] == amount


def test_a_month_that_is_all_holiday_is_an_invoice_over_nothing() -> None:
    isp = postpaid().at(noon("2027-01-20"), hold, date(2027, 2, 1), date(2027, 2, 28)).at(noon("2027-03-01"), bill)
    assert invoices(isp)[1] == ("2027-02-01", "2027-02-28", "0.00")
    assert isp.problems(noon("2027-03-01")) == []


def test_nobody_is_invoiced_whose_service_is_over_because_nobody_paid() -> None:
    rules = "{days_to_pay: 1, reminders: [1], grace_days: 0, suspend_after: 1, end_after: 10, weekend: [saturday]}"
    isp = postpaid(policy=f"money: {{dunning: {rules}}}\n").at(noon("2027-02-01"), bill).at(noon("2027-06-01"), bill)
    (_, (since, until, amount)) = invoices(isp)
    assert (since, until, amount < "310.00") == ("2027-02-01", "2027-02-28", True), "one for the days until it was over"


def test_an_invoice_that_was_reverted_is_written_anew() -> None:
    isp = postpaid().at(noon("2027-04-01"), bill).at(noon("2027-04-02"), revert, "invoice-main-2027-02-01", reason="x")
    isp.at(noon("2027-04-03"), bill)
    assert isp.said == ["2027-02-01 to 2027-02-28, 310.00 NPR owed"]
    assert isp.ledger.entries[-1].key == "invoice-main-2027-02-01-2"
    assert isp.at(noon("2027-04-03"), bill).said == []
    assert isp.problems(noon("2027-04-03")) == []


def test_who_invoices_a_period_in_another_place_enters_it_under_the_same_key() -> None:
    one, other = (postpaid().at(noon("2027-03-01"), bill, key=key) for key in ("night", "by hand"))
    keys = [[entry.key for entry in isp.ledger.entries] for isp in (one, other)]
    assert keys[0] == ["invoice-main-2027-01-01", "invoice-main-2027-02-01", "night"]
    assert keys[1][:2] == keys[0][:2], "both merged: E742, or a conflict"
    with pytest.raises(Already):
        one.at(noon("2027-04-01"), bill, key="night")


def test_days_before_the_first_invoice_are_not_guessed() -> None:
    isp = postpaid("activated: 2020-05-01")
    assert "80 periods since 2020-05-01 are over" in refused(isp, "E728", "2027-01-01")
    isp.at(noon("2027-01-05"), bill, since=date(2026, 12, 17))
    assert invoices(isp) == [("2026-12-17", "2026-12-31", "150.00")]
    assert "invoiced until 2026-12-31" in refused(isp, "E728", "2027-03-01", since=date(2027, 1, 15))
    assert "does not say when it began" in refused(postpaid(""), "E728", "2027-03-01")
    assert "which is prepaid" in refused(Isp("activated: 2027-01-01\npaid_until: 2027-01-31"), "E722", "2027-03-01")


def test_what_is_not_over_is_said() -> None:
    isp = postpaid().at(noon("2027-01-20"), bill_or_say)
    assert isp.notes == ["sub-1/main: 2027-01-01 to 2027-01-31 is invoiced from 2027-02-01 on."]
    isp.at(noon("2027-01-20"), terminate, date(2027, 1, 21), reason="x").at(noon("2027-01-22"), bill_or_say)
    assert isp.said == ["2027-01-01 to 2027-01-20, 200.00 NPR owed"]
    isp.at(noon("2027-01-22"), bill_or_say)
    assert isp.notes == ["sub-1/main: its contract is over, and all of it is invoiced."]


# whatever happens, and whenever it is invoiced

STEPS = st.lists(
    st.tuples(
        st.integers(1, 50),
        st.sampled_from(["bill", "bill", "silver", "gold", "later", "hold", "back", "suspend", "resume"]),
    ),
    max_size=8,
)
BEGINS = st.dates(date(2027, 1, 1), date(2028, 3, 31))
POLICY = st.sampled_from(["", "money: {billing: {day: 5, suspended: free}}\n", "money: {renewal: {anchor: clamped}}\n"])


def lived(isp: Isp, begins: date, steps: list[tuple[int, str]], *, at_once: bool) -> Isp:
    """The same life, invoiced on the way and at its end, or at its end alone."""
    day = begins
    for days, step in steps:
        day += days * DAY
        try:
            match step:
                case "bill":
                    isp if at_once else isp.at(noon(day), bill, since=None if invoices(isp) else begins)
                case "later":
                    isp.at(noon(day), change_tariff, "bronze", when=day + 9 * DAY)
                case "hold":
                    isp.at(noon(day), hold, day + 3 * DAY, day + 40 * DAY)
                case "back":
                    isp.at(noon(day), end_hold)
                case "suspend":
                    isp.at(noon(day), suspend, reason="x")
                case "resume":
                    isp.at(noon(day), resume)
                case tariff:
                    isp.at(noon(day), change_tariff, tariff)
        except Refusal as refusal:
            assert {problem.code for problem in refusal.problems} <= {"E684", "E687"}  # noqa: PT017
    last = begins + (sum(days for days, _ in steps) + 1) * DAY
    return isp.at(noon(last), bill, since=None if invoices(isp) else begins)


@settings(max_examples=20, deadline=None)
@given(BEGINS, STEPS, POLICY)
def test_every_day_is_invoiced_once_whenever_it_is_done(
    begins: date, steps: list[tuple[int, str]], policy: str
) -> None:
    found = invoices(lived(postpaid(f"activated: {begins}", policy=policy), begins, steps, at_once=False))
    assert found == invoices(lived(postpaid(f"activated: {begins}", policy=policy), begins, steps, at_once=True))
    firsts = [date.fromisoformat(since) for since, _, _ in found]
    lasts = [date.fromisoformat(until) for _, until, _ in found]
    assert firsts[:1] in ([], [begins])
    assert firsts[1:] == [last + DAY for last in lasts[:-1]]
    today = begins + (sum(days for days, _ in steps) + 1) * DAY
    assert all(last < today for last in lasts)
    assert today - (lasts[-1] if lasts else begins - DAY) <= 32 * DAY


@settings(max_examples=20, deadline=None)
@given(BEGINS, st.lists(st.integers(1, 100), min_size=1, max_size=8))
def test_what_is_invoiced_is_the_sum_of_the_prices(begins: date, pauses: list[int]) -> None:
    isp, day = postpaid(f"activated: {begins}"), begins
    for pause in pauses:
        day += pause * DAY
        isp.at(noon(day), bill, since=None if invoices(isp) else begins)
    found = invoices(isp)
    assert sum(Decimal(amount) for _, _, amount in found) == 310 * len(found)
    assert len(found) >= (day - begins).days // 31
    assert PATH in isp.files
