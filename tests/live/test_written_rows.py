"""What `rows` writes is what a real FreeRADIUS reads: hostile values reach the NAS byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pyrad.client import Client
from pyrad.packet import AccessAccept, Packet

from ispctl.plan import Fields, Key, Resources, diff
from ispctl.radius import dictionary
from ispctl.radius.rows import RadiusRows, order
from tests import canary
from tests.live.rig import Rig
from tests.radius import world

pytestmark = pytest.mark.live
NASTY = (
    "%{User-Name}",
    "%{sql:SELECT 1}",
    "$ENV{HOME}",
    "${base}",
    "&User-Name",
    "%",
    "100%%",
    "a'b\"c`d",
    "'half",
    '"half',
    "`half",
    "`a`b",
    " blank ",
    "back\\slash",
    "\\\\two",
    "\\n\\101",
    "end\\",
    "0x41",
    "#no comment",
    "ünï-नेपाल",
    "{curly} [square]",
    "--; DROP TABLE nas",
    "x" * 90,
)
SHARED = "canary-pw-%{User-Name}'\"`$x#"


@pytest.fixture
def asked(rig: Rig) -> Iterator[Client]:
    """Rows for each nasty text, once as a password and once as a reply, and a client with a nasty shared secret."""
    secrets = {_digest(text): text for text in [SHARED, *map(_password, NASTY)]}
    wanted: dict[Key, Fields] = {
        ("nas", "127.0.0.1"): world.nas(host="rows-1", secret=_digest(SHARED)),
        ("group", "isp:rows@routeros"): world.group("isp:rows@routeros"),
    }
    for number, text in enumerate(NASTY):
        reply = (("Filter-Id", ":=", text), ("Framed-IP-Address", ":=", "203.0.113.7"))
        wanted["login", f"rows+{number}/a@home.example"] = world.login(
            password=_digest(_password(text)),
            owner=f"sub-{number:06}/main",
            group="isp:rows",
            expires=None,
            mac_mode="off",
            macs=(),
            pop=None,
            sessions=0,
            reply=reply,
        )
    rows = RadiusRows(rig.store)
    with made(rows, wanted, secrets):
        assert rows.read(sorted(wanted)) == wanted
        client = Client("127.0.0.1", rig.auth[1], secret=SHARED.encode(), dict=dictionary.load(), timeout=2, retries=3)
        yield client
        if client._socket is not None:
            client._socket.close()


@contextmanager
def made(rows: RadiusRows, wanted: Resources, secrets: dict[str, str]) -> Iterator[None]:
    for want, have in ((wanted, {}), ({}, wanted)):
        outcomes = rows.apply(order(diff("radius", want, have)), secrets.__getitem__)
        assert [outcome.error for outcome in outcomes if outcome.error] == []
        if want:
            yield


def _password(text: str) -> str:
    return canary.PASSWORD_MARK + text


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _ask(client: Client, login: str, password: str) -> Packet:
    request = client.CreateAuthPacket(User_Name=login, message_authenticator=True)
    request["User-Password"] = request.PwCrypt(password)
    return client.SendPacket(request)


def test_nasty_passwords_secrets_and_replies_arrive_as_they_were_meant(asked: Client) -> None:
    for number, text in enumerate(NASTY):
        answer = _ask(asked, f"rows+{number}/a@home.example", _password(text))
        assert answer.code == AccessAccept, text
        assert answer["Filter-Id"] == [text], text
        assert answer["Framed-IP-Address"] == ["203.0.113.7"]
        assert answer["Mikrotik-Rate-Limit"] == ["25M/50M"]
        assert answer["Class"] == [b"0123456789abcdef-0123456789abcdef"]


def test_one_nasty_password_opens_no_other_login(asked: Client) -> None:
    assert _ask(asked, "rows+0/a@home.example", _password(NASTY[1])).code != AccessAccept
    assert _ask(asked, "rows+0/a@home.example", _password("rows+0/a@home.example")).code != AccessAccept
