"""Why somebody was refused, and whether he would be now."""

from __future__ import annotations

import re
from datetime import timedelta
from importlib.resources import files

import pytest

from ispctl.states import State
from ispctl.status.reasons import Asked, explain
from ispctl.status.refusals import Answer, Wanted, refusals
from ispctl.status.view import entitled
from tests.status.world import ANITA, ANITA_ID, EKRAJ, NOW, World

FILE = "subscribers/lalitpur/3f/sub-000123.yaml"
BOUND = "    mac: {mode: fixed, addresses: [{mac: '00:00:5e:00:53:01'}]}\n"


def _ask(world: World, wanted: Wanted) -> Answer:
    with world.view() as view:
        found = refusals(view, wanted)
        assert found is not None
        return found


def test_refusals_are_chosen_by_login_nas_reason_and_time(world: World) -> None:
    world.refused(ANITA, "mac", ago=5)
    world.refused(EKRAJ, "bad-password", ago=90, nas="kathmandu-1")
    world.stranger()
    reasons = [
        [one.reason for one in _ask(world, wanted).items]
        for wanted in (
            Wanted(),
            Wanted(ANITA_ID),
            Wanted(nas="kathmandu-1"),
            Wanted(reason="mac"),
            Wanted(since=NOW - timedelta(hours=1)),
            Wanted(limit=1),
            Wanted(nas="198.51.100.77"),
        )
    ]
    assert reasons == [
        ["unknown-client", "mac", "bad-password"],
        ["mac"],
        ["bad-password"],
        ["mac"],
        ["unknown-client", "mac"],
        ["unknown-client"],
        ["unknown-client"],
    ]


def test_the_summary_counts_what_is_asked_for(world: World) -> None:
    for ago in (1, 2, 500):
        world.refused(ANITA, "mac", ago=ago)
    assert [(one.reason, one.count) for one in _ask(world, Wanted()).tallies] == [("mac", 3)]
    recent = _ask(world, Wanted(since=NOW - timedelta(hours=1), reason="mac"))
    assert [one.count for one in recent.tallies] == [2]
    assert _ask(world, Wanted(ANITA)).tallies == ()


def test_a_wrong_mac_names_the_line_of_the_binding_and_the_device_that_came(world: World) -> None:
    world.edit(FILE, lambda text: text + BOUND)
    world.apply()
    world.refused(ANITA, "mac", mac="00:00:5e:00:53:99")
    (one,) = _ask(world, Wanted(ANITA)).items
    assert one.because.place.startswith(f"{FILE}:")
    assert "00:00:5e:00:53:99" in one.advice
    assert "00:00:5e:00:53:01" in one.advice


def test_whoever_was_refused_for_his_mac_would_be_again(world: World) -> None:
    world.edit(FILE, lambda text: text + BOUND)
    world.apply()
    world.refused(ANITA, "mac", mac="00:00:5e:00:53:99")
    (now,) = _ask(world, Wanted(ANITA)).now
    assert (now.accepted, now.word, now.nas, now.mac) == (False, "mac", "lalitpur-1", "00:00:5e:00:53:99")


def test_whose_nas_sends_no_mac_would_be_refused_for_it_again(world: World) -> None:
    world.edit(FILE, lambda text: text + BOUND)
    world.apply()
    world.refused(ANITA, "mac", mac="")
    (now,) = _ask(world, Wanted(ANITA)).now
    assert (now.accepted, now.word, now.mac) == (False, "mac", "")


def test_without_a_refusal_his_own_device_at_his_own_place_is_judged(world: World) -> None:
    world.edit(FILE, lambda text: text + BOUND)
    world.apply()
    (now,) = _ask(world, Wanted(ANITA)).now
    assert (now.accepted, now.word, now.nas, now.mac) == (True, "ok", "lalitpur-1", "00:00:5e:00:53:01")
    assert ("Framed-Pool", "home") in now.reply


def test_who_is_suspended_is_accepted_behind_the_wall_and_told_why(world: World) -> None:
    (now,) = _ask(world, Wanted(EKRAJ)).now
    assert (now.accepted, now.words) == (True, "behind the wall, since it is suspended")
    assert now.because.place == "subscribers/lalitpur/41/sub-000127.yaml:11"


def test_rows_that_wall_somebody_whom_git_does_not_are_doubted(world: World) -> None:
    world.sql("UPDATE radusergroup SET groupname = 'isp:walled' WHERE username = ?", ANITA)
    (now,) = _ask(world, Wanted(ANITA)).now
    assert (now.accepted, now.words) == (True, "behind the wall by its rows")


def test_a_second_login_is_judged_by_who_is_online(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    (now,) = _ask(world, Wanted(ANITA)).now
    assert (now.accepted, now.word) == (False, "sessions")
    assert now.because.place == "tariffs/home-50.yaml:12"


@pytest.mark.parametrize(
    "method, word, words",
    [
        ("wall", "ok", "behind the wall, since it is over its volume"),
        ("reject", "blocked", "it is over its volume"),
    ],
)
def test_whom_fair_use_blocks_is_told_so(world: World, method: str, word: str, words: str) -> None:
    world.edit("inventory/policy.yaml", lambda text: f"blocked: {{method: {method}}}\n{text}")
    fup = "fup: [{window: month, counts: both, tiers: [{after: 1GB, block: true}]}]\n"
    world.edit("tariffs/home-50.yaml", lambda text: text + fup)
    world.dial(ANITA)
    world.sql("UPDATE radacct SET acctstoptime = acctupdatetime")
    world.apply()
    (now,) = _ask(world, Wanted(ANITA)).now
    assert (now.word, now.words, now.because.code) == (word, words, "fair-use")
    assert "ispctl topup" in now.advice


def test_a_reason_of_then_is_not_told_as_one_of_now(world: World) -> None:
    world.refused(ANITA, "expired", ago=3000)
    (one,) = _ask(world, Wanted(ANITA)).items
    assert one.words == "it was not paid then"
    assert "active now" in one.advice


def test_a_login_that_nobody_has_is_answered_by_a_near_one(world: World) -> None:
    world.refused("anita.ray@home.example", "unknown-login")
    answer = _ask(world, Wanted("anita.ray@home.example"))
    assert answer.now == ()
    assert (answer.items[0].id, answer.items[0].advice.partition("?")[0]) == ("", f"Did you mean {ANITA}")


def test_every_state_that_refuses_and_every_word_of_the_server_has_words(world: World) -> None:
    text = (files("ispctl.radius.server") / "templates" / "server.conf").read_text("utf-8")
    words = set(re.findall(r"ISP-Reason := '([a-z-]+)'", text)) | {str(state) for state in State}
    words |= {"ok", "roam", "roaming", "mac", "sessions", "alert:mac", "wall:mac", "wall:expired", "unknown-client"}
    with world.view() as view:
        (holding,) = view.head.find(ANITA)
        asked = Asked(view, ANITA, "", entitled(holding, view.head, NOW), view.head.nas["lalitpur-1"])
        lost = [word for word in sorted(words) if explain(word, asked).words.startswith("the server says")]
    assert lost == []


def test_a_word_of_a_newer_server_is_told_as_it_is(world: World) -> None:
    world.refused(ANITA, "moon")
    assert _ask(world, Wanted(ANITA)).items[0].words == "the server says moon"


def test_it_is_known_whether_the_server_records_at_all(world: World) -> None:
    answer = _ask(world, Wanted())
    assert (answer.items, answer.recorded, answer.reported) == ((), None, None)
    world.dial(ANITA, heard=60)
    assert _ask(world, Wanted()).reported == NOW - timedelta(minutes=1)
    world.refused(ANITA, "mac", ago=5)
    assert _ask(world, Wanted(EKRAJ)).recorded == NOW - timedelta(minutes=5)


def test_whoever_asks_for_a_login_as_the_router_sends_it_is_told_of_its_capitals(world: World) -> None:
    """The server compares logins to the letter, and ours have no capitals."""
    world.refused("Anita.Rai@home.example", "unknown-login", ago=1)
    world.refused(ANITA, "mac", ago=5)
    capitals, plain = _ask(world, Wanted("Anita.Rai@home.example")).items
    assert (capitals.login, capitals.id, plain.login) == ("Anita.Rai@home.example", ANITA_ID, ANITA)
    assert capitals.advice == f"The router sends capitals, and the login is {ANITA}: correct it in the router"


def test_a_mistyped_realm_is_answered_by_the_login_that_was_meant(world: World) -> None:
    world.refused("anita.rai@hom.example", "unknown-realm")
    assert _ask(world, Wanted("anita.rai@hom.example")).items[0].advice.startswith(f"Did you mean {ANITA}?")


def test_who_has_no_rows_for_his_nas_is_told_of_the_repair(world: World) -> None:
    """An apply writes what a commit changes, and not what somebody took away by hand."""
    world.sql("DELETE FROM radusergroup WHERE username = ?", ANITA)
    (now,) = _ask(world, Wanted(ANITA)).now
    assert (now.word, "ispctl drift --repair" in now.advice) == ("no-profile", True)
