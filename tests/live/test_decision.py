"""What is decided in Python is what FreeRADIUS does with the same rows: word for word, attribute for attribute."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from ispctl.lab.nas import Rejected
from ispctl.lab.session import Session
from ispctl.radius.decision import Asking, Known, Verdict, decide
from ispctl.radius.rows import RadiusRows
from ispctl.store import facts
from ispctl.structs import replace
from tests.canary import PASSWORD
from tests.live.rig import MAC, OTHER_MAC, THIRD_MAC, Rig

pytestmark = pytest.mark.live


def _decided(rig: Rig, login: str, nas: str, platform: str, mac: str) -> Verdict:
    bound = frozenset(one.mac for one in facts.bound(rig.store, [login]))
    sessions = tuple(rig.store.sessions(logins=[login]))
    rows = RadiusRows(rig.store).read(None)
    rows = {**rows, ("pop", "pop-lalitpur"): {"nas": ("lalitpur-1",)}}
    asking = Asking(login, nas, platform, mac, datetime.now(UTC))
    return decide(rows, asking, Known(bound, sessions, stale_after=750))


CASES = [
    {"mac_mode": mode, "on_mismatch": mismatch, "on_roam": roam, "sessions": sessions}
    for mode, mismatch, roam, sessions in product(
        ["off", "fixed", "learn"], ["reject", "wall", "alert"], ["reject", "alert"], [0, 1]
    )
]


@pytest.mark.parametrize("fields", CASES, ids=lambda fields: " ".join(map(str, fields.values())))
def test_every_mode_is_decided_as_the_server_does(rig: Rig, fields: dict[str, Any]) -> None:
    if not rig.rows("SELECT 1 FROM ispctl_pop"):
        rig.insert("ispctl_pop", pop="pop-lalitpur", nas="lalitpur-1")
    macs = () if fields["mac_mode"] == "off" else (MAC,)
    login = rig.login(macs=macs, mac_max=2, pop="pop-lalitpur", **fields)
    for nas, mac in product((rig.routeros, rig.wispr), (MAC, "", OTHER_MAC, THIRD_MAC)):
        expected = _decided(rig, login, nas.name, nas.platform, mac)
        answer = nas.dial(login, PASSWORD, mac=mac)
        said = "Access-Accept" if expected.accepted else "Access-Reject"
        assert rig.log(login) == (said, expected.word), (nas, mac)
        assert isinstance(answer, Session if expected.accepted else Rejected)
        if isinstance(answer, Session):
            classes = tuple(value.encode() for name, value in expected.reply if name == "Class")
            assert answer.granted.classes == classes
            limit = next((value for name, value in expected.reply if name == "Mikrotik-Rate-Limit"), None)
            assert nas.platform != "routeros" or answer.rate_text == (limit or "")
            if mac == MAC:
                nas.hangup(answer)


@pytest.mark.parametrize("left", [-5, 3600])
@pytest.mark.parametrize("on_expiry", ["wall", "reject"])
def test_an_end_is_decided_as_the_server_does(rig: Rig, on_expiry: str, left: int) -> None:
    login = rig.login(expires=int(datetime.now(UTC).timestamp()) + left, on_expiry=on_expiry)
    expected = _decided(rig, login, "lalitpur-1", "routeros", MAC)
    rig.routeros.dial(login, PASSWORD, mac=MAC)
    assert rig.log(login)[1] == expected.word


def test_unknown_refused_and_without_rows_are_decided_as_the_server_does(rig: Rig) -> None:
    junos = rig.nas("core-9", "192.0.2.9", "junos")
    for login, nas in (
        (rig.login(refuse="suspended"), rig.routeros),
        (rig.login(), junos),
        ("nobody.at.all@home.example", rig.routeros),
    ):
        expected = _decided(rig, login, nas.name, nas.platform, MAC)
        nas.dial(login, PASSWORD, mac=MAC)
        assert rig.log(login) == ("Access-Reject", expected.word)
        assert not replace(expected, word="").reply
