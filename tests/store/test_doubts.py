"""Sessions become doubtful when something that they are compared with changes, and nobody else is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from ispctl.lab.cluster import Cluster
from ispctl.store import Proof, Store, doubts, proofs
from tests.databases import Place
from tests.postgres import FreshDatabase

NOW = datetime(2027, 1, 15, 6, 15, tzinfo=UTC)
OWN, GROUP, OTHER = "0123456789abcdef", "fedcba9876543210", "f" * 16
START = (
    "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, class)"
    f" VALUES ('{{0}}', '{{0}}', 'a', '192.0.2.1', '{OWN}-{GROUP}')"
)
INTERIM = f"""{START} ON CONFLICT (acctuniqueid) DO UPDATE SET acctinputoctets = 7, connectinfo_stop = '',
    acctstoptime = COALESCE(radacct.acctstoptime, excluded.acctstoptime),
    class = CASE WHEN excluded.class = '' THEN radacct.class ELSE excluded.class END"""


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    """A login with one session, `u`, which was looked at."""
    with place.create() as store:
        place.hand(
            f"INSERT INTO ispctl_login (login, owner, class) VALUES ('a', 'sub-1/main', '{OWN}')",
            "INSERT INTO radusergroup (username, groupname, priority) VALUES ('a', 'isp:home', 1)",
            "INSERT INTO radgroupcheck (groupname, attribute, op, value)"
            f" VALUES ('isp:home@routeros', 'ISP-Rendering', ':=', '{GROUP}')",
            START.format("u"),
        )
        doubts.look(store, NOW)
        assert doubtful(store) == []
        yield store


def doubtful(store: Store) -> list[str]:
    return sorted(str(id) for (id,) in store.database.query("SELECT acctuniqueid FROM ispctl_doubt"))


def noted(store: Store) -> None:
    proofs.put(store, [Proof("u", "a", "bng", "coa", f"{OWN}-{GROUP}", "ack", sent=NOW, acked=NOW, proved=NOW)])


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        (START.format("v"), ["v"]),
        (INTERIM.format("v"), ["v"]),  # of a session whose Start was lost
        (INTERIM.format("u"), []),
        (f"UPDATE radacct SET class = '{OWN}-{OTHER}'", ["u"]),
        ("UPDATE radacct SET acctstoptime = {at}", []),
        ("UPDATE radacct SET acctstoptime = {at}; UPDATE radacct SET acctstoptime = NULL", ["u"]),  # it goes on
        ("DELETE FROM radacct", []),
    ],
)
def test_what_the_server_writes_of_a_session_makes_it_doubtful_where_it_matters(
    place: Place, store: Store, said: str, becomes: list[str]
) -> None:
    place.hand(*said.replace("{at}", place.instant("8")).split("; "))
    assert doubtful(store) == becomes


@pytest.mark.parametrize("over", ["UPDATE radacct SET acctstoptime = {at}", "DELETE FROM radacct"])
def test_what_is_noted_of_a_session_that_ended_is_found_and_stays_so_until_it_is_forgotten(
    place: Place, store: Store, over: str
) -> None:
    noted(store)
    assert list(proofs.news(store)) == []
    place.hand(over.format(at=place.instant("8")))
    for _ in range(2):
        assert [(proof.uniqueid, session) for proof, session in proofs.news(store)] == [("u", None)]
        doubts.look(store, NOW)
    proofs.forget(store, ["u"])
    doubts.look(store, NOW)
    assert doubtful(store) == []


def test_whoever_runs_what_he_should_is_doubtful_no_more_and_the_others_stay_so(place: Place, store: Store) -> None:
    place.hand(
        *(START.format(f"v{number}") for number in range(3)),
        f"UPDATE radacct SET class = '{OWN}-{OTHER}' WHERE acctuniqueid = 'v1'",
    )
    doubts.look(store, NOW)
    assert doubtful(store) == ["v1", "v1"]
    assert doubts.behind(store) == {"sub-1/main"}


def test_an_edit_by_hand_is_found_once_a_day(place: Place, store: Store) -> None:
    place.hand(f"UPDATE ispctl_login SET class = '{OTHER}'")
    doubts.look(store, NOW + timedelta(hours=23))
    assert doubts.behind(store) == frozenset()
    doubts.look(store, NOW + timedelta(hours=24))
    assert doubts.behind(store) == {"sub-1/main"}
    assert doubtful(store) == ["u"]


def test_after_an_update_nothing_is_known_until_everybody_was_looked_at(place: Place, store: Store) -> None:
    place.hand(f"UPDATE ispctl_login SET class = '{OTHER}'")
    place.create().close()  # ispctl radius init
    assert doubts.behind(store) == {"sub-1/main"}


def test_where_many_are_doubtful_all_are_compared(place: Place, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubts, "_MANY", 2)
    place.hand(f"UPDATE ispctl_login SET class = '{OTHER}'", *(START.format(f"v{number}") for number in range(3)))
    doubts.look(store, NOW)
    assert doubtful(store) == ["u", "v0", "v1", "v2"]
    assert doubts.behind(store) == {"sub-1/main"}


def test_a_server_that_may_write_nothing_but_sessions_writes_them_still(
    cluster: Cluster, fresh_database: FreshDatabase
) -> None:
    place = Place(fresh_database(), None)  # type: ignore[arg-type]  # no file
    with place.create() as store, closing(psycopg2.connect(place.dsn)) as link:
        doubts.look(store, NOW)
        run = link.cursor().execute
        run("CREATE ROLE freeradius_only; GRANT SELECT, INSERT, UPDATE ON radacct TO freeradius_only")
        run("GRANT USAGE ON SEQUENCE radacct_radacctid_seq TO freeradius_only; SET ROLE freeradius_only")
        run(START.format("u"))
        run("UPDATE radacct SET acctstoptime = now()")
        run("RESET ROLE; REVOKE ALL ON radacct FROM freeradius_only")
        run("REVOKE ALL ON SEQUENCE radacct_radacctid_seq FROM freeradius_only; DROP ROLE freeradius_only")
        link.commit()
        assert doubtful(store) == ["u"]


def steps(store: Store, run: Callable[[], object]) -> int:
    """Hundreds of steps that SQLite takes for it."""
    counted: list[None] = []
    link = store.database._link._connection  # type: ignore[attr-defined]
    link.set_progress_handler(lambda: counted.append(None), 100)
    try:
        run()
    finally:
        link.set_progress_handler(None, 0)
    return len(counted)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_what_a_look_costs_does_not_grow_with_who_is_online_and_was_told(place: Place, store: Store) -> None:
    def look() -> None:
        place.hand(f"UPDATE radacct SET class = '{OWN}-{OTHER}' WHERE acctuniqueid = 'u'")
        place.hand(f"UPDATE radacct SET class = '{OWN}-{GROUP}' WHERE acctuniqueid = 'u'")
        assert len(list(proofs.news(store))) == 0
        assert doubts.behind(store) == frozenset()
        doubts.look(store, NOW)

    costs = []
    for many in (10, 3000):
        place.hand(*(START.format(f"{many}-{number}") for number in range(many)))
        proofs.put(
            store,
            [
                Proof(f"{many}-{number}", "a", "bng", "coa", f"{OWN}-{GROUP}", "ack", sent=NOW, acked=NOW, proved=NOW)
                for number in range(many)
            ],
        )
        doubts.look(store, NOW)
        costs.append(steps(store, look))
    assert costs[1] <= costs[0] + 3, costs
