"""What our rows answer, told without a server; the live tests hold it against a real one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ispctl.plan import Fields, Key
from ispctl.platforms import platform, platforms
from ispctl.radius.decision import Asking, Known, decide, mac_of
from ispctl.store import Session
from tests.radius.world import ANITA, HOME, POP, group, login

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BOUND, OTHER = "02:00:5e:10:00:01", "02:00:5e:10:00:09"
ROWS: dict[Key, Fields] = {
    ANITA: login(expires=None),
    HOME: group("isp:home-50@routeros"),
    ("group", "isp:walled@routeros"): group("isp:walled@routeros", "1M/1M"),
    POP: {"nas": ("lalitpur-1",)},
}


def said(known: Known | None = None, *, mac: str = BOUND, nas: str = "lalitpur-1", **fields: Any) -> tuple[bool, str]:
    usual = {"expires": None, **fields}
    answer = decide({**ROWS, ANITA: login(**usual)}, _asking(mac, nas), known or Known(frozenset({BOUND})))
    return answer.accepted, answer.word


def _asking(mac: str = BOUND, nas: str = "lalitpur-1", platform: str = "routeros") -> Asking:
    return Asking(ANITA[1], nas, platform, mac, NOW)


def online(mac: str, heard: int) -> Session:
    at = NOW - timedelta(seconds=heard)
    return Session("u", "s", ANITA[1], "192.0.2.1", "", mac, at, at, None, 0, 0, 0, "", "", "", "", "", "")


def test_a_bound_device_at_home_is_accepted() -> None:
    assert said() == (True, "ok")


@pytest.mark.parametrize("word", ["suspended", "terminated", "ok"])
def test_a_refuse_word_is_the_reason(word: str) -> None:
    assert said(refuse=word) == (False, word)


@pytest.mark.parametrize(
    "on_expiry, left, expected",
    [("wall", 0, (True, "wall:expired")), ("reject", 0, (False, "expired")), ("reject", 1, (True, "ok"))],
)
def test_the_backstop_ends_it(on_expiry: str, left: int, expected: tuple[bool, str]) -> None:
    assert said(expires=int(NOW.timestamp()) + left, on_expiry=on_expiry) == expected


@pytest.mark.parametrize(
    "on_roam, expected", [("reject", (False, "roaming")), ("alert", (True, "roam")), ("allow", (True, "ok"))]
)
def test_a_login_away_from_home(on_roam: str, expected: tuple[bool, str]) -> None:
    assert said(nas="kathmandu-1", on_roam=on_roam) == expected


def test_a_login_that_is_planned_nowhere_is_at_home_everywhere() -> None:
    assert said(nas="kathmandu-1", on_roam="reject", pop=None) == (True, "ok")


@pytest.mark.parametrize(
    "on_mismatch, expected",
    [("reject", (False, "mac")), ("wall", (True, "wall:mac")), ("alert", (True, "alert:mac"))],
)
@pytest.mark.parametrize("mac", [OTHER, ""])
def test_another_device(on_mismatch: str, expected: tuple[bool, str], mac: str) -> None:
    assert said(mac=mac, on_mismatch=on_mismatch) == expected


@pytest.mark.parametrize(
    "most, mac, expected",
    [(1, BOUND, (True, "ok")), (1, OTHER, (False, "mac")), (2, OTHER, (True, "learned")), (2, "", (False, "mac"))],
)
def test_a_device_is_learned_while_there_is_room(most: int, mac: str, expected: tuple[bool, str]) -> None:
    assert said(mac=mac, mac_mode="learn", mac_max=most) == expected


@pytest.mark.parametrize(
    "mac, heard, expected",
    [(OTHER, 10, (False, "sessions")), (OTHER, 800, (True, "ok")), (BOUND, 10, (True, "ok"))],
)
def test_a_session_counts_unless_it_is_silent_or_the_same_device(
    mac: str, heard: int, expected: tuple[bool, str]
) -> None:
    known = Known(frozenset({BOUND}), (online(mac, heard),), stale_after=750)
    assert said(known, sessions=1) == expected
    assert said(known, sessions=0) == (True, "ok")


def test_a_platform_without_rows_is_refused() -> None:
    answer = decide(ROWS, _asking(platform="junos"), Known(frozenset({BOUND})))
    assert (answer.accepted, answer.word) == (False, "no-profile")


def test_a_login_that_is_not_ours_is_unknown() -> None:
    answer = decide({}, _asking(), Known())
    assert (answer.accepted, answer.word, answer.reply) == (False, "unknown-login", ())


def test_a_fixed_address_drops_the_pool_and_the_wall_drops_the_address() -> None:
    home: Fields = {**group("isp:home-50@routeros"), "reply": (("Framed-Pool", "=", "home"), ("X", "=", "1"))}
    rows = {**ROWS, HOME: home}
    answer = decide(rows, _asking(), Known(frozenset({BOUND})))
    assert [name for name, _ in answer.reply] == ["Framed-IP-Address", "Framed-Route", "X", "Class"]
    walled = decide({**rows, ANITA: login(expires=None, on_mismatch="wall")}, _asking(OTHER), Known())
    assert [name for name, _ in walled.reply] == ["Mikrotik-Rate-Limit", "Class"]
    assert walled.reply[-1][1].endswith("/wall:mac")
    assert walled.walled == "mac"


@pytest.mark.parametrize("name", platforms())
def test_what_is_fixed_drops_the_pool_of_its_kind_by_every_vendors_name(name: str) -> None:
    pools = platform(name).pools
    home: Fields = {**group(f"isp:home-50@{name}"), "reply": tuple((pool, "=", "home") for pool in pools)}
    fixed = ("Framed-IP-Address", "Framed-IPv6-Address", "Delegated-IPv6-Prefix")
    for given, pool in zip(fixed, pools, strict=True):
        rows = {**ROWS, ("group", f"isp:home-50@{name}"): home, ANITA: login(expires=None, reply=((given, ":=", "x"),))}
        answer = decide(rows, _asking(platform=name), Known(frozenset({BOUND})))
        assert {attribute for attribute, _ in answer.reply} == {given, "Class", *pools} - {pool}


def test_a_pool_of_the_server_that_is_full_refuses() -> None:
    reply = (("Framed-Pool", "=", "nas-own"), ("ISP-Pool", "=", "hot"))
    rows = {**ROWS, HOME: {**group("isp:home-50@routeros"), "reply": reply}, ANITA: login(expires=None, reply=())}
    for free, expected in (
        ({"hot": 0}, "pool-full"),
        ({"hot": 3}, "ok"),
        ({"hot@lalitpur-1": 0}, "pool-full"),
        ({"hot@lalitpur-1": 1, "hot@kathmandu-1": 0}, "ok"),
        ({"hot@kathmandu-1": 9}, "pool-full"),
        ({"cold": 0}, "ok"),
    ):
        assert decide(rows, _asking(), Known(frozenset({BOUND}), free=free)).word == expected, free
    answer = decide(rows, _asking(), Known(frozenset({BOUND})))
    assert [one for one in answer.reply if one[0] != "Class"] == [("Framed-IP-Address", "pool:hot")]


def test_a_login_may_get_prefixes_beside_an_address_unless_one_of_the_pools_is_full() -> None:
    named = (("ISP-Pool", "=", "hot"), ("ISP-IPv6-Pool", "=", "links"), ("ISP-Delegated-Pool", "=", "homes"))
    told = (("Framed-IPv6-Pool", "=", "x"), ("Mikrotik-Delegated-IPv6-Pool", "=", "y"))
    home: Fields = {**group("isp:home-50@routeros"), "reply": (*named, *told)}
    rows = {**ROWS, HOME: home, ANITA: login(expires=None, reply=())}
    full = {"hot": 1, "links": 1, "homes": 0}
    assert decide(rows, _asking(), Known(frozenset({BOUND}), free=full)).word == "pool-full"
    answer = decide(rows, _asking(), Known(frozenset({BOUND}), free={**full, "homes": 1}))
    given = {
        "Framed-IP-Address": "pool:hot",
        "Framed-IPv6-Prefix": "pool:links",
        "Delegated-IPv6-Prefix": "pool:homes",
    }
    assert dict(one for one in answer.reply if one[0] != "Class") == given
    fixed = login(expires=None, reply=(("Framed-IPv6-Address", ":=", "2001:db8::7"),))
    answer = decide({**rows, ANITA: fixed}, _asking(), Known(frozenset({BOUND}), free={**full, "links": 0, "homes": 1}))
    assert answer.accepted
    assert "Framed-IPv6-Prefix" not in dict(answer.reply)


def test_a_login_may_be_kept_out_of_the_pool_of_its_tariff() -> None:
    home: Fields = {**group("isp:home-50@routeros"), "reply": (("ISP-Pool", "=", "hot"), ("X", "=", "1"))}
    own = login(expires=None, reply=(("ISP-Pool", ":=", "-"), ("Framed-Pool", ":=", "home")))
    answer = decide({**ROWS, HOME: home, ANITA: own}, _asking(), Known(frozenset({BOUND}), free={"hot": 0}))
    assert answer.reply[:2] == (("Framed-Pool", "home"), ("X", "1"))


@pytest.mark.parametrize("mac", ["02-00-5E-10-00-01", "0200.5e10.0001", "02005E100001", "02:00:5e:10:00:01"])
def test_a_mac_is_read_in_every_spelling(mac: str) -> None:
    assert mac_of(mac) == BOUND
    assert mac_of(f"{mac}:ssid") == ""
