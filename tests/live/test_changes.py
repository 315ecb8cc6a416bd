"""Changes to live sessions: the stand-in against FreeRADIUS's own client, and against the code that asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ispctl.lab.nas import Nas
from ispctl.lab.process import wait_for
from ispctl.lab.relay import Fleet
from ispctl.lab.session import Session
from tests.canary import PASSWORD
from tests.live.rig import MAC, Rig, online, radclient

pytestmark = pytest.mark.live
COA_SECRET = "coa-secret"


@pytest.fixture
def fleet(rig: Rig) -> Iterator[Fleet]:
    members = [rig.routeros, rig.wispr]
    with Fleet(members, COA_SECRET) as fleet:
        yield fleet
    for nas in members:
        for session in nas.sessions:
            nas.hangup(session)
        nas.faults.ignore_coa = nas.faults.ack_without_doing = False


@pytest.fixture
def session(rig: Rig, fleet: Fleet) -> Session:
    return online(rig.routeros.dial(rig.login(), PASSWORD, mac=MAC))


def named(session: Session, nas: Nas) -> list[str]:
    return [
        f'Acct-Session-Id = "{session.id}"',
        f'User-Name = "{session.login}"',
        f"Framed-IP-Address = {session.address}",
        f"NAS-IP-Address = {nas.address}",
        f'NAS-Identifier = "{nas.name}"',
    ]


def coa(fleet: Fleet, *attributes: str, kind: str = "coa", secret: str = COA_SECRET, tries: int = 1) -> str:
    return radclient(fleet.coa, kind, secret, *attributes, "Message-Authenticator = 0x00", tries=tries)


def test_a_changed_rate_shows_in_the_next_counters_and_nothing_drops(rig: Rig, fleet: Fleet, session: Session) -> None:
    rig.clock.advance(100)
    rig.routeros.update(session)
    before = rig.account(session)
    answer = coa(fleet, *named(session, rig.routeros), 'Mikrotik-Rate-Limit = "5M/10M"')
    assert "CoA-ACK" in answer
    rig.clock.advance(100)
    rig.routeros.update(session)
    after = rig.account(session)
    assert after["acctoutputoctets"] - before["acctoutputoctets"] == pytest.approx(10_000_000 / 8 * 100, rel=0.05)
    assert after["acctinputoctets"] - before["acctinputoctets"] == pytest.approx(5_000_000 / 8 * 100, rel=0.05)
    assert after["acctstoptime"] is None
    assert rig.routeros.sessions == [session]


def test_a_disconnect_ends_the_session_and_says_why(rig: Rig, fleet: Fleet, session: Session) -> None:
    answer = coa(fleet, *named(session, rig.routeros), kind="disconnect")
    assert "Disconnect-ACK" in answer
    assert wait_for(lambda: rig.account(session)["acctterminatecause"] == "Admin-Reset", 5)
    assert rig.routeros.sessions == []


@pytest.mark.parametrize(
    "stale", ['Acct-Session-Id = "00000bad"', 'User-Name = "other@home.example"', "Framed-IP-Address = 192.0.2.250"]
)
def test_one_stale_value_means_no_such_session(rig: Rig, fleet: Fleet, session: Session, stale: str) -> None:
    name = stale.split(maxsplit=1)[0]
    attributes = [stale if line.startswith(name) else line for line in named(session, rig.routeros)]
    answer = coa(fleet, *attributes, 'Mikrotik-Rate-Limit = "1M/1M"')
    assert "CoA-NAK" in answer
    assert "Session-Context-Not-Found" in answer
    assert session.rate_text == "25M/50M"


@pytest.mark.parametrize(
    "attribute",
    [
        'Framed-Pool = "other"',
        'Mikrotik-Address-List = "walled"',
        'Framed-Route = "203.0.113.64/29"',
        "Framed-IP-Address = 203.0.113.99",
        "Delegated-IPv6-Prefix = 2001:db8:200::/56",
        "WISPr-Bandwidth-Max-Up = 1000",
    ],
)
def test_what_needs_a_new_session_is_an_unsupported_attribute(
    rig: Rig, fleet: Fleet, session: Session, attribute: str
) -> None:
    answer = coa(fleet, *named(session, rig.routeros), attribute)
    assert "CoA-NAK" in answer
    assert "Unsupported-Attribute" in answer


def test_a_release_that_changes_address_lists_does_so(rig: Rig, fleet: Fleet, session: Session) -> None:
    rig.routeros.address_list_by_coa = True
    try:
        assert "CoA-ACK" in coa(fleet, *named(session, rig.routeros), 'Mikrotik-Address-List = "walled"')
    finally:
        rig.routeros.address_list_by_coa = False
    assert session.address_list == "walled"


def test_a_rate_that_cannot_be_read_is_an_invalid_value_and_changes_nothing(
    rig: Rig, fleet: Fleet, session: Session
) -> None:
    answer = coa(fleet, *named(session, rig.routeros), 'Mikrotik-Rate-Limit = "fast"', "Session-Timeout = 60")
    assert "Invalid-Attribute-Value" in answer
    assert (session.rate_text, session.timeout) == ("25M/50M", None)


def test_a_change_without_anything_to_change_is_an_invalid_request(rig: Rig, fleet: Fleet, session: Session) -> None:
    assert "Invalid-Request" in coa(fleet, *named(session, rig.routeros))


def test_a_request_for_another_nas_is_a_mismatch(rig: Rig, fleet: Fleet, session: Session) -> None:
    attributes = [line for line in named(session, rig.routeros) if not line.startswith("NAS-Id")]
    answer = coa(fleet, *attributes, 'NAS-Identifier = "kathmandu-1"', 'Mikrotik-Rate-Limit = "1M/1M"')
    assert "NAS-Identification-Mismatch" in answer


def test_a_request_that_names_no_session_lacks_an_attribute(rig: Rig, fleet: Fleet, session: Session) -> None:
    answer = coa(fleet, "NAS-IP-Address = 192.0.2.1", 'Mikrotik-Rate-Limit = "1M/1M"')
    assert "Missing-Attribute" in answer


def test_the_wrong_secret_meets_silence(rig: Rig, fleet: Fleet, session: Session) -> None:
    answer = coa(fleet, *named(session, rig.routeros), 'Mikrotik-Rate-Limit = "1M/1M"', secret="wrong")
    assert "No reply" in answer
    assert session.rate_text == "25M/50M"


def test_a_wispr_nas_changes_its_own_attributes_and_no_others(rig: Rig, fleet: Fleet) -> None:
    session = online(rig.wispr.dial(rig.login(), PASSWORD))
    assert "Unsupported-Attribute" in coa(fleet, *named(session, rig.wispr), 'Mikrotik-Rate-Limit = "1M/1M"')
    answer = coa(
        fleet, *named(session, rig.wispr), "WISPr-Bandwidth-Max-Up = 1000000", "WISPr-Bandwidth-Max-Down = 2000000"
    )
    assert "CoA-ACK" in answer
    assert (session.up.way.rate, session.down.way.rate) == (1_000_000, 2_000_000)


def test_a_nas_can_be_made_deaf_or_a_liar(rig: Rig, fleet: Fleet, session: Session) -> None:
    rig.routeros.faults.ignore_coa = True
    assert "No reply" in coa(fleet, *named(session, rig.routeros), 'Mikrotik-Rate-Limit = "1M/1M"')
    rig.routeros.faults.ignore_coa = False
    rig.routeros.faults.ack_without_doing = True
    assert "CoA-ACK" in coa(fleet, *named(session, rig.routeros), 'Mikrotik-Rate-Limit = "1M/1M"')
    assert "Disconnect-ACK" in coa(fleet, *named(session, rig.routeros), kind="disconnect")
    assert (session.rate_text, session.open) == ("25M/50M", True)
