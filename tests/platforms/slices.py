"""What an ISP might want of a NAS, in several states: the contract of all platforms is held with these."""

from __future__ import annotations

from ispctl.desired import Terms
from ispctl.platforms.device import Barrier, Binding, PoolPart, Port, Server, Slice
from ispctl.structs import replace

SECRET = "sha256:" + "5e" * 32
OTHER_SECRET = "sha256:" + "7a" * 32
CLEAR = {SECRET: "correct horse", OTHER_SECRET: "battery staple"}
"""What stands behind the digests."""


HOME = PoolPart("home", 4, ("100.64.0.0/22",), "nas")
SIXES = (
    PoolPart("home6", 6, ("2001:db8:10::/48",), "nas"),
    PoolPart("home6-pd", 6, ("2001:db8:2000::/40",), "nas", length=56),
)
OFFICES = PoolPart("offices", 4, ("100.64.32.0/24",), "dhcp", "100.64.32.1", ("100.64.32.2",))
WALLED = PoolPart("walled", 4, ("100.64.64.0/23",), "nas")
WALL = Barrier("isp-walled", "walled", "", ("198.51.100.80/32",), "https://pay.isp.example/", 1_000_000, 1_000_000)
ANITA = Binding(
    "sub-000001-main", "sub-000001/main", "100.64.32.10", ("02:00:00:00:00:10",), "open", 20_000_000, 5_000_000
)
BIKASH = Binding(
    "sub-000002-main", "sub-000002/main", "100.64.32.11", ("02:00:00:00:00:11",), "walled", 1_000_000, 1_000_000
)


def terms(name: str, down: int, up: int) -> Terms:
    return Terms(name, down, up, None, 1, "pool:home", "pool:home6", "pool:home6-pd")


def usual(platform: str) -> Slice:
    """Two servers, five pools, two tariffs, a wall, two bindings, an interface of each kind."""
    return Slice(
        host="lalitpur-1",
        platform=platform,
        identifier="lalitpur-1",
        source="192.0.2.1",
        secret=SECRET,
        servers=(Server("198.51.100.10", 1812, 1813), Server("198.51.100.11", 1812, 1813)),
        coa_port=3799,
        interim=300,
        ports=(Port("pppoe", "acc0"), Port("ipoe", "acc1")),
        core="up0",
        pools=(HOME, *SIXES, OFFICES, WALLED),
        tariffs=(terms("home-50", 50_000_000, 25_000_000), terms("home-100", 100_000_000, 50_000_000)),
        wall=WALL,
        bindings=(ANITA, BIKASH),
    )


def later(platform: str) -> Slice:
    """The same ISP a month later: a server, a pool, a tariff and the bindings are others, the secret is another."""
    more = PoolPart("home", 4, ("100.64.0.0/22", "100.64.8.0/22"), "nas")
    guests = PoolPart("guests", 4, ("100.64.40.0/24",), "nas")
    return replace(
        usual(platform),
        secret=OTHER_SECRET,
        servers=(Server("198.51.100.10", 1812, 1813), Server("198.51.100.12", 1645, 1646)),
        interim=600,
        pools=(guests, more, *SIXES, WALLED),
        tariffs=(terms("home-50", 60_000_000, 30_000_000), terms("home-200", 200_000_000, 100_000_000)),
        wall=replace(WALL, allow=("198.51.100.80/32", "198.51.100.53/32"), down=2_000_000),
        bindings=(
            replace(ANITA, down=40_000_000, macs=("02:00:00:00:00:1a",)),
            replace(BIKASH, access="open", down=50_000_000, up=25_000_000),
        ),
    )


def nothing(platform: str) -> Slice:
    """A NAS that is given back: nothing on it is ours any more."""
    return replace(
        usual(platform),
        secret="",
        servers=(),
        coa_port=0,
        ports=(),
        pools=(),
        tariffs=(),
        bindings=(),
        wall=Barrier("", "", "", (), "", 0, 0),
    )
