"""Names, types and values of attributes: what we ship, what the server has installed, and what fits into a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from ispctl.radius import _rows_text
from ispctl.radius.dictionary import definitions, installed, load
from ispctl.radius.dictionary.definition import Definition, read

SERVER = installed.FOLDER / "dictionary"
real = pytest.mark.skipif(not SERVER.is_file(), reason="FreeRADIUS's dictionaries are not installed")


@real
def test_the_installed_server_knows_all_that_any_platform_is_told() -> None:
    assert installed.problems() == []
    assert {"Cisco-AVPair", "ERX-Service-Activate", "Framed-Pool", "Class"} <= installed.written()


@real
def test_everything_in_our_dictionary_is_as_the_server_has_it() -> None:
    crypt = {"User-Password", "MS-CHAP-MPPE-Keys", "MS-MPPE-Recv-Key", "MS-MPPE-Send-Key"}  # opened by our own code
    assert [str(problem) for problem in installed.problems(names=definitions().keys() - crypt)] == []


@real
def test_the_server_refuses_what_our_list_would_miss() -> None:
    """The comparison bites: names that only look right are not there."""
    named = ["Huawei-Portal-URL", "Mikrotik-Rate-Limits", "ERX-Service-Activate"]
    assert [problem.code for problem in installed.problems(names=named)] == ["E507", "E507"]


def test_without_a_server_nothing_is_said(tmp_path: Path) -> None:
    assert installed.problems(tmp_path) == []


@pytest.mark.parametrize(
    "line, said",
    [
        ("ATTRIBUTE Filter-Id 11 string", ""),
        ("ATTRIBUTE\tFilter-Id\t\t11\tString # as it stands there", ""),
        ("ATTRIBUTE Filter-Id 12 string", "has Filter-Id with number 12 and not 11"),
        ("ATTRIBUTE Filter-Id 11 integer", "has Filter-Id with kind integer and not string"),
        ("ATTRIBUTE Filter-Id 11 string has_tag", "has Filter-Id with tagged True and not False"),
        ("ATTRIBUTE Filter-ID 11 string", "Filter-Id is not in"),
        ("# ATTRIBUTE Filter-Id 11 string", "Filter-Id is not in"),
        ("VENDOR Odd 99\nBEGIN-VENDOR Odd\nATTRIBUTE Filter-Id 11 string\nEND-VENDOR Odd", "vendor 99 and not 0"),
        ("$INCLUDE nowhere", "Filter-Id is not in"),
        ("$INCLUDE dictionary", "Filter-Id is not in"),
        ("$INCLUDE more/dictionary.rfc2865", ""),
    ],
)
def test_another_number_or_type_is_found(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "dictionary.rfc2865").write_text("ATTRIBUTE Filter-Id 11 string\n")
    (tmp_path / "dictionary").write_text(line + "\n")
    found = installed.problems(tmp_path, ["Filter-Id"])
    assert [(problem.code, said in problem.text) for problem in found] == ([("E507", True)] if said else [])
    assert all(problem.advice for problem in found)


def test_a_value_with_another_number_is_found(tmp_path: Path) -> None:
    lines = "ATTRIBUTE Termination-Action 29 integer\nVALUE Termination-Action Default 0\n"
    (tmp_path / "dictionary").write_text(lines + "VALUE Termination-Action RADIUS-Request 2\n")
    (problem,) = installed.problems(tmp_path, ["Termination-Action"])
    assert "another value for RADIUS-Request" in problem.text


def test_our_two_readers_see_the_same_dictionary() -> None:
    known = load().attributes
    assert {name: (one.kind, one.tagged) for name, one in definitions().items()} == {
        name: (attribute.type, bool(attribute.has_tag)) for name, attribute in known.items()
    }


def _one(kind: str, *, vendor: int = 0, tagged: bool = False, values: dict[str, str] | None = None) -> Definition:
    return Definition("X", "1", kind, vendor, tagged, values=values or {})


@pytest.mark.parametrize(
    "definition, name, text",
    [
        (_one("string"), "X", "x" * 253),
        (_one("string", vendor=9), "X", "x" * 247),
        (_one("string", vendor=9, tagged=True), "X:31", "x" * 246),
        (_one("integer"), "X", "0"),
        (_one("integer"), "X", "4294967295"),
        (_one("integer", values={"On": "1"}), "X", "On"),
        (_one("integer64"), "X", "18446744073709551615"),
        (_one("short"), "X", "65535"),
        (_one("byte"), "X", "255"),
        (_one("date"), "X", "1700000000"),
        (_one("ipaddr"), "X", "192.0.2.1"),
        (_one("ipv6addr"), "X", "2001:db8::1"),
        (_one("ipv6prefix"), "X", "2001:db8::/56"),
        (_one("octets"), "X", "0x00ff"),
    ],
)
def test_a_value_of_its_type_fits(definition: Definition, name: str, text: str) -> None:
    assert definition.misfit(name, text) == ""


@pytest.mark.parametrize(
    "definition, name, text",
    [
        (_one("string"), "X", "x" * 254),
        (_one("string"), "X", "ü" * 127),
        (_one("string", vendor=9), "X", "x" * 248),
        (_one("string", vendor=9, tagged=True), "X:1", "x" * 247),
        (_one("string"), "X:1", "x"),
        (_one("string", tagged=True), "X:0", "x"),
        (_one("string", tagged=True), "X:32", "x"),
        (_one("string", tagged=True), "X:", "x"),
        (_one("string", tagged=True), "X:01", "x"),
        (_one("string", tagged=True), "X:1:1", "x"),
        (_one("integer"), "X", "4294967296"),
        (_one("integer"), "X", "-1"),
        (_one("integer"), "X", "1.5"),
        (_one("integer"), "X", "٣"),
        (_one("integer"), "X", "50M"),
        (_one("integer", values={"On": "1"}), "X", "on"),
        (_one("short"), "X", "65536"),
        (_one("byte"), "X", "256"),
        (_one("ipaddr"), "X", "192.0.2"),
        (_one("ipaddr"), "X", "2001:db8::1"),
        (_one("ipv6addr"), "X", "192.0.2.1"),
        (_one("ipv6prefix"), "X", "2001:db8::1/56"),
        (_one("octets"), "X", "0x0"),
        (_one("octets"), "X", "00ff"),
        (_one("octets"), "X", "0x" + "00" * 254),
        (_one("ether"), "X", "02:00:5e:00:53:01"),
    ],
)
def test_a_value_of_another_type_or_too_long_does_not(definition: Definition, name: str, text: str) -> None:
    assert definition.misfit(name, text)


def test_what_is_sent_salted_is_never_written() -> None:
    """Tunnel-Password in a row would be a clear password in the database."""
    known = read(["ATTRIBUTE Tunnel-Password 69 string has_tag,encrypt=2"])["Tunnel-Password"]
    assert (known.tagged, known.encrypted) == (True, True)
    assert definitions()["Tunnel-Password"].encrypted


@pytest.mark.parametrize(
    "attribute, value, code",
    [
        ("ERX-Service-Activate:1", "isp-rate(50m,25m)", ""),
        ("ERX-Service-Activate:1", "x" * 246, ""),
        ("ERX-Service-Activate:1", "x" * 247, "E315"),
        ("ERX-Service-Activate:99", "isp-rate(50m,25m)", "E315"),
        ("ERX-Service-Deactivate:1", "isp-rate(50m,25m)", "E315"),
        ("Filter-Id:1", "50000/25000", "E315"),
        ("Huawei-Input-Average-Rate", "4294967296", "E315"),
        ("Huawei-Input-Average-Rate", "25M", "E315"),
        ("Cisco-AVPair", "ip:sub-qos-policy-in=isp-up-25M", ""),
        ("Cisco-AV-Pair", "ip:sub-qos-policy-in=isp-up-25M", "E316"),
        ("Tunnel-Password:1", "x", "E316"),
    ],
)
def test_a_row_holds_what_the_server_can_read(attribute: str, value: str, code: str) -> None:
    fields = {"check": (("ISP-Profile", ":=", "isp:x@y"),), "reply": ((attribute, "=", value),)}
    key = ("group", "isp:x@y")
    if not code:
        _rows_text.fit(key, fields)
        return
    with pytest.raises(_rows_text.Unfit) as caught:
        _rows_text.fit(key, fields)
    assert caught.value.code == code
