"""A login that was passed on: what is of whoever had it, and what of whoever has it now."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ispctl.status.find import find
from ispctl.status.listing import Listed, Wanted, listing
from ispctl.status.profile import show
from ispctl.status.refusals import Wanted as Refusals
from ispctl.status.refusals import refusals
from ispctl.status.why import why
from tests.status.test_find import A_FILE, ADDRESS, ask, had
from tests.status.world import ANITA, ANITA_ID, NOW, World

HEIR = "sub-000999"
DAY = 24 * 60


@pytest.fixture
def passed(world: World) -> World:
    """The contract of one ended on the 10th; another has the login since the 12th."""
    text = (world.folder / A_FILE).read_text("utf-8")
    heir = world.folder / "subscribers/lalitpur/3f" / f"{HEIR}.yaml"
    heir.write_text(text.replace(ANITA_ID, HEIR).replace("2025-10-20", "2027-01-12"), "utf-8")
    world.edit(A_FILE, lambda text: text.replace("    paid_until", "    terminated: 2027-01-10\n    paid_until"))
    world.apply()
    return world


def _lines(world: World) -> dict[str, Listed]:
    with world.view() as view:
        return {one.id: one for one in listing(view, Wanted()) if one.login == ANITA}


@pytest.mark.parametrize(("days", "who"), [(8, ANITA_ID), (4, ANITA_ID), (2, HEIR), (0, HEIR)])
def test_an_address_is_told_of_whoever_had_the_login_when_the_session_began(passed: World, days: int, who: str) -> None:
    """On the 11th it was nobody's: whoever had it before is still on."""
    had(passed, ANITA, days * DAY + 60, days * DAY)
    assert [(one.id, one.match) for one in ask(passed, ADDRESS)] == [(who, "before")]


def test_who_follows_without_a_first_day_gets_no_session_of_before(passed: World) -> None:
    passed.edit(
        f"subscribers/lalitpur/3f/{HEIR}.yaml",
        lambda text: "\n".join(line for line in text.splitlines() if "activated" not in line),
    )
    had(passed, ANITA, 8 * DAY, 7 * DAY)
    assert [one.id for one in ask(passed, ADDRESS)] == [ANITA_ID]


def test_a_session_is_of_whoever_has_the_login_now(passed: World) -> None:
    had(passed, ANITA, 100, None)
    lines = _lines(passed)
    assert [(one.state, one.online) for one in lines.values()] == [("terminated", "no"), ("active", "yes")]
    assert lines[ANITA_ID].last_seen is None
    with passed.view() as view:
        assert {one.id: len(one.sessions or ()) for one in show(view, ANITA)} == {ANITA_ID: 0, HEIR: 1}


def test_a_session_of_before_says_nothing_of_who_has_the_login_now(passed: World) -> None:
    had(passed, ANITA, 6 * DAY, 6 * DAY - 60)
    lines = _lines(passed)
    assert lines[HEIR].last_seen is None
    assert lines[ANITA_ID].last_seen is not None
    with passed.view() as view:
        silent = {one.id for one in listing(view, Wanted(no_session=30))}
    assert HEIR in silent
    assert ANITA_ID not in silent


def test_a_refusal_is_of_whoever_had_the_login_then(passed: World) -> None:
    passed.refused(ANITA, "bad-password", ago=8 * DAY)
    passed.refused(ANITA, "sessions")
    with passed.view() as view:
        found = {one.id: [each.reason for each in one.rejects or ()] for one in show(view, ANITA)}
        said = refusals(view, Refusals(ANITA))
    assert found == {ANITA_ID: ["bad-password"], HEIR: ["sessions"]}
    assert said is not None
    assert [one.id for one in said.items] == [HEIR, ANITA_ID]


def test_a_refusal_of_who_waits_for_his_first_day_is_not_told_of_whoever_had_the_login(passed: World) -> None:
    heir = f"subscribers/lalitpur/3f/{HEIR}.yaml"
    passed.edit(
        heir,
        lambda text: text.replace(
            "    paid_until", "    suspended: {since: 2027-01-13, reason: abuse}\n    paid_until"
        ),
    )
    passed.edit("inventory/policy.yaml", lambda text: f"suspended: {{method: reject}}\n{text}")
    passed.refused(ANITA, "suspended")
    with passed.view() as view:
        said = refusals(view, Refusals(ANITA))
    assert said is not None
    assert [(one.id, one.words) for one in said.items] == [(HEIR, "it is suspended")]


def test_only_who_has_the_login_now_is_said_to_get_in(passed: World) -> None:
    with passed.view() as view:
        said = refusals(view, Refusals(ANITA))
        assert said is not None
        assert len(said.now) == 1
        assert {one.id: one.now is not None for one, _ in why(view, ANITA)} == {ANITA_ID: False, HEIR: True}


def test_who_gets_a_login_later_has_none_of_its_sessions_yet(world: World) -> None:
    text = (world.folder / A_FILE).read_text("utf-8")
    heir = world.folder / "subscribers/lalitpur/3f" / "sub-000100.yaml"
    heir.write_text(text.replace(ANITA_ID, "sub-000100").replace("2025-10-20", "2027-02-01"), "utf-8")
    world.edit(A_FILE, lambda text: text.replace("    paid_until", "    terminated: 2027-01-31\n    paid_until"))
    had(world, ANITA, 100, None)
    assert {one.id: one.online for one in _lines(world).values()} == {ANITA_ID: "yes", "sub-000100": "no"}
    with world.view(NOW + timedelta(minutes=1)) as view:
        assert [one.id for one in find(view, ADDRESS) or ()] == [ANITA_ID]
