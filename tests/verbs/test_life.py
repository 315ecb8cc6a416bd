"""Whole stretches of a subscriber's life: what is paid, given, changed and taken back, to the cent and to the day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ispctl.model.problem import Refusal
from ispctl.verbs.account import adjust, credit, invoice, pay, refund
from ispctl.verbs.draft import Already
from ispctl.verbs.first_login import activate_at_first_login
from ispctl.verbs.grace import grace
from ispctl.verbs.password import reset
from ispctl.verbs.renew import activate, renew
from ispctl.verbs.revert import revert
from ispctl.verbs.state import resume, suspend
from ispctl.verbs.tariff import change_tariff
from tests.builders import SEALED
from tests.depth import times
from tests.verbs.drafts import LEDGER, PATH, Isp, balance, noon, refused

ZONE = ZoneInfo("Asia/Kathmandu")


# renewal


def test_a_service_begins_with_its_first_period_and_an_invoice() -> None:
    isp = Isp().at(noon("2026-10-20"), activate, payment="CASH-1")
    assert (isp.service.activated, isp.service.paid_until) == (date(2026, 10, 20), date(2026, 11, 19))
    first, second = isp.ledger.entries
    assert (first.type, first.amount, first.period and first.period.until) == (
        "invoice",
        Decimal("200.00"),
        date(2026, 11, 19),
    )
    assert (second.type, second.amount, second.reference, second.part_of) == (
        "payment",
        Decimal("200.00"),
        "CASH-1",
        first.key,
    )
    assert isp.said == ["paid until 2026-11-19, 200.00 NPR"]
    assert isp.entitlement(noon("2026-11-19")).access == "open"
    assert isp.problems(noon("2026-10-20")) == []


def test_who_has_begun_does_not_begin_again() -> None:
    isp = Isp().at(noon("2026-10-20"), activate)
    assert "ispctl renew pays for more" in refused(isp, "E684", noon("2026-10-21"), activate)


def test_every_octet_that_is_not_asked_about_stays() -> None:
    isp = Isp("activated: 2026-10-20   # a day\npaid_until: 2026-11-19   # inclusive")
    before = isp.files[PATH].decode()
    isp.at(noon("2026-11-01"), renew)
    assert isp.files[PATH].decode() == before.replace("2026-11-19 ", "2026-12-19 ")


def test_renewing_before_the_end_loses_nothing() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19").at("2026-11-19T21:00:00+05:45", renew)
    assert isp.service.paid_until == date(2026, 12, 19)


def test_months_keep_the_day_they_began_with() -> None:
    isp = Isp("activated: 2026-01-01\npaid_until: 2026-01-31")
    ends = [isp.at(noon("2026-01-20"), renew).service.paid_until for _ in range(3)]
    assert ends == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]


def test_the_same_payment_twice_is_one_period() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19")
    isp.at(noon("2026-11-01"), renew, payment="BANK-1")
    before = dict(isp.files)
    with pytest.raises(Already) as caught:
        isp.at(noon("2026-11-05"), renew, payment="BANK-1")
    assert (caught.value.where.file, caught.value.where.line) == (LEDGER, 4)
    assert isp.files == before


@pytest.mark.parametrize("typed", ["BANK  1", "BANK\u00a01"])
def test_a_payment_is_the_same_whatever_blanks_are_typed_in_its_reference(typed: str) -> None:
    """A row of a batch has one blank where a command line has what was typed."""
    isp = Isp().at(noon("2026-11-01"), pay, "250", reference=typed)
    with pytest.raises(Already):
        isp.at(noon("2026-11-01"), pay, "250", reference="BANK 1")


@pytest.mark.parametrize("verb", [renew, activate, activate_at_first_login])
def test_the_same_payment_twice_is_one_period_also_where_nothing_is_to_pay(verb: Callable[..., None]) -> None:
    paid = "activated: 2026-10-20\npaid_until: 2026-11-19" if verb is renew else ""
    isp = Isp(paid, tariffs={"silver": "0"}).at(noon("2026-11-10"), verb, payment="CASH-1")
    with pytest.raises(Already):
        isp.at(noon("2026-11-10"), verb, payment="CASH-1")
    assert isp.problems(noon("2026-11-10")) == []
    assert balance(isp, "2026-11-10") == 0
    isp.at(noon("2026-11-10"), revert, isp.ledger.entries[0].key, reason="somebody else's")
    isp.at(noon("2026-11-10"), verb, payment="CASH-1")


def test_what_was_only_noted_of_a_key_is_not_said_to_be_undone() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19")
    isp.at(noon("2026-11-01"), reset, "another-password-1", lambda *_: SEALED, key="gw-1")
    assert "changed nothing that could be undone" in refused(
        isp, "E725", noon("2026-11-02"), revert, "gw-1", reason="a slip"
    )


def test_the_same_key_twice_is_one_period_and_another_key_another() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19")
    isp.at(noon("2026-11-01"), renew, key="gw-1")
    with pytest.raises(Already):
        isp.at(noon("2026-11-01"), renew, key="gw-1")
    assert isp.at(noon("2026-11-01"), renew, key="gw-2").service.paid_until == date(2027, 1, 19)


def test_a_payment_that_is_less_than_the_invoice_leaves_the_rest_owed() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19")
    isp.at(noon("2026-11-01"), renew, payment="BANK-1", amount="150")
    assert balance(isp, "2026-11-02") == Decimal("50.00")


def test_several_periods_cost_several_prices() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19").at(noon("2026-11-01"), renew, periods=3)
    assert isp.service.paid_until == date(2027, 2, 19)
    assert isp.ledger.entries[0].amount == Decimal("600.00")


def test_a_tariff_without_prices_is_renewed_without_an_invoice_and_says_so() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19")
    isp.files["tariffs/silver.yaml"] = b"name: silver\nperiod: {months: 1}\nrate: {down: 10M, up: 10M}\n"
    isp.at(noon("2026-11-01"), renew)
    assert [entry.type for entry in isp.ledger.entries] == ["note"]
    assert "names no price" in isp.notes[0]
    assert "--amount" in refused(isp, "E720", noon("2026-11-01"), renew, payment="CASH")


def test_who_is_suspended_pays_and_stays_suspended() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19")
    isp.at(noon("2026-11-01"), suspend, reason="abuse").at(noon("2026-11-02"), renew)
    assert isp.notes == ["sub-1/main stays suspended; ispctl resume sub-1/main ends that."]
    assert isp.entitlement(noon("2026-11-03")).state == "suspended"
    assert isp.at(noon("2026-11-03"), resume).entitlement(noon("2026-11-03")).state == "active"


def test_a_contract_that_ends_is_not_renewed() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19\nterminated: 2026-12-01")
    assert f"{PATH}:11:" in refused(isp, "E684", noon("2026-11-01"), renew)


def test_a_hold_that_was_added_to_the_end_is_not_added_twice() -> None:
    isp = Isp(
        "activated: 2026-10-20\npaid_until: 2026-11-19\n"
        "hold: {from: 2026-11-10, until: 2026-11-14, extends_paid_until: true}"
    )
    assert isp.entitlement(noon("2026-11-24")).access == "open"
    before = isp.files[PATH]
    isp.at(noon("2026-12-10"), renew)
    assert (isp.service.hold, isp.service.paid_until) == (None, date(2027, 1, 9))
    isp.at(noon("2026-12-11"), revert, isp.ledger.entries[0].key, reason="wrong one")
    assert isp.service.hold is not None
    assert isp.service.paid_until == date(2026, 11, 19)
    assert len(isp.files[PATH].splitlines()) == len(before.splitlines())


def test_a_hold_in_which_nothing_was_paid_adds_nothing_to_what_is_paid_after_it() -> None:
    isp = Isp(
        "activated: 2026-10-20\npaid_until: 2026-11-19\n"
        "hold: {from: 2026-12-01, until: 2026-12-10, extends_paid_until: true}"
    )
    isp.at(noon("2026-12-15"), renew)
    assert (isp.service.hold, isp.service.paid_until) == (None, date(2027, 1, 14))
    assert isp.notes == ["sub-1/main: its hold is over and gone, so that its days are not added to this end."]
    assert isp.entitlement(noon("2027-01-15")).state == "expired"


# grace


def test_grace_goes_on_where_the_paid_time_ends_and_the_next_payment_deducts_it() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19")
    isp.at(noon("2026-11-20"), grace, 3, reason="pays on Monday", ticket="T-881")
    assert isp.service.grace[0].until == date(2026, 11, 22)
    assert isp.entitlement(noon("2026-11-22")).state == "grace"
    assert isp.entitlement(noon("2026-11-23")).access == "walled"
    isp.at(noon("2026-11-22"), renew, payment="BANK-2")
    assert isp.service.paid_until == date(2026, 12, 19), "the days of grace are part of it"


def test_who_was_behind_the_wall_before_grace_does_not_pay_for_those_days() -> None:
    isp = Isp("activated: 2026-10-10\npaid_until: 2026-11-09")
    assert isp.entitlement(noon("2026-11-15")).access == "walled"
    isp.at(noon("2026-11-19"), grace, 2, reason="pays tomorrow").at(noon("2026-11-20"), renew, payment="BANK-2")
    assert isp.said == ["paid until 2026-12-18, 200.00 NPR, 1 days of grace deducted"]


def test_grace_is_given_as_often_and_as_long_as_the_policy_allows() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19", policy="money: {grace: {days: 3, per_30_days: 1}}\n")
    assert "allows 3 at once" in refused(isp, "E723", noon("2026-11-20"), grace, 4, reason="x")
    assert "needs a reason" in refused(isp, "E683", noon("2026-11-20"), grace, 2)
    isp.at(noon("2026-11-20"), grace, 2, reason="x")
    assert "within 30 days" in refused(isp, "E723", noon("2026-11-25"), grace, 1, reason="x")
    isp.at(noon("2026-12-25"), grace, 1, reason="x")


def test_the_limit_of_grace_holds_across_the_end_of_a_year() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-12-28", policy="money: {grace: {per_30_days: 1}}\n")
    isp.at(noon("2026-12-29"), grace, 1, reason="x")
    assert "within 30 days" in refused(isp, "E723", noon("2027-01-05"), grace, 1, reason="x")


def test_grace_that_was_written_by_hand_counts_like_any_other() -> None:
    fields = "activated: 2026-10-20\npaid_until: 2026-11-19\ngrace: [{until: 2026-11-21, reason: by hand}]"
    isp = Isp(fields, policy="money: {grace: {per_30_days: 2}}\n")
    isp.at(noon("2026-11-22"), grace, 1, reason="x")
    assert "given 2 times within 30 days" in refused(isp, "E723", noon("2026-12-20"), grace, 1, reason="x")
    isp.at(noon("2026-12-22"), grace, 1, reason="x")


def test_grace_that_was_reverted_is_given_back() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19", policy="money: {grace: {per_30_days: 1}}\n")
    before = isp.files[PATH]
    isp.at(noon("2026-11-20"), grace, 2, reason="x")
    isp.at(noon("2026-11-20"), revert, isp.ledger.entries[0].key, reason="the wrong one")
    assert isp.files[PATH] == before
    isp.at(noon("2026-11-20"), grace, 1, reason="x")


# another tariff


def test_the_quote_of_a_downgrade_in_october() -> None:
    """features.md, row 8: 200 -> 100 a month, 31 days, on the 20th, fee 30."""
    isp = Isp("activated: 2026-10-01\npaid_until: 2026-10-31", policy='money: {change_tariff: {fee: "30"}}\n')
    isp.at(noon("2026-10-20"), change_tariff, "bronze", when="now")
    entry = isp.ledger.entries[-1]
    assert (entry.type, entry.amount) == ("credit", Decimal("8.71"))
    assert entry.event is not None
    assert [entry.event.quote[name] for name in ("unused", "fee", "cost", "due")] == [
        "77.42",
        "30.00",
        "38.71",
        "-8.71",
    ]
    assert isp.service.tariff == "bronze"
    assert isp.notes == [
        "silver: 200.00 NPR for 31 days, 19 used, 77.42 left (6.45 a day).",
        "bronze: 100.00 NPR (3.23 a day); 12 days left cost 38.71.",
        "Fee: 30.00 NPR.",
    ]


def test_an_upgrade_holds_at_once_and_a_downgrade_when_what_is_paid_ends() -> None:
    isp = Isp("activated: 2026-10-01\npaid_until: 2026-10-31")
    isp.at(noon("2026-10-20"), change_tariff, "gold")
    assert (isp.service.tariff, isp.ledger.entries[-1].type) == ("gold", "invoice")
    isp.at(noon("2026-10-21"), change_tariff, "bronze")
    assert isp.service.tariff == "gold"
    assert isp.entitlement(noon("2026-10-31")).terms.tariff == "gold"
    assert isp.at(noon("2026-10-31"), renew).entitlement(noon("2026-11-01")).terms.tariff == "bronze"


def test_what_is_left_may_buy_days_of_the_new_tariff() -> None:
    isp = Isp("activated: 2026-10-01\npaid_until: 2026-10-31")
    isp.at(noon("2026-10-20"), change_tariff, "bronze", when="now", remaining="convert")
    assert isp.service.paid_until == date(2026, 11, 12)


def test_a_day_that_is_over_and_a_tariff_that_is_not_there_are_refused() -> None:
    isp = Isp("activated: 2026-10-01\npaid_until: 2026-10-31")
    refused(isp, "E724", noon("2026-10-20"), change_tariff, "gold", when=date(2026, 10, 19))
    assert "Did you mean gold?" in refused(isp, "E724", noon("2026-10-20"), change_tariff, "golt")
    assert isp.at(noon("2026-10-20"), change_tariff, "silver").said == [], "it is on it already"


# the account alone


def test_payments_credits_and_refunds_come_to_a_balance() -> None:
    isp = Isp().at(noon("2026-11-01"), invoice, "300", due=date(2026, 11, 10), reference="INV-1")
    isp.at(noon("2026-11-02"), pay, "250", reference="BANK-1").at(noon("2026-11-03"), credit, "100", reason="outage")
    isp.at(noon("2026-11-04"), adjust, "-10.50", reason="rounding")
    assert balance(isp, "2026-11-05") == Decimal("-60.50")
    assert "60.50 NPR over" in refused(isp, "E721", noon("2026-11-05"), refund, "60.51", reason="asked for it")
    assert balance(isp.at(noon("2026-11-05"), refund, "60.50", reason="asked for it"), "2026-11-06") == 0
    assert isp.problems(noon("2026-11-06")) == []


@pytest.mark.parametrize("text", ["0", "-1", "1.234", "1,200", "1e3", "nan", "", "1200 NPR", "٣"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    refused(Isp(), "E720", noon("2026-11-01"), pay, text)


def test_a_payment_that_was_reversed_may_come_again() -> None:
    isp = Isp("activated: 2026-10-20\npaid_until: 2026-11-19").at(noon("2026-11-01"), renew, payment="BANK-1")
    isp.at(noon("2026-11-02"), revert, "renew-2026-11-01", reason="bounced")
    assert isp.at(noon("2026-11-03"), renew, payment="BANK-1").service.paid_until == date(2026, 12, 19)


# any life


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["renew", "pay", "grace", "gold", "bronze", "silver", "suspend", "resume", "invoice", "revert"]
        ),
        st.integers(0, 40),
        st.integers(1, 900),
    ),
    max_size=14,
)


@settings(deadline=None, max_examples=times(60))
@given(_STEPS)
def test_any_life_validates_and_its_account_balances(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is done in whatever order: the file stays sound, the account is only added to, and what was reverted
    leaves no trace in the balance."""
    isp, day = Isp("activated: 2026-01-31\npaid_until: 2026-02-28"), date(2026, 2, 1)
    for name, wait, amount in steps:
        day = date.fromordinal(day.toordinal() + wait)
        before, ledger, events = isp.files.get(LEDGER, b""), isp.ledger, len(isp.ledger.entries)
        known = [entry.key for entry in ledger.entries if entry.event]
        try:
            match name:
                case "renew":
                    isp.at(noon(f"{day}"), renew, payment=f"P{len(ledger.entries)}")
                case "pay" | "invoice":
                    isp.at(noon(f"{day}"), pay if name == "pay" else invoice, f"{amount}")
                case "grace":
                    isp.at(noon(f"{day}"), grace, amount % 7 + 1, reason="x")
                case "gold" | "bronze" | "silver":
                    isp.at(noon(f"{day}"), change_tariff, name)
                case "suspend":
                    isp.at(noon(f"{day}"), suspend, reason="x")
                case "resume":
                    isp.at(noon(f"{day}"), resume)
                case "revert" if known:
                    isp.at(noon(f"{day}"), revert, known[amount % len(known)], reason="x", cascade=amount % 2 == 0)
        except Refusal:
            assert len(isp.ledger.entries) == events
        assert isp.files.get(LEDGER, b"").startswith(before)
        assert isp.problems(noon(f"{day}")) == []
    stands = {entry.key for entry in isp.ledger.entries} - set(isp.ledger.reversals())
    signs = {"invoice": 1, "refund": 1, "payment": -1, "credit": -1}
    lines = [
        (entry.amount or Decimal(0), signs.get(entry.type, 0)) for entry in isp.ledger.entries if entry.key in stands
    ]
    assert balance(isp, f"{day}") == sum((amount * sign for amount, sign in lines), Decimal(0))
