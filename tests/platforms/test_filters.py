"""What templates may call, whatever the platform."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network, ip_address, summarize_address_range
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ispctl.model.problem import Refusal
from ispctl.platforms.device import PoolPart, nas_platform
from ispctl.platforms.rendering import FILTERS, render, texts
from ispctl.structs import replace
from tests.platforms.slices import WALL, usual

NETWORKS = st.builds(
    lambda address, length: str(IPv4Network((address, length), strict=False)),
    st.integers(min_value=0, max_value=2**32 - 1),
    st.integers(min_value=26, max_value=32),
)


def handed_out(pool: PoolPart) -> list[str]:
    """Each address of the ranges of a pool."""
    pairs = FILTERS["ranges"](pool)
    assert isinstance(pairs, list)
    runs = [summarize_address_range(ip_address(first), ip_address(last)) for first, last in pairs]
    return [str(address) for run in runs for network in run for address in network]


@given(NETWORKS, st.sets(st.integers(min_value=0, max_value=63)), st.integers(min_value=0, max_value=63))
def test_a_pool_hands_out_all_but_what_is_kept(prefix: str, kept: set[int], gateway: int) -> None:
    network = IPv4Network(prefix)
    exclude = tuple(str(network[place]) for place in kept if place < network.num_addresses)
    router = str(network[gateway % network.num_addresses])
    wanted = {str(host) for host in network.hosts()} - {router, *exclude}
    found = handed_out(PoolPart("a", 4, (prefix,), "nas", router, exclude))
    assert len(found) == len(set(found))
    assert set(found) == wanted


def test_what_is_kept_elsewhere_changes_nothing() -> None:
    pool = PoolPart("a", 4, ("100.64.0.0/30", "100.64.8.0/30"), "nas", "192.0.2.1", ("100.64.0.1", "198.51.100.1"))
    assert FILTERS["ranges"](pool) == [("100.64.0.2", "100.64.0.2"), ("100.64.8.1", "100.64.8.2")]


@pytest.mark.parametrize("address, inside", [("100.64.3.255", True), ("100.64.4.0", False), ("2001:db8::1", False)])
def test_a_prefix_holds_its_addresses(address: str, inside: bool) -> None:
    assert FILTERS["holds"]("100.64.0.0/22", address) is inside


def test_of_several_values_none_is_the_only_one() -> None:
    assert FILTERS["only"](("a",)) == "a"
    for values in ((), ("a", "b")):
        with pytest.raises(Exception, match="where one value is taken"):
            FILTERS["only"](values)


POOLS = st.lists(
    st.from_regex(r"(a|a-2|a_2|a\.2)[-._2]{0,2}", fullmatch=True), min_size=1, max_size=5, unique=True
)  # names that might be taken for each other's


@given(POOLS, st.integers(1, 4), st.sampled_from(["", "isp-"]))
def test_prefixes_of_pools_have_names_of_their_own_that_every_platform_takes(
    names: list[str], prefixes: int, before: str
) -> None:
    pools = [PoolPart(name, 6, ("2001:db8::/48",) * prefixes, "nas") for name in names]
    ends = [str(number) for number in range(2, prefixes + 1)]
    assume(all(any(f"{before}{name}{sign}{end}" not in names for sign in "-_.") for name in names for end in ends))
    numbered: Callable[..., Any] = FILTERS["names"]
    found = [name for pool in pools for name in numbered(pool, pools, before)]
    assert len(set(found)) == len(pools) * prefixes
    assert all(re.fullmatch("[a-z0-9._-]+", name) for name in found)


def test_a_pool_whose_prefixes_no_name_is_left_for_is_refused_while_rendering() -> None:
    names = ("home", "home-2", "home_2", "home.2")
    pools = tuple(
        PoolPart(name, 6, ("2001:db8:1::/48", "2001:db8:2::/48")[: 1 + (name == "home")], "nas") for name in names
    )
    platform = nas_platform("huawei-vrp")
    assert platform is not None
    assert "ipv6 prefix isp-home.2 local" in "".join(
        texts(platform, replace(usual("huawei-vrp"), pools=pools[:3]), {}).values()
    )
    with pytest.raises(Refusal, match="E801 .*: no name is left for a prefix of the pool home"):
        render(platform, replace(usual("huawei-vrp"), pools=pools), {})


@pytest.mark.parametrize("more", [0, 1])
def test_a_name_of_huawei_is_as_long_as_the_router_takes_with_what_stands_before_and_behind_it(more: int) -> None:
    platform = nas_platform("huawei-vrp")
    assert platform is not None
    name = "isp-" + "p" * (23 + more)
    for want in (
        replace(usual("huawei-vrp"), pools=(PoolPart(name, 6, ("2001:db8:1::/48",), "nas"),)),
        replace(usual("huawei-vrp"), wall=replace(WALL, name=name[:-1])),
    ):
        if not more:
            render(platform, want, {})
            continue
        with pytest.raises(Refusal, match="E801 .* at most 31"):
            render(platform, want, {})
