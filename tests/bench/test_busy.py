"""What the load sends is RADIUS, and what it takes for a wrong answer."""

from __future__ import annotations

import struct

import pytest
from pyrad.packet import AcctPacket, AuthPacket

from ispctl.radius.dictionary import load
from tests.bench import busy, isp
from tests.bench.busy import ACCEPT, REJECT, Answer, Load, access, accounting, once_let_in_always_let_in
from tests.live.rig import SECRET

LET_IN = Answer(1, ACCEPT, 0.1, b"own-new", b"60M/60M")


def test_an_access_request_is_signed_and_holds_the_password() -> None:
    raw = access(7, 9)
    packet = AuthPacket(packet=raw, secret=SECRET.encode(), dict=load())
    assert packet.verify_message_authenticator()
    assert (packet.id, packet["User-Name"]) == (9, [isp.login_of(7)])
    assert packet.PwDecrypt(packet["User-Password"][0]) == isp.password(7)
    assert packet["Calling-Station-Id"] == [isp.mac_of(7)]


@pytest.mark.parametrize(("status", "name"), [(1, "Start"), (3, "Interim-Update")])
def test_a_report_carries_the_right_authenticator(status: int, name: str) -> None:
    packet = AcctPacket(packet=accounting(status)(7, 9), secret=SECRET.encode(), dict=load())
    assert packet.VerifyAcctRequest()
    assert (packet["Acct-Status-Type"], packet["Acct-Session-Id"]) == ([name], ["s0000007"])


def test_class_and_rate_are_read_from_a_reply() -> None:
    vendor = struct.pack(">I", 14988) + bytes([8, 9]) + b"60M/60M"
    attributes = bytes([25, 9]) + b"own-new" + bytes([26, len(vendor) + 2]) + vendor
    assert busy._granted(bytes(20) + attributes) == (b"own-new", b"60M/60M")
    assert busy._granted(bytes(20)) == (b"", b"")


def test_who_is_refused_before_the_rows_come_is_no_wrong_answer_and_after_it_is() -> None:
    refused = Answer(1, REJECT, 0.1)
    once_let_in_always_let_in([refused, LET_IN, LET_IN])
    with pytest.raises(SystemExit, match="had been let in"):
        once_let_in_always_let_in([LET_IN, refused])


@pytest.mark.parametrize(
    "answers",
    [
        [LET_IN, LET_IN._replace(rate=b"50M/50M")],
        [LET_IN._replace(rate=b"")],
    ],
)
def test_a_reply_that_is_half_old_is_a_wrong_answer(answers: list[Answer]) -> None:
    with pytest.raises(SystemExit, match="half old and half new"):
        once_let_in_always_let_in(answers)
    once_let_in_always_let_in([LET_IN, LET_IN._replace(klass=b"own-old", rate=b"50M/50M")])


def test_a_refusal_of_the_right_password_is_a_wrong_answer() -> None:
    load = Load(("127.0.0.1", 1), access, 1)
    load.answers = [LET_IN]
    busy.everybody_is_let_in(load)
    load.answers.append(Answer(2, REJECT, 0.1))
    with pytest.raises(SystemExit, match="right password"):
        busy.everybody_is_let_in(load)
