"""A real server answers the same before and after an adoption: who is let in, with which rate, address and routes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest

from ispctl.lab import freeradius
from ispctl.lab.freeradius import Server
from ispctl.radius import client
from ispctl.radius.server import ServerSettings
from tests.adopt import world
from tests.adopt.conftest import Isp

pytestmark = pytest.mark.live

SOURCE, OTHER = "127.0.2.1", "127.0.2.2"
SECRET = "canary-pw-nas"
SQL = f"""
INSERT INTO nas (nasname, shortname, type, secret) VALUES
	('{SOURCE}', 'core', 'other', '{SECRET}'), ('{OTHER}', 'north', 'other', '{SECRET}');
INSERT INTO radgroupcheck (groupname, attribute, op, value) VALUES
	('Gold', 'Simultaneous-Use', ':=', '1'), ('off', 'Auth-Type', ':=', 'Reject'),
	('silver', 'Expiration', ':=', '31 Dec 2033');
INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES
	('Gold', 'Mikrotik-Rate-Limit', '=', '25M/50M 40M/80M 20M/40M 10/10'), ('Gold', 'Framed-Pool', '=', 'home'),
	('silver', 'Mikrotik-Rate-Limit', ':=', '10M/20M'), ('silver', 'Fall-Through', '=', 'Yes'),
	('more', 'Framed-Pool', '=', 'big'), ('more', 'Framed-IPv6-Pool', '=', 'home6');
INSERT INTO radusergroup (username, groupname, priority) VALUES
	('gold@home.example', 'Gold', 1), ('fixed@home.example', 'Gold', 1), ('own@home.example', 'Gold', 1),
	('two@home.example', 'silver', 1), ('two@home.example', 'more', 2), ('first@home.example', 'Gold', 1),
	('first@home.example', 'silver', 2), ('off@home.example', 'off', 0), ('off@home.example', 'Gold', 1),
	('over@home.example', 'Gold', 1), ('mac@home.example', 'Gold', 1), ('place@home.example', 'Gold', 1),
	('escaped@home.example', 'Gold', 1), ('late@home.example', 'Gold', 1), ('late@home.example', 'off', 2),
	('routes@home.example', 'Gold', 1), ('unsent@home.example', 'Gold', 1), ('twice@home.example', 'Gold', 1);
INSERT INTO radcheck (username, attribute, op, value) SELECT DISTINCT username, 'Cleartext-Password', ':=',
	CASE username WHEN 'escaped@home.example' THEN 'canary-pw-\\\\%{{User-Name}}' ELSE 'canary-pw-' || username END
	FROM radusergroup;
INSERT INTO radcheck (username, attribute, op, value) VALUES
	('gold@home.example', 'Expiration', ':=', '31 Dec 2031'), ('over@home.example', 'Expiration', ':=', '1 Jan 2024'),
	('twice@home.example', 'Expiration', ':=', '31 Dec 2031'), ('twice@home.example', 'Expiration', ':=', '1 Jan 2024'),
	('twice@home.example', 'Cleartext-Password', ':=', 'canary-pw-old'),
	('mac@home.example', 'Calling-Station-Id', '==', '02:00:5e:10:00:01'),
	('place@home.example', 'NAS-IP-Address', '==', '{SOURCE}');
INSERT INTO radreply (username, attribute, op, value) VALUES
	('fixed@home.example', 'Framed-IP-Address', ':=', '203.0.113.7'),
	('fixed@home.example', 'Framed-Route', '+=', '203.0.113.64/29 0.0.0.0 1'),
	('fixed@home.example', 'Framed-Route', '+=', '203.0.113.72/29 0.0.0.0 1'),
	('fixed@home.example', 'Delegated-IPv6-Prefix', '=', '2001:db8:100::/56'),
	('own@home.example', 'Mikrotik-Rate-Limit', '=', '1M/2M'),
	('unsent@home.example', 'Framed-IP-Address', '==', '203.0.113.8'),
	('routes@home.example', 'Framed-Route', ':=', '203.0.113.80/29 0.0.0.0 1'),
	('routes@home.example', 'Framed-Route', ':=', '203.0.113.88/29 0.0.0.0 1');
"""
LOGINS = "gold fixed own two first off over mac place escaped late routes unsent twice".split()
MAC, NO_MAC = "02:00:5e:10:00:01", "02:00:5e:10:00:09"
NEW = {"Class", "Acct-Interim-Interval", "Message-Authenticator"}
"""What our replies hold and old ones may lack; it says nothing about the service."""
Reply = tuple[int, Mapping[str, Any]]


@pytest.fixture
def served(isp: Isp) -> Isp:
    """An old database below our server configuration, as the walk-through begins."""
    isp.database.unlink()
    world.made(isp.database, SQL)
    assert isp.imported().code == 0
    assert isp("radius", "init").code == 0
    return isp


@pytest.fixture
def server(served: Isp) -> Iterator[Server]:
    folder = served.folder
    running = freeradius.launch_anywhere(
        lambda auth, acct: ServerSettings(
            database=str(served.database), run_dir=str(folder / "run"), auth_port=auth, acct_port=acct,
            nas_lifetime=1, reject_delay=0,
        ),
        folder / "conf",
    )  # fmt: skip
    yield running
    running.stop()


def password_of(login: str) -> str:
    return "canary-pw-\\%{User-Name}" if login.startswith("escaped") else f"canary-pw-{login}"


def asked(server: Server, login: str, *, mac: str = MAC, source: str = SOURCE, method: str = "pap") -> Reply:
    attributes = {"User-Name": login, "NAS-IP-Address": source, "Calling-Station-Id": mac, "NAS-Port-Type": "Virtual"}
    packet, _ = client.access_request(SECRET, attributes, password_of(login), method)
    answer = client.ask(packet, ("127.0.0.1", server.settings.auth_port), source, timeout=3, tries=3)
    assert answer is not None, f"no answer for {login}"
    said = {name: sorted(map(str, values)) for name, values in client.plain(answer).items() if name not in NEW}
    return answer.code, said if answer.code == 2 else {}


def everything(server: Server) -> dict[tuple[str, str, str], Reply]:
    """Each login by PAP and CHAP, from its device and another, at its NAS and another."""
    ways = [(MAC, SOURCE, "pap"), (MAC, SOURCE, "chap"), (NO_MAC, SOURCE, "pap"), (MAC, OTHER, "pap")]
    return {
        (name, way[0] + way[2], way[1]): asked(server, f"{name}@home.example", mac=way[0], source=way[1], method=way[2])
        for name in LOGINS
        for way in ways
    }


def until(check: Callable[[], bool]) -> None:
    """The server looks a NAS up again after its lifetime; ask until it has."""
    import time

    deadline = time.monotonic() + 15
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_server_answers_the_same_before_and_after(served: Isp, server: Server) -> None:
    before = everything(server)
    accepted = {name for (name, _, _), (code, _) in before.items() if code == 2}
    assert accepted == {*LOGINS} - {"off", "over"}
    assert served("adopt", "--nas").code == 0
    assert everything(server) == before
    until(lambda: _type_is_known(served, server))
    said = served("adopt", "--all", "--allow", len(LOGINS))
    assert said.code == 0, said.out
    assert served("plan").code == 0
    after = everything(server)
    assert {key: after[key] for key in after if after[key] != before[key]} == {}


def _type_is_known(served: Isp, server: Server) -> bool:
    """Whether the server has read the NAS again: a group for its platform answers a login made for the question."""
    with closing(sqlite3.connect(served.database)) as database, database:
        database.execute("DELETE FROM radgroupreply WHERE groupname LIKE 'isp:probe%'")
        database.execute("INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES"
                         " ('isp:probe@routeros', 'Filter-Id', ':=', 'probe')")  # fmt: skip
        database.execute("DELETE FROM radusergroup WHERE username = 'probe@home.example'")
        database.execute("DELETE FROM radcheck WHERE username = 'probe@home.example'")
        database.execute("INSERT INTO radusergroup (username, groupname) VALUES ('probe@home.example', 'isp:probe')")
        database.execute("INSERT INTO radcheck (username, attribute, op, value) VALUES"
                         " ('probe@home.example', 'Cleartext-Password', ':=', ?)",
                         (password_of("probe@home.example"),))  # fmt: skip
    found = [asked(server, "probe@home.example", source=source)[1] for source in (SOURCE, OTHER)]
    with closing(sqlite3.connect(served.database)) as database, database:
        database.execute("DELETE FROM radgroupreply WHERE groupname LIKE 'isp:probe%'")
        database.execute("DELETE FROM radusergroup WHERE username = 'probe@home.example'")
        database.execute("DELETE FROM radcheck WHERE username = 'probe@home.example'")
    return all(reply.get("Filter-Id") for reply in found)
