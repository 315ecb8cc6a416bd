"""Which open sessions may run something else than their rows say, and what they may run."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from ispctl.store import Proof, doubts, proofs
from ispctl.structs import replace
from tests.databases import Place

OWN, GROUP, OTHER = "0123456789abcdef", "fedcba9876543210", "f" * 16
AT = datetime(2027, 1, 15, 6, 15, tzinfo=UTC)
TOLD = Proof(uniqueid="u", login="a", nas="bng", kind="coa", class_to=f"{OWN}-{GROUP}", answer="ack", sent=AT, acked=AT)


def dialled(place: Place, klass: str | None, *, refuse: str = "", over: bool = False) -> None:
    """A login with one session, `u`."""
    place.create().close()
    ended = place.instant("8") if over else "NULL"
    place.hand(
        f"INSERT INTO ispctl_login (login, owner, class, refuse) VALUES ('a', 'sub-1/main', '{OWN}', '{refuse}')",
        "INSERT INTO radusergroup (username, groupname, priority) VALUES ('a', 'isp:home', 1)",
        "INSERT INTO radgroupcheck (groupname, attribute, op, value)"
        f" VALUES ('isp:home@routeros', 'ISP-Rendering', ':=', '{GROUP}')",
        "INSERT INTO radgroupcheck (groupname, attribute, op, value)"
        f" VALUES ('isp:home-2@routeros', 'ISP-Rendering', ':=', '{OTHER}')",
        "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstoptime, class)"
        f" VALUES ('s', 'u', 'a', '192.0.2.1', {ended}, {'NULL' if klass is None else repr(klass)})",
    )


@pytest.mark.parametrize(
    ("klass", "told", "behind"),
    [
        (f"{OWN}-{GROUP}", None, False),
        (f"{OWN}-{OTHER}", None, True),  # of another group
        (f"{OTHER}-{GROUP}", None, True),
        (f"{OWN}-{OTHER}", TOLD, False),
        (f"{OWN}-{GROUP}", replace(TOLD, answer="", acked=None), True),  # whether it was told nobody knows
        (f"{OWN}-{GROUP}", replace(TOLD, answer="silent", acked=None), True),
        (f"{OWN}-{GROUP}", replace(TOLD, class_to=f"{OWN}-{OTHER}"), True),
        ("", None, False),  # its NAS sends no Class back
        (None, None, False),
    ],
)
def test_a_session_is_behind_that_runs_other_values_or_may(
    place: Place, klass: str | None, told: Proof | None, behind: bool
) -> None:
    dialled(place, klass)
    with place.open() as store:
        if told is not None:
            proofs.put(store, [told])
        assert doubts.behind(store) == (frozenset({"sub-1/main"}) if behind else frozenset())


def test_who_is_refused_should_not_be_online_and_an_ended_session_is_nobodys(place: Place) -> None:
    dialled(place, f"{OWN}-{GROUP}", refuse="suspended")
    with place.open() as store:
        assert doubts.behind(store) == frozenset({"sub-1/main"})
    place.hand(f"UPDATE radacct SET acctstoptime = {place.instant('8')}")
    with place.open() as store:
        assert doubts.behind(store) == frozenset()


def test_a_session_runs_what_the_platform_of_its_nas_is_given_and_not_what_another_is(place: Place) -> None:
    """A NAS that another vendor took the place of, and an apply that was killed before it told the sessions."""
    dialled(place, f"{OWN}-{GROUP}")
    place.hand(
        "INSERT INTO radgroupcheck (groupname, attribute, op, value)"
        f" VALUES ('isp:home@junos', 'ISP-Rendering', ':=', '{OTHER}')",
        "INSERT INTO nas (nasname, shortname, type, secret) VALUES ('192.0.2.1', 'pop', 'routeros', 'x')",
    )
    with place.open() as store:
        assert doubts.behind(store) == frozenset()
        store.database.write("UPDATE nas SET type = 'junos'")
        assert doubts.behind(store) == frozenset({"sub-1/main"})


def test_of_many_each_is_judged_by_its_own_login_and_the_group_of_that(place: Place) -> None:
    """Against the definition, for every kind of login, of session, and of what that was told."""
    place.create().close()
    rendered = {
        "isp:home": {"routeros": GROUP, "junos": "b" * 16},
        "isp:home-2": {"routeros": OTHER, "junos": GROUP},
    }
    types = {"192.0.2.1": "", "192.0.2.2": "routeros", "2001:db8::2": "junos"}  # of the first, nas knows nothing
    rests = ("", GROUP, "b" * 16, OTHER, f"{GROUP}/wall:mac")
    classes = (None, "", OWN, *(f"{own}-{rest}" for own in (OWN, OTHER) for rest in rests))
    kinds = product((*rendered, ""), ("", "suspended"), classes, ("", *classes[3:]), types)
    every = {f"{number:04}": kind for number, kind in enumerate(kinds)}
    with place.open() as store:
        write = store.database.write_many
        write(
            "INSERT INTO ispctl_login (login, owner, class, refuse) VALUES (?, ?, ?, ?)",
            [(name, f"sub-{name}/main", OWN, refuse) for name, (_, refuse, *_) in every.items()],
        )
        write(
            "INSERT INTO radusergroup (username, groupname, priority) VALUES (?, ?, 1)",
            [(name, group) for name, (group, *_) in every.items() if group],
        )
        write(
            "INSERT INTO radgroupcheck (groupname, attribute, op, value) VALUES (?, 'ISP-Rendering', ':=', ?)",
            [(f"{group}@{on}", value) for group, values in rendered.items() for on, value in values.items()],
        )
        write(
            "INSERT INTO nas (nasname, shortname, type, secret) VALUES (?, 'pop', ?, 'x')",
            [(address, type_) for address, type_ in types.items() if type_],
        )
        write(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, class) VALUES (?, ?, ?, ?, ?)",
            [(name, name, name, address, klass) for name, (_, _, klass, _, address) in every.items()],
        )
        proofs.put(store, [replace(TOLD, uniqueid=n, class_to=told) for n, (*_, told, _) in every.items() if told])

        def is_behind(group: str, refuse: str, klass: str | None, told: str | None, address: str) -> bool:
            runs = told or klass or ""
            values = rendered.get(group, {}).items()
            given = {f"{OWN}-{value}" for on, value in values if types[address] in ("", on)}
            return bool(refuse) or bool(runs and runs not in given)

        found = {f"sub-{name}/main" for name, kind in every.items() if is_behind(*kind)}
        assert doubts.behind(store) == found
        assert 0 < len(found) < len(every)


def test_what_open_sessions_may_run_is_asked_by_name(place: Place) -> None:
    dialled(place, f"{OWN}-{GROUP}/wall:mac")
    with place.open() as store:
        proofs.put(store, [replace(TOLD, uniqueid="v", class_to=f"{OWN}-{'a' * 16}")])
        before = store.database.rows_read
        assert doubts.running(store, [GROUP, OTHER, "a" * 16]) == {GROUP, "a" * 16}
        assert store.database.rows_read - before == 2
        assert doubts.running(store, []) == frozenset()


def test_what_open_sessions_may_run_is_found_by_an_index(place: Place) -> None:
    dialled(place, f"{OWN}-{GROUP}")
    if place.kind == "sqlite":
        explain = "EXPLAIN QUERY PLAN"
    else:
        explain = "EXPLAIN"
        place.hand("ALTER DATABASE " + place.dsn.rpartition("/")[2] + " SET enable_seqscan = off")
    sql = f"{explain} SELECT 1 FROM radacct WHERE acctstoptime IS NULL AND substr(class, 18, 16) = '{GROUP}' LIMIT 1"
    assert "ispctl_open_rendering" in " ".join(str(row[-1]) for row in place.hand(sql))
