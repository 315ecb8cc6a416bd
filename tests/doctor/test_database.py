"""What the doctor finds about a database of either kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from ispctl.doctor.database import checks
from ispctl.status.check import Check
from ispctl.store import Applied, Store
from tests.databases import Place


def now() -> datetime:
    return datetime.now(UTC)


def found(store: Store, ahead: timedelta = timedelta()) -> dict[str, Check]:
    return {check.name: check for check in checks(store, lambda: now() + ahead)}


def test_a_fresh_database_is_ours_and_may_be_written(place: Place) -> None:
    with place.create() as store:
        said = found(store)
    own = {"rights", "disk"} if place.kind == "sqlite" else {"rights", "database clock"}
    assert set(said) == {"database", "triggers", "applied", *own}
    assert {name for name, check in said.items() if check.level != "ok"} == {"applied"}, said
    assert "schema" in said["database"].text


def test_an_apply_in_the_future_is_a_clock_that_is_wrong(place: Place) -> None:
    with place.create() as store:
        store.put_applied(Applied("1" * 40, now() + timedelta(hours=1), ""))
        assert found(store)["applied"].level == "bad"
        assert found(store, timedelta(hours=1))["applied"].level == "ok"


@pytest.mark.live
@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_two_clocks_that_differ_are_told(place: Place) -> None:
    with place.create() as store:
        said = found(store, timedelta(minutes=5))["database clock"]
    assert said.level == "bad"
    assert said.text.endswith("s behind ours")


def drop(place: Place, trigger: str) -> str:
    return f"DROP TRIGGER {trigger}" + (" ON radacct" if place.kind == "postgresql" else "")


@pytest.mark.parametrize("trigger", ["ispctl_begun", "ispctl_changed", "ispctl_ended"])
def test_a_trigger_that_is_gone_is_told_and_radius_init_makes_it_again(place: Place, trigger: str) -> None:
    with place.create() as store:
        place.hand(drop(place, trigger))
        said = found(store)["triggers"]
    assert (said.level, said.advice) == ("bad", "ispctl radius init")
    assert said.text.startswith(f"E334 radacct lacks the trigger {trigger}: ")
    with place.create() as store:
        assert found(store)["triggers"].level == "ok"


@pytest.mark.live
@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "hand",
    [
        "DROP FUNCTION ispctl_doubt CASCADE",
        "ALTER TABLE radacct DISABLE TRIGGER USER",
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "DROP FUNCTION ispctl_doubt CASCADE;"
        "CREATE TRIGGER ispctl_begun AFTER INSERT ON radacct FOR EACH ROW EXECUTE FUNCTION nothing()",
    ],
)
def test_triggers_that_do_nothing_are_told_like_those_that_are_gone(place: Place, hand: str) -> None:
    with place.create() as store:
        place.hand(hand)
        said = found(store)["triggers"]
    assert said.text.startswith("E334 radacct lacks the triggers ispctl_begun, ispctl_changed, ispctl_ended: ")
    with place.create() as store:
        assert found(store)["triggers"].level == "ok"


@contextmanager
def role(place: Place, *grants: str) -> Iterator[str]:
    """The DSN of somebody who may do these things alone."""
    place.hand(
        "CREATE ROLE doctor_guest LOGIN PASSWORD 'canary-pw-guest'",
        *(f"GRANT {grant} TO doctor_guest" for grant in grants),
    )
    try:
        scheme, _, rest = place.dsn.partition("://")
        yield f"{scheme}://doctor_guest:canary-pw-guest@{rest.rpartition('@')[2]}"
    finally:
        place.hand("DROP OWNED BY doctor_guest", "DROP ROLE doctor_guest")


@pytest.mark.live
@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_a_role_that_may_only_read_is_told_what_it_lacks(place: Place) -> None:
    place.create().close()
    with role(place, "SELECT ON ALL TABLES IN SCHEMA public") as dsn, Store.open(dsn, readonly=True) as store:
        said = found(store)["rights"]
    assert said.level == "bad"
    assert said.text.startswith("this role may not INSERT radcheck, UPDATE radcheck, DELETE radcheck")
    assert said.text.endswith("more")


@pytest.mark.live
@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_a_role_that_may_write_is_all_well(place: Place) -> None:
    place.create().close()
    with (
        role(place, "ALL ON ALL TABLES IN SCHEMA public") as dsn,
        Store.open(dsn, readonly=True) as store,
    ):
        assert found(store)["rights"].level == "ok"
