"""A password that is on its way to a router: which one holds, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.desired import Entitlement, Frame, entitle, sealed_digest, turns
from ispctl.model.document import Document
from ispctl.model.subscriber import Subscriber
from tests.builders import World, subscriber

OWNER = "sub-000001/s0"
FIRST = datetime(2026, 11, 20, 9, tzinfo=UTC)
SECOND = FIRST + timedelta(days=2)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLDEST, OLD, NEW = (f"enc:k1:{sign * 60}" for sign in "ABC")
ENDS = SECOND + timedelta(days=7)


def old(sealed: str, replaced: datetime) -> dict[str, str]:
    until = replaced + timedelta(days=7)
    return {"password": sealed, "replaced": replaced.isoformat(), "until": until.isoformat()}


def document(*olds: dict[str, str]) -> Document[Subscriber]:
    return subscriber(
        {"password": NEW, "old_passwords": list(olds), "activated": "2026-01-01", "paid_until": "2030-01-01"}
    )


def entitled(now: datetime, taken: datetime | None, *olds: dict[str, str]) -> Entitlement:
    world = World(taken={OWNER: (taken, taken + timedelta(hours=1))} if taken else {})
    return entitle(document(*olds), 0, world, now)


def holds(now: datetime, taken: datetime | None, *olds: dict[str, str]) -> tuple[str | None, str]:
    found = entitled(now, taken, *olds)
    assert found.password == sealed_digest(found.sealed or "")
    return found.sealed, found.new_password.holds if found.new_password else ""


ONE = (old(OLD, SECOND),)
TWO = (old(OLDEST, FIRST), old(OLD, SECOND))


@pytest.mark.parametrize(
    "now, taken, olds, expected",
    [
        (NOON, None, (), (NEW, "")),
        (NOON, None, ONE, (OLD, "old")),
        (NOON, SECOND, ONE, (NEW, "accepted")),
        (NOON, FIRST, ONE, (OLD, "old")),  # of a change before this one
        (ENDS - timedelta(seconds=1), None, ONE, (OLD, "old")),
        (ENDS, None, ONE, (NEW, "overdue")),
        (ENDS, SECOND, ONE, (NEW, "accepted")),
        (SECOND + timedelta(minutes=30), SECOND, ONE, (OLD, "old")),  # taken an hour after it came
        (NOON, None, TWO, (OLDEST, "old")),
        (NOON, FIRST, TWO, (OLD, "old")),
        (NOON, SECOND, TWO, (NEW, "accepted")),
        (ENDS, FIRST, TWO, (NEW, "overdue")),
    ],
)  # fmt: skip
def test_the_password_that_the_router_has_holds_until_its_time_is_over(
    now: datetime, taken: datetime | None, olds: tuple[dict[str, str], ...], expected: tuple[str, str]
) -> None:
    assert holds(now, taken, *olds) == expected


def test_the_clock_turns_at_the_end_and_takes_nothing() -> None:
    frame = Frame(World(), NOON)
    assert next((turn.at, turn.loses) for turn in turns(document(*ONE), 0, frame)) == (ENDS, False)
    assert entitled(NOON, None, *ONE).until == ENDS


@pytest.mark.parametrize("taken, now, code", [(None, NOON, "old"), (SECOND, NOON, "accepted"), (None, ENDS, "overdue")])
def test_it_is_said_which_one_holds_and_why(taken: datetime | None, now: datetime, code: str) -> None:
    because = entitled(now, taken, *ONE).because["password"]
    assert because.code == f"password-{code}"
    assert because.text.startswith("the old password" if code == "old" else "the new password")


@pytest.mark.parametrize(
    "fields",
    [
        {"old_passwords": [old(OLD, SECOND), old(OLDEST, FIRST)]},
        {"old_passwords": [old(OLD, SECOND) | {"replaced": "2026-11-20"}]},
        {"old_passwords": [old(OLD, SECOND)] * 2},
        {"old_passwords": [old(OLD, SECOND)], "password": None, "access": {"type": "ipoe", "identify": "mac"}},
    ],
)
def test_what_has_no_order_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"replaced|old_passwords"):
        subscriber({"password": NEW} | fields)


@given(st.integers(-30, 30), st.sampled_from([None, FIRST, SECOND]))
def test_only_a_new_password_holds_after_its_end_and_nothing_is_ever_without_one(
    days: int, taken: datetime | None
) -> None:
    now = NOON + timedelta(days=days)
    sealed, said = holds(now, taken, *TWO)
    assert sealed in (OLDEST, OLD, NEW)
    assert (now < ENDS) or sealed == NEW
    assert (said == "old") is (sealed != NEW)
