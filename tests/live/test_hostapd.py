"""A real NAS of another kind: hostapd with 802.1X accounts, takes Disconnect, and refuses every change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ispctl.lab.process import wait_for
from ispctl.radius.session import Answer, Door, LiveSession, Request
from ispctl.radius.sessions import Sessions
from ispctl.reconcile.proof import reading
from ispctl.structs import replace
from tests.live.dot1x import Dot1x
from tests.live.namespaces import ROUTER, Cable, missing
from tests.live.small_isp import LOGIN, TARIFF, SmallIsp

WHY = missing("hostapd", "wpa_supplicant", "freeradius")
pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.skipif(bool(WHY), reason=WHY or "it can run")]
SECRET = "canary-pw-router"
AUTH, ACCT, COA = 1812, 1813, 3799


class Place:
    """The ISP, its server and a switch in one namespace, and a device in another, which is online."""

    def __init__(self, folder: Path, cable: Cable) -> None:
        self.cable = cable
        self.isp = SmallIsp(folder, inside=cable.inside("router"))
        self.isp.write(address=ROUTER, coa=ROUTER, port=COA, secret=SECRET)
        self.isp.ok("apply")
        cable.own(self.isp.serve(ROUTER, AUTH, ACCT, eap=True))
        self.switch = Dot1x(cable, folder, login=LOGIN, secret=SECRET, auth=AUTH, acct=ACCT, coa=COA)
        assert wait_for(lambda: any(one.klass for one in self.isp.sessions()), 10), self.switch.log.read_text()

    @property
    def session(self) -> LiveSession:
        (one,) = self.isp.sessions()
        return reading(one, None)

    def ask(self, *requests: Request) -> list[Answer]:
        def work() -> list[Answer]:
            with Sessions() as sessions:
                return list(sessions.many(requests))

        return self.cable.within("router", work)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Cable(tmp_path) as cable:
        yield Place(tmp_path, cable)


def test_an_attribute_that_it_does_not_know_is_left_out_of_the_second_try(place: Place) -> None:
    door = Door("router-1", ROUTER, COA, SECRET, per_second=50)
    known = replace(place.session, framed_ip="203.0.113.7")
    (answer,) = place.ask(Request(known, door))
    assert (answer.kind, answer.tries, answer.named) == ("ack", 2, "alone"), answer.text


def test_a_change_that_it_refuses_ends_the_session_and_is_remembered(place: Place) -> None:
    before = place.session.session_id
    place.isp.changed(TARIFF, "down: 50M, up: 25M", "down: 40M, up: 20M")
    done = place.isp.run("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 ended (1 in place of a change)" in done.stdout
    assert wait_for(lambda: all(one.sessionid != before for one in place.isp.sessions()), 10), "its Stop arrived"
    (limit,) = place.isp.limits()
    assert (limit.nas, limit.what, limit.error_cause) == ("router-1", "attributes", 401)
    assert limit.subject == "WISPr-Bandwidth-Max-Down, WISPr-Bandwidth-Max-Up"
