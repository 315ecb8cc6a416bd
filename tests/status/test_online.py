"""What `ispstat sessions` says of each open session: whose it is, what it runs, what shows it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ispctl.status import online, present
from ispctl.status.online import Asked, Octets, Online
from ispctl.status.present import Screen
from tests.status.world import ANITA, ANITA_ID, EKRAJ, KATHMANDU, NOW, World

OLD = "0" * 16 + "-" + "0" * 16


def _one(world: World, asked: Asked | None = None) -> Online:
    with world.view() as view:
        found = online.sessions(view, asked or Asked())
        assert found is not None
        (one,) = found
        return one


def test_a_session_that_runs_what_the_rows_say_is_current(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    found = _one(world)
    assert (found.state, found.config, found.nas, found.id) == ("live", "current", "lalitpur-1", ANITA_ID)
    assert found.bytes == Octets(9_000_000_000, 450_000_000)
    assert found.expected is not None
    assert (found.expected.down, found.expected.up) == (50_000_000, 25_000_000)


def test_a_session_that_runs_something_else_is_behind_and_says_what_it_needs(world: World) -> None:
    klass = world.class_of(ANITA)
    world.dial(ANITA, klass[:-8] + "0" * 8)
    assert (_one(world).config, _one(world).needs) == ("behind", "coa")
    world.sql("UPDATE radacct SET class = ?", OLD)
    assert (_one(world).config, _one(world).needs) == ("behind", "disconnect")


@pytest.mark.parametrize("proved, expected", [(False, "acked"), (True, "proved")])
def test_a_session_that_was_told_waits_for_its_proof(world: World, proved: bool, expected: str) -> None:
    klass = world.class_of(ANITA)
    world.dial(ANITA, klass[:-8] + "0" * 8)
    world.answered(ANITA, klass, proved=proved)
    assert _one(world).config == expected


def test_a_session_is_proved_by_its_accounting_before_any_run_has_looked(world: World) -> None:
    klass = world.class_of(ANITA)
    world.dial(ANITA, klass[:-8] + "0" * 8, heard=60)
    world.answered(ANITA, klass, ago=3000)
    assert _one(world).config == "proved"


def test_a_report_from_which_a_run_counts_on_proves_nothing_yet(world: World) -> None:
    klass = world.class_of(ANITA)
    world.dial(ANITA, klass[:-8] + "0" * 8, heard=60)
    world.answered(ANITA, klass, ago=3000)
    world.sql(
        "UPDATE ispctl_session SET (counted, octets_in, octets_out) ="
        " (SELECT acctupdatetime, acctinputoctets, acctoutputoctets FROM radacct)"
    )
    assert _one(world).config == "acked"


def test_a_session_that_was_told_something_older_is_behind(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    world.answered(ANITA, world.class_of(ANITA)[:-8] + "f" * 8, proved=True)
    assert _one(world).config == "behind"


def test_what_a_former_session_was_told_says_nothing_of_a_later_one_under_its_id(world: World) -> None:
    klass = world.class_of(ANITA)
    world.dial(ANITA, klass[:-8] + "0" * 8)
    world.answered(ANITA, klass, proved=True)
    world.sql("UPDATE ispctl_session SET counted = ?", int((NOW - timedelta(hours=2)).timestamp()))
    assert (_one(world).config, _one(world).proof) == ("behind", "")


def test_a_session_without_class_is_unknown_and_not_current(world: World) -> None:
    world.dial(ANITA)
    assert _one(world).config == "unknown"


def test_a_device_that_the_server_walled_is_no_session_behind(world: World) -> None:
    own = world.class_of(ANITA).partition("-")[0]
    walled = world.class_of(EKRAJ).partition("-")[2]
    world.sql("UPDATE ispctl_login SET mac_mode = 'fixed', on_mismatch = 'wall' WHERE login = ?", ANITA)
    world.dial(ANITA, f"{own}-{walled}/wall:mac")
    found = _one(world)
    assert (found.config, found.walled) == ("current", "mac")
    assert found.expected is not None
    assert found.expected.down == 1_000_000
    world.sql("UPDATE ispctl_login SET mac_mode = 'off' WHERE login = ?", ANITA)
    assert (_one(world).config, _one(world).needs) == ("behind", "disconnect")


def test_who_should_not_be_online_at_all_is_behind(world: World) -> None:
    world.dial("janak.thapa@home.example", OLD, nas=KATHMANDU)
    found = _one(world)
    assert (found.config, found.needs, found.expected) == ("behind", "disconnect", None)


@pytest.mark.parametrize("heard, expected", [(750, "live"), (751, "stale")])
def test_a_session_is_stale_after_two_intervals_and_a_half(world: World, heard: int, expected: str) -> None:
    world.dial(ANITA, heard=heard)
    assert _one(world).state == expected


def test_a_login_of_nobody_is_listed_as_such(world: World) -> None:
    world.dial("nobody@home.example", nas="198.51.100.9")
    found = _one(world)
    assert (found.id, found.nas, found.config) == ("", "", "unknown")


def test_sessions_are_asked_for_by_nas_login_silence_and_lag(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    world.dial("gita.karki@home.example", OLD, nas=KATHMANDU, heard=3000)
    asked = [
        Asked(nas="kathmandu-1"),
        Asked(nas=KATHMANDU),
        Asked(logins=frozenset({"gita.karki@home.example"})),
        Asked(stale=True),
        Asked(behind=True),
    ]
    assert {_one(world, one).login for one in asked} == {"gita.karki@home.example"}


def test_a_nas_that_counts_for_the_subscriber_is_turned_round(world: World) -> None:
    world.edit("inventory/hosts.yaml", lambda text: text.replace("direction: nas", "direction: subscriber"))
    world.apply()
    world.dial(ANITA)
    assert _one(world).bytes == Octets(450_000_000, 9_000_000_000)


@pytest.mark.parametrize("answer", ["nak", "unsupported", "silent"])
def test_a_session_says_why_its_nas_left_it_behind(world: World, answer: str) -> None:
    klass = world.class_of(ANITA)
    world.dial(ANITA, klass[:-8] + "0" * 8)
    world.refused_a_change(ANITA, klass, "lalitpur-1 refused (it gave no reason)", answer=answer)
    assert (_one(world).config, _one(world).in_vain) == ("behind", "lalitpur-1 refused (it gave no reason)")
    with world.view() as view:
        found = online.sessions(view, Asked())
        assert found is not None
        said = list(present.online(found, Screen(view.zone, NOW)))
    assert said[-1] == "1 behind: lalitpur-1 refused (it gave no reason)"


def test_what_was_kept_to_before_is_no_reason_to_be_behind(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    world.answered(ANITA, world.class_of(ANITA)[:-8] + "f" * 8, proved=True)
    assert (_one(world).config, _one(world).in_vain) == ("behind", "")
