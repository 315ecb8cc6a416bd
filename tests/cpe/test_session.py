"""A session: what is answered to a device, whatever it sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.cpe import soap
from ispctl.cpe.session import REQUESTS, Answer, Caller, Session, Task
from ispctl.cpe.soap import Done, Fault, Malformed, Request, Values
from ispctl.lab.devices.cpe import Cpe, tr098
from tests.cpe.talk import Only, talk

NOBODY = Caller(None, "198.51.100.7")
HEAD = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:cwmp="urn:dslforum-org:cwmp-1-2">'


def envelope(body: str, header: str = "") -> bytes:
    return f"{HEAD}<e:Header>{header}</e:Header><e:Body>{body}</e:Body></e:Envelope>".encode()


def box(**how: object) -> Cpe:
    return Cpe("48575443A1B2C3D4", tr098(), **how)  # type: ignore[arg-type]


def opened(task: Only) -> Session:
    session = Session(task, NOBODY)
    assert session.receive(box().inform()).status == 200
    return session


def asks(request: Request) -> Only:
    def task() -> Task[None]:
        yield request

    return Only(task)


def test_a_session_with_nothing_to_do_is_an_inform_and_an_empty_answer() -> None:
    desk = Only()
    session = Session(desk, NOBODY)
    assert b"<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes>" in session.receive(box().inform()).body
    assert session.receive(b"") == Answer(204, over=True)
    assert str(desk.informs[0].device) == "00005E-Router%201-48575443A1B2C3D4"
    assert desk.informs[0].events == {"0 BOOTSTRAP", "1 BOOT"}


@pytest.mark.parametrize("version", range(5))
def test_a_device_is_answered_in_its_own_version_and_by_its_own_number(version: int) -> None:
    cpe = box(namespace=f"urn:dslforum-org:cwmp-1-{version}")
    body = Session(Only(), NOBODY).receive(cpe.inform()).body
    assert f'xmlns:cwmp="urn:dslforum-org:cwmp-1-{version}"'.encode() in body
    assert b">inform</cwmp:ID>" in body


@pytest.mark.parametrize("how", [{"declares": False}, {"latin": True, "manufacturer": "Éxample"}])
def test_prefixes_that_mean_nothing_and_octets_that_are_no_utf8_are_understood(how: dict[str, object]) -> None:
    desk = Only(lambda: (yield Request("GetParameterNames", ("InternetGatewayDevice.",))))  # type: ignore[arg-type]
    cpe = box(**how)
    assert talk(Session(desk, NOBODY), cpe) == 204
    assert desk.informs[0].device.serial == cpe.serial
    assert desk.informs[0].values["InternetGatewayDevice.DeviceInfo.SoftwareVersion"] == "V3R1"
    assert cpe.asked == ["GetParameterNames"]


def test_a_transfer_that_ended_is_answered_without_giving_up_our_turn() -> None:
    session = opened(asks(Request("GetParameterValues", ("Device.X",))))
    done = envelope("<cwmp:TransferComplete><CommandKey>k</CommandKey></cwmp:TransferComplete>")
    assert b"<cwmp:TransferCompleteResponse/>" in session.receive(done).body
    assert b"GetParameterValues" in session.receive(b"").body


def test_what_a_device_asks_and_we_do_not_know_is_refused_in_its_words() -> None:
    session = opened(Only())
    assert b"<FaultCode>8000</FaultCode>" in session.receive(envelope("<cwmp:Kicked/>")).body
    assert b"<string>Inform</string>" in session.receive(envelope("<cwmp:GetRPCMethods/>")).body


def test_nothing_is_asked_while_a_device_holds_requests() -> None:
    session = opened(asks(Request("GetParameterValues", ("Device.X",))))
    held = envelope("", "<cwmp:HoldRequests>1</cwmp:HoldRequests>")
    assert session.receive(held) == Answer(204)
    assert b"GetParameterValues" in session.receive(b"").body


def test_a_damaged_answer_is_never_believed() -> None:
    came: list[object] = []

    def task() -> Task[None]:
        came.append((yield Request("SetParameterValues")))

    session = opened(Only(task))
    session.receive(b"")
    said = "<cwmp:SetParameterValuesResponse><Status>0</Status> & </cwmp:SetParameterValuesResponse>"
    session.receive(envelope(said))
    assert came == [Fault(9002)]


@pytest.mark.parametrize(
    "answer",
    [
        "<cwmp:GetParameterValuesResponse><ParameterList/></cwmp:GetParameterValuesResponse>",
        "<cwmp:RebootResponse/>",
        "<e:Fault><faultcode>Client</faultcode><detail/></e:Fault>",
    ],
)
def test_an_answer_to_something_else_counts_as_a_refusal_for_now(answer: str) -> None:
    came: list[object] = []

    def task() -> Task[None]:
        came.append((yield Request("SetParameterValues")))

    session = opened(Only(task))
    session.receive(b"")
    assert session.receive(envelope(answer)).status == 204
    assert came == [Fault(9002)]


def test_an_answer_that_a_device_says_twice_is_no_answer_to_what_was_asked_since() -> None:
    """It heard nothing of us for too long, and said it again."""
    came: list[object] = []

    def task() -> Task[None]:
        came.append((yield Request("SetParameterValues", key="first")))
        came.append((yield Request("SetParameterValues", key="second")))

    def said(asked: bytes) -> bytes:
        number = asked.partition(b'mustUnderstand="1">')[2].partition(b"<")[0].decode()
        done = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>"
        return envelope(done, f"<cwmp:ID>{number}</cwmp:ID>")

    session = opened(Only(task))
    answer = said(session.receive(b"").body)
    second = session.receive(answer)
    assert b"second" in second.body
    assert session.receive(answer) == second, "it is asked once more"
    assert len(came) == 1
    assert session.receive(said(second.body)) == Answer(204, over=True)
    assert came == [Done("SetParameterValuesResponse")] * 2


def test_a_device_that_says_one_number_for_ever_is_understood() -> None:
    came: list[object] = []

    def task() -> Task[None]:
        came.append((yield Request("SetParameterValues", key="first")))
        came.append((yield Request("SetParameterValues", key="second")))

    session = opened(Only(task))
    number = session.receive(b"").body.partition(b'mustUnderstand="1">')[2].partition(b"<")[0].decode()
    done = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>"
    statuses = [session.receive(envelope(done, f"<cwmp:ID>{number}</cwmp:ID>")).status for _ in range(3)]
    assert (statuses, len(came)) == ([200, 200, 204], 2)


def test_a_fault_names_its_parameters() -> None:
    named = "<ParameterName>Device.X</ParameterName><FaultCode>9007</FaultCode>"
    part = f"<FaultCode>9003</FaultCode><SetParameterValuesFault>{named}</SetParameterValuesFault>"
    said = f"<detail><cwmp:Fault>{part}</cwmp:Fault></detail>"
    assert soap.read(envelope(f"<e:Fault><faultcode>Client</faultcode>{said}</e:Fault>")).message == Fault(
        9003, {"Device.X": 9007}
    )


def test_an_answer_that_nobody_asked_for_begins_nothing() -> None:
    session = opened(asks(Request("GetParameterValues", ("Device.X",))))
    said = envelope("<cwmp:GetParameterValuesResponse><ParameterList/></cwmp:GetParameterValuesResponse>")
    assert b"GetParameterValues" in session.receive(said).body


def test_a_session_that_goes_on_for_ever_is_ended() -> None:
    def task() -> Task[None]:
        while True:
            yield Request("GetParameterNames", ("InternetGatewayDevice.",))

    session, cpe = opened(Only(task)), box()
    answer = session.receive(b"")
    for _ in range(REQUESTS):
        if answer.body:
            answer = session.receive(cpe.answer(answer.body.decode()))
    assert answer == Answer(400, over=True)


@pytest.mark.parametrize(
    "data", [b"", b"<x/>", envelope(""), envelope("<cwmp:Inform/>"), envelope("<cwmp:TransferComplete/>")]
)
def test_without_an_inform_nothing_is_said(data: bytes) -> None:
    assert Session(Only(), NOBODY).receive(data) == Answer(400, over=True)


# whatever comes


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>' + envelope(
    "<cwmp:Inform>&b;</cwmp:Inform>"
)


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        BOMB.lower(),
        b"\xef\xbb\xbf" + BOMB,
        b'<?xml version="1.0" encoding="utf-16"?>' + "<!DOCTYPE x>".encode("utf-16"),
        "<!DOCTYPE x><x/>".encode("utf-16"),
        b'<?xml version="1.0" encoding="utf-7"?><x/>',
        envelope("<a>" * 5000),
        envelope("<a/>" * 40_000),
        b" " * (soap.LARGEST + 1) + b"<x/>",
        b"\0",
        b"<",
        b"&#x0;",
        b"<?xml",
    ],
)
def test_hostile_octets_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        soap.read(data)
    assert opened(Only()).receive(data) == Answer(400, over=True)


MARKUP = st.sampled_from(
    [
        "<cwmp:Inform>", "</cwmp:Inform>", "<DeviceId>", "</DeviceId>", "<SerialNumber>A</SerialNumber>", "<Event>",
        "<ParameterList>", "<Name>x</Name>", "<Value>", "</Value>", "&", "&#0;", "&amp;", "<!--", "-->", "<![CDATA[",
        "]]>",
        "<?pi ?>", "<a xmlns='", "'>", "<e:Body>", "</e:Body>", "<cwmp:Fault>", "<FaultCode>99999999999999</FaultCode>",
        "<detail>", "\ud800", "é", "\x00", "<cwmp:GetParameterNamesResponse>", "<Status>x</Status>",
    ]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=300), st.lists(MARKUP, max_size=25)))
def test_no_octets_raise_anything(sent: bytes | list[str]) -> None:
    data = (
        sent if isinstance(sent, bytes) else envelope("x").replace(b"x", "".join(sent).encode("utf-8", "surrogatepass"))
    )
    for session in (opened(asks(Request("GetParameterValues", ("Device.X",)))), Session(Only(), NOBODY)):
        session.receive(b"")
        assert session.receive(data).status in (200, 204, 400)


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_is_asked_is_what_a_device_reads(name: str, text: str) -> None:
    """Written by us, read by us: nothing gets out of its element."""
    sent = soap.asked(Request("SetParameterValues", parameters=(soap.Parameter(name, "string", text),)), "i1", "urn:x")
    read = soap.read(sent.replace(b"SetParameterValues>", b"GetParameterValuesResponse>"))
    shown = "".join(char for char in text if char.isprintable() or char in "\t\n")
    called = "".join(char for char in name if char.isprintable() or char in "\t\n").strip()
    assert not read.damaged
    assert read.message == Values({called: shown} if called else {})
