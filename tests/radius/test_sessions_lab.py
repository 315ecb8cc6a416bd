"""Sessions against the NAS stand-in that ships: it was written apart from them, from the same standard."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ispctl.lab.granted import Granted
from ispctl.lab.nas import Nas
from ispctl.lab.rates import Rate
from ispctl.lab.relay import Fleet
from ispctl.lab.session import Session
from ispctl.radius.session import Door, LiveSession
from ispctl.radius.sessions import Sessions
from tests.radius.dae import SECRET, live


def stand_in(name: str, address: str, *sessions: LiveSession) -> Nas:
    nowhere = ("127.0.0.1", 9)
    nas = Nas(name, address=address, secret=SECRET, auth=nowhere, acct=nowhere)
    for one in sessions:
        nas._sessions[one.session_id] = Session(
            id=one.session_id, nas=name, login=one.login, mac=one.calling_station, address=one.framed_ip,
            granted=Granted(Rate()), started=nas.clock(),
        )  # fmt: skip
    return nas


@pytest.fixture
def first() -> Nas:
    return stand_in("lalitpur-1", "192.0.2.1", live(1), live(2))


@pytest.fixture
def door(first: Nas) -> Iterator[Door]:
    with Fleet([first, stand_in("kathmandu-1", "192.0.2.2")], SECRET) as fleet:
        yield Door("lalitpur-1", *fleet.coa, SECRET, per_second=1000)


def test_a_change_through_a_relay_finds_its_nas_and_takes_effect(first: Nas, door: Door) -> None:
    with Sessions() as sessions:
        answer = sessions.change(live(1), door, [("Mikrotik-Rate-Limit", "5M/20M")])
    assert (answer.kind, answer.tries) == ("ack", 1)
    assert [session.rate_text for session in first.sessions] == ["5M/20M", ""]
    assert first.sessions[0].down.way.rate == 20_000_000


def test_what_the_stand_in_refuses_is_understood(door: Door) -> None:
    rate = [("Mikrotik-Rate-Limit", "5M/20M")]
    with Sessions() as sessions:
        pool = sessions.change(live(1), door, [("Framed-Pool", "home")])
        bad_rate = sessions.change(live(1), door, [("Mikrotik-Rate-Limit", "fast")])
        stale = sessions.change(live(2, framed_ip="100.64.9.9"), door, rate)
        gone = sessions.change(live(3), door, rate)
        elsewhere = sessions.change(live(1, nas_address="192.0.2.2"), door, rate)
    assert (pool.kind, pool.error_cause) == ("unsupported", 401)
    assert (bad_rate.kind, bad_rate.error_cause) == ("unsupported", 407)
    assert (stale.kind, stale.tries) == ("ack", 2)
    assert (gone.kind, gone.error_cause, gone.tries) == ("gone", 503, 2)
    assert (elsewhere.kind, elsewhere.error_cause) == ("nak", 403)


def test_a_disconnect_at_the_stand_in_ends_the_session(first: Nas, door: Door) -> None:
    first._timeout = 0.01  # nobody takes its accounting here
    with Sessions() as sessions:
        assert sessions.disconnect(live(1), door).kind == "ack"
        deadline = time.monotonic() + 10  # it hangs up after it has answered
        while sessions.disconnect(live(1), door).kind != "gone":
            assert time.monotonic() < deadline
    assert [session.login for session in first.sessions] == [live(2).login]


def test_a_stand_in_that_ignores_changes_is_silent(first: Nas, door: Door) -> None:
    first.faults.ignore_coa = True
    quick = Door(door.nas, door.address, door.port, SECRET, 1000, timeout=0.05)
    with Sessions() as sessions:
        assert sessions.change(live(1), quick, [("Session-Timeout", 60)]).kind == "silent"
