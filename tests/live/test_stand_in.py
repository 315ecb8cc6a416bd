"""What the stand-in makes of a reply and a password: the vendors' and the RFCs' own examples."""

from __future__ import annotations

from typing import Any

import pytest

from ispctl.lab.addresses import Pools
from ispctl.lab.granted import granted
from ispctl.lab.rates import BadValue, Rate, Way
from ispctl.lab.session import Session
from ispctl.lab.vendors.routeros import rate_limit
from ispctl.radius import mschap


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("128k", Rate(Way(128_000), Way(128_000))),
        ("64k/128M", Rate(Way(64_000), Way(128_000_000))),
        ("64k 256k", Rate(Way(64_000, 256_000, 0.25), Way(64_000, 256_000, 0.25))),
        ("64k/64k 256k/256k 128k/128k 10/10", Rate(Way(64_000, 256_000, 5.0), Way(64_000, 256_000, 5.0))),
        (
            "25M/50M 40M/80M 20M/40M 10/10 8 1M/1M",
            Rate(Way(25_000_000, 40_000_000, 5.0), Way(50_000_000, 80_000_000, 5.0)),
        ),
        ("0/0", Rate()),
    ],
)
def test_a_rate_limit_is_read_as_routeros_reads_it(text: str, expected: Rate) -> None:
    assert rate_limit(text) == expected


@pytest.mark.parametrize("text", ["", "fast", "1M/2M/3M", "1.5M", "-1", "1M 2M 3M 4 9", "1 2 3 4 5 6 7", "1Mbit"])
def test_a_rate_limit_that_routeros_cannot_read_is_said_so(text: str) -> None:
    with pytest.raises(BadValue):
        rate_limit(text)


def test_an_unreadable_rate_is_a_complaint_and_no_limit() -> None:
    given = granted("routeros", {"Mikrotik-Rate-Limit": ["fast"]})
    assert given.rate == Rate()
    assert given.complaints == ("'fast' is no rate",)


def test_routeros_prefers_its_own_attribute_and_wispr_ignores_it() -> None:
    reply: dict[str, list[Any]] = {
        "Mikrotik-Rate-Limit": ["1M/2M"],
        "WISPr-Bandwidth-Max-Up": [3],
        "WISPr-Bandwidth-Max-Down": [4],
    }
    assert granted("routeros", reply).rate_text == "1M/2M"
    assert granted("wispr", reply).rate == Rate(Way(3), Way(4))
    assert granted("wispr", reply).ignored == ("Mikrotik-Rate-Limit",)


def test_a_burst_ends_and_the_rate_goes_on() -> None:
    given = granted("routeros", {"Mikrotik-Rate-Limit": ["1M/8M 2M/16M 1M/8M 10/10"]})
    session = Session("1", "n", "l", "", "192.0.2.9", given, started=0.0)
    session.count(5.0)
    assert int(session.down.octets) == 16_000_000 // 8 * 5
    session.count(15.0)
    assert int(session.down.octets) == 16_000_000 // 8 * 5 + 8_000_000 // 8 * 10


def test_pools_give_the_lowest_free_address_and_know_their_names() -> None:
    pools = Pools("lalitpur-1", {"home": ["100.64.0.0/30"]})
    assert pools.address("home", set()) == "100.64.0.1"
    assert pools.address("home", {"100.64.0.1"}) == "100.64.0.2"
    assert pools.address("home", {"100.64.0.1", "100.64.0.2"}) is None
    assert pools.address("other", set()) is None
    assert Pools("lalitpur-1").address("other", set()) is not None
    prefix = Pools("lalitpur-1").prefix("home6-pd", 56, set())
    assert prefix is not None
    assert prefix.endswith("::/56")


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4_gives_the_digests_of_rfc_1320(text: bytes, digest: str) -> None:
    assert mschap.md4(text).hex() == digest


def test_mschapv2_gives_the_answers_of_rfc_2759() -> None:
    authenticator = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
    peer = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
    proof = mschap.nt_response(authenticator, peer, "User", "clientPass")
    assert proof.hex().upper() == "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF"
    success = mschap.success_text(authenticator, peer, "User", "clientPass")
    assert success == "S=407A5589115FD0D6209F510FE9C04566932CDA56"
