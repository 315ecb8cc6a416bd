"""A login that stood in the database before us is answered by its old rows, and nothing else is said of it."""

from __future__ import annotations

import pytest

from ispctl.status import drift, listing, present_profile, present_why, profile, refusals, why
from ispctl.status.present import Screen
from tests.status.world import ANITA, ANITA_ID, EKRAJ, World


@pytest.fixture
def unadopted(world: World) -> World:
    """ANITA's rows are somebody else's."""
    for table in ("ispctl_login", "ispctl_service"):
        world.sql(f"DELETE FROM {table} WHERE login = ?", ANITA)
    return world


def test_it_is_neither_out_of_service_nor_altered_by_hand(unadopted: World) -> None:
    with unadopted.view() as view:
        (shown,) = profile.show(view, ANITA)
        text = present_profile.shown(shown, Screen(view.zone, view.now))
        listed = {one.login: one.applied for one in listing.listing(view, listing.Wanted())}
        assert drift.drift(view) == ()
    assert text.startswith(f"{ANITA} ({ANITA_ID}/main): by git IN SERVICE at 50M/25M, not adopted: ")
    assert "by hand" not in text
    assert "is not in the database" not in text
    assert (listed[ANITA], listed[EKRAJ]) == ("unadopted", "yes")


def test_whether_it_would_be_accepted_is_not_told_by_rows_that_are_not_there(unadopted: World) -> None:
    with unadopted.view() as view:
        ((found, shown),) = why.why(view, ANITA)
        text = present_why.told(found, shown, Screen(view.zone, view.now))
        answer = refusals.refusals(view, refusals.Wanted(ANITA))
    assert found.now is None
    assert "somebody else's rows answer until it is adopted: ispctl adopt" in text
    assert answer is not None
    assert answer.now == ()


def test_a_login_that_waits_to_be_applied_is_not_taken_for_a_misspelt_one(world: World) -> None:
    world.sql("DELETE FROM ispctl_login WHERE login = ?", ANITA)
    for table in ("radcheck", "radusergroup"):
        world.sql(f"DELETE FROM {table} WHERE username = ?", ANITA)
    world.refused(ANITA, "unknown-login")
    with world.view() as view:
        answer = refusals.refusals(view, refusals.Wanted(ANITA))
    assert answer is not None
    said = f"Git has this login: ispstat show {ANITA} tells whether the database knows it now"
    assert [one.advice for one in answer.items] == [said]
    assert [one.advice for one in answer.now] == [said]
