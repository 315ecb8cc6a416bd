"""Lines of RouterOS: what is written is read as the same text, and what is shown otherwise is the same value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.lab.devices.routeros import RouterOs
from ispctl.platforms.rendering import render
from ispctl.platforms.routeros._menus import MENUS, normal, seconds
from ispctl.platforms.routeros._text import parse, quote, word
from ispctl.platforms.routeros.nas import NAS
from tests.platforms.nas_contract import HOSTILE
from tests.platforms.slices import usual


@given(st.text())
def test_a_quoted_text_is_read_as_that_text_or_refused(text: str) -> None:
    try:
        quoted = quote(text)
    except ValueError:
        return
    rows = parse(f"/ppp profile add name={quoted} comment={quote('ispctl:' + text[:200])}")
    assert rows == {("/ppp profile", text[:200]): {"name": text}}


@given(st.lists(st.text(alphabet="ab,.-;\"'$[] ", min_size=1), min_size=1))
def test_a_list_is_one_value(texts: list[str]) -> None:
    [fields] = parse(f"/ppp profile add name={quote(texts)} comment=ispctl:a").values()
    assert fields["name"] == ",".join(texts)


@pytest.mark.parametrize("text", ["", "a\nb", "a\x00b", "a\x1b[2J", "x" * 256, "ü" * 128, "a\u202eb"])
def test_what_cannot_be_shown_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="empty|octets|cannot be written"):
        quote(text)


def test_a_router_reads_each_word_as_it_was_meant() -> None:
    """Of another reader than ours: scripts that wait on a router are written with the same words."""
    router = RouterOs(username="a", password="b", tls=False)
    texts = [*HOSTILE, "two  spaces", "\\", "tab\tand\nline", "?", "{}", "[find]", "a=b", "日本"]
    for text in texts:
        router.type(f"/ppp profile add name={word(text)}")
    assert [row["name"] for row in router.rows("/ppp profile")] == texts
    router.close()


@pytest.mark.parametrize(
    "menu, field, one, other",
    [
        ("/ppp aaa", "interim-update", "300s", "5m"),
        ("/ppp aaa", "interim-update", "00:05:00", "5m"),
        ("/ppp aaa", "interim-update", "90061", "1d1h1m1s"),
        ("/ppp aaa", "use-radius", "true", "yes"),
        ("/queue simple", "max-limit", "5M/20M", "5000000/20000000"),
        ("/queue simple", "max-limit", "512k/1G", "512000/1000000000"),
        ("/queue simple", "target", "100.64.32.10/32", "100.64.32.10"),
        ("/ip dhcp-server lease", "mac-address", "02:00:5e:10:00:0a", "02:00:5E:10:00:0A"),
        ("/ip pool", "ranges", "100.64.0.1-100.64.0.1", "100.64.0.1"),
        ("/ip firewall address-list", "address", "198.51.100.80/32", "198.51.100.80"),
        ("/ipv6 firewall address-list", "address", "2001:DB8:0::1/128", "2001:db8::1"),
        ("/radius", "service", "ppp,dhcp", "dhcp,ppp"),
        ("/interface pppoe-server server", "keepalive-timeout", "20s", "20"),
    ],
)
def test_one_value_in_two_ways_is_the_same(menu: str, field: str, one: str, other: str) -> None:
    assert normal(MENUS[menu], {field: one}) == normal(MENUS[menu], {field: other}) != {}


def test_what_stands_at_its_default_is_as_if_it_were_not_said() -> None:
    said = {"name": "a", "target": "100.64.0.0/22", "max-limit": "0/0", "disabled": "false", "queue": ""}
    assert normal(MENUS["/queue simple"], said) == {"name": "a", "target": "100.64.0.0/22"}


@given(st.integers(min_value=0, max_value=10**8))
def test_a_time_is_the_same_in_all_its_forms(length: int) -> None:
    [shown] = normal(MENUS["/ppp aaa"], {"interim-update": str(length)}).values() or ["0s"]
    assert seconds(shown) == length


@pytest.mark.parametrize(
    "line, why",
    [
        ("/ip route add gateway=192.0.2.1", "line 1: '/ip route' is no menu that is written here"),
        ("/ip pool set name=a", "line 1: /ip pool takes add"),
        ("/ppp aaa add use-radius=yes", "line 1: /ppp aaa takes set"),
        ("/ip pool add name=a", "line 1: a row of /ip pool has a comment ispctl:…"),
        ("/ip pool add name=a comment=mine", "line 1: a row of /ip pool has a comment ispctl:…"),
        ("/ipv6 pool add prefix=2001:db8::/32", "line 1: a row of /ipv6 pool has a name"),
        ("/ip pool add name=a colour=red comment=ispctl:a", "line 1: /ip pool has no colour that is written here"),
        ("/ip pool add name=a name=b comment=ispctl:a", "line 1: name is given twice"),
        ("/ip pool add name=a comment=ispctl:a; /quit", "line 1: 'ispctl:a;' has to stand in quotation marks"),
        ('/ip pool add name="a$b" comment=ispctl:a', "line 1: a variable stands in a value"),
        ('/ip pool add name="a', "line 1: a quotation mark is missing"),
        ('/ip pool add name="a"b comment=ispctl:a', "line 1: 'b comment=ispctl:a' follows a quotation mark"),
        ("/ip pool add name=a ranges=x comment=ispctl:a", "line 1: ranges: 'x' does not appear to be an IPv4"),
        ("/queue simple add max-limit=1M comment=ispctl:a", "line 1: max-limit: '1M' is no pair of rates"),
        ("/ppp aaa set interim-update=a-while", "line 1: interim-update: 'a-while' is no time"),
        (
            "\n# a remark\n/ip pool add name=a comment=ispctl:a\n/ip pool add name=b comment=ispctl:a",
            "line 4: .* twice",
        ),
    ],
)
def test_a_line_that_is_not_understood_is_named(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(line)


def test_rules_of_a_chain_stand_in_the_order_of_their_comments() -> None:
    rule = "/ip firewall filter add chain={} comment=ispctl:{}\n"
    parse(rule.format("forward", "b") + rule.format("isp-walled", "a") + rule.format("forward", "c"))
    with pytest.raises(ValueError, match="line 2: the rules of a chain stand in the order of their comments"):
        parse(rule.format("forward", "b") + rule.format("forward", "a"))


def test_a_walled_service_without_radius_is_in_the_same_list_as_a_session() -> None:
    rows = render(NAS, usual("routeros"), {})
    entry = rows["/ip firewall address-list", "isp-walled sub-000002-main"]
    jump = rows["/ip firewall filter", "forward 30 walled"]
    assert entry["list"] == jump["src-address-list"] == usual("routeros").wall.name
