"""What is not over, and the account, as `ispstat show` tells them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from ispctl.status import present, present_profile, profile
from ispctl.status.profile import Shown
from tests.status.conftest import Golden
from tests.status.world import ANITA, ANITA_ID, NOW, World

FILE = "subscribers/lalitpur/3f/sub-000123.yaml"
LEDGER = "subscribers/lalitpur/3f/sub-000123.ledger.yaml"
PAYMENT = f"""subscriber: {ANITA_ID}
entries:
  - {{key: pay-1, at: "2027-01-15T11:50:00+05:45", type: payment, amount: "1200.00", reference: BANK-1}}
"""
OFFICE = "subscribers/kathmandu/07/sub-000206.ledger.yaml"
BILL = """  - {key: inv-1, at: 2027-01-02, type: invoice, amount: "7345.00", reference: INV-2027-0101, due: 2027-01-10}
"""


def _text(found: Sequence[Shown], world: World) -> str:
    with world.view() as view:
        screen = present.Screen(view.zone, NOW)
    return "\n\n".join(present_profile.shown(one, screen) for one in found)


def _show(world: World, named: str) -> tuple[Shown, ...]:
    with world.view() as view:
        return profile.show(view, named)


def _one(world: World, named: str = ANITA) -> Shown:
    (one,) = _show(world, named)
    return one


def _paid_until(world: World, day: str, of: str = "2031-12-31") -> None:
    world.edit(FILE, lambda text: text.replace(f"paid_until: {of}", f"paid_until: {day}"))


def _said(one: Shown) -> list[str]:
    return [found.text for found in one.pending]


def test_what_is_paid_and_not_applied_is_never_said_to_be_in_service(world: World, golden: Golden) -> None:
    _paid_until(world, "2027-01-10")
    world.apply()
    _paid_until(world, "2027-02-10", "2027-01-10")
    one = _one(world)
    assert one.pending[0].text.startswith("paid, apply pending: commit ")
    assert (one.pending[0].at, one.pending[0].because.file, one.pending[0].because.line) == (None, FILE, 10)
    golden("show-paid", _text([one], world))


def test_an_edit_that_waits_is_pending_and_not_paid(world: World) -> None:
    world.edit(FILE, lambda text: text.replace("tariff: home-50", "tariff: home-100"))
    one = _one(world)
    assert one.pending[0].text.startswith("apply pending: commit ")
    assert "PAID" not in _text([one], world)


def test_a_longer_suspension_of_somebody_who_paid_is_not_paid(world: World) -> None:
    world.edit(FILE, lambda text: text + "    suspended: {since: 2027-01-01, reason: open relay}\n")
    _paid_until(world, "2032-12-31")
    assert _said(_one(world))[0].startswith("apply pending: commit ")


def test_whoever_paid_and_whose_nas_does_not_answer_is_told_so(world: World) -> None:
    _paid_until(world, "2027-01-10")
    world.apply()
    walled = world.class_of(ANITA)
    _paid_until(world, "2027-02-10", "2027-01-10")
    (world.folder / LEDGER).write_text(PAYMENT, "utf-8")
    world.edit(FILE, lambda text: text + "# renewed\n")
    world.apply()
    world.dial(ANITA, walled)  # no run has reached its NAS
    one = _one(world)
    assert one.applied is not None
    assert one.applied.standing == "yes"
    assert _said(one)[0] == "paid, apply pending: the session on lalitpur-1 still runs what it was given before"
    assert f"{ANITA} (sub-000123/main): PAID, APPLY PENDING; " in _text([one], world)


def test_a_session_that_began_after_the_payment_waits_for_something_else(world: World) -> None:
    _paid_until(world, "2027-01-10")
    world.apply()
    walled = world.class_of(ANITA)
    _paid_until(world, "2027-02-10", "2027-01-10")
    (world.folder / LEDGER).write_text(PAYMENT, "utf-8")
    world.edit(FILE, lambda text: text + "# renewed\n")
    world.apply()
    world.dial(ANITA, walled, old=60)
    assert _said(_one(world))[0] == "apply pending: the session on lalitpur-1 still runs what it was given before"


def test_without_a_database_it_is_unknown_what_waits(world: World) -> None:
    world.database.write_bytes(b"no database")
    assert _said(_one(world))[0] == "whether it is applied is unknown: the RADIUS database gives no answer"


def test_time_that_no_run_has_followed_is_pending(world: World) -> None:
    _paid_until(world, "2027-01-16")
    world.apply()
    with world.view(NOW + timedelta(days=2)) as view:
        (one,) = profile.show(view, ANITA)
    assert _said(one) == ["apply pending: time has changed it, and no run has come since"]


def test_all_that_is_written_down_stands_in_the_order_of_time(world: World, golden: Golden) -> None:
    more = """    grace: [{until: 2027-02-05, reason: a cut fibre}]
    hold: {from: 2027-01-20, until: 2027-01-25}
    scheduled:
      - {at: 2027-01-22, set: {ipv4: {pool: home}, nas: [lalitpur-1]}}
      - {at: 2027-02-01, set: {tariff: home-100}}
    terminated: 2027-06-01
"""
    _paid_until(world, "2027-01-31")
    world.edit(FILE, lambda text: text + more)
    world.apply()
    one = _one(world)
    moments = [found.at for found in one.pending if found.at]
    assert moments == sorted(moments)
    assert all(found.because.line for found in one.pending)
    golden("show-pending", _text([one], world))


def test_grace_that_ends_before_the_paid_time_is_not_pending(world: World) -> None:
    world.edit(FILE, lambda text: text + "    grace: [{until: 2027-02-05, reason: a cut fibre}]\n")
    assert [found.kind for found in _one(world).pending if found.at] == ["paid"]


def test_a_hold_that_runs_ends_and_does_not_begin(world: World) -> None:
    world.edit(FILE, lambda text: text + "    hold: {from: 2027-01-10, until: 2027-01-25}\n")
    assert "hold ends, then active" in _said(_one(world))
    assert not [text for text in _said(_one(world)) if text.startswith("hold begins")]


def test_whoever_waits_for_a_first_login_has_no_end_yet(world: World) -> None:
    (found,) = _one(world, "sub-000409").pending
    assert (found.at, found.text) == (None, "begins with the first login, on 2031-12-31 at the latest")
    assert (found.kind, found.because.line) == ("activation", 9)


def test_a_postpaid_service_says_what_follows_if_nothing_is_paid(world: World, golden: Golden) -> None:
    world.edit(OFFICE, lambda text: text + BILL)
    world.apply()
    one = _one(world, "sub-000206")
    (stage,) = [found for found in one.pending if found.kind == "account"]
    assert (stage.because.file, stage.because.line) == (OFFICE, 12)
    assert one.account is not None
    assert one.account.oldest is not None
    assert (one.account.oldest.reference, one.account.oldest.line) == ("INV-2027-0101", 12)
    assert len(one.account.entries) == 3 < one.account.count
    golden("show-owing", _text([one], world))


def test_the_moment_of_a_stage_is_the_moment_at_which_the_state_changes(world: World) -> None:
    world.edit(OFFICE, lambda text: text + BILL)
    one = _one(world, "sub-000206")
    assert one.account is not None
    assert one.next is not None
    at = {stage.state: stage.at for stage in one.account.coming}
    assert one.next.at in at.values()


def test_an_account_that_cannot_be_read_is_unknown_and_so_is_what_it_decides(world: World, golden: Golden) -> None:
    world.edit(OFFICE, lambda text: text.replace("type: payment", "type: gift"))
    one = _one(world, "sub-000206")
    assert (one.account, one.state, OFFICE in one.account_fault) == (None, None, True)
    golden("show-unread", _text([one], world))


def test_a_prepaid_service_is_told_in_full_beside_an_account_that_cannot_be_read(world: World) -> None:
    (world.folder / LEDGER).write_text(PAYMENT.replace("type: payment", "type: gift"), "utf-8")
    world.edit(FILE, lambda text: text + "# paid\n")
    one = _one(world)
    assert (one.account, one.state) == (None, "active")
    assert "\n\naccount\n  unknown: " in _text([one], world)


@pytest.mark.parametrize("named", ["sub-000411", "sub-000411/guests"])
def test_of_several_services_each_is_shown_with_what_is_pending_of_it(world: World, golden: Golden, named: str) -> None:
    found = _show(world, named)
    assert len(found) == (1 if "/" in named else 2)
    golden(f"show-{named.replace('/', '-')}", _text(found, world))


def test_every_pending_thing_names_a_line_or_says_who_to_ask(world: World) -> None:
    with world.view() as view:
        for holding in view.head.services():
            (one,) = profile.show(view, holding.owner)
            for found in one.pending:
                because = found.because
                assert (
                    because.line if because.file else because.code in ("paused", "session", "clock", "unknown", "paid")
                )
