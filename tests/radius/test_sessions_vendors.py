"""Sessions of NASes that take other attributes: what names a session there, and what a change is made of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ispctl.model.problem import Refusal
from ispctl.radius.session import Attribute
from ispctl.radius.sessions import Sessions
from tests.radius.dae import Dae, live


@pytest.fixture
def nas() -> Iterator[Dae]:
    with Dae() as dae:
        dae.dial_in(live())
        yield dae


@pytest.fixture
def sessions() -> Iterator[Sessions]:
    with Sessions() as asked:
        yield asked


def test_a_session_is_named_by_what_its_platform_takes(nas: Dae, sessions: Sessions) -> None:
    door = nas.door(names=frozenset({"Acct-Session-Id", "User-Name"}))
    assert sessions.change(live(), door, [("Mikrotik-Rate-Limit", "5M/20M")]).kind == "ack"
    asked = nas.seen[-1].packet
    assert {"NAS-IP-Address", "NAS-Identifier", "Framed-IP-Address"}.isdisjoint(asked.keys())
    assert asked["User-Name"] == [live().login]


def test_tagged_and_repeated_attributes_go_into_a_change(nas: Dae, sessions: Sessions) -> None:
    said: tuple[Attribute, ...] = (
        ("ERX-Service-Deactivate", "isp-rate(50m,25m)"),
        ("ERX-Service-Activate:1", "isp-rate(40m,20m)"),
        ("Cisco-AVPair", "ip:sub-qos-policy-in=isp-up-20M"),
        ("Cisco-AVPair", "ip:sub-qos-policy-out=isp-down-40M"),
    )
    assert sessions.change(live(), nas.door(), said).kind == "ack"
    asked = nas.seen[-1]
    assert len(asked.packet["Cisco-AVPair"]) == 2
    tagged = bytes([65, 3 + 17, 1]) + b"isp-rate(40m,20m)"  # type, length, tag (RFC 2868, 3.3)
    assert tagged in asked.raw


def test_a_tag_that_there_is_not_is_refused_before_anything_is_sent(nas: Dae, sessions: Sessions) -> None:
    with pytest.raises(Refusal, match="ERX-Service-Activate:99 does not fit"):
        sessions.change(live(), nas.door(), [("ERX-Service-Activate:99", "x")])
    assert nas.seen == []
