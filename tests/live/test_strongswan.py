"""A real NAS that is none of ours: strongSwan authenticates by our server, accounts, and takes CoA and Disconnect.

It names no Error-Cause when it refuses, finds a session by User-Name alone, and changes Session-Timeout and no rate.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ispctl.lab.process import wait_for
from ispctl.radius.session import Answer, Attribute, Door, LiveSession
from ispctl.radius.sessions import Sessions
from ispctl.reconcile.proof import reading
from tests.live.charon import CHARON, Charon
from tests.live.namespaces import ROUTER, Cable, missing
from tests.live.small_isp import FILE, LOGIN, TARIFF, SmallIsp

WHY = missing("swanctl", CHARON, "freeradius")
pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.skipif(bool(WHY), reason=WHY or "it can run")]
SECRET = "canary-pw-router"
AUTH, ACCT, COA = 1812, 1813, 3799  # a namespace of one's own has every port free


class Place:
    """The ISP, its server and its router in one namespace, and a subscriber in another, who is online."""

    def __init__(self, folder: Path, cable: Cable) -> None:
        self.cable = cable
        self.isp = SmallIsp(folder, inside=cable.inside("router"))
        self.isp.write(address=ROUTER, coa=ROUTER, port=COA, secret=SECRET)
        self.isp.ok("apply")
        cable.own(self.isp.serve(ROUTER, AUTH, ACCT, eap=True))
        self.gateway = Charon(cable, folder, login=LOGIN, secret=SECRET, auth=AUTH, acct=ACCT, coa=COA)
        self.gateway.dial()
        assert wait_for(lambda: any(one.klass for one in self.isp.sessions()), 10), self.gateway.log.read_text()

    @property
    def session(self) -> LiveSession:
        (one,) = self.isp.sessions()
        return reading(one, None)

    def change(self, *attributes: Attribute) -> Answer:
        door = Door("router-1", ROUTER, COA, SECRET, per_second=50)

        def ask() -> Answer:
            with Sessions() as sessions:
                return sessions.change(self.session, door, attributes)

        return self.cable.within("router", ask)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Cable(tmp_path) as cable:
        yield Place(tmp_path, cable)


def test_it_is_online_with_the_address_of_git_and_accounts_with_our_class(place: Place) -> None:
    assert "203.0.113.7" in place.gateway.sessions()
    (one,) = place.isp.sessions()
    assert (one.login, one.ipv4, one.nas) == (LOGIN, "203.0.113.7", ROUTER)
    first = one.updated
    assert first
    assert wait_for(lambda: any((s.updated or first) > first for s in place.isp.sessions()), 10), "it reports"


def test_it_acknowledges_a_session_timeout_and_refuses_a_rate_without_a_reason(place: Place) -> None:
    done = place.change(("Session-Timeout", 36_000))
    assert (done.kind, done.tries) == ("ack", 1), done.text
    assert "applying 36000s lifetime to 1 IKE_SA" in place.gateway.log.read_text("utf-8")
    refused = place.change(("WISPr-Bandwidth-Max-Down", 1_000_000))
    assert (refused.kind, refused.error_cause) == ("nak", None)


def test_a_terminated_subscriber_is_really_offline(place: Place) -> None:
    place.isp.changed(FILE, "activated: 2026-01-01", "activated: 2026-01-01\n    terminated: 2026-02-01")
    assert "SESSIONS: 1 ended" in place.isp.ok("apply", "--allow-cut-off", 1)
    assert wait_for(lambda: not place.gateway.sessions().strip(), 10)
    assert wait_for(lambda: not place.isp.sessions(), 10), "its Stop arrived"
    (ended,) = place.isp.sessions(open_only=False)
    assert ended.cause


def test_what_it_refuses_for_ever_ends_the_session_in_the_end(place: Place) -> None:
    """Three times it says no and not why; then the plan says that the session ends, and it does."""
    place.isp.changed(TARIFF, "down: 50M, up: 25M", "down: 40M, up: 20M")
    for _ in range(3):
        refused = place.isp.run("apply")
        assert refused.returncode == 1
        assert "E503" in refused.stdout
    plan = place.isp.run("plan", "--format", "json")
    assert plan.returncode == 2, plan.stdout
    assert "router-1 refused this change 3 times without a reason" in " ".join(json.loads(plan.stdout)["assumes"])
    assert "1 ended (1 in place of a change)" in place.isp.ok("apply")
    assert wait_for(lambda: not place.gateway.sessions().strip(), 10)
