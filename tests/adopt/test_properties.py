"""Whatever stands in an old database: what is imported validates, what is adopted leaves nothing to do, and what is
neither stays byte for byte."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.adopt import world
from tests.adopt.conftest import Isp

pytestmark = pytest.mark.slow
GROUPS = {
    "Gold": [("radgroupreply", "Mikrotik-Rate-Limit", "=", "25M/50M"), ("radgroupreply", "Framed-Pool", "=", "home")],
    "silver 20": [
        ("radgroupreply", "Mikrotik-Rate-Limit", ":=", "10M/20M 20M/40M"),
        ("radgroupcheck", "Simultaneous-Use", ":=", "2"),
    ],
    "wide": [("radgroupreply", "WISPr-Bandwidth-Max-Down", "=", "100000000"),
             ("radgroupreply", "WISPr-Bandwidth-Max-Up", "=", "50000000"),
             ("radgroupreply", "Fall-Through", "=", "Yes")],
    "off": [("radgroupcheck", "Auth-Type", ":=", "Reject")],
}  # fmt: skip
PASSWORDS = st.sampled_from(
    ["canary-pw-plain", "canary-pw-\\\\back", 'canary-pw-"quote', "'canary-pw-quoted'", "canary-pw-%{User-Name}",
     "`canary-pw`", "canary-pw-\\n", "", " canary-pw ", "canary-pw-नेपाल"]
)  # fmt: skip
CHECKS = st.sampled_from(
    [("Expiration", ":=", "31 Dec 2031"), ("Expiration", ":=", "31 Dec 2031 18:00:00"),
     ("Expiration", ":=", "1 Jan 2020"),
     ("Expiration", ":=", "2031-12-31"), ("Auth-Type", ":=", "Reject"),
     ("Calling-Station-Id", "==", "00-00-5E-00-53-0{}"),
     ("Calling-Station-Id", ":=", "00-00-5E-00-53-0{}"), ("NAS-IP-Address", "==", "192.0.2.1"),
     ("Simultaneous-Use", ":=", "3"), ("NT-Password", ":=", "0123456789abcdef0123456789abcdef"),
     ("Huntgroup-Name", "==", "north"), ("%{x}'; --", ":=", "y")]
)  # fmt: skip
REPLIES = st.sampled_from(
    [("Framed-IP-Address", ":=", "203.0.113.{}"), ("Framed-IP-Address", ":=", "203.0.113.0"),
     ("Framed-Pool", ":=", "other"), ("Framed-Pool", ":=", "Other Pool"),
     ("Framed-Route", "+=", "198.51.100.{}/32 0.0.0.0 1"), ("Mikrotik-Rate-Limit", ":=", "1M/2M"),
     ("Mikrotik-Rate-Limit", "=", "fast"), ("Delegated-IPv6-Prefix", "=", "2001:db8:{}00::/56"),
     ("Session-Timeout", "=", "3600"), ("Filter-Id", "=", "5000/5000"), ("Reply-Message", "=", "`hello`")]
)  # fmt: skip


class Old(NamedTuple):
    """One login as it may stand in a database."""

    login: str
    password: str
    groups: Sequence[str]
    check: Sequence[tuple[str, str, str]]
    reply: Sequence[tuple[str, str, str]]


LOGINS = st.sampled_from(
    ["a@home.example", "b@home.example", "c@Home.example", "D@home.example", "e", "f f", "g'--", "h+1"]
)
DATABASES = st.lists(
    st.builds(
        Old,
        LOGINS,
        PASSWORDS,
        st.lists(st.sampled_from([*GROUPS, "gone"]), max_size=2, unique=True),
        st.lists(CHECKS, max_size=2, unique=True),
        st.lists(REPLIES, max_size=2, unique=True),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.login,
)


def rows_of(people: Sequence[Old]) -> list[tuple[str, tuple[str, ...]]]:
    """(statement, values) for everything that stands there."""
    found: list[tuple[str, tuple[str, ...]]] = []
    found.append(
        ("INSERT INTO nas (nasname, shortname, secret) VALUES (?, ?, ?)", ("192.0.2.1", "core", "canary-pw-nas"))
    )
    put = "INSERT INTO {} ({}, attribute, op, value) VALUES (?, ?, ?, ?)"
    for group, of_group in GROUPS.items():
        found += [(put.format(table, "groupname"), (group, *row)) for table, *row in of_group]
    for number, one in enumerate(people, start=1):
        found.append((put.format("radcheck", "username"), (one.login, "Cleartext-Password", ":=", one.password)))
        for table, rows in (("radcheck", one.check), ("radreply", one.reply)):
            found += [(put.format(table, "username"), (one.login, a, op, v.format(number))) for a, op, v in rows]
        for priority, group in enumerate(one.groups):
            sql = f"INSERT INTO radusergroup (username, groupname, priority) VALUES (?, ?, {priority})"
            found.append((sql, (one.login, group)))
    return found


def foreign(isp: Isp) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of FreeRADIUS's tables that is under no name of ours."""
    with closing(sqlite3.connect(isp.database)) as database:
        mine = {str(login) for (login,) in database.execute("SELECT login FROM ispctl_login")}
        found = {table: database.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
                 for table in ("radcheck", "radreply", "radusergroup", "radgroupcheck", "radgroupreply")}  # fmt: skip
    return {table: [row for row in rows if row[1] not in mine and not row[1].startswith("isp:")]
            for table, rows in found.items()}  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=DATABASES)
def test_an_import_validates_and_an_adoption_leaves_nothing_to_do(
    isp: Isp, people: Sequence[Old], tmp_path_factory: pytest.TempPathFactory
) -> None:
    isp.folder = tmp_path_factory.mktemp("old")
    isp.env.pop("ISPCTL_AGE_KEY_FILE", None)
    world.made(isp.database, "")
    with closing(sqlite3.connect(isp.database)) as database, database:
        for statement, given_values in rows_of(people):
            database.execute(statement, given_values)
    said = isp.imported("--format", "json")
    assert said.code == 0, said.err
    assert isp("validate").code == 0
    imported = said.json["counts"]["imported"]
    if not imported:
        return
    assert isp("radius", "init").code == 0
    before = foreign(isp)
    first = isp("adopt", "--all", "--allow", "100", "--format", "json").json
    assert first["taken"]["logins"] + len(first["refused"]) == imported
    waiting = {f"{one['id']}/{one['key']}" for one in isp("plan", "--format", "json").json["services"]}
    assert waiting == {one["service"] for one in first["refused"]}
    aspects = {part["aspect"] for one in first["refused"] for part in one["differences"]}
    isp("adopt", "--all", "--allow", "100", *(word for one in aspects for word in ("--accept", one)))
    plan = isp("plan", "--format", "json")
    assert (plan.code, plan.json["changes"], plan.json["services"]) == (0, [], [])
    after = foreign(isp)
    assert {table: [row for row in before[table] if row in after[table]] for table in after} == after
    adopted = imported
    assert len({row[1] for row in before["radcheck"]}) - len({row[1] for row in after["radcheck"]}) == adopted
