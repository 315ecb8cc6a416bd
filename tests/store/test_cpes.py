"""What devices of subscribers should hold, said, and took; on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ispctl.store import cpes
from ispctl.store.cpes import Accepted, Seen, Wanted
from tests.databases import Place

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROUTER = Wanted("A1", "sub-1", "main", "generic", "x", "enc:k1:x", NOON, NOON + 7 * 24 * HOUR, "old")
OTHER = Wanted("B2", "sub-2", "main", "generic", "y", "enc:k1:y")
WHO = ("0-R-A1", "A1", "m", "R", "V1", "Device", "198.51.100.7")
SEEN = Seen(*WHO, NOON, NOON, "2 PERIODIC", True, {"pppoe.password": 9007})


def test_what_each_should_hold_is_replaced_whole_and_moves_with_its_serial_number(place: Place) -> None:
    with place.create() as store:
        assert not cpes.any_wanted(store)
        cpes.put_wanted(store, "sub-1/main", [ROUTER, ROUTER._replace(serial="A2", password="")], NOON)
        cpes.put_wanted(store, "sub-2/main", [OTHER], NOON)
        assert cpes.wanted(store, "A1") == ROUTER._replace(since=NOON)
        assert [one.serial for one in cpes.wanted_of(store, {"sub-1/main"})["sub-1/main"]] == ["A1", "A2"]
        cpes.put_wanted(store, "sub-2/main", [OTHER, OTHER._replace(serial="A2")], NOON + HOUR)
        cpes.put_wanted(store, "sub-1/main", [ROUTER], NOON + HOUR)
        assert {one.serial: one.owner for one in cpes.all_wanted(store)} == {
            "A1": "sub-1/main",
            "A2": "sub-2/main",
            "B2": "sub-2/main",
        }
        assert {one.password for one in cpes.all_wanted(store)} == {""}
        cpes.put_wanted(store, "sub-2/main", [], NOON)
        assert cpes.wanted(store, "B2") is None


def test_what_a_device_says_is_kept_and_since_when_it_is_known(place: Place) -> None:
    with place.create() as store:
        cpes.put_seen(store, SEEN)
        later = SEEN._replace(informed=NOON + HOUR, first_seen=NOON + HOUR, faults={}, tries=2, rests=NOON + 2 * HOUR)
        assert (cpes.seen(store, "0-R-A1"), cpes.refusing(store)) == (SEEN, 1)
        cpes.put_seen(store, later)
        assert cpes.seen(store, "0-R-A1") == later._replace(first_seen=NOON)
        cpes.put_seen(store, SEEN._replace(device="0-R-B2", serial="B2", known=False))
        assert (cpes.strangers(store), cpes.refusing(store)) == (1, 0)
        assert [one.device for one in cpes.listed(store)] == ["0-R-A1", "0-R-B2"]


def test_marks_are_forgotten_together(place: Place) -> None:
    with place.create() as store:
        for word in ("pppoe.password", "pppoe.password", "acs.password"):
            cpes.put_mark(store, "0-R-A1", word, "m" * 64, 0, NOON)
        assert cpes.marks(store, "0-R-A1") == dict.fromkeys(("acs.password", "pppoe.password"), "m" * 64)
        cpes.forget_marks(store, "0-R-A1")
        assert cpes.marks(store, "0-R-A1") == {}


def test_a_password_that_was_taken_is_news_once_until_an_apply_knows(place: Place) -> None:
    with place.create() as store:
        cpes.put_wanted(store, ROUTER.owner, [ROUTER], NOON)
        assert cpes.put_accepted(store, ROUTER, NOON + HOUR)
        assert not cpes.put_accepted(store, ROUTER, NOON + 2 * HOUR)
        assert cpes.to_look_at(store) == {"sub-1/main"}
        cpes.put_up(store, ROUTER.owner, NOON + HOUR)  # in the same session: that says nothing
        cpes.put_up(store, ROUTER.owner, NOON + 3 * HOUR)
        cpes.put_up(store, ROUTER.owner, NOON + 4 * HOUR)
        found = Accepted("sub-1/main", NOON, NOON + HOUR, NOON + 3 * HOUR)
        assert cpes.accepted(store, {"sub-1/main", "sub-2/main"}) == {"sub-1/main": found}
        cpes.put_applied(store, ROUTER.owner, NOON - HOUR, NOON)  # it knew of another change
        assert cpes.to_look_at(store) == {"sub-1/main"}
        cpes.put_applied(store, ROUTER.owner, NOON, NOON + 5 * HOUR)
        assert cpes.to_look_at(store) == frozenset()
        again = ROUTER._replace(changed=NOON + 6 * HOUR)
        assert cpes.put_accepted(store, again, NOON + 7 * HOUR)
        assert cpes.to_look_at(store) == {"sub-1/main"}
        assert cpes.accepted(store, {"sub-1/main"})["sub-1/main"].up is None


def test_who_is_overdue_is_counted(place: Place) -> None:
    with place.create() as store:
        cpes.put_wanted(store, ROUTER.owner, [ROUTER._replace(holds="overdue")], NOON)
        cpes.put_wanted(store, OTHER.owner, [OTHER], NOON)
        assert cpes.overdue(store) == ("sub-1/main",)
