"""What is told about the NAS: heard or not, ours or not, and what was asked of them."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from ispctl.model.problem import Refusal
from ispctl.radius.limits import entry_of
from ispctl.status.fleet import Counted, Seen, fleet
from ispctl.status.present import Screen
from ispctl.status.present_fleet import listed, shown
from ispctl.store import Limit, Proof, Store, proofs
from ispctl.structs import replace
from tests.status.world import ANITA, DSN, EKRAJ, KATHMANDU, LALITPUR, NOW, World


def _one(world: World, named: str) -> Seen:
    with world.view() as view:
        (found,) = fleet(view, named)
        return found


def test_a_nas_that_was_never_heard_is_told_from_one_that_went_silent(world: World) -> None:
    world.dial(ANITA, heard=60)
    world.dial("gita.karki@home.example", nas=KATHMANDU, heard=3000)
    with world.view() as view:
        states = {one.name: one.state for one in fleet(view)}
    assert (states["kathmandu-1"], states["lalitpur-1"], states["pokhara-1"]) == ("silent", "heard", "never")


@pytest.mark.parametrize("hours, state", [(23, "heard"), (25, "silent")])
def test_a_nas_without_sessions_may_be_quiet_for_a_day(world: World, hours: int, state: str) -> None:
    world.dial(ANITA, old=hours * 3600, heard=hours * 3600)
    world.sql("UPDATE radacct SET acctstoptime = acctupdatetime")
    assert _one(world, "lalitpur-1").state == state


def test_sessions_begun_and_logins_refused_are_counted_by_hour_and_by_day(world: World) -> None:
    for ago in (5, 70, 1500):
        world.dial(ANITA, session=f"s{ago}", old=ago * 60)
        world.refused(EKRAJ, "bad-password", ago=ago)
    found = _one(world, "lalitpur-1")
    assert (found.hour, found.day) == (Counted(1, 1), Counted(2, 2))
    assert found.reasons == {"bad-password": 2}
    assert found.last_login == NOW - timedelta(minutes=5)


def test_a_login_of_before_yesterday_is_not_said_to_have_never_been(world: World) -> None:
    world.dial(ANITA, old=48 * 3600)
    screen = Screen(ZoneInfo("Asia/Kathmandu"), NOW, None)
    found = _one(world, "lalitpur-1")
    assert "last not in a day; begun/refused 0/0" in shown(found, screen)
    assert "1 min ago  not in a day" in listed([found], screen)
    assert "last never;" in shown(_one(world, "pokhara-1"), screen)


def test_sessions_are_counted_as_the_list_of_sessions_judges_them(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    world.dial(EKRAJ, "0" * 16 + "-" + "0" * 16, heard=800)
    found = _one(world, LALITPUR)
    assert (found.name, found.sessions, found.stale, found.behind) == ("lalitpur-1", 2, 1, 1)


def test_who_speaks_and_is_no_nas_of_ours_is_a_stranger(world: World) -> None:
    world.stranger()
    world.dial("somebody@home.example", nas="198.51.100.9")
    with world.view() as view:
        found = [one for one in fleet(view) if one.state == "stranger"]
    assert [(one.addresses, one.packets, one.sessions) for one in found] == [
        (("198.51.100.77",), 12, 0),
        (("198.51.100.9",), None, 1),
    ]


def test_sessions_are_those_of_the_nas_that_asked_and_not_of_one_that_it_takes_changes_for(world: World) -> None:
    own, other = "coa: {address: 192.0.2.4, port: 1700", "coa: {address: 192.0.2.1, port: 1700"
    world.edit("inventory/hosts.yaml", lambda text: text.replace(own, other))
    world.dial(ANITA)
    assert (_one(world, "lalitpur-1").sessions, _one(world, "bhaktapur-1").sessions) == (1, 0)
    assert _one(world, LALITPUR).name == "lalitpur-1"


def test_a_nas_that_is_not_applied_is_no_client_yet(world: World) -> None:
    world.sql("DELETE FROM nas WHERE nasname = ?", LALITPUR)
    assert _one(world, "lalitpur-1").client is True, "its row was lost: that is drift"
    world.sql("DELETE FROM ispctl_object WHERE kind = 'nas' AND key = ?", LALITPUR)
    assert _one(world, "lalitpur-1").client is False


def test_answers_to_changes_are_remembered_and_failures_counted(world: World) -> None:
    said = Proof("a", ANITA, "lalitpur-1", "coa", "x", "ack", 1, NOW - timedelta(minutes=9))
    with Store.open(DSN, base=world.folder) as store, store.transaction():
        proofs.put(store, [said])
        proofs.put(store, [replace(said, uniqueid="b", answer="timeout", sent=NOW - timedelta(minutes=4))])
    coa = _one(world, "lalitpur-1").coa
    assert coa is not None
    assert (coa.answer, coa.asked, coa.failed) == ("timeout", 2, 1)
    assert "Mikrotik-Rate-Limit" in coa.changes


def test_what_a_nas_turned_out_to_be_unable_to_do_is_told_for_as_long_as_it_is_believed(world: World) -> None:
    with world.view() as view:
        entry = entry_of(view.head.nas["lalitpur-1"])
    with Store.open(DSN, base=world.folder) as store, store.transaction():
        store.put_limit(Limit("lalitpur-1", "coa", "", 406, NOW - timedelta(days=1), entry))
        store.put_limit(Limit("lalitpur-1", "attributes", "Filter-Id", 401, NOW - timedelta(days=8), entry))
    coa = _one(world, "lalitpur-1").coa
    assert coa is not None
    (limit,) = coa.limits
    assert limit.startswith("lalitpur-1 takes no change to a running session")


def test_a_name_that_is_none_is_refused_with_what_may_be_meant(world: World) -> None:
    with pytest.raises(Refusal) as caught:
        _one(world, "lalitpur1")
    (problem,) = caught.value.problems
    assert (problem.code, problem.advice) == ("E621", "Did you mean lalitpur-1?")


def test_without_a_database_nobody_is_called_silent(world: World) -> None:
    world.database.unlink()
    found = _one(world, "lalitpur-1")
    assert (found.state, found.sessions, found.hour, found.client) == ("unknown", None, None, None)
