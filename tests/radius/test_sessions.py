"""Live sessions against a NAS on a real socket: what is asked, what is believed, and what silence means."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator

import pytest
from pyrad.packet import CoAPacket

from ispctl.model.problem import Refusal
from ispctl.radius.session import Answer, Attribute, Door, Request
from ispctl.radius.sessions import Sessions, identify
from tests.radius.dae import SECRET, Dae, Seen, altered, live

RATE: tuple[Attribute, ...] = (("Mikrotik-Rate-Limit", "5M/20M"),)


@pytest.fixture
def nas() -> Iterator[Dae]:
    with Dae() as dae:
        yield dae


@pytest.fixture
def sessions() -> Iterator[Sessions]:
    with Sessions() as asked:
        yield asked


def kinds(answers: list[Answer]) -> list[str]:
    return [answer.kind for answer in answers]


# What is asked -------------------------------------------------------------------------------------------------------


def test_a_change_reaches_the_session_and_leaves_it_running(nas: Dae, sessions: Sessions) -> None:
    nas.dial_in(live())
    answer = sessions.change(live(), nas.door(), [*RATE, ("Session-Timeout", 3600), ("Class", "12345678")])
    assert (answer.kind, answer.error_cause, answer.tries, answer.code) == ("ack", None, 1, "")
    held = nas.sessions[live().session_id]
    assert held["Mikrotik-Rate-Limit"] == ["5M/20M"]
    assert held["Session-Timeout"] == [3600]
    assert held["Class"] == [b"12345678"]


def test_a_disconnect_ends_the_session_and_a_second_one_finds_it_gone(nas: Dae, sessions: Sessions) -> None:
    nas.dial_in(live())
    assert sessions.disconnect(live(), nas.door()).kind == "ack"
    assert nas.sessions == {}
    again = sessions.disconnect(live(), nas.door())
    assert (again.kind, again.error_cause, again.code) == ("gone", 503, "")


def test_a_request_names_the_nas_and_the_session_as_they_were_stored(nas: Dae, sessions: Sessions) -> None:
    nas.dial_in(live())
    sessions.change(live(), nas.door(), RATE)
    packet = nas.seen[0].packet
    assert {name: packet[name] for name in nas.names(nas.seen[0]) if name != "Message-Authenticator"} == {
        "NAS-IP-Address": ["192.0.2.1"],
        "NAS-Identifier": ["lalitpur-1"],
        "Acct-Session-Id": ["81a00001"],
        "User-Name": ["sub1@home.example"],
        "Framed-IP-Address": ["100.64.0.2"],
        "Mikrotik-Rate-Limit": ["5M/20M"],
    }


def test_what_a_nas_did_not_send_is_not_sent_back() -> None:
    bare = live(nas_identifier=None, framed_ip="", nas_address="2001:db8::1")
    assert dict(identify(bare)) == {
        "NAS-IPv6-Address": "2001:db8::1",
        "Acct-Session-Id": "81a00001",
        "User-Name": "sub1@home.example",
    }
    strange = live(nas_identifier="", framed_ip="2001:db8::7", nas_address="no address")
    assert dict(identify(strange, alone=True)) == {"Acct-Session-Id": "81a00001"}


def test_a_stale_address_is_answered_503_and_the_session_id_alone_still_finds_it(nas: Dae, sessions: Sessions) -> None:
    nas.dial_in(live(framed_ip="100.64.9.9"))
    answer = sessions.change(live(), nas.door(), RATE)
    assert (answer.kind, answer.tries) == ("ack", 2)
    assert "Framed-IP-Address" in nas.seen[0].packet
    assert "Framed-IP-Address" not in nas.seen[1].packet
    assert "User-Name" not in nas.seen[1].packet
    assert nas.seen[1].packet["Mikrotik-Rate-Limit"] == ["5M/20M"]


def test_a_nas_that_dislikes_what_names_a_session_gets_the_session_id_alone_and_is_remembered_for_it(
    sessions: Sessions,
) -> None:
    def picky(dae: Dae, seen: Seen) -> list[bytes]:
        return [dae.nak(seen, 401) if "Framed-IP-Address" in seen.packet else dae.ack(seen)]

    with Dae(script=picky) as nas:
        ended, changed = sessions.disconnect(live(), nas.door()), sessions.change(live(), nas.door(), RATE)
        assert [(one.kind, one.named, one.tries) for one in (ended, changed)] == [("ack", "alone", 2)] * 2
        (next_time,) = sessions.many([Request(live(), nas.door(), RATE, alone=True)])
        assert (next_time.kind, next_time.named, next_time.tries) == ("ack", "", 1)
        nas.seen.clear()
        list(sessions.many([Request(live(n), nas.door(), RATE) for n in range(200)]))
        assert len(nas.seen) <= 200 + 8, "the first ones taught it for the others"


def test_a_nas_that_wants_more_than_the_session_id_gets_all_of_it(sessions: Sessions) -> None:
    def by_name(dae: Dae, seen: Seen) -> list[bytes]:
        return [dae.ack(seen) if "User-Name" in seen.packet else dae.nak(seen, 402)]

    with Dae(script=by_name) as nas:
        (answer,) = sessions.many([Request(live(), nas.door(), RATE, alone=True)])
    assert (answer.kind, answer.named, answer.tries) == ("ack", "whole", 2)


@pytest.mark.parametrize("cause", [503, 508])
def test_a_stale_value_or_a_second_session_says_nothing_about_the_nas(sessions: Sessions, cause: int) -> None:
    def stale(dae: Dae, seen: Seen) -> list[bytes]:
        return [dae.nak(seen, cause) if "User-Name" in seen.packet else dae.ack(seen)]

    with Dae(script=stale) as nas:
        answer = sessions.change(live(), nas.door(), RATE)
    assert (answer.kind, answer.named, answer.tries) == ("ack", "", 2)


def test_a_change_that_a_nas_refuses_to_everybody_is_not_tried_on_all(sessions: Sessions) -> None:
    with Dae(script=lambda dae, seen: [dae.nak(seen, 405)]) as nas:
        answers = list(sessions.many(Request(live(n), nas.door(), RATE) for n in range(300)))
        assert set(kinds(answers)) == {"unsupported"}
        assert {answer.error_cause for answer in answers} == {405}
        assert len(nas.seen) == 8
    assert "refused the same change 8 times (Unsupported-Service, Error-Cause 405)" in answers[-1].text


def test_a_change_that_some_sessions_take_is_tried_on_all(sessions: Sessions) -> None:
    def moody(dae: Dae, seen: Seen) -> list[bytes]:
        return [dae.ack(seen) if len(dae.seen) % 10 == 1 else dae.nak(seen, 405)]

    with Dae(script=moody) as nas:
        answers = list(sessions.many(Request(live(n), nas.door(), RATE) for n in range(100)))
        assert len(nas.seen) == 100
    assert kinds(answers).count("ack") == 10


@pytest.mark.parametrize(
    "attribute, words",
    [
        (("No-Such-Attribute", "x"), "No-Such-Attribute is not an attribute"),
        (("Session-Timeout", "canary-pw-x"), "the value of Session-Timeout does not fit"),
        (("Session-Timeout", 1 << 32), "the value of Session-Timeout does not fit"),
        (("Framed-IP-Address", "canary-pw-x"), "the value of Framed-IP-Address does not fit"),
        (("Filter-Id", "x" * 254), "the value of Filter-Id does not fit"),
        (("Filter-Id", "\ud800"), "the value of Filter-Id does not fit"),
    ],
)
def test_a_change_that_fits_into_no_packet_is_refused_before_anything_is_sent(
    nas: Dae, sessions: Sessions, attribute: Attribute, words: str
) -> None:
    nas.dial_in(live())
    with pytest.raises(Refusal, match=words) as refused:
        sessions.many([Request(live(), nas.door(), RATE), Request(live(), nas.door(), (attribute,))])
    assert [problem.code for problem in refused.value.problems] == ["E501"]
    assert "canary" not in str(refused.value)
    assert nas.seen == []


def test_one_damaged_row_of_accounting_does_not_hold_up_the_others(nas: Dae, sessions: Sessions) -> None:
    nas.dial_in(live(1), live(3))
    rows = [live(1), live(2, session_id="x" * 300), live(3)]
    answers = list(sessions.many(Request(row, nas.door(), RATE) for row in rows))
    assert sorted((a.session.unique[-1], a.kind) for a in answers) == [("1", "ack"), ("2", "nak"), ("3", "ack")]


# What a refusal means ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cause, kind, code, words",
    [
        (401, "unsupported", "E504", "Unsupported-Attribute, Error-Cause 401"),
        (402, "unsupported", "E504", "Missing-Attribute, Error-Cause 402"),
        (404, "unsupported", "E504", "Invalid-Request, Error-Cause 404"),
        (405, "unsupported", "E504", "Unsupported-Service, Error-Cause 405"),
        (406, "unsupported", "E504", "Unsupported-Extension, Error-Cause 406"),
        (407, "unsupported", "E504", "Invalid-Attribute-Value, Error-Cause 407"),
        (403, "nak", "E503", "takes itself for another NAS"),
        (501, "nak", "E503", "is set to allow no such request (Administratively-Prohibited, Error-Cause 501)"),
        (502, "nak", "E503", "a proxy lies between"),
        (504, "nak", "E503", "knows the session and cannot end it"),
        (505, "nak", "E503", "a proxy lies between"),
        (506, "nak", "E503", "is too busy (Resources-Unavailable, Error-Cause 506)"),
        (507, "nak", "E503", "asks its RADIUS server instead"),
        (508, "nak", "E503", "has more than one such session"),
        (999, "nak", "E503", "refused (Error-Cause 999)"),
        (None, "nak", "E503", "refused (it gave no reason)"),
        (503, "gone", "", "has no such session any more"),
    ],
)
def test_each_error_cause_has_its_meaning(
    sessions: Sessions, cause: int | None, kind: str, code: str, words: str
) -> None:
    with Dae(script=lambda dae, seen: [dae.nak(seen, cause)]) as nas:
        answer = sessions.change(live(), nas.door(), RATE)
    assert (answer.kind, answer.error_cause, answer.code) == (kind, cause, code)
    assert words in answer.text
    assert answer.text.startswith("lalitpur-1 (127.0.0.1:")


# What silence means --------------------------------------------------------------------------------------------------


def test_a_wrong_secret_is_silence_and_the_advice_names_it(nas: Dae, sessions: Sessions) -> None:
    nas.dial_in(live())
    answer = sessions.change(live(), nas.door(secret="canary-pw-wrong", timeout=0.05), RATE)
    assert (answer.kind, answer.tries, answer.code, nas.dropped) == ("silent", 3, "E502", 3)
    assert "did not answer 3 tries: check the secret, our source address and the firewall" in answer.text


def test_a_closed_port_is_told_from_a_firewall(sessions: Sessions) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    answer = sessions.disconnect(live(), Door("lalitpur-1", "127.0.0.1", port, SECRET, 1000, timeout=0.05))
    assert (answer.kind, answer.code) == ("silent", "E502")
    assert answer.text.startswith(f"nothing listens at lalitpur-1 (127.0.0.1:{port})")


def test_an_address_that_cannot_be_reached_from_here_is_an_answer_too(nas: Dae) -> None:
    with Sessions(source="192.0.2.99") as elsewhere:
        answer = elsewhere.disconnect(live(), nas.door())
    assert (answer.kind, answer.tries) == ("silent", 0)
    assert "cannot be reached from here" in answer.text


def test_a_lost_datagram_is_sent_again_octet_for_octet_and_acts_once(sessions: Sessions) -> None:
    def deaf_once(dae: Dae, seen: Seen) -> list[bytes] | None:
        return [] if len(dae.seen) == 1 else None

    with Dae(script=deaf_once) as nas:
        nas.dial_in(live())
        answer = sessions.change(live(), nas.door(timeout=0.2), RATE)
        assert (answer.kind, answer.tries, nas.acted) == ("ack", 2, 1)
        assert nas.seen[0].raw == nas.seen[1].raw


def test_a_silent_nas_is_asked_a_few_times_and_the_rest_is_not_sent(sessions: Sessions) -> None:
    with Dae(script=lambda dae, seen: []) as nas:
        work = [Request(live(n), nas.door(timeout=0.02, tries=2), RATE) for n in range(30)]
        answers = list(sessions.many(work))
        assert set(kinds(answers)) == {"silent"}
        assert sorted(answer.tries for answer in answers) == [0] * 22 + [2] * 8
        assert len(nas.seen) == 16
    assert "was not asked: 8 requests in a row had no answer" in answers[-1].text


def test_a_silent_nas_does_not_hold_up_another_one(nas: Dae, sessions: Sessions) -> None:
    everybody = [live(n) for n in range(20)]
    nas.dial_in(*everybody)
    with Dae(script=lambda dae, seen: []) as dead:
        work = [Request(live(n), dead.door(timeout=0.5, tries=2), RATE) for n in range(3)]
        work += [Request(one, nas.door(), RATE) for one in everybody]
        assert kinds(list(sessions.many(work))) == ["ack"] * 20 + ["silent"] * 3


# What is believed ----------------------------------------------------------------------------------------------------


def test_an_answer_with_a_wrong_authenticator_is_never_believed(sessions: Sessions) -> None:
    with Dae(script=lambda dae, seen: [altered(dae.ack(seen))]) as nas:
        answer = sessions.change(live(), nas.door(timeout=0.05), RATE)
    assert (answer.kind, answer.tries) == ("silent", 3)
    assert "answered with a wrong authenticator: its secret differs" in answer.text


def test_a_forged_answer_does_not_keep_the_true_one_from_being_heard(sessions: Sessions) -> None:
    def attacked(dae: Dae, seen: Seen) -> list[bytes]:
        true = dae.nak(seen, 501)
        return [b"", b"\x2c", true[:25], altered(dae.ack(seen)), other_code(dae, seen), true]

    def other_code(dae: Dae, seen: Seen) -> bytes:
        reply = seen.packet.CreateReply()
        reply.code = 2
        return bytes(reply.ReplyPacket())

    with Dae(script=attacked) as nas:
        answer = sessions.change(live(), nas.door(), RATE)
    assert (answer.kind, answer.error_cause, answer.tries) == ("nak", 501, 1)


def test_a_wrong_message_authenticator_is_refused_even_where_the_other_one_is_right(sessions: Sessions) -> None:
    def resigned(dae: Dae, seen: Seen) -> list[bytes]:
        reply = bytearray(dae.ack(seen))
        assert reply[20:22] == b"\x50\x12"
        reply[22] ^= 1
        header, rest = bytes(reply[:4]), bytes(reply[20:])
        right = hashlib.md5(header + seen.packet.authenticator + rest + SECRET.encode()).digest()  # noqa: S324
        return [header + right + rest]

    with Dae(script=resigned) as nas:
        assert sessions.change(live(), nas.door(timeout=0.05), RATE).kind == "silent"


def test_an_answer_without_message_authenticator_is_taken_as_older_nases_send_none(sessions: Sessions) -> None:
    with Dae(script=lambda dae, seen: [dae.ack(seen, signed=False)]) as nas:
        assert sessions.change(live(), nas.door(), RATE).kind == "ack"


def test_an_answer_that_comes_three_times_counts_once(sessions: Sessions) -> None:
    with Dae(script=lambda dae, seen: [dae.honest(seen)] * 3) as nas:
        everybody = [live(n) for n in range(40)]
        nas.dial_in(*everybody)
        answers = list(sessions.many(Request(one, nas.door(), RATE) for one in everybody))
    assert kinds(answers) == ["ack"] * 40
    assert len({answer.session.unique for answer in answers}) == 40


def test_an_answer_that_comes_too_late_is_nobody_elses(sessions: Sessions) -> None:
    late: list[bytes] = []

    def slow_for_the_first(dae: Dae, seen: Seen) -> list[bytes] | None:
        name = seen.packet["Acct-Session-Id"][0]
        if name == live(0).session_id:
            late.append(dae.nak(seen, 501))
            return []
        # The ninth is asked when the first was given up; both came from one socket.
        return [*late, dae.honest(seen)] if name == live(8).session_id else None

    with Dae(script=slow_for_the_first) as nas:
        nas.dial_in(*(live(n) for n in range(9)))
        answers = list(sessions.many(Request(live(n), nas.door(timeout=0.2, tries=1), RATE) for n in range(9)))
    assert {a.session.session_id: a.kind for a in answers} == {
        live(n).session_id: "silent" if n == 0 else "ack" for n in range(9)
    }
    assert len(late) == 1


# Nothing leaks -------------------------------------------------------------------------------------------------------


def test_neither_repr_nor_text_shows_the_secret_or_the_login(nas: Dae, sessions: Sessions) -> None:
    door = nas.door(timeout=0.02)
    answers = [
        sessions.change(live(), door, RATE),
        sessions.disconnect(live(), nas.door(secret="canary-pw-b", timeout=0.02)),
    ]
    assert "canary-pw" not in f"{door!r} {door} {answers!r} {Request(live(), door, RATE)!r}"
    assert not any(live().login in answer.text for answer in answers)


def test_the_nas_of_these_tests_itself_asks_for_a_message_authenticator() -> None:
    packet = CoAPacket(code=43, id=1, secret=SECRET.encode())
    packet[44] = [b"81a00001"]
    with Dae() as nas, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unsigned:
        unsigned.sendto(packet.RequestPacket(), ("127.0.0.1", nas.door().port))
    assert (nas.dropped, nas.seen) == (1, [])
