"""A database that is no lab: each NAS is asked at its own address, port and secret, by the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ispctl.lab.freeradius import free_ports
from ispctl.lab.nas import Nas
from ispctl.lab.process import wait_for
from ispctl.lab.relay import Fleet
from tests.canary import PASSWORD
from tests.live.namespaces import end
from tests.live.rig import online
from tests.live.small_isp import FILE, LOGIN, TARIFF, SmallIsp

pytestmark = pytest.mark.live
SECRET = "canary-pw-router"
ADDRESS = "127.0.2.77"


class Place:
    """One router that keeps sessions, its ISP, and the server between them."""

    def __init__(self, folder: Path) -> None:
        auth, acct, coa = free_ports(3)
        self.isp = SmallIsp(folder)
        self.isp.write(address=ADDRESS, coa="127.0.0.1", port=coa, secret=SECRET, platform="routeros")
        self.server = self.isp.serve("127.0.0.1", auth, acct)
        self.nas = Nas(
            "router-1", address=ADDRESS, secret=SECRET, auth=("127.0.0.1", auth), acct=("127.0.0.1", acct),
            source=ADDRESS,
        )  # fmt: skip
        self.fleet = Fleet([self.nas], SECRET, ("127.0.0.1", coa))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    with place.fleet:
        try:
            yield place
        finally:
            end(place.server)


def test_a_live_session_is_changed_and_ended_through_the_door_of_its_nas(place: Place) -> None:
    isp = place.isp
    assert "applied" in isp.ok("apply")
    session = online(place.nas.dial(LOGIN, PASSWORD))
    assert (session.rate_text, session.address) == ("25M/50M", "203.0.113.7")
    isp.changed(TARIFF, "down: 50M, up: 25M", "down: 40M, up: 20M")
    done = isp.run("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SESSIONS: 1 told (1 waiting for proof)" in done.stdout
    assert session.rate_text == "20M/40M"
    assert isp.ok("plan").startswith("Live plan")
    isp.changed(FILE, "activated: 2026-01-01", "activated: 2026-01-01\n    terminated: 2026-02-01")
    assert "SESSIONS: 1 ended" in isp.ok("apply", "--allow-cut-off", 1)
    assert wait_for(lambda: not place.nas.sessions, 5)
    assert wait_for(lambda: not isp.sessions(), 5)
    assert SECRET not in done.stdout + done.stderr


def test_a_wrong_secret_in_git_is_silence_and_the_advice_names_it(place: Place) -> None:
    isp = place.isp
    isp.ok("apply")
    session = online(place.nas.dial(LOGIN, PASSWORD))
    sealed = isp.seal("nas/router-1/radius.secret", "canary-pw-other")
    hosts = (isp.folder / "inventory/hosts.yaml").read_text("utf-8")
    old = hosts.partition('secret: "')[2].partition('"')[0]
    isp.edit("inventory/hosts.yaml", old, sealed)
    isp.changed(TARIFF, "down: 50M, up: 25M", "down: 40M, up: 20M")
    done = isp.run("apply")
    assert done.returncode == 1
    assert "E502" in done.stdout
    assert "check the secret" in " ".join(done.stdout.split())
    assert session.rate_text == "25M/50M"
    assert "canary-pw" not in done.stdout + done.stderr
