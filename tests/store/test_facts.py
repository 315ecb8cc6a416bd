"""Counts and names that ispstat asks a database for, whatever it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ispctl.store import facts
from tests.databases import Place


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def filled(place: Place) -> Place:
    """Three people; anita has an open session that reports, and one that has ended; bob one that is silent."""
    place.create().close()
    given = {"sub-1": '{"access":"open","state":"active"}', "sub-2": '{"state":"expired"}', "sub-3": "by hand"}
    people = (("sub-1", "anita@home.example"), ("sub-2", "bob_1@home.example"), ("sub-3", "carol@home.example"))
    sessions = (("a1", 0, 100, 200, "200"), ("a2", 0, 300, 900, None), ("b1", 1, 400, 450, None))

    def moment(seconds: object) -> str:
        return "NULL" if seconds is None else place.instant(str(seconds))

    place.hand(
        *(f"INSERT INTO ispctl_login (login, owner) VALUES ('{login}', '{id}/main')" for id, login in people),
        *(
            "INSERT INTO ispctl_service (id, key, login, entitlement, digest, commit_id, applied_at)"
            f" VALUES ('{id}', 'main', '{login}', '{given[id]}', '', '', 0)"
            for id, login in people
        ),
        *(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            f" acctstoptime) VALUES ('{id}', '{id}', '{people[who][1]}', '192.0.2.{who + 1}', {moment(began)},"
            f" {moment(heard)}, {moment(ended)})"
            for id, who, began, heard, ended in sessions
        ),
    )
    return place


def test_open_sessions_are_counted_by_nas_with_those_that_fell_silent(filled: Place) -> None:
    with filled.open(readonly=True) as store:
        assert facts.heard(store, 500) == (facts.Heard("192.0.2.1", 1, 0), facts.Heard("192.0.2.2", 1, 1))


def test_logins_are_found_by_their_services(filled: Place) -> None:
    with filled.open(readonly=True) as store:
        assert facts.logins_of(store, ["sub-1/main", "sub-9/main"]) == {"anita@home.example"}
        assert facts.logins_of(store, {"sub-2/main", *(f"sub-x{n}/main" for n in range(5000))}) == {
            "bob_1@home.example"
        }


def test_the_newest_session_of_a_login_says_when_it_was_last_seen(filled: Place) -> None:
    seen = {"anita@home.example": at(900), "bob_1@home.example": at(450)}
    with filled.open(readonly=True) as store:
        assert facts.last_seen(store) == seen
        assert facts.last_seen(store, ["bob_1@home.example", "carol@home.example"]) == {
            "bob_1@home.example": seen["bob_1@home.example"]
        }
        assert facts.last_seen(store, []) == {}


@pytest.mark.parametrize("word", ["sub-2", "sub-2/main", "BOB_1@home.example"])
def test_whoever_was_given_something_under_a_name_is_known_by_all_of_theirs(filled: Place, word: str) -> None:
    with filled.open(readonly=True) as store:
        assert facts.namesakes(store, [word]) == {"sub-2", "bob_1@home.example"}


@pytest.mark.parametrize(("text", "found"), [("ob_", {"sub-2", "bob_1@home.example"}), ("b%1", set()), ("\\", set())])
def test_a_part_of_a_name_is_taken_as_it_is_written(filled: Place, text: str, found: set[str]) -> None:
    with filled.open(readonly=True) as store:
        assert facts.names_with(store, text) == found


def test_services_are_counted_by_the_state_they_were_given(filled: Place) -> None:
    with filled.open(readonly=True) as store:
        assert facts.states(store) == {"active": 1, "expired": 1}


def test_who_was_on_a_nas_is_told_with_whether_that_is_certain(filled: Place) -> None:
    anita, bob = "anita@home.example", "bob_1@home.example"
    addresses = ["192.0.2.1", "192.0.2.2"]
    with filled.open(readonly=True) as store:

        def on(since: int, until: int) -> dict[str, bool]:
            return facts.was_on(store, addresses, at(since), at(until), timedelta(seconds=10))

        assert on(110, 150) == {anita: True}
        assert on(210, 290) == {}, "the first session has ended, and the next has not begun"
        assert on(465, 500) == {anita: True, bob: False}
        assert on(455, 500) == {anita: True, bob: True}, "it fell silent when the span began"


def test_a_device_may_be_given_what_is_free_has_rested_or_was_its_own(place: Place) -> None:
    place.create().close()
    rows = (("home", "", 0, 0), ("home", "", 950, 100), ("home", "me|", 2000, 0), ("home@pop-1", "", 2000, 0))
    lease = "datetime({}, 'unixepoch')" if place.kind == "sqlite" else "to_timestamp({})"
    place.hand(
        *(
            "INSERT INTO radippool (pool_name, framedipaddress, pool_key, expiry_time, rest)"
            f" VALUES ('{pool}', '198.51.100.{n}', '{key}', {lease.format(ends)}, {rest})"
            for n, (pool, key, ends, rest) in enumerate(rows)
        )
    )
    with place.open(readonly=True) as store:
        assert facts.to_give(store, "me", "", at(1000)) == {"home": 2, "home@pop-1": 0}
        assert facts.to_give(store, "you", "", at(1051)) == {"home": 2, "home@pop-1": 0}
        assert facts.to_give(store, "me", "02:00:5e:10:00:01", at(1000)) == {"home": 1, "home@pop-1": 0}
