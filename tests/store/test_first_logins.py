"""Who waits for a first login is asked of the accounting; what came is written down once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ispctl.store import first_logins
from ispctl.store.first_logins import Begins
from tests.databases import Place

WAITS = Begins("sub-1", "main", "anita@home.example", datetime.fromtimestamp(1000, UTC))


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def waiting(place: Place) -> Place:
    with place.create() as store:
        first_logins.put(store, WAITS)
        first_logins.put(store, Begins("sub-2", "main", "bob@home.example", at(1000), at(1500), at(9000)))
        first_logins.put(store, Begins("sub-3", "main", "carol@home.example", at(1000), at(1500), at(20_000)))
    return place


def session(place: Place, began: int, heard: int, ended: int | None = None, klass: str = "a-b") -> None:
    moments = ["NULL" if one is None else place.instant(str(one)) for one in (began, heard, ended)]
    place.hand(
        "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
        f" acctstoptime, class) VALUES ('s{began}', 's{began}', 'anita@home.example', '192.0.2.1',"
        f" {', '.join(moments)}, '{klass}')"
    )


@pytest.mark.parametrize(
    ("began", "heard", "ended", "klass", "found"),
    [
        (2000, 2000, None, "a-b", 2000),
        (2000, 2100, 2100, "a-b", 2000),
        (500, 1500, None, "a-b", 1000),  # online already when it was let in
        (500, 900, None, "a-b", None),  # was never heard of again
        (500, 900, 999, "a-b", None),
        (2000, 2000, None, "a-b/wall:mac", None),
        (9999, 2000, None, "a-b", 5000),  # the clock of the NAS is ahead
    ],
)
def test_a_session_counts_from_when_it_was_let_in(
    waiting: Place, began: int, heard: int, ended: int | None, klass: str, found: int | None
) -> None:
    session(waiting, began, heard, ended, klass)
    with waiting.open(readonly=True) as store:
        assert first_logins.told(store, {"sub-1/main"}, at(5000)) == ({"sub-1/main": at(found)} if found else {})
        looked = first_logins.to_look_at(store, at(5000), at(5000))
        assert looked == ({"sub-1/main"} if found else set())


def test_the_earliest_session_is_the_first_in_whatever_order_they_are_reported(waiting: Place) -> None:
    for began in (3000, 2000, 4000):
        session(waiting, began, began)
    with waiting.open(readonly=True) as store:
        assert first_logins.told(store, {"sub-1/main"}, at(5000)) == {"sub-1/main": at(2000)}


def test_who_has_begun_is_looked_at_when_time_changes_him(waiting: Place) -> None:
    with waiting.open(readonly=True) as store:
        assert first_logins.to_look_at(store, at(5000), at(9000)) == {"sub-2/main"}
        assert first_logins.next_turn(store, at(9000)) == at(20_000)
        assert first_logins.next_turn(store, at(5000)) == at(9000)
        assert first_logins.next_turn(store, at(5000), {"sub-2/main"}) == at(20_000)
        assert first_logins.next_turn(store, at(20_000)) is None


def test_only_those_who_wait_are_asked_of_the_accounting(waiting: Place) -> None:
    """A thousand sessions of others cost nothing."""
    waiting.hand(
        *(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime)"
            f" VALUES ('o{n}', 'o{n}', 'other{n}@home.example', '192.0.2.1', {waiting.instant('2000')},"
            f" {waiting.instant('2000')})"
            for n in range(1000)
        )
    )
    with waiting.open(readonly=True) as store:
        first_logins.to_look_at(store, at(5000), at(5000))
        assert store.rows_read < 5
        if store.database.dialect.name == "sqlite":
            plan = store.database.query("EXPLAIN QUERY PLAN " + first_logins._heard(store))
            said = [str(row[3]) for row in plan]
            assert any("SEARCH a USING INDEX ispctl_acct_login" in line for line in said), said
            assert any("f USING" in line and "ispctl_first_login_waits" in line for line in said), said


def test_what_is_written_down_needs_no_accounting(waiting: Place) -> None:
    with waiting.open() as store:
        owners = {"sub-1/main", "sub-2/main", "sub-9/main"}
        assert first_logins.told(store, owners, at(5000)) == {"sub-2/main": at(1500)}
        first_logins.forget(store, WAITS)
        assert first_logins.known(store, owners).keys() == {"sub-2/main"}
