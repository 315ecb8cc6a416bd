"""Which commit made a value what it is, and what a slow session is told from."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ispctl.model.problem import Refusal
from ispctl.status.why import Explained, Running, why
from ispctl.store import Proof, Store, proofs
from ispctl.structs import replace
from tests.status.world import ANITA, ANITA_ID, DSN, EKRAJ, NOW, World

FILE = "subscribers/lalitpur/3f/sub-000123.yaml"


def _values(world: World, named: str = ANITA, field: str = "") -> dict[str, Explained]:
    with world.view() as view:
        ((one, _),) = why(view, named, field)
        return {value.name: value for value in one.values}


def _running(world: World, named: str = ANITA) -> Running:
    with world.view() as view:
        ((one, _),) = why(view, named)
        assert one.running is not None
        (running,) = one.running
        return running


def test_a_value_names_the_commit_of_its_line_and_not_of_its_file(world: World) -> None:
    faster = world.edit("tariffs/home-50.yaml", lambda text: text.replace("down: 50M", "down: 60M"), NOW)
    world.edit("tariffs/home-50.yaml", lambda text: text.replace("sessions: 1", "sessions: 2"), NOW)
    values = _values(world)
    assert (values["rate"].commit, values["rate"].author, values["rate"].subject) == (
        faster,
        "Reader",
        "Edit home-50.yaml",
    )
    assert values["rate"].because.place == "tariffs/home-50.yaml:9"
    assert values["sessions"].commit not in (faster, values["tariff"].commit)


def test_every_value_with_a_line_has_a_commit(world: World) -> None:
    with world.view() as view:
        for holding in view.head.services():
            ((one, _),) = why(view, holding.owner)
            assert [value.name for value in one.values if value.because.line and not value.commit] == []


@pytest.mark.parametrize("field, name", [("rate", "rate"), ("slow", "rate"), ("address", "ipv4"), ("until", "ends")])
def test_one_value_is_asked_for_by_what_people_call_it(world: World, field: str, name: str) -> None:
    assert list(_values(world, field=field)) == [name]


def test_a_value_that_there_is_not_is_refused_with_those_there_are(world: World) -> None:
    with pytest.raises(Refusal) as caught:
        _values(world, field="colour")
    (problem,) = caught.value.problems
    assert problem.code == "E626"
    assert "state, access, tariff, rate" in problem.advice


def test_a_session_of_older_values_is_slow_for_that(world: World) -> None:
    klass = world.class_of(ANITA)
    world.dial(ANITA, klass[:-8] + "0" * 8)
    assert _running(world).slow[0] == "it still runs older values: it waits for a CoA (ispctl apply)"


def test_a_session_whose_nas_refused_the_change_is_slow_for_that(world: World) -> None:
    klass = world.class_of(ANITA)
    world.dial(ANITA, klass[:-8] + "0" * 8)
    world.refused_a_change(ANITA, klass, "lalitpur-1 refused (it gave no reason)")
    assert _running(world).slow[0] == (
        "it still runs older values: lalitpur-1 refused (it gave no reason); it waits for a CoA (ispctl apply)"
    )


def test_a_session_behind_the_wall_is_slow_for_that(world: World) -> None:
    world.dial(EKRAJ, world.class_of(EKRAJ))
    assert _running(world, EKRAJ).slow[0].startswith("behind the wall: 1M/1M")


def test_a_silent_session_tells_nothing_of_its_speed(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA), heard=3000)
    assert _running(world).slow == (
        "nothing was heard of it for 50 min: whether it is still there is unknown, and what it moves too",
    )


def test_a_session_that_uses_its_rate_is_told_from_one_that_does_not(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    assert "it used 41% of its rate" in _running(world).slow[0]
    world.sql("UPDATE radacct SET acctoutputoctets = 22000000000")
    assert "it uses what it has (99% over 59 min)" in _running(world).slow[0]


def test_speed_is_measured_from_the_last_change_on(world: World) -> None:
    klass = world.class_of(ANITA)
    world.dial(ANITA, klass, heard=60)
    at = NOW - timedelta(seconds=360)
    proof = Proof(
        f"{ANITA}-s1", ANITA, "lalitpur-1", "coa", klass, "ack", 1, at, at, None, "", 430_000_000, 8_000_000_000
    )
    with Store.open(DSN, base=world.folder) as store, store.transaction():
        proofs.put(store, [replace(proof, counted=at)])
    measured = _running(world).since_told
    assert measured is not None
    assert (measured.seconds, measured.down, measured.up) == (300, 10**9 * 8 // 300, 20_000_000 * 8 // 300)
    world.sql("UPDATE radacct SET acctstarttime = acctupdatetime")
    later = _running(world)
    assert (later.told, later.since_told) == (None, None), "a later session under the same id was told nothing"


def test_whoever_is_online_would_be_accepted_again_with_the_same_device(world: World) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    with world.view() as view:
        ((one, _),) = why(view, ANITA_ID)
    assert one.now is not None
    assert (one.now.accepted, one.now.mac) == (True, "02:00:5e:10:00:01")


@pytest.mark.parametrize(
    "key, ends, rest, accepted",
    [
        (f"{ANITA}|02:00:5e:10:00:01", "2099-01-01 00:00:00", 0, True),
        (f"{ANITA}|02:00:5e:10:00:02", "2099-01-01 00:00:00", 0, False),
        ("somebody|", "2026-01-01 00:00:00", 0, True),
        ("somebody|", "2026-01-01 00:00:00", 100 * 365 * 86400, False),
    ],
    ids=["his own", "of another device", "free", "resting"],
)
def test_a_full_pool_of_the_server_refuses_only_who_has_no_address_in_it(
    world: World, key: str, ends: str, rest: int, accepted: bool
) -> None:
    world.dial(ANITA, world.class_of(ANITA))
    world.sql("INSERT INTO radgroupreply (groupname, attribute, op, value)"
              " VALUES ('isp:home-50@routeros', 'ISP-Pool', '=', 'hot')")  # fmt: skip
    world.sql("INSERT INTO radippool (pool_name, framedipaddress, pool_key, expiry_time, rest)"
              " VALUES ('hot', '198.51.100.9', ?, ?, ?)", key, ends, rest)  # fmt: skip
    with world.view() as view:
        ((one, _),) = why(view, ANITA)
    assert one.now is not None
    assert (one.now.accepted, one.now.word) == (accepted, "ok" if accepted else "pool-full")


def test_without_a_database_git_still_says_why(world: World) -> None:
    world.database.unlink()
    with world.view() as view:
        ((one, _),) = why(view, ANITA)
    assert (one.running, one.now, one.applied) == (None, None, None)
    assert one.values[0].commit
    assert FILE in {value.because.file for value in one.values}
