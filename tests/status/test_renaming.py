"""A service whose login becomes another: what is told before that is applied, and after."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ispctl.status import listing, online, profile
from ispctl.status.listing import Wanted
from ispctl.status.present import Screen
from ispctl.status.present_profile import headline
from ispctl.store import Store, backup
from ispctl.store.retention import Keep, prune
from ispctl.structs import replace
from tests.status.world import ANITA, ANITA_ID, DSN, NOW, World

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


def _seen(world: World) -> dict[str, datetime | None]:
    with world.view() as view:
        return {one.id: one.last_seen for one in listing.listing(view, Wanted())}


def _was_online(world: World, login: str, minutes: int) -> None:
    world.dial(login, world.class_of(login), heard=minutes * 60)
    ended = int((NOW - timedelta(minutes=minutes)).timestamp())
    world.sql("UPDATE radacct SET acctstoptime = ? WHERE username = ?", ended, login)


def test_who_was_online_by_a_login_of_before_was_seen_also_once_the_renaming_is_applied(world: World) -> None:
    _was_online(world, ANITA, 10)
    world.edit(FILE, lambda text: text.replace(ANITA, NEW))
    for _ in range(3):  # the second one finds that no session is open any more
        world.apply()
        assert _seen(world)[ANITA_ID] == NOW - timedelta(minutes=10)
    with world.view() as view:
        assert [one.last_seen for one in listing.listing(view, Wanted(group="lalitpur")) if one.id == ANITA_ID] == [
            NOW - timedelta(minutes=10)
        ]
        assert ANITA_ID not in {one.id for one in listing.listing(view, Wanted(no_session=1))}
    world.edit(FILE, lambda text: text.replace(NEW, "anita.newer@home.example"))
    for _ in range(2):
        world.apply()
    assert _seen(world)[ANITA_ID] == NOW - timedelta(minutes=10)


def _restored(world: World) -> None:
    """The database is lost, and begun again with a backup."""
    file = world.folder / "var" / "facts.gz"
    with Store.open(DSN, base=world.folder) as store:
        backup.write(store, file, NOW, lambda *_: None)
    for part in (world.folder / "var").glob("radius.db*"):
        part.unlink()
    with Store.create(DSN, base=world.folder, lab=True) as store:
        backup.restore(store, file, NOW, actor="a test", progress=lambda *_: None)
    world.apply()


def test_who_was_online_by_a_login_of_before_was_seen_also_after_a_restore(world: World) -> None:
    _was_online(world, ANITA, 10)
    world.edit(FILE, lambda text: text.replace(ANITA, NEW))
    for _ in range(2):
        world.apply()
    _restored(world)
    assert _seen(world)[ANITA_ID] == NOW - timedelta(minutes=10)


def test_a_session_of_a_login_of_before_has_its_owner_also_after_a_restore(world: World) -> None:
    _renamed(world)
    _restored(world)
    with world.view() as view:
        assert [(one.login, one.id) for one in online.sessions(view) or ()] == [(ANITA, ANITA_ID)]


@pytest.mark.parametrize("at_once", [True, False])
def test_who_gets_a_login_was_not_online_by_it_before(world: World, at_once: bool) -> None:
    _was_online(world, ANITA, 10)
    other = world.folder / "subscribers/lalitpur/3f/sub-000124.yaml"
    (had,) = re.findall("login: (.*)", other.read_text("utf-8"))
    world.edit(FILE, lambda text: text.replace(ANITA, NEW))
    if not at_once:
        world.apply()
    world.edit("subscribers/lalitpur/3f/sub-000124.yaml", lambda text: text.replace(had, ANITA))
    for _ in range(2):
        world.apply()
    assert _seen(world)[ANITA_ID] == NOW - timedelta(minutes=10)


def test_of_whom_the_sessions_are_deleted_it_is_forgotten_when_he_was_seen(world: World) -> None:
    _was_online(world, ANITA, 10)
    world.edit(FILE, lambda text: text.replace(ANITA, NEW))
    for _ in range(2):
        world.apply()
    with Store.open(DSN, base=world.folder) as store:
        keep = Keep(silent=timedelta(days=1), sessions=timedelta(minutes=11))
        prune(store, keep, NOW, actor="a test", rest=lambda _: None)
    assert _seen(world)[ANITA_ID] == NOW - timedelta(minutes=10)
    with Store.open(DSN, base=world.folder) as store:
        prune(store, replace(keep, sessions=timedelta(minutes=9)), NOW, actor="a test", rest=lambda _: None)
    assert _seen(world)[ANITA_ID] is None
