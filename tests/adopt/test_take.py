"""What was imported becomes ours, row by row, and nobody notices; what says something else stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from ispctl.store import Database
from tests.adopt import world
from tests.adopt.conftest import Isp
from tests.databases import KINDS, Place

SIMPLE = """
INSERT INTO nas (nasname, shortname, type, secret) VALUES ('192.0.2.1', 'core', 'mikrotik', 'canary-pw-nas');
INSERT INTO radgroupcheck (groupname, attribute, op, value) VALUES ('Gold', 'Simultaneous-Use', ':=', '1');
INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES
	('Gold', 'Mikrotik-Rate-Limit', '=', '25M/50M'), ('Gold', 'Framed-Pool', '=', 'home');
INSERT INTO radusergroup (username, groupname) VALUES
	('anita@home.example', 'Gold'), ('bikash@home.example', 'Gold'), ('firma@office.example', 'Gold');
INSERT INTO radcheck (username, attribute, op, value) VALUES
	('anita@home.example', 'Cleartext-Password', ':=', 'canary-pw-anita'),
	('anita@home.example', 'Expiration', ':=', '31 Dec 2031'),
	('bikash@home.example', 'Cleartext-Password', ':=', 'canary-pw-bikash'),
	('bikash@home.example', 'Auth-Type', ':=', 'Reject'),
	('bikash@home.example', 'Expiration', ':=', '31 Dec 2031'),
	('firma@office.example', 'Cleartext-Password', ':=', 'canary-pw-firma'),
	('firma@office.example', 'Calling-Station-Id', '==', '00-00-5E-00-53-03'),
	('firma@office.example', 'NAS-IP-Address', '==', '192.0.2.1'),
	('Stranger', 'Cleartext-Password', ':=', 'canary-pw-stranger');
INSERT INTO radreply (username, attribute, op, value) VALUES
	('firma@office.example', 'Framed-IP-Address', ':=', '203.0.113.7'),
	('firma@office.example', 'Framed-Route', '+=', '203.0.113.64/29 0.0.0.0 1');
"""
ANITA, FIRMA = "anita@home.example", "firma@office.example"


@pytest.fixture(params=KINDS)
def simple(isp: Isp, request: pytest.FixtureRequest) -> Isp:
    """Three logins that our files can say whole, imported; the database, of either kind, has our tables."""
    isp.database.unlink()
    if request.param == "postgresql":
        isp.place = Place(request.getfixturevalue("fresh_database")(), isp.folder)
        isp.env["ISPCTL_RADIUS__DSN"] = isp.place.dsn  # its password is not written down
    world.made_in(isp.place or Place(isp.dsn, isp.folder), SIMPLE)
    assert isp.imported().code == 0
    assert isp("radius", "init").code == 0
    return isp


def sql(isp: Isp, statement: str, *values: object) -> list[tuple[Any, ...]]:
    return isp.sql(statement, *values)


def rows_of(isp: Isp, *logins: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything of FreeRADIUS's own that stands under these logins."""
    marks = ", ".join("?" * len(logins))
    return {
        table: sql(isp, f"SELECT * FROM {table} WHERE username IN ({marks}) ORDER BY id", *logins)
        for table in ("radcheck", "radreply", "radusergroup")
    }


def test_after_all_are_adopted_there_is_nothing_left_to_do(simple: Isp) -> None:
    assert simple("plan").code == 2
    said = simple("adopt", "--all")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("3 logins and 1 NAS are ours now. Nobody's session was touched.\n")
    plan = simple("plan", "--format", "json")
    assert (plan.code, plan.json["changes"], plan.json["services"]) == (0, [], [])
    assert simple("drift").code == 0
    assert simple("apply").code == 0


def test_rows_that_are_not_in_git_stay_byte_for_byte(simple: Isp) -> None:
    before = rows_of(simple, "Stranger")
    groups = sql(simple, "SELECT * FROM radgroupreply WHERE groupname = 'Gold' ORDER BY id")
    simple("adopt", "--all")
    assert rows_of(simple, "Stranger") == before
    assert sql(simple, "SELECT * FROM radgroupreply WHERE groupname = 'Gold' ORDER BY id") == groups


def test_what_was_there_is_replaced_by_ours(simple: Isp) -> None:
    simple("adopt", "--all")
    assert rows_of(simple, FIRMA)["radusergroup"][0][1:] == (FIRMA, "isp:gold-postpaid", 1)
    assert [row[2:] for row in rows_of(simple, FIRMA)["radreply"]] == [
        ("Framed-IP-Address", ":=", "203.0.113.7"), ("Framed-Route", "+=", "203.0.113.64/29 0.0.0.0 1"),
    ]  # fmt: skip
    assert [row[2:4] for row in rows_of(simple, FIRMA)["radcheck"]] == [("Cleartext-Password", ":=")]
    assert sql(simple, "SELECT mac FROM ispctl_mac WHERE login = ?", FIRMA) == [("00:00:5e:00:53:03",)]


def test_a_dry_run_says_the_same_and_writes_nothing(simple: Isp) -> None:
    before = rows_of(simple, ANITA, FIRMA), sql(simple, "SELECT * FROM nas")
    said = simple("adopt", "--all", "--dry-run")
    assert said.code == 0
    assert said.out.startswith("3 logins and 1 NAS would change hands.")
    assert (rows_of(simple, ANITA, FIRMA), sql(simple, "SELECT * FROM nas")) == before
    assert sql(simple, "SELECT count(*) FROM ispctl_journal") == [(0,)]


def test_nothing_is_adopted_while_everything_is_paused_but_one_may_look(simple: Isp) -> None:
    assert simple("pause", "--reason", "the old system moves").code == 0
    before = rows_of(simple, ANITA, FIRMA), sql(simple, "SELECT * FROM nas")
    said = simple("adopt", "--all")
    assert (said.code, said.err.partition(" until ")[0]) == (1, "E614 paused: everything is paused")
    assert (rows_of(simple, ANITA, FIRMA), sql(simple, "SELECT * FROM nas")) == before
    assert simple("adopt", "--all", "--dry-run").code == 0
    assert simple("resume").code == 0
    assert simple("adopt", "--all").code == 0


def test_a_group_or_a_login_may_come_first(simple: Isp) -> None:
    foreign = rows_of(simple, ANITA, "bikash@home.example")
    said = simple("adopt", "--group", "office.example", "--format", "json")
    assert (said.code, said.json["taken"], said.json["left"]) == (0, {"logins": 1, "nas": 1}, 2)
    assert rows_of(simple, ANITA, "bikash@home.example") == foreign
    failed = simple("apply")
    assert failed.code == 1
    assert failed.out.count("E314") == 2
    assert simple("adopt", ANITA, "sub-000002").code == 0
    assert simple("plan").code == 0


def test_who_is_not_adopted_yet_is_not_new(simple: Isp) -> None:
    assert simple("adopt", "--group", "office.example").code == 0
    said = simple("plan")
    assert "2 services not adopted yet, nobody cut off." in said.out
    assert "sub-000001/main: not adopted yet" in said.out
    plan = simple("plan", "--format", "json").json
    assert {tuple(one["effects"]) for one in plan["services"]} == {("unadopted",)}


def test_after_a_part_was_adopted_all_is_well_with_the_rest(simple: Isp) -> None:
    assert simple("adopt", "--group", "office.example").code == 0
    assert simple("apply").code == 1
    (last,) = [line for line in simple.stat("health").out.splitlines() if " last run " in line]
    assert last.startswith("warn  last run ")
    assert last.endswith(": all but what is not ours yet, which others' rows serve on -> ispctl adopt --all --dry-run")


def test_the_nas_may_come_first(simple: Isp) -> None:
    said = simple("adopt", "--nas", "--format", "json")
    assert (said.code, said.json["taken"], said.json["left"]) == (0, {"logins": 0, "nas": 1}, 3)
    assert sql(simple, "SELECT type, shortname, require_ma FROM nas") == [("routeros", "core", 0)]
    assert simple("adopt", "--all").code == 0
    assert simple("plan").code == 0


def test_nobody_is_adopted_by_accident(simple: Isp) -> None:
    said = simple("adopt")
    assert (said.code, "nobody is adopted by accident" in said.err) == (1, True)


def test_more_than_a_day_may_cut_off_need_a_number(simple: Isp) -> None:
    path = simple.repo / "inventory/policy.yaml"
    path.write_text(
        path.read_text() + "limits:\n  cut_off: {share: 0%, floor: 2}\n  dropped: {share: 0%, floor: 2}\n"
        "  slower: {share: 0%, floor: 2}\n  delete: {share: 0%, floor: 2}\n"
    )  # fmt: skip
    commit(simple)
    said = simple("adopt", "--all")
    assert said.code == 1
    assert "E653 too-many-at-once: 3 logins would change hands, and 2 may at once" in said.err
    assert sql(simple, "SELECT count(*) FROM ispctl_login") == [(0,)]
    assert simple("adopt", "--all", "--allow", 3).code == 0


def commit(isp: Isp) -> None:
    from tests.gates import example

    example.commit(isp.repo, "A change")


@pytest.mark.parametrize(
    "statement, aspect, words",
    [
        ("UPDATE radcheck SET value = 'canary-pw-new' WHERE username = ? AND attribute = 'Cleartext-Password'",
         "password", "the password is another one"),
        ("UPDATE radcheck SET value = '1 Jan 2030' WHERE username = ? AND attribute = 'Expiration'",
         "paid-until", "ends on 2029-12-31 18:15 UTC until now, and 2031-12-31 18:15 by git"),
        ("DELETE FROM radcheck WHERE username = ? AND attribute = 'Expiration'",
         "paid-until", "no end until now, and 2031-12-31 by git"),
        ("INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Auth-Type', ':=', 'Reject')",
         "access", "turned away until now, and served by git"),
        ("INSERT INTO radreply (username, attribute, op, value) VALUES (?, 'Mikrotik-Rate-Limit', ':=', '1M/1M')",
         "rate", "1000000/1000000 bit/s until now, and 50000000/25000000 by tariff gold"),
        ("INSERT INTO radreply (username, attribute, op, value) VALUES (?, 'Framed-IP-Address', ':=', '203.0.113.9')",
         "ipv4", "203.0.113.9 until now, and pool:home by git"),
        ("INSERT INTO radreply (username, attribute, op, value) VALUES (?, 'Session-Timeout', ':=', '3600')",
         "Session-Timeout", "an attribute that our files cannot say (radreply 3)"),
        ("INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Calling-Station-Id', '==', '00005e005309')",
         "mac", "bound to 1 devices until now, and any device by git"),
        ("INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'NAS-IP-Address', '==', '192.0.2.1')",
         "nas", "core until now, and any by git"),
        ("INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Simultaneous-Use', ':=', '3')", "", ""),
        ("DELETE FROM radcheck WHERE username = ? AND attribute = 'Cleartext-Password'",
         "no-password", "no password: nobody logs in with these rows (radcheck 2)"),
        ("DELETE FROM radusergroup WHERE username = ?", "sessions", "any number of sessions until now, and 1 by git"),
    ],
)  # fmt: skip
def test_a_login_that_means_something_else_is_left_with_the_difference_in_words(
    simple: Isp, statement: str, aspect: str, words: str
) -> None:
    sql(simple, statement, ANITA)
    before = rows_of(simple, ANITA)
    said = simple("adopt", "--all", "--format", "json")
    if not aspect:  # the group insists, so that what the login says counts for nothing
        assert said.code == 0
        return
    assert said.code == 1
    assert said.json["taken"]["logins"] == 2
    [refused] = said.json["refused"]
    assert (refused["service"], refused["code"]) == ("sub-000001/main", "E652")
    assert {"aspect": aspect, "text": words} in refused["differences"]
    assert rows_of(simple, ANITA) == before
    assert "canary" not in said.out
    assert simple("plan", "--format", "json").json["summary"]["services"] == 1


def test_a_difference_may_be_taken_on_purpose(simple: Isp) -> None:
    sql(simple, "INSERT INTO radreply (username, attribute, op, value) VALUES (?, 'Session-Timeout', '=', '9')", ANITA)
    assert simple("adopt", "--all").code == 1
    said = simple("adopt", "--all", "--accept", "Session-Timeout")
    assert said.code == 0, said.out
    assert simple("plan").code == 0


def test_a_nas_with_another_secret_is_left_alone(simple: Isp) -> None:
    sql(simple, "UPDATE nas SET secret = 'canary-pw-other'")
    said = simple("adopt", "--nas", "--format", "json")
    assert said.code == 1
    assert said.json["refused"][0]["differences"] == [{"aspect": "secret", "text": "the shared secret is another one"}]
    assert sql(simple, "SELECT secret, type FROM nas") == [("canary-pw-other", "mikrotik")]


def test_a_nas_that_git_does_not_know_would_turn_the_adopted_away(simple: Isp) -> None:
    sql(simple, "INSERT INTO nas (nasname, secret) VALUES ('192.0.2.77', 'canary-pw-x')")
    said = simple("adopt", "--all", "--format", "json")
    assert said.code == 1
    assert {one["differences"][0]["aspect"] for one in said.json["refused"]} == {"strangers"}


def test_a_rate_told_in_words_that_the_nas_will_not_be_told_is_a_difference(simple: Isp) -> None:
    path = simple.repo / "inventory/hosts.yaml"
    path.write_text(path.read_text().replace("platform: routeros", "platform: linux"))
    commit(simple)
    said = simple("adopt", ANITA, "--format", "json")
    assert said.code == 1
    assert said.json["refused"][0]["differences"][0]["aspect"] == "platform"


def test_an_address_that_the_server_hands_out_is_not_left_to_the_nas(simple: Isp) -> None:
    sql(simple, "INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Pool-Name', ':=', 'home')", ANITA)
    said = simple("adopt", ANITA, "--format", "json")
    assert said.code == 1
    assert said.json["refused"][0]["differences"] == [
        {
            "aspect": "ipv4",
            "text": "the server hands out the address until now, and the NAS hands out the address by git",
        }
    ]


def test_an_address_from_a_pool_of_the_server_says_that_its_rows_stay_somebody_elses(simple: Isp) -> None:
    path = simple.repo / "inventory/pools.yaml"
    path.write_text(path.read_text() + "hostel: {family: 4, served_by: radius, ranges: [198.51.100.0/28]}\n")
    for tariff in (simple.repo / "tariffs").glob("*.yaml"):
        tariff.write_text(tariff.read_text().replace("pool: home}", "pool: hostel}"))
    commit(simple)
    sql(simple, "INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Pool-Name', ':=', 'hostel')", ANITA)
    said = simple("adopt", ANITA, "--format", "json")
    assert said.code == 1
    told = [one for one in said.json["refused"][0]["differences"] if one["aspect"] == "ipv4"]
    assert told == [
        {"aspect": "ipv4", "text": "the server hands out the address, from rows that are not taken over yet"}
    ]


def test_what_was_changed_between_looking_and_taking_is_looked_at_again(simple: Isp) -> None:
    assert simple("adopt", "--all", "--dry-run").code == 0
    sql(simple, "UPDATE radcheck SET value = 'canary-pw-now' WHERE username = ? AND id = 1", ANITA)
    assert simple("adopt", "--all").code == 1


def test_the_words_for_a_person_fold_what_is_alike(simple: Isp) -> None:
    sql(
        simple,
        "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('Gold', 'Session-Timeout', '=', '9')",
    )
    said = simple("adopt", "--all")
    assert "SAYS OTHERWISE (3): left as they were" in said.out
    assert (
        "  Session-Timeout (3): an attribute that our files cannot say (radgroupreply 3) [sub-000001/main" in said.out
    )


def test_what_each_says_in_a_row_of_its_own_is_folded_too(simple: Isp) -> None:
    sql(simple, "INSERT INTO radreply (username, attribute, op, value) SELECT username, 'Idle-Timeout', ':=', '9'"
                " FROM radusergroup")  # fmt: skip
    said = simple("adopt", "--all")
    assert "  Idle-Timeout (3): an attribute that our files cannot say [sub-000001/main (radreply " in said.out


def test_a_name_that_is_none_is_refused(simple: Isp) -> None:
    for words in (("nobody@home.example",), ("--group", "nowhere")):
        said = simple("adopt", *words)
        assert (said.code, "E321" in said.err) == (1, True)


def test_sessions_that_are_open_go_on(simple: Isp) -> None:
    place = simple.place or Place(simple.dsn, simple.folder)
    at = place.instant("1800000000")
    columns = "acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime"
    sql(simple, f"INSERT INTO radacct ({columns}) VALUES ('1', 'u1', ?, '192.0.2.1', {at}, {at})", ANITA)
    simple("adopt", "--all")
    assert simple("plan").code == 0
    assert sql(simple, "SELECT acctstoptime FROM radacct") == [(None,)]


class Killed(BaseException):
    """The process ends here, as far as the database can tell."""


@pytest.mark.parametrize("at", [1, 6, 12, 20, 30, 45])
def test_a_run_that_was_killed_leaves_each_login_whole_and_is_finished_by_the_next(
    isp: Isp, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    isp.database.unlink()
    world.made(isp.database, SIMPLE)
    assert isp.imported().code == 0
    assert isp("radius", "init").code == 0
    left = [at]
    real = Database.write

    def write(self: Database, *arguments: Any) -> int:
        left[0] -= 1
        if left[0] <= 0:
            raise Killed
        return real(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", write)
        with pytest.raises(Killed):
            isp("adopt", "--all")
    ours = {login for (login,) in sql(isp, "SELECT login FROM ispctl_login")}
    groups = dict(sql(isp, "SELECT username, groupname FROM radusergroup"))
    assert {login for login, group in groups.items() if group.startswith("isp:")} == ours
    assert isp("adopt", "--all").code == 0
    assert isp("plan").code == 0
