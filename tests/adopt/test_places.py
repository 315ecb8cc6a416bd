"""NAS rows and addresses of old databases as hosts and pools."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, ip_network

import pytest

from ispctl.adopt.meaning import Grant, Meaning
from ispctl.adopt.old import OldNas
from ispctl.adopt.places import hosts, pools
from ispctl.adopt.yaml_text import dump
from ispctl.model.network import Pool
from ispctl.repo.yaml import read


def nas(address: str, shortname: str = "", type: str = "other", **more: str) -> OldNas:
    return OldNas(1, address, shortname, type, more.get("secret", "canary-pw-nas"))


@pytest.mark.parametrize(
    "type, told, platform",
    [
        ("mikrotik", "", "routeros"),
        ("Cisco", "", "ios-xe"),
        ("juniper", "", "junos"),
        ("other", "Mikrotik-Rate-Limit", "routeros"),
        ("other", "Filter-Id", "accel-ppp"),
        ("other", "WISPr-Bandwidth-Max-Down", ""),
        ("other", "", ""),
    ],
)
def test_the_platform_is_that_of_the_type_or_of_the_attribute_in_use(type: str, told: str, platform: str) -> None:
    found, _ = hosts([nas("192.0.2.1", type=type)], Counter({told: 3} if told else {}))
    assert [host.platform for host in found] == [platform]


def test_a_host_is_named_after_its_short_name_and_no_two_alike() -> None:
    found, _ = hosts([nas("192.0.2.1", "Core Router"), nas("192.0.2.2", "core-router"), nas("192.0.2.3")], Counter())
    assert [host.name.partition("-router")[0] for host in found] == ["core", "core", "nas-1"]
    assert len({host.name for host in found}) == 3


@pytest.mark.parametrize(
    "one",
    [nas("198.51.100.0/24"), nas("nas.example.net"), nas("192.0.2.1", secret=""), nas("192.0.2.1", secret="a\\b")],
)
def test_what_cannot_be_a_host_is_listed(one: OldNas) -> None:
    found, findings = hosts([one], Counter())
    assert (found, [finding.kind for finding in findings]) == ((), ["nas"])


def test_one_address_may_be_written_as_a_network_of_one() -> None:
    assert [str(host.address) for host in hosts([nas("192.0.2.1/32")], Counter())[0]] == ["192.0.2.1"]


def login(**values: str) -> Meaning:
    return Meaning("anita", "canary-pw-1", **values)  # type: ignore[arg-type]  # addresses only


def test_fixed_addresses_get_the_network_around_them() -> None:
    found, _ = pools([login(ipv4="203.0.113.7"), login(ipv4="203.0.113.9"), login(ipv6="2001:db8:1:2::7")], {}, {})
    assert found == {
        "static": {"family": 4, "served_by": "static", "ranges": ["203.0.113.0/24"]},
        "static6": {"family": 6, "served_by": "static", "ranges": ["2001:db8:1::/48"]},
    }


def test_an_address_at_the_edge_of_its_network_stands_alone() -> None:
    found, _ = pools([login(ipv4="203.0.113.255"), login(ipv4="203.0.113.9")], {}, {})
    assert found["static"] == {"family": 4, "served_by": "static", "ranges": ["203.0.113.9/32", "203.0.113.255/32"]}


def test_a_pool_of_the_server_has_the_addresses_that_stand_in_its_table() -> None:
    served = {"main": [IPv4Address("100.64.0.0") + number for number in range(8)]}
    one = Meaning("anita", "canary-pw-1", sold=Grant(ipv4="main"), ipv4="pool:main")
    found, findings = pools([one, login(ipv4="100.64.0.3")], served, {})
    assert found["main"] == {
        "family": 4, "served_by": "radius", "ranges": ["100.64.0.0/31", "100.64.0.2/32", "100.64.0.4/30"],
    }  # fmt: skip
    assert found["static"] == {"family": 4, "served_by": "static", "ranges": ["100.64.0.3/32"]}
    assert findings == ()


def test_a_pool_of_the_nas_has_none_that_we_know() -> None:
    found, findings = pools([login(ipv4="pool:home")], {}, {})
    assert found == {"home": {"family": 4, "served_by": "nas"}}
    assert [one.kind for one in findings] == ["pool-without-addresses"]


@pytest.mark.parametrize(
    "text", ["no", "1e3", "a: b", "#x", "'", '"', "{", "a\\b", "नेपाल", "@x", "- a", "~", "0x1", "x " * 60]
)
def test_whatever_is_written_is_read_as_it_was_meant(text: str) -> None:
    said = {"name": text, "list": [{"mac": text, "n": 1}] * 9, "deep": {"one": {"two": [text] * 30}}, "flag": True}
    node, _, problems = read(dump(said).encode(), "x.yaml", limit=100_000)  # type: ignore[arg-type]  # plain values
    assert problems == []
    assert node == {"name": text, "list": [{"mac": text, "n": "1"}] * 9, "deep": {"one": {"two": [text] * 30}},
                    "flag": "true"}  # fmt: skip


def test_what_a_pool_of_git_holds_is_written_nowhere_else() -> None:
    known = {
        "static": Pool(family=4, served_by="static", ranges=(ip_network("203.0.113.0/28"),)),
        "home": Pool(family=4, served_by="nas"),
    }
    given = [login(ipv4="203.0.113.7"), login(ipv4="203.0.113.77"), login(ipv4="pool:home")]
    found, findings = pools(given, {}, known)
    assert found == {"static-addresses": {"family": 4, "served_by": "static", "ranges": ["203.0.113.77/32"]}}
    assert findings == ()
