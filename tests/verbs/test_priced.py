"""What a renewal costs when the tariff or its price changes in the time that is paid for."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from ispctl.model.problem import Refusal
from ispctl.verbs.account import pay
from ispctl.verbs.later import hold, schedule, unschedule
from ispctl.verbs.renew import activate, renew
from ispctl.verbs.revert import revert
from ispctl.verbs.tariff import change_tariff
from tests.verbs.drafts import Isp

PAID = "activated: 2027-01-01\npaid_until: 2027-03-31"


def noon(day: str) -> str:
    return f"{day}T12:00:00+05:45"


def costs(isp: Isp) -> list[str]:
    return [str(entry.amount) for entry in isp.ledger.entries if entry.amount is not None]


def test_what_is_paid_ahead_costs_what_the_tariff_of_then_costs() -> None:
    """silver until the end of March, bronze from the first of April on: April is paid as bronze."""
    isp = Isp(PAID).at(noon("2027-03-10"), change_tariff, "bronze").at(noon("2027-03-30"), renew)
    assert costs(isp) == ["100.00"]
    assert str(isp.subscriber.services[0].paid_until) == "2027-04-30"


def test_a_change_within_what_is_paid_ahead_is_paid_by_the_days() -> None:
    isp = Isp(PAID).at(noon("2027-03-10"), change_tariff, "gold", when=date(2027, 4, 16))
    isp.at(noon("2027-03-30"), renew)
    assert costs(isp) == ["300.00"], "15 days of 30 at 200, 15 at 400"
    assert isp.notes == ["sub-1/main: 2027-04-01 to 2027-04-30 is priced by the days of each tariff, silver → gold."]


def test_of_several_periods_each_has_its_own_tariff() -> None:
    isp = Isp(PAID).at(noon("2027-03-10"), change_tariff, "bronze", when=date(2027, 5, 1))
    isp.at(noon("2027-03-30"), renew, periods=3)
    assert costs(isp) == ["400.00"], "200 and twice 100"
    assert isp.notes == []


def test_a_new_price_holds_from_its_day_on() -> None:
    isp = Isp(PAID)
    path = "tariffs/silver.yaml"
    isp.files[path] = isp.files[path].replace(b'"200"}]', b'"200"}, {from: 2027-05-01, amount: "250"}]')
    isp.at(noon("2027-03-30"), renew, periods=3)
    assert costs(isp) == ["700.00"]


def test_a_holiday_brings_no_agreed_change_into_days_that_are_paid_as_they_were() -> None:
    """silver until the end of March, bronze from then on: with a week of holiday that would be a week too early."""
    isp = Isp(PAID).at(noon("2027-03-10"), change_tariff, "bronze")
    with pytest.raises(Refusal) as caught:
        isp.at(noon("2027-03-12"), hold, date(2027, 3, 15), date(2027, 3, 21), extend=True)
    assert "E684 not-in-that-state: sub-1/main changes to bronze on 2027-04-01" in str(caught.value)
    isp.at(noon("2027-03-12"), revert, "change-tariff-2027-03-10", reason="holiday")
    isp.at(noon("2027-03-12"), hold, date(2027, 3, 15), date(2027, 3, 21), extend=True)
    isp.at(noon("2027-03-12"), change_tariff, "bronze")
    assert str(isp.subscriber.services[0].scheduled[0].at) == "2027-04-08"


def test_a_holiday_leaves_a_change_within_what_was_paid_by_the_days_where_it_is() -> None:
    isp = Isp(PAID).at(noon("2027-03-10"), change_tariff, "gold", when=date(2027, 3, 25))
    isp.at(noon("2027-03-12"), hold, date(2027, 3, 15), date(2027, 3, 21), extend=True)
    assert str(isp.subscriber.services[0].scheduled[0].at) == "2027-03-25"


def test_a_change_for_which_something_is_booked_is_taken_back_with_that() -> None:
    """Else the account would go on asking for what never comes."""
    isp = Isp(PAID).at(noon("2027-03-10"), change_tariff, "gold", when=date(2027, 3, 22))
    assert len(costs(isp)) == 1
    with pytest.raises(Refusal) as caught:
        isp.at(noon("2027-03-12"), unschedule, 1)
    assert "E684 not-in-that-state: sub-1/main changes to gold on 2027-03-22, for which" in str(caught.value)
    assert "ispctl revert sub-1/main change-tariff-2027-03-10" in str(caught.value)
    isp.at(noon("2027-03-12"), revert, "change-tariff-2027-03-10", reason="changed his mind")
    assert isp.subscriber.services[0].scheduled == ()


def test_where_the_books_are_closed_it_goes_alone_and_that_is_said() -> None:
    isp = Isp(PAID).at(noon("2027-03-10"), change_tariff, "gold", when=date(2027, 3, 22))
    isp.files["inventory/policy.yaml"] += b"money: {closed_until: 2027-03-11}\n"
    isp.at(noon("2027-03-12"), unschedule, 1)
    assert isp.subscriber.services[0].scheduled == ()
    assert "stays booked, since the books are closed" in isp.notes[-1]


def test_a_change_that_costs_nothing_may_be_cancelled() -> None:
    isp = Isp(PAID).at(noon("2027-03-10"), change_tariff, "bronze").at(noon("2027-03-12"), unschedule, 1)
    assert isp.subscriber.services[0].scheduled == ()


def test_a_change_that_is_agreed_for_later_is_not_overtaken() -> None:
    isp = Isp(PAID).at(noon("2027-03-10"), change_tariff, "bronze")
    with pytest.raises(Refusal) as caught:
        isp.at(noon("2027-03-11"), change_tariff, "gold")
    problem = caught.value.problems[0]
    assert problem.text == "sub-1/main changes to bronze on 2027-04-01, which was agreed before"
    assert problem.advice == "Take that back first: ispctl revert sub-1/main change-tariff-2027-03-10"
    before = dict(isp.files)
    assert isp.at(noon("2027-03-11"), change_tariff, "bronze").files == before, "it is so already"


@pytest.mark.parametrize("at", ["2026-11-01", '"2026-11-20T10:00:00+05:45"'])
def test_another_tariff_holds_also_after_one_that_was_scheduled(at: str) -> None:
    isp = Isp(f"activated: 2026-10-01\npaid_until: 2026-12-31\nscheduled: [{{at: {at}, set: {{tariff: gold}}}}]")
    isp.at(noon("2026-11-20"), change_tariff, "bronze", when="now", key="down")
    assert isp.said == ["gold → bronze, 410.00 NPR credit"]
    assert isp.entitlement(noon("2026-11-20")).terms.tariff == "bronze"
    assert not isp.problems(noon("2026-11-20"))
    isp.at(noon("2026-11-21"), revert, "down", reason="oops")
    assert isp.entitlement(noon("2026-11-21")).terms.tariff == "gold"


def test_what_is_paid_to_the_account_alone_says_what_it_does_not_do() -> None:
    isp = Isp(PAID).at(noon("2027-04-02"), pay, "200", reference="BANK-1")
    assert isp.notes == ["sub-1/main is expired still: ispctl renew sub-1/main pays its next period with it."]
    assert isp.at(noon("2027-04-02"), renew).at(noon("2027-04-03"), pay, "10", reference="BANK-2").notes == []


def test_a_tariff_that_is_scheduled_by_hand_says_that_it_takes_no_money_for_what_is_paid_ahead() -> None:
    isp = Isp("activated: 2026-10-01\npaid_until: 2027-03-31")
    isp.at(noon("2026-11-20"), schedule, date(2026, 12, 1), ["tariff=gold"])
    assert isp.notes == [
        "sub-1/main is paid until 2027-03-31, and what gold costs from 2026-12-01 to then is not asked for: "
        "ispctl change-tariff sub-1/main gold --when 2026-12-01"
    ]
    isp = Isp("activated: 2026-10-01\npaid_until: 2027-03-31")
    assert not isp.at(noon("2026-11-20"), schedule, date(2027, 4, 1), ["tariff=gold"]).notes, (
        "who renews then pays gold"
    )


def test_nobody_is_credited_what_was_never_paid_after_a_tariff_that_was_scheduled_by_hand() -> None:
    """Two periods are paid as silver; gold comes by itself, and silver again: only silver was paid, so nothing is due
    but the fee."""
    isp = Isp("activated: 2026-11-01\npaid_until: 2026-11-30").at(noon("2026-11-15"), renew, periods=2)
    isp.at(noon("2026-11-16"), schedule, date(2026, 12, 1), ["tariff=gold"])
    isp.at(noon("2026-12-01"), change_tariff, "silver", when="now")
    quoted = isp.ledger.entries[-1]
    assert quoted.event is not None
    assert quoted.event.quote["unused"] == quoted.event.quote["cost"] == costs(isp)[0], "what was paid for both"
    assert "What is left was paid as silver; gold came by a schedule that took no money." in isp.notes


def test_what_was_paid_as_the_tariff_that_was_scheduled_is_worth_that() -> None:
    isp = Isp("activated: 2026-11-01\npaid_until: 2026-11-30")
    isp.at(noon("2026-11-14"), schedule, date(2026, 12, 1), ["tariff=gold"]).at(noon("2026-11-15"), renew, periods=2)
    isp.at(noon("2026-12-01"), change_tariff, "silver", when="now")
    quoted = isp.ledger.entries[-1]
    assert quoted.event is not None
    assert quoted.event.quote["unused"] == costs(isp)[0]


@pytest.mark.parametrize("other", ["gold", "bronze"])
def test_what_was_paid_or_credited_for_a_change_is_given_back_by_the_change_back(other: str) -> None:
    """Also within a period of which the account says by which tariff it was paid."""
    isp = Isp().at(noon("2026-10-01"), activate, payment="CASH-1")
    isp.at(noon("2026-10-10"), change_tariff, other, when="now")
    isp.at(noon("2026-10-10"), change_tariff, "silver", when="now")
    there, back = isp.ledger.entries[-2:]
    assert (there.amount, {there.type, back.type}) == (back.amount, {"invoice", "credit"})
    isp.at(noon("2026-10-10"), change_tariff, other, when="now").at(noon("2026-10-20"), renew)
    isp.at(noon("2026-10-21"), change_tariff, "silver", when="now")
    left = {"gold": Decimal(400), "bronze": Decimal(100)}[other] * 11 / 31
    quoted = isp.ledger.entries[-1].event
    assert quoted is not None
    assert Decimal(quoted.quote["unused"]) == left.quantize(Decimal("0.01")) + {"gold": 400, "bronze": 100}[other]


def test_what_is_left_on_a_later_day_buys_days_from_then_on() -> None:
    isp = Isp("activated: 2026-10-01\npaid_until: 2026-10-31")
    isp.at(noon("2026-10-10"), change_tariff, "gold", when=date(2026, 10, 20), remaining="convert")
    assert isp.said == ["silver → gold from 2026-10-20, paid until 2026-10-25"]
    assert isp.service.paid_until == date(2026, 10, 25)
    assert isp.entitlement(noon("2026-10-19")).terms.tariff == "silver"
    assert isp.entitlement(noon("2026-10-25")).terms.tariff == "gold"
    isp.at(noon("2026-10-11"), revert, isp.ledger.entries[0].key, reason="thought better of it")
    assert (isp.service.paid_until, isp.service.scheduled) == (date(2026, 10, 31), ())


def test_where_nothing_is_left_to_buy_days_with_the_end_stays_what_it_was() -> None:
    until = "2026-10-31T18:00:00+05:45"
    rules = "money: {change_tariff: {remaining: convert}}\n"
    isp = Isp(f"activated: 2026-10-01\npaid_until: {until}", policy=rules)
    isp.at(noon("2026-10-20"), change_tariff, "bronze")
    assert isp.said == ["silver → bronze from 2026-11-01"]
    assert isp.service.paid_until == datetime.fromisoformat(until)


HELD = "hold: {from: 2026-11-01, until: 2026-11-20, extends_paid_until: true}"


def test_days_of_a_hold_that_are_added_to_what_is_paid_are_left_when_the_tariff_changes() -> None:
    isp = Isp(f"activated: 2026-10-01\npaid_until: 2026-11-10\n{HELD}")
    assert isp.entitlement(noon("2026-11-30")).state == "active"
    isp.at(noon("2026-11-25"), change_tariff, "gold")
    assert isp.said == ["silver → gold, 38.71 NPR due"], "for six days, which a month has 31 of"
    assert isp.notes[1] == "gold: 400.00 NPR (12.90 a day); 6 days left cost 77.42."
    assert isp.service.paid_until == date(2026, 11, 10)


def test_what_costs_less_waits_until_the_days_of_a_hold_are_used_too() -> None:
    isp = Isp(f"activated: 2026-10-01\npaid_until: 2026-11-30\n{HELD}").at(noon("2026-11-25"), change_tariff, "bronze")
    assert isp.said == ["silver → bronze from 2026-12-21"]
    assert isp.entitlement(noon("2026-12-20")).terms.tariff == "silver"
    isp.at(noon("2026-12-18"), renew)
    assert costs(isp) == ["100.00"], "all of the next period is bronze"
    assert isp.entitlement(noon("2027-01-20")).state == "active"
    assert isp.entitlement(noon("2027-01-21")).state == "expired"


@pytest.mark.parametrize(
    "when, hold, bought, last",
    [
        ("2026-11-25", HELD, 13, "2026-12-07"),  # over; 26 days of silver are left
        ("2026-11-10", HELD, 15, "2026-12-05"),  # since nine days; 30 days of silver are left
        ("2026-11-05", HELD.replace("11-01", "11-10"), 13, "2026-11-28"),  # to come; 26 days of silver are left
    ],
)
def test_what_is_left_buys_days_to_which_a_hold_adds_its_own(when: str, hold: str, bought: int, last: str) -> None:
    isp = Isp(f"activated: 2026-10-01\npaid_until: 2026-11-30\n{hold}")
    isp.at(noon(when), change_tariff, "gold", remaining="convert")
    begins = date.fromisoformat(when)
    open_ = [day for day in (begins + timedelta(days=n) for n in range(60)) if state(isp, day) == "active"]
    assert (len(open_), open_[-1]) == (bought, date.fromisoformat(last))
    to_come = "sub-1/main: days of the hold until 2026-11-20 that are yet to come are added to that."
    assert (to_come in isp.notes) == (when < "2026-11-20")


def state(isp: Isp, day: date) -> str:
    return isp.entitlement(noon(str(day))).state
