"""Commits that reach a server while it runs: a pool that grows, a router that changes, a line whose session is told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ispctl.lab import coa
from ispctl.lab.nas import Nas, Rejected, Silent
from ispctl.lab.process import wait_for
from ispctl.lab.relay import Fleet
from ispctl.lab.session import Session
from ispctl.radius import client
from ispctl.reconcile import Result
from ispctl.store import LAB_DOOR
from tests.cli.conftest import Cli
from tests.databases import KINDS
from tests.live.rig import MAC, online, refused, serve, stop
from tests.postgres import new_database
from tests.reconcile.test_sessions import told
from tests.reconcile.world import DSN, World, built

pytestmark = pytest.mark.live
SECRET, FRESH, COA_SECRET = "canary-pw-router", "canary-pw-fresh", "coa-secret"
HOSTS, POOLS, HOME_50 = "inventory/hosts.yaml", "inventory/pools.yaml", "tariffs/home-50.yaml"
LALITPUR, POKHARA, KATHMANDU = "lalitpur-1", "pokhara-1", "kathmandu-1"
RATE = "{down: 50M, up: 25M}"
FLATS = """
flats: {family: 4, served_by: radius, ranges: [100.70.0.0/30]}
flats-pd: {family: 6, served_by: radius, length: 56, ranges: ["2001:db8:7000::/55"]}
"""


class Town:
    """The example in git, applied, and a server on its database. Each test has subscribers and tariffs of its own."""

    def __init__(self, folder: Path, dsn: str, rest: ExitStack) -> None:
        self.world = rest.enter_context(World(built(folder / "isp", dsn), dsn=dsn))
        with self.world.store() as store:
            self.server = serve(store.database.address, folder / "conf", nas_lifetime=1, reject_delay=0)
        rest.callback(stop, self.server)
        self.numbers = count(910001)
        self.nas = {
            name: self.at(name, f"192.0.2.{n}", f"127.0.2.9{n}")
            for n, name in enumerate((LALITPUR, KATHMANDU, POKHARA), 1)
        }
        for name, nas in self.nas.items():
            self.says(name, "sources", f"[{nas.address}, {nas._source}]")
            self.seal(name, SECRET)
        self.apply()
        fleet = rest.enter_context(Fleet(list(self.nas.values()), COA_SECRET))
        door = {"coa": {"host": fleet.coa[0], "port": fleet.coa[1]}, "secret": COA_SECRET}
        with self.world.store() as store:
            store.meta.set(LAB_DOOR, json.dumps(door))

    def at(self, name: str, address: str, source: str, secret: str = SECRET) -> Nas:
        """A router that asks from an address, under a secret."""
        ports = self.server.settings
        auth, acct = ("127.0.0.1", ports.auth_port), ("127.0.0.1", ports.acct_port)
        platform = "wispr" if name == POKHARA else "routeros"
        return Nas(name, address=address, secret=secret, auth=auth, acct=acct, source=source, platform=platform)

    # what people write

    def says(self, host: str, key: str, value: str) -> None:
        """A list or a quoted text in the entry of a host."""
        entry = rf'(?ms)^({host}:.*?\b{key}: )(\[[^]]*\]|"[^"]*")'
        text, found = re.subn(entry, lambda match: match[1] + value, self.world.read(HOSTS), count=1)
        assert found
        self.world.write(HOSTS, text)

    def seal(self, host: str, secret: str) -> None:
        self.says(host, "secret", f'"{self.world.sealed(f"nas/{host}/radius.secret", secret)}"')

    def tariff(self, **other: str) -> str:
        """A tariff like home-50, but for these lines."""
        name = f"tariff-{next(self.numbers)}"
        text = self.world.read(HOME_50).replace("home-50", name)
        for key, value in other.items():
            text = re.sub(rf"(?m)^{key}: .*$", f"{key}: {value}", text)
        self.world.write(f"tariffs/{name}.yaml", text)
        return name

    def subscriber(self, **service: Any) -> tuple[str, str, str]:
        """Login, password and file of a new one."""
        number = next(self.numbers)
        file = self.world.subscriber(number, **service)
        return f"l{number}@home.example", f"canary-pw-{number}", file

    def apply(self) -> Result:
        """Commit what was written, and apply it."""
        self.world.now = datetime.now(UTC)
        self.world.commit()
        result = self.world.apply()
        assert [outcome.error for outcome in result.outcomes if outcome.error] == []
        return result


@pytest.fixture(scope="module", params=KINDS)
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    dsn = DSN if request.param == "sqlite" else new_database(request.getfixturevalue("cluster"))
    with ExitStack() as rest:
        yield Town(tmp_path_factory.mktemp("town"), dsn, rest)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Sequence[Any]]]:
    """What the routers were asked, request by request."""
    requests: list[Mapping[str, Sequence[Any]]] = []
    answer = coa.answer

    def hear(nas: Nas, packet: Any) -> Any:
        requests.append(client.plain(packet))
        return answer(nas, packet)

    monkeypatch.setattr(coa, "answer", hear)
    return requests


# Pools that the server serves


def test_a_pool_is_there_with_its_commit_and_grows_with_the_next(town: Town) -> None:
    pools = town.world.read(POOLS)
    town.world.write(POOLS, pools + FLATS)
    tariff = town.tariff(ipv4="{pool: flats}", ipv6="{delegated: {pool: flats-pd, length: 56}}")
    people = [town.subscriber(tariff=tariff) for _ in range(3)]
    town.apply()
    nas = town.nas[LALITPUR]
    first, second = (online(nas.dial(login, password, mac=MAC)) for login, password, _ in people[:2])
    assert {first.address, second.address} == {"100.70.0.1", "100.70.0.2"}
    assert {first.delegated, second.delegated} == {"2001:db8:7000::/56", "2001:db8:7000:100::/56"}
    login, password, _ = people[2]
    refused(nas.dial(login, password, mac=MAC))
    town.world.edit(POOLS, "100.70.0.0/30", "100.70.0.0/29")
    town.world.edit(POOLS, "2001:db8:7000::/55", "2001:db8:7000::/54")
    assert told(town.apply()) == [], "whoever has an address keeps it"
    third = online(nas.dial(login, password, mac=MAC))
    assert third.address in {f"100.70.0.{n}" for n in range(3, 7)}
    assert third.delegated in {"2001:db8:7000:200::/56", "2001:db8:7000:300::/56"}


# Routers


def dials(nas: Nas, login: str, password: str) -> Session | Rejected | Silent:
    """What comes of a dial that does not wait long for an answer."""
    usual, nas._timeout = nas._timeout, 0.3
    try:
        return nas.dial(login, password, mac=MAC)
    finally:
        nas._timeout = usual


def test_a_secret_that_changes_in_git_is_the_routers_and_the_old_one_meets_silence(town: Town) -> None:
    login, password, _ = town.subscriber()
    town.apply()
    old = town.nas[KATHMANDU]
    online(old.dial(login, password, mac=MAC))
    town.seal(KATHMANDU, FRESH)
    town.apply()
    fresh = town.at(KATHMANDU, old.address, old._source, FRESH)
    assert wait_for(lambda: isinstance(dials(fresh, login, password), Session), 10)
    assert isinstance(dials(old, login, password), Silent)


def test_a_router_that_moves_in_git_is_heard_at_once_and_its_old_address_meets_silence(town: Town) -> None:
    login, password, _ = town.subscriber()
    town.apply()
    old = town.nas[POKHARA]
    moved = town.at(POKHARA, old.address, "127.0.2.94")
    online(old.dial(login, password, mac=MAC))
    assert isinstance(dials(moved, login, password), Silent)
    town.says(POKHARA, "sources", f"[{old.address}, {moved._source}]")
    town.apply()
    online(moved.dial(login, password, mac=MAC))
    assert wait_for(lambda: isinstance(dials(old, login, password), Silent), 10)


# Lines


@pytest.mark.parametrize(
    ("known", "user", "port"),
    [
        ("identify: mac", "02-00-5E-10-00-01", {}),
        ('identify: circuit, circuit_id: "hemja-2 eth 0/9:1"', MAC, {"ADSL-Agent-Circuit-Id": b"hemja-2 eth 0/9:1"}),
        ('identify: circuit, circuit_id: "Gi0/1 a=b"', "Gi0/1 a=b", {}),
    ],
    ids=["by MAC", "by option 82", "by a line as User-Name"],
)
def test_the_session_of_a_line_is_told_and_ended_by_what_its_router_calls_it(
    town: Town, heard: list[Mapping[str, Sequence[Any]]], known: str, user: str, port: dict[str, Any]
) -> None:
    tariff = town.tariff()
    mac = f'{{mode: fixed, addresses: [{{mac: "{MAC}"}}]}}' if "mac" in known else None
    _, _, file = town.subscriber(password=None, access=f"{{type: ipoe, {known}}}", mac=mac, tariff=tariff)
    town.apply()
    nas = town.nas[LALITPUR]
    session = online(nas.dial(user, method="none", mac=MAC, port=port))
    names = {
        "NAS-IP-Address": [nas.address],
        "NAS-Identifier": [nas.name],
        "Acct-Session-Id": [session.id],
        "User-Name": [user],
        "Framed-IP-Address": [session.address],
    }
    town.world.edit(f"tariffs/{tariff}.yaml", RATE, "{down: 40M, up: 20M}")
    owner = f"{Path(file).stem}/main"
    assert told(town.apply()) == [(owner, "coa", "ack", "")]
    assert (session.rate_text, session.open) == ("20M/40M", True)
    assert [c for c in town.world.plan().changes if c.key[0] == "session"] == []
    town.world.edit(file, "activated: 2026-01-01", "activated: 2026-01-01\n    terminated: 2026-02-01")
    assert told(town.apply()) == [(owner, "disconnect", "ack", "")]
    assert wait_for(lambda: session.ended == "Admin-Reset", 5)
    assert [{name: asked.get(name) for name in names} for asked in heard] == [names, names], "at the first try"
    assert heard[0]["Mikrotik-Rate-Limit"] == ["20M/40M"]
    refused(nas.dial(user, method="none", mac=MAC, port=port))


# Logins


def test_a_login_that_is_renamed_is_refused_by_its_old_name_and_taken_by_its_new_one(
    town: Town, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "asha@example.net")
    login, password, file = town.subscriber()
    town.apply()
    nas, owner = town.nas[LALITPUR], Path(file).stem
    session = online(nas.dial(login, password, mac=MAC))
    said = Cli(town.world.folder, capsys, monkeypatch)("rename-login", owner, f"new.{login}", "--direct")
    assert said.code == 0, said.both
    assert told(town.apply()) == [(f"{owner}/main", "disconnect", "ack", "")]
    assert wait_for(lambda: not session.open, 5)
    refused(nas.dial(login, password, mac=MAC))
    online(nas.dial(f"new.{login}", password, mac=MAC))
