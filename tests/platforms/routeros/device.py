"""The RouterOS that stands in, full of what others configured, in the menus that we write too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ispctl.lab.devices.routeros import RouterOs
from ispctl.platforms.device import Login

MENUS_OF_BOTH = (
    "/interface",
    "/ip address",
    "/ip pool",
    "/ipv6 pool",
    "/radius",
    "/ppp profile",
    "/ppp secret",
    "/ppp active",
    "/interface pppoe-server server",
    "/ip dhcp-server",
    "/ip dhcp-server network",
    "/ip dhcp-server lease",
    "/queue simple",
    "/ip firewall address-list",
    "/ipv6 firewall address-list",
    "/ip firewall filter",
    "/ipv6 firewall filter",
    "/ip firewall nat",
    "/system identity",
    "/system script",
    "/system scheduler",
)
OTHERS = """
/system identity set name=lalitpur-1
/interface add name=acc0
/interface add name=acc1
/interface add name=up0
/interface add name=vlan900 type=vlan
/ip address add address=192.0.2.1/24 interface=up0
/ip address add address=100.64.32.1/24 interface=acc1
/ip pool add name=office-lan ranges=192.0.2.100-192.0.2.150 comment="the office"
/ip pool add name=old ranges=192.0.2.160-192.0.2.170
/ipv6 pool add name=office6 prefix=2001:db8:ff00::/56 prefix-length=64
/radius add service=login,hotspot address=192.0.2.5 secret=not-of-ours comment="engineers log in by this one"
/ppp profile add name=partner local-address=192.0.2.1 remote-address=office-lan rate-limit=2M/2M
/ppp secret add name=partner password=theirs profile=partner
/interface pppoe-server server add service-name=partner interface=vlan900 default-profile=partner disabled=no
/ip dhcp-server add name=office interface=up0 address-pool=office-lan lease-time=1h disabled=no
/ip dhcp-server network add address=192.0.2.0/24 gateway=192.0.2.1
/ip dhcp-server lease add address=192.0.2.110 mac-address=02:00:00:00:09:10 comment=printer
/queue simple add name=office target=192.0.2.0/24 max-limit=10M/10M
/queue simple add name=backup target=192.0.2.9 max-limit=1M/1M comment="nightly; ispctl: no"
/ip firewall address-list add list=management address=192.0.2.64/28
/ipv6 firewall address-list add list=management address=2001:db8:ffff::/64
/ip firewall filter add chain=input action=accept src-address-list=management comment=management
/ip firewall filter add chain=forward action=drop connection-state=invalid comment="no strays"
/ip firewall filter add chain=forward action=fasttrack-connection connection-state=established,related
/ip firewall filter add chain=forward action=accept connection-state=established,related,untracked
/ip firewall filter add chain=forward action=drop in-interface=up0 comment="nothing new from outside"
/ipv6 firewall filter add chain=forward action=accept connection-state=established,related
/ipv6 firewall filter add chain=forward action=accept protocol=icmpv6
/ip firewall nat add chain=srcnat action=masquerade out-interface=up0 comment=nat
/system script add name=backup source="/log info \\"saved\\""
/system scheduler add name=nightly interval=1d on-event="/system script run backup"
"""
PASSWORD = "a quiet afternoon"


@dataclass
class RouterOsDevice:
    router: RouterOs
    login: Login

    def foreign(self) -> str:
        """Of the menus that both write, the rows that bear no mark of ours; with their ids, in their order."""
        marks = [row.get("comment", "") for row in self.router.rows("/ipv6 firewall address-list")]
        pools = {mark.removeprefix("ispctl:pool ") for mark in marks if mark.startswith("ispctl:pool ")}
        lines = []
        for path in MENUS_OF_BOTH:
            for row in self.router.rows(path):
                ours = row.get("comment", "").startswith("ispctl:") or row.get("name", "").startswith("ispctl:")
                if not ours and not (path == "/ipv6 pool" and row["name"] in pools):
                    lines.append(f"{path} {row}")
        return "\n".join(lines)

    def dies_after(self, writes: int) -> None:
        self.router.dies_after(writes)

    def revives(self) -> None:
        self.router.revives()

    def elapses(self) -> None:
        self.router.advance(600)


@contextmanager
def device(tmp_path: Path) -> Iterator[RouterOsDevice]:
    with RouterOs(username="ispctl", password=PASSWORD) as router:
        router.type(OTHERS)
        router.appears("/ip firewall address-list", list="isp-walled", address="100.64.64.9", comment="")
        router.appears("/ip dhcp-server lease", address="100.64.32.77", mac_address="02:00:00:00:07:77", status="bound")
        router.appears("/ppp active", name="somebody", address="100.64.0.9")
        router.appears("/ip firewall filter", chain="forward", action="passthrough", comment="fasttrack counters")
        login = Login(
            host="lalitpur-1",
            platform="routeros",
            address="127.0.0.1",
            port=router.port,
            username="ispctl",
            password=PASSWORD,
            host_key=router.certificate,
            timeout=10.0,
        )
        yield RouterOsDevice(router, login)
