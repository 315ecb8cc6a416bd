"""What was used of what a tariff asks for, as numbers; and the marks at which somebody is looked at again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from ispctl.model.usage import Meter
from ispctl.store import Store, meters, usage
from ispctl.store.meters import Mark
from tests.databases import Place

ONE, TWO = "sub-1/main", "sub-2/main"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
FIRST, NEXT = date(2026, 11, 1), date(2026, 12, 1)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.create() as made:
        made.database.write_many(
            "INSERT INTO ispctl_usage (owner, day, hour, down, up) VALUES (?, ?, ?, ?, ?)",
            [
                (ONE, 20261031, 24, 1000, 1000),
                (ONE, 20261101, 24, 100, 10),
                (ONE, 20261126, 2, 50, 5),
                (ONE, 20261126, 23, 8, 2),
                (ONE, 20261130, 24, 400, 40),
                (ONE, 20261201, 24, 7000, 7000),
                (TWO, 20261126, 24, 1, 2),
            ],
        )
        yield made


@pytest.mark.parametrize(
    ("meter", "one", "two"),
    [
        (Meter(FIRST, NEXT, "both"), 615, 3),
        (Meter(FIRST, NEXT, "down"), 558, 1),
        (Meter(FIRST, NEXT, "up"), 57, 2),
        (Meter(date(2026, 11, 26), date(2026, 11, 27), "both"), 65, 3),
        (Meter(FIRST, NEXT, "both", ((0, 6, 100),)), 560, 3),
        (Meter(FIRST, NEXT, "both", ((22, 6, 50),)), 550 + 27 + 5, 3),
    ],
)
def test_days_of_the_window_in_the_directions_and_hours_that_count(
    store: Store, meter: Meter, one: int, two: int
) -> None:
    assert meters.used(store, {ONE: [meter], TWO: [meter], "sub-3/main": [meter]}) == {
        ONE: {meter: one},
        TWO: {meter: two},
    }


def test_at_a_moment_of_the_past_what_came_later_was_not_used_yet(store: Store) -> None:
    meter = Meter(FIRST, NEXT, "both")
    assert meters.used(store, {ONE: [meter]}, date(2026, 11, 26)) == {ONE: {meter: 175}}


def test_a_count_adds_to_what_is_marked_and_tells_who_reached_it(store: Store, place: Place) -> None:
    reset = datetime(2026, 12, 1, tzinfo=UTC)
    for owner, following, until in ((ONE, 100, None), (TWO, None, reset)):
        store.database.write("INSERT INTO ispctl_login (login, owner) VALUES (?, ?)", (owner[:5], owner))
        meters.put(store, Mark(owner, 0, "down", owner == ONE, 60, following, until))
    at = place.instant(str(int(NOON.timestamp())))
    for octets, over in ((39, set()), (41, {ONE})):
        place.hand(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            f" acctinputoctets, acctoutputoctets) VALUES ('s', 's', 'sub-1', '192.0.2.1', {at}, {at}, 500, {octets})"
            " ON CONFLICT (acctuniqueid) DO UPDATE SET acctoutputoctets = excluded.acctoutputoctets"
        )
        usage.count(store, {}, ZoneInfo("UTC"), NOON)
        assert meters.to_look_at(store, NOON) == over
    (mark,) = meters.known(store, [ONE, TWO])[ONE]
    assert (mark.used, mark.reached) == (101, True)
    hours = store.database.query("SELECT hour FROM ispctl_usage WHERE owner = ? AND hour < 24 AND down = 41", (ONE,))
    assert hours == [(12,)], "whose tariff asks for hours has them told apart"
    assert meters.to_look_at(store, reset) == {ONE, TWO}
    assert (meters.next_reset(store, NOON), meters.next_reset(store, NOON, {TWO})) == (reset, None)
    meters.forget(store, mark)
    assert meters.known(store, [ONE]) == {}
