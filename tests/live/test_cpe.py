"""A router, its ACS, the loop and a real FreeRADIUS: who is let in with which password, from the commit to the call."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ispctl.lab.devices.cpe import Cpe, tr098, tr181
from ispctl.lab.process import wait_for
from tests.canary import PASSWORD
from tests.cli.service import Service
from tests.cpe.talk import SECRET
from tests.gates import example
from tests.live.commands import command
from tests.live.test_loop import FILE, Isp

pytestmark = pytest.mark.live
FACTORY = ("isp-factory", PASSWORD + "-factory")
SECRETS = {"ISPCTL_ACS_SECRET": SECRET, "ISPCTL_ACS_FACTORY": FACTORY[1]}


class Site(Isp):
    """The example with its lab and an ACS."""

    url = ""

    def router(self, **how: Any) -> tuple[str, Cpe]:
        """A new subscriber with a router that has called; the login."""
        login = self.subscriber("2031-12-31")
        cpe = Cpe(f"SN{self.number}", tr181(), factory=FACTORY, **how)
        file = self.folder / FILE.format(self.number)
        link = f"    cpe: [{{serial: {cpe.serial}, profile: generic}}]\n"
        file.write_text(file.read_text("utf-8") + link, "utf-8")
        example.commit(self.folder, "A router")
        self.settled()
        assert cpe.call(self.url) == 204
        assert cpe.login() == (login, f"canary-pw-{self.number}")
        return login, cpe

    def settled(self) -> None:
        assert wait_for(lambda: self.applied() == self.head, 30)

    def another(self, login: str) -> str:
        """A new password, as the helpdesk gives one."""
        done = command("ispctl", "reset-password", login, "--direct", "--show", folder=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        (clear,) = re.findall(r"Password: (\S+)", done.stdout)
        self.settled()
        return str(clear)

    def lets_in(self, login: str, password: str) -> bool:
        said = self.lab.ask("authenticate", nas="lalitpur-1", login=login, password=password, method="chap")
        return bool(said["outcome"] == "accepted")

    def seen(self, cpe: Cpe) -> dict[str, Any]:
        said = command("ispstat", "cpe", cpe.serial, "--format", "json", folder=self.folder)
        (item,) = json.loads(said.stdout)["items"]
        return dict(item)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("cpe")
    folder = example.copy(place / "isp")
    (folder / ".gitignore").write_text("var/\n", "utf-8")
    for name, text in (
        ("targets.yaml", "cpe: {inform: 1h, factory: isp-factory}\n"),
        ("policy.yaml", "cpe: {keep_password: 40s}\n"),
    ):
        file = folder / "inventory" / name
        file.write_text(file.read_text("utf-8") + text, "utf-8")
    example.commit(folder, "Manage routers")
    for name, value in (("user.name", "Asha Gurung"), ("user.email", "asha@example.net")):
        example.git(folder, "config", name, value)
    done = command("ispctl", "lab", "up", folder=folder)
    assert done.returncode == 0, done.stderr
    found = Site(folder)
    try:
        with (
            Service(folder, place / "run.log", "--every", "3s") as loop,
            Service(folder, place / "acs.log", "--listen", "127.0.0.1:0", verb=("cpe", "serve"), **SECRETS) as acs,
        ):
            loop.wait("started")
            found.url = f"http://127.0.0.1:{acs.wait('acs')['port']}/"
            found.loop, found.acs = loop, acs  # type: ignore[attr-defined]
            yield found
    finally:
        command("ispctl", "lab", "down", folder=folder)


@pytest.mark.shows("password")
def test_the_old_password_is_let_in_until_the_router_has_the_new_one(site: Site, record_property: Any) -> None:
    login, cpe = site.router()
    old = cpe.login()[1]
    assert site.lets_in(login, old)
    new = site.another(login)
    assert (site.lets_in(login, old), site.lets_in(login, new)) == (True, False)
    assert site.seen(cpe)["password"] == "old"
    began = time.monotonic()
    assert cpe.call(site.url) == 204
    assert cpe.login() == (login, new)
    assert wait_for(lambda: site.lets_in(login, new), 10)
    took = time.monotonic() - began
    record_property("answer_to_rows_seconds", round(took, 2))
    assert not site.lets_in(login, old)
    assert site.seen(cpe)["password"] == "accepted"
    assert "the device has taken it" in command("ispstat", "show", login, folder=site.folder).stdout
    print(f"from the router's call to RADIUS: {took:.2f} s")


@pytest.mark.shows("password")
def test_a_router_that_is_away_is_left_behind_when_its_time_is_over(site: Site) -> None:
    login, cpe = site.router()
    old = cpe.login()[1]
    new = site.another(login)
    assert (site.lets_in(login, old), site.lets_in(login, new)) == (True, False)
    assert wait_for(lambda: site.lets_in(login, new), 70)
    assert not site.lets_in(login, old)
    assert site.loop.wait("password-not-taken")["services"] >= 1  # type: ignore[attr-defined]
    assert "NOT TAKEN" in command("ispstat", "cpe", login, folder=site.folder).stdout
    assert cpe.login() == (login, old)
    assert cpe.call(site.url) == 204  # by a line that does not need RADIUS
    assert cpe.login() == (login, new)
    assert wait_for(lambda: site.seen(cpe)["password"] == "accepted", 10)


@pytest.mark.shows("password")
def test_one_model_that_refuses_stops_nobody_else_and_a_reset_needs_no_person(site: Site) -> None:
    bad_login, bad = site.router()
    bad.refuses = {name: 9005 for name in bad.leaves if name.endswith("Interface.5.Password")}
    old = bad.login()[1]
    login, cpe = site.router()
    site.another(bad_login)
    assert (bad.call(site.url), bad.login()) == (204, (bad_login, old))
    cpe.reset()
    assert cpe.login() == ("", "")
    assert cpe.call(site.url) == 204
    assert site.lets_in(*cpe.login())
    assert cpe.login()[0] == login
    assert (site.seen(bad)["state"], site.seen(cpe)["state"]) == ("refused", "well")
    stranger = Cpe("SN-UNKNOWN", tr098(), factory=FACTORY)
    assert (stranger.call(site.url), stranger.asked) == (204, [])
    assert site.seen(stranger)["state"] == "quarantined"
    words = site.acs.log.read_text("utf-8") + site.loop.log.read_text("utf-8")  # type: ignore[attr-defined]
    assert old not in words
    assert login not in words
