"""Undoing one event and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ispctl.model.days import NEVER
from ispctl.model.ledger import Ledger
from ispctl.money import Undone, balance, dependents, revert
from tests.money.accounts import event, invoice, ledger, payment, policy, reversal

Fields = dict[str, str | None]
RENEW: dict[str, Any] = {"verb": "renew", "was": {"paid_until": "2026-10-31"}, "set": {"paid_until": "2026-11-30"}}
RENEWED = (
    invoice("2026-10-20", "1200", key="renew-1", service="main", event=RENEW),
    payment("2026-10-20", "1200", key="renew-1/payment", part_of="renew-1"),
)
NOW: Fields = {"paid_until": "2026-11-30", "tariff": "home-50", "ipv4": None}


def undone(*entries: dict[str, Any], key: str = "renew-1", present: Fields | None = None, **asked: Any) -> Undone:
    closed = asked.pop("closed", None)
    rules = policy(**({"closed_until": closed} if closed else {}))
    return revert(ledger(*entries), key, rules, there(NOW if present is None else present), **asked)


def there(fields: Fields) -> Callable[[tuple[str, str]], str | None]:
    """What stands in a file that has these fields, none of which is a list."""
    return lambda place: fields[place[0]] if place[1] == "" else None


def kinds(found: Undone) -> list[str]:
    return [obstacle.kind for obstacle in found.obstacles]


def test_a_renewal_is_undone_with_its_payment() -> None:
    found = undone(*RENEWED)
    assert (found.entries, found.restores, found.obstacles) == ((1, 0), {"paid_until": "2026-10-31"}, ())


def test_another_address_since_is_kept() -> None:
    address = event("2026-10-21", "ip", {"ipv4": None}, {"ipv4": "{static: 203.0.113.9}"})
    found = undone(*RENEWED, address, present=NOW | {"ipv4": "{static: 203.0.113.9}"})
    assert (found.restores, found.obstacles) == ({"paid_until": "2026-10-31"}, ())


def test_after_an_upgrade_the_renewal_before_it_is_refused() -> None:
    upgrade = event("2026-10-25", "change-tariff", {"tariff": "home-50"}, {"tariff": "home-100"}, key="up")
    found = undone(*RENEWED, upgrade, present=NOW | {"tariff": "home-100"})
    assert kinds(found) == ["depends"]
    assert found.obstacles[0].text == "up (change-tariff) came after renew-1 and reckoned with it"


def test_with_what_depends_on_it_both_are_undone() -> None:
    upgrade = event("2026-10-25", "change-tariff", {"tariff": "home-50"}, {"tariff": "home-100"}, key="up")
    found = undone(*RENEWED, upgrade, present=NOW | {"tariff": "home-100"}, cascade=True)
    assert (found.entries, found.obstacles) == ((2, 1, 0), ())
    assert found.restores == {"paid_until": "2026-10-31", "tariff": "home-50"}


def test_what_was_reverted_is_not_reverted_again_and_depends_on_nothing() -> None:
    back = reversal("2026-10-22", "renew-1", "1200"), reversal("2026-10-22", "renew-1/payment", "1200")
    assert kinds(undone(*RENEWED, *back)) == ["already"]
    upgrade = event("2026-10-21", "change-tariff", {"tariff": "home-50"}, {"tariff": "home-100"}, key="up")
    gone = reversal("2026-10-22", "up")
    assert kinds(undone(*RENEWED, upgrade, gone)) == []


def test_a_closed_period_stays_closed() -> None:
    assert kinds(undone(*RENEWED, closed="2026-10-31")) == ["closed"]
    assert kinds(undone(*RENEWED, closed="2026-10-19")) == []


def test_what_was_edited_by_hand_since_is_not_overwritten() -> None:
    assert kinds(undone(*RENEWED, present=NOW | {"paid_until": "2027-01-31"})) == ["changed"]


def test_a_key_without_an_event_is_named() -> None:
    assert kinds(undone(*RENEWED, key="nobody")) == ["unknown"]
    note = {"key": "n", "at": "2026-10-20", "type": "note"}
    assert kinds(undone(note, key="n")) == ["unknown"]


def test_a_payment_that_was_none_is_taken_back_alone() -> None:
    found = undone(*RENEWED, key="renew-1/payment")
    assert (found.entries, found.restores, found.obstacles) == ((1,), {}, ())
    assert kinds(undone(*RENEWED, key="renew-1/payment", closed="2026-10-31")) == ["closed"]
    taken_back = reversal("2026-10-25", "renew-1/payment", amount="1200")
    assert kinds(undone(*RENEWED, taken_back, key="renew-1/payment")) == ["already"]


def test_an_event_of_another_service_depends_on_nothing_here() -> None:
    other = event("2026-10-25", "renew", {"paid_until": None}, {"paid_until": "2026-12-31"}, service="tv")
    assert kinds(undone(*RENEWED, other)) == []


def test_what_depends_on_what_depends_is_found_too() -> None:
    first = event("2026-10-01", "ip", {"ipv4": None}, {"ipv4": "a"})
    second = event("2026-10-02", "move", {"ipv4": "a", "nas": None}, {"ipv4": "b", "nas": "x"})
    third = event("2026-10-03", "move", {"nas": "x"}, {"nas": "y"})
    assert dependents(ledger(first, second, third), 0) == (1, 2)


# whatever happened

NAMES = ("paid_until", "tariff", "ipv4", "nas")
VALUES = st.sampled_from([None, "a", "b", "c"])
STEPS = st.lists(
    st.tuples(st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=2), st.integers(0, 50)), max_size=6
)


def happened(steps: list[tuple[Fields, int]]) -> tuple[list[dict[str, Any]], list[Fields]]:
    """The entries of these events, and the service before each and after the last."""
    entries, states = list[dict[str, Any]](), [dict.fromkeys(NAMES)]
    for number, (changes, amount) in enumerate(steps):
        before: Fields = states[-1]
        said = {"verb": "change", "was": {name: before[name] for name in changes}, "set": changes}
        entries.append(invoice("2026-10-01", str(amount), key=f"e{number}", service="main", event=said))
        states.append(before | changes)
    return entries, states


def after(account: Ledger, found: Undone) -> list[dict[str, Any]]:
    return [
        reversal("2026-10-02", account.entries[n].key, str(account.entries[n].amount), key=f"r{n}")
        for n in found.entries
    ]


@given(STEPS, st.data())
def test_reverting_the_last_event_gives_what_was_before(steps: list[tuple[Fields, int]], data: st.DataObject) -> None:
    entries, states = happened([*steps, ({"tariff": data.draw(VALUES)}, 30)])
    found = revert(ledger(*entries), entries[-1]["key"], policy(), there(states[-1]))
    assert found.obstacles == ()
    assert states[-1] | dict(found.restores) == states[-2]


@given(STEPS.filter(bool), st.data())
def test_a_cascade_restores_what_its_events_changed_and_the_balance(
    steps: list[tuple[Fields, int]], data: st.DataObject
) -> None:
    entries, states = happened(steps)
    number = data.draw(st.integers(0, len(steps) - 1))
    account = ledger(*entries)
    found = revert(account, f"e{number}", policy(), there(states[-1]), cascade=True)
    assert found.obstacles == ()
    back = states[-1] | dict(found.restores)
    assert {name: back[name] for name in steps[number][0]} == {name: states[number][name] for name in steps[number][0]}
    kept = [entry for n, entry in enumerate(entries) if n not in found.entries]
    undone_ = ledger(*entries, *after(account, found))
    assert balance(undone_, policy(), NEVER) == sum((Decimal(entry["amount"]) for entry in kept), Decimal(0))
