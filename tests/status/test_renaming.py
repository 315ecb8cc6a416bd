"""A service whose login becomes another: what is told before that is applied, and after."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from ispctl.status import listing, online, profile
from ispctl.status.listing import Wanted
from ispctl.status.present import Screen
from ispctl.status.present_profile import headline
from tests.status.world import ANITA, ANITA_ID, NOW, World

FILE = "subscribers/lalitpur/3f/sub-000123.yaml"
NEW = "anita.new@home.example"


def test_whoever_is_to_be_renamed_is_in_service_and_online_as_before_until_that_is_applied(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    world.edit(FILE, lambda text: text.replace(ANITA, NEW))
    with world.view() as view:
        (shown,) = profile.show(view, NEW)
        online = {one.id: one.online for one in listing.listing(view, Wanted())}
    assert shown.applied is not None
    assert (shown.applied.login, shown.applied.group, shown.applied.standing) == (ANITA, "isp:home-50", "waiting")
    assert [one.login for one in shown.sessions or ()] == [ANITA]
    said = headline(shown, Screen(ZoneInfo("Asia/Kathmandu"), NOW, None))
    assert f"IN SERVICE on home-50 by the database as {ANITA}; by git IN SERVICE" in said
    assert "; online since" in said
    assert online[ANITA_ID] == "yes"


def _renamed(world: World) -> None:
    """It is applied, and nobody who answers has ended the session of before."""
    world.dial(ANITA, world.class_of(ANITA))
    world.edit(FILE, lambda text: text.replace(ANITA, NEW))
    world.apply()


def test_a_session_that_a_renaming_did_not_end_is_shown_and_waits_for_its_end(world: World) -> None:
    _renamed(world)
    with world.view() as view:
        (shown,) = profile.show(view, NEW)
        online = {one.id: one.online for one in listing.listing(view, Wanted())}
    (session,) = shown.sessions or ()
    assert (session.login, session.id, session.config, session.needs) == (ANITA, ANITA_ID, "behind", "disconnect")
    assert [one.kind for one in shown.pending][:1] == ["session"]
    assert online[ANITA_ID] == "yes"
    world.sql("UPDATE radacct SET acctstoptime = ? WHERE username = ?", int(NOW.timestamp()), ANITA)
    with world.view() as view:
        assert [one.sessions for one in profile.show(view, NEW)] == [()]


def test_all_sessions_tell_whose_one_of_a_login_of_before_is(world: World) -> None:
    _renamed(world)
    with world.view() as view:
        assert [(one.login, one.id) for one in online.sessions(view) or ()] == [(ANITA, ANITA_ID)]


def test_who_was_online_by_the_login_of_before_was_seen(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA), heard=600)
    world.sql("UPDATE radacct SET acctstoptime = ? WHERE username = ?", int(NOW.timestamp()) - 600, ANITA)
    world.edit(FILE, lambda text: text.replace(ANITA, NEW))
    with world.view() as view:
        found = {one.id: one.last_seen for one in listing.listing(view, Wanted())}
        silent = {one.id for one in listing.listing(view, Wanted(no_session=1))}
    assert found[ANITA_ID] == NOW - timedelta(minutes=10)
    assert ANITA_ID not in silent
