"""Who begins with a first login: the accounting tells of it, an apply writes it down, and nothing moves it again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from ispctl.store import Pause
from tests.reconcile.world import BOTH, NOW, Killed, World

LOGIN = "l900@home.example"
OWNER = "sub-000900/main"
ACTIVATION = "{at: first-login, since: 2027-01-15T10:00:00+05:45, months: 1}"


def waiting(world: World, number: int = 900, **more: str) -> str:
    said: dict[str, str | None] = {"activated": None, "paid_until": None, "activation": ACTIVATION}
    return world.subscriber(number, **said | more)


@pytest.fixture
def begun(world: World) -> World:
    """Somebody waits, applied an hour ago."""
    waiting(world)
    world.commit()
    assert world.apply().exit_code == 0
    world.tick(hours=2)
    return world


def expires(world: World, login: str = LOGIN) -> datetime | None:
    found = world.rows()["login", login]["expires"]
    return datetime.fromtimestamp(found, UTC) if isinstance(found, int) else None


def state(world: World, id: str = "sub-000900") -> str:
    ((said,),) = world.sql("SELECT entitlement FROM ispctl_service WHERE id = ?", id)
    return str(json.loads(said)["state"])


def noted(world: World) -> list[tuple[str, object]]:
    return [(id, at) for id, at in world.sql("SELECT id, at FROM ispctl_first_login") if id == "sub-000900"]


@BOTH
def test_until_the_first_login_there_is_no_end(begun: World) -> None:
    assert (state(begun), expires(begun)) == ("waiting", None)
    assert begun.plan().empty
    assert noted(begun) == [("sub-000900", None)]


@BOTH
def test_the_first_login_brings_the_end_and_later_ones_do_not_move_it(begun: World) -> None:
    first = begun.dial(LOGIN)
    (change,) = begun.plan().services
    assert (change.cause, change.effects, change.session) == ("facts", ("other",), "kept")
    assert change.because[0].text == "first login 2027-01-15 13:00, paid until 2027-02-14"
    begun.apply()
    assert state(begun) == "active"
    end = expires(begun)
    assert end is not None
    assert datetime(2027, 2, 14, 18, 15, tzinfo=UTC) < end < datetime(2027, 2, 16, 18, 15, tzinfo=UTC)  # the backstop
    assert begun.plan().empty
    begun.stop(first)
    begun.tick(days=3)
    begun.dial(LOGIN, id="again")
    begun.apply()
    assert expires(begun) == end


def test_what_the_accounting_forgets_stays_known(begun: World) -> None:
    begun.dial(LOGIN)
    begun.apply()
    end = expires(begun)
    begun.sql("DELETE FROM radacct")
    begun.tick(days=1)
    begun.apply()
    assert (expires(begun), state(begun)) == (end, "active")


def test_it_expires_when_what_was_paid_is_over(begun: World) -> None:
    begun.dial(LOGIN)
    begun.apply()
    begun.tick(days=32)
    (change,) = begun.plan().services
    assert (change.cause, change.effects) == ("clock", ("walled",))
    begun.apply()
    assert state(begun) == "expired"


def test_a_session_that_was_over_before_it_was_let_in_is_no_first_login(world: World) -> None:
    """Of a customer who was there before."""
    path = world.subscriber(900, paid_until="2027-01-10")
    world.commit()
    world.apply()
    world.stop(world.dial(LOGIN, klass="old"))
    world.tick(minutes=5)
    world.remove(path)
    waiting(world)
    world.commit()
    world.apply()
    world.tick(minutes=5)
    assert (state(world), world.plan().empty) == ("waiting", True)


def test_who_is_online_when_it_is_let_in_begins_then(world: World) -> None:
    path = world.subscriber(900, paid_until="2027-01-10")
    world.commit()
    world.apply()
    unique = world.dial(LOGIN)
    world.remove(path)
    waiting(world)
    world.commit()
    world.apply()
    world.tick(minutes=5)
    world.report(unique)
    world.apply()
    assert noted(world) == [("sub-000900", int(NOW.timestamp()))]


@BOTH
def test_the_end_of_a_session_of_whoever_had_the_login_before_begins_nothing(world: World) -> None:
    path = world.subscriber(800, login=LOGIN)
    world.commit()
    world.apply()
    world.tick(hours=1)
    unique = world.dial(LOGIN)
    world.remove(path)
    waiting(world, activation=ACTIVATION.replace("10:00", "11:00"))
    world.commit()
    assert [(one.owner, one.kind) for one in world.apply().sessions] == [(OWNER, "disconnect")]
    world.tick(minutes=5)
    world.stop(unique)
    world.apply()
    assert (state(world), noted(world)) == ("waiting", [("sub-000900", None)])
    world.dial(LOGIN, id="own")
    world.apply()
    assert state(world) == "active"


def test_behind_the_wall_of_the_server_nothing_begins(begun: World) -> None:
    begun.dial(LOGIN, klass=f"{begun.class_of(LOGIN)}/wall:mac")
    begun.apply()
    assert state(begun) == "waiting"


def test_the_clock_of_a_nas_that_is_ahead_begins_nothing_tomorrow(begun: World) -> None:
    unique = begun.dial(LOGIN)
    moment = begun.place.instant()
    ahead = int((begun.now + timedelta(days=300)).timestamp())
    begun.sql(f"UPDATE radacct SET acctstarttime = {moment} WHERE acctuniqueid = ?", ahead, unique)
    begun.apply()
    assert noted(begun) == [("sub-000900", int(begun.now.timestamp()))]


def test_the_date_in_the_file_changes_nothing_and_the_fact_is_needed_no_more(begun: World) -> None:
    begun.dial(LOGIN)
    begun.apply()
    path = "subscribers/lalitpur/aa/sub-000900.yaml"
    begun.edit(path, f"activation: {ACTIVATION}", "activated: 2027-01-15\n    paid_until: 2027-02-14")
    begun.commit()
    plan = begun.plan()
    assert (list(plan.services), list(plan.changes)) == ([], [])
    begun.apply()
    assert noted(begun) == []


def test_another_activation_waits_anew(begun: World) -> None:
    begun.dial(LOGIN)
    begun.apply()
    begun.sql("DELETE FROM radacct")
    begun.tick(days=60)
    begun.edit("subscribers/lalitpur/aa/sub-000900.yaml", "2027-01-15T10:00:00", "2027-03-16T10:00:00")
    begun.commit()
    begun.apply()
    assert (state(begun), expires(begun), noted(begun)) == ("waiting", None, [("sub-000900", None)])
    begun.tick(days=1)
    begun.dial(LOGIN)
    begun.apply()
    assert noted(begun) == [("sub-000900", int(begun.now.timestamp()) - 3600)]


def test_a_rename_while_it_waits_keeps_it_waiting(begun: World) -> None:
    begun.edit("subscribers/lalitpur/aa/sub-000900.yaml", LOGIN, "newer@home.example")
    begun.commit()
    begun.apply()
    begun.dial("newer@home.example")
    begun.apply()
    assert expires(begun, "newer@home.example") is not None


def test_whoever_is_suspended_while_he_waits_begins_nothing(begun: World) -> None:
    path = "subscribers/lalitpur/aa/sub-000900.yaml"
    begun.edit(path, "    tariff:", "    suspended: {since: 2027-01-15, reason: unpaid}\n    tariff:")
    begun.commit()
    begun.apply()
    begun.dial(LOGIN)
    begun.apply()
    assert (state(begun), noted(begun)) == ("suspended", [])


def test_a_first_login_while_it_is_paused_counts_when_the_pause_is_over(begun: World) -> None:
    begun.dial(LOGIN)
    first = int(begun.now.timestamp()) - 3600
    with begun.store() as store:
        store.put_pause(Pause("p", "service", OWNER, begun.now, begun.now + timedelta(hours=4), "a reason", "ekraj"))
    begun.apply()
    assert (state(begun), noted(begun)) == ("waiting", [("sub-000900", None)])
    begun.tick(hours=5)
    begun.apply()
    assert (state(begun), noted(begun)) == ("active", [("sub-000900", first)])


def test_drift_knows_of_first_logins(begun: World) -> None:
    begun.dial(LOGIN)
    begun.apply()
    begun.sql("UPDATE ispctl_login SET expires = NULL WHERE login = ?", LOGIN)
    (change,) = begun.drifted()
    assert change.key == ("login", LOGIN)
    begun.repair()
    assert expires(begun) is not None


@pytest.mark.parametrize("kill_at", range(1, 12))
def test_a_run_that_is_killed_forgets_no_first_login(begun: World, kill_at: int) -> None:
    begun.dial(LOGIN)
    try:
        begun.apply(kill_at=kill_at)
    except Killed:
        begun.apply()
    first = int(begun.now.timestamp()) - 3600
    assert (noted(begun), state(begun)) == ([("sub-000900", first)], "active")
