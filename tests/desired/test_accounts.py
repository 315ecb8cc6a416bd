"""A postpaid service follows its account: what is owed brings the wall, and payment the service back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ispctl.desired import Entitlement, Frame, entitle, turns
from ispctl.model.days import later
from ispctl.money import Standing
from ispctl.plan import effects
from ispctl.states import ACCOUNTS, State
from tests.builders import World, subscriber
from tests.money.accounts import at, invoice, payment

ID = "sub-000001"
DUNNING: dict[str, Any] = {"dunning": {"weekend": ["saturday"]}}
OWED = invoice("2026-09-01", "100", key="e0", due="2026-09-15", reference="INV-9")
PAID = payment("2026-10-05T12:00:00+05:45", "100", key="e1")


def world(*entries: dict[str, Any], **rules: Any) -> World:
    return World({"money": DUNNING} | rules, entries={ID: list(entries)})


def service(now: str, *entries: dict[str, Any], of: World | None = None, **fields: Any) -> Entitlement:
    document = subscriber({"tariff": "business"} | fields, id=ID)
    return entitle(document, 0, of or world(*entries), at(now))


@pytest.mark.parametrize(
    "now, state, met",
    [
        ("2026-09-10T12:00", State.ACTIVE, "open"),
        ("2026-09-20T12:00", State.ACTIVE, "open"),
        ("2026-09-26T12:00", State.GRACE, "open"),
        ("2026-10-02T12:00", State.EXPIRED, "walled"),
        ("2026-10-20T12:00", State.SUSPENDED, "walled"),
        ("2026-12-20T12:00", State.TERMINATED, "none"),
        ("2029-12-20T12:00", State.TERMINATED, "none"),
    ],
)
def test_each_stage_of_the_account_brings_its_state(now: str, state: State, met: str) -> None:
    found = service(now, OWED)
    assert (found.state, found.access) == (state, met)


def test_a_payment_brings_the_service_back_at_its_moment() -> None:
    assert service("2026-10-05T11:59", OWED, PAID).state == State.EXPIRED
    assert service("2026-10-05T12:00", OWED, PAID).state == State.ACTIVE


SLOW: dict[str, Any] = {
    "money": {"dunning": DUNNING["dunning"] | {"throttled": {"rate": {"down": "2M", "up": "900M"}}}}
}


def test_a_throttled_service_runs_at_the_speed_of_the_policy_and_never_faster_than_its_own() -> None:
    before, found = service("2026-10-01T12:00", OWED), service("2026-10-02T12:00", OWED, of=world(OWED, **SLOW))
    assert (found.state, found.access, found.ipv4) == (State.THROTTLED, "open", before.ipv4)
    own = before.terms
    assert (found.terms.tariff, found.terms.name) == (own.tariff, f"{own.tariff}:throttled")
    assert (found.terms.down, found.terms.up, found.terms.burst) == (2_000_000, own.up, None)
    reason = found.because["rate"]
    assert (reason.code, reason.text) == ("throttled", "throttled: INV-9 was to be paid until 2026-09-15")
    assert reason.file == "inventory/policy.yaml"
    assert found.because["state"].file.endswith(".ledger.yaml")


def test_a_payment_brings_the_full_speed_back() -> None:
    slow = world(OWED, PAID, **SLOW)
    was, now = (service(f"2026-10-05T{at}", of=slow) for at in ("11:59", "12:00"))
    assert effects(was, now) == ("faster",)
    assert (was.until, now.terms.name) == (at("2026-10-05T12:00"), "business")


def test_the_reason_is_the_line_of_the_invoice() -> None:
    earlier = invoice("2026-08-01", "5", key="a"), payment("2026-08-02", "5", key="b")
    found = service("2026-10-02T12:00", *earlier, OWED).because["state"]
    assert (found.code, found.text) == ("unpaid", "walled: INV-9 was to be paid until 2026-09-15")
    assert found.file == f"subscribers/lalitpur/{ID}.ledger.yaml"


def test_without_rules_or_without_a_ledger_nothing_is_taken() -> None:
    assert service("2029-01-01T12:00", OWED, of=world(OWED, money={})).state == State.ACTIVE
    assert service("2029-01-01T12:00", of=World({"money": DUNNING})).state == State.ACTIVE


def test_the_account_of_a_prepaid_service_takes_nothing() -> None:
    assert service("2026-10-02T12:00", OWED, tariff="home-50", paid_until="2031-12-31").state == State.ACTIVE


def test_what_somebody_wrote_is_stricter_where_it_is_stricter() -> None:
    ended = service("2026-10-02T12:00", OWED, terminated="2026-10-01")
    assert (ended.state, ended.because["state"].code) == (State.TERMINATED, "terminated")


def test_the_turns_are_those_of_the_account() -> None:
    document, context = subscriber({"tariff": "business"}, id=ID), world(OWED, PAID)
    found = [(turn.at, turn.loses) for turn in turns(document, 0, Frame(context, at("2026-09-20T00:00")))]
    assert found == [
        (at("2026-09-25T00:00"), False),
        (at("2026-10-02T00:00"), True),
        (at("2026-10-05T12:00"), False),
    ]


def test_an_end_that_may_be_paid_until_then_is_not_promised() -> None:
    assert service("2026-09-26T12:00", OWED).ends is None
    walled = service("2026-10-02T12:00", OWED)
    assert walled.ends == at("2026-10-02T00:00")
    assert walled.until == at("2026-10-16T00:00")


def test_the_wall_comes_at_the_moment_of_the_service() -> None:
    found = service("2026-10-02T12:00", OWED, of=world(OWED, expiry={"spread": "2h"}))
    spread = later(f"{ID}/s0", 7200)
    assert timedelta() < spread
    assert found.ends == at("2026-10-02T00:00") + spread


def test_the_table_names_every_stage_of_an_account() -> None:
    assert [stage.standing for stage in ACCOUNTS] == list(Standing)
