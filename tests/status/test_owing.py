"""Accounts in the list: who owes what, and for how long."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ispctl.status import listing
from ispctl.status.account import account
from ispctl.status.listing import Wanted
from tests.status.world import NOW, World, committed


def _ids(world: World, wanted: Wanted) -> list[str]:
    with world.view() as view:
        return [one.id for one in listing.listing(view, wanted)]


def test_who_owes_for_long_is_found_with_what_he_owes(world: World) -> None:
    bill = '  - {key: inv-1, at: 2027-01-02, type: invoice, amount: "7345.00", reference: INV-1, due: 2027-01-10}\n'
    world.edit("subscribers/kathmandu/07/sub-000206.ledger.yaml", lambda text: text + bill)
    for days, expected in ((0, ["sub-000206"]), (5, ["sub-000206"]), (6, [])):
        assert _ids(world, Wanted(overdue=days)) == expected
    with world.view() as view:
        (one,) = listing.listing(view, Wanted(overdue=1))
    assert (one.balance, one.overdue, one.due) == (Decimal("7345.00"), Decimal("7345.00"), date(2027, 1, 10))


def test_what_is_due_today_is_not_overdue(world: World) -> None:
    bill = '  - {key: inv-1, at: 2027-01-02, type: invoice, amount: "7345.00", reference: INV-1, due: 2027-01-15}\n'
    world.edit("subscribers/kathmandu/07/sub-000206.ledger.yaml", lambda text: text + bill)
    assert _ids(world, Wanted(overdue=0)) == []


def test_an_account_that_cannot_be_read_has_no_balance(world: World) -> None:
    path = "subscribers/kathmandu/07/sub-000206.ledger.yaml"
    world.edit(path, lambda text: text.replace("type: payment", "type: gift"))
    with world.view() as view:
        found = {one.id: one.balance for one in listing.listing(view, Wanted(accounts=True))}
        assert (found["sub-000206"], found["sub-000207"]) == (None, Decimal("0.00"))
        assert not view.sources()[0].ok


def test_of_a_prepaid_account_the_state_and_the_debt_name_the_same_last_day(world: World) -> None:
    """It has no consequences there, and the days to pay are those of the policy all the same."""
    bill = 'subscriber: sub-000123\nentries:\n  - {key: inv-1, at: 2027-01-10, type: invoice, amount: "900.00"}\n'
    (world.folder / "subscribers/lalitpur/3f/sub-000123.ledger.yaml").write_text(bill, "utf-8")
    committed(world.folder, "A bill", NOW)
    with world.view() as view:
        (one,) = account(view, "sub-000123", 1)
    assert one.oldest is not None
    assert (one.oldest.due, one.why) == (date(2027, 1, 25), "inv-1 is to be paid until 2027-01-25")
