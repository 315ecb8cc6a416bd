"""What templates may call, whatever the platform."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address, summarize_address_range

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.platforms.device import PoolPart
from ispctl.platforms.rendering import FILTERS

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
