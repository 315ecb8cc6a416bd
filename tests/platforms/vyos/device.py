"""A VyOS of the lab, full of what others configured: below the same nodes as ours, in the same PPPoE server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ispctl.lab.devices.vyos_like import VyosLike
from ispctl.platforms.device import Login

USER, PASSWORD = "netops", "a lab password"
MAPPING = "set service dhcp-server shared-network-name LAN subnet 203.0.113.64/26 static-mapping isp-looks-like-ours"
FOREIGN = f"""\
set firewall group address-group ADMINS address '203.0.113.9'
set firewall group ipv6-network-group OFFICE6 network '2001:db8:f00::/48'
set firewall group mac-group PRINTERS mac-address '02:00:00:00:99:01'
set firewall group network-group OFFICE network '203.0.113.0/28'
set firewall ipv4 forward filter default-action 'accept'
set firewall ipv4 forward filter rule 100 action 'drop'
set firewall ipv4 forward filter rule 100 source group network-group 'OFFICE'
set firewall ipv4 name GUARD default-action 'drop'
set firewall ipv4 name GUARD rule 10 action 'accept'
set firewall ipv4 name GUARD rule 10 description 'not isp-walled'
set interfaces ethernet eth7 address '203.0.113.1/24'
set nat source rule 100 outbound-interface name 'eth7'
set nat source rule 100 translation address 'masquerade'
set protocols static arp interface eth7 address 203.0.113.77 mac '02:00:00:00:99:02'
set service dhcp-server shared-network-name LAN subnet 203.0.113.64/26 range 0 start '203.0.113.70'
set service dhcp-server shared-network-name LAN subnet 203.0.113.64/26 range 0 stop '203.0.113.99'
{MAPPING} ip-address '203.0.113.80'
{MAPPING} mac '02:00:00:00:99:03'
set service dhcp-server shared-network-name LAN subnet 203.0.113.64/26 subnet-id '1'
set service pppoe-server access-concentrator 'cellar'
set service pppoe-server authentication mode 'radius'
set service pppoe-server authentication radius server 203.0.113.10 key 'the landlord'
set service pppoe-server client-ip-pool cellar range '203.0.113.192/27'
set service pppoe-server client-ipv6-pool cellar6 prefix 2001:db8:f01::/48 mask '64'
set service pppoe-server default-pool 'cellar'
set service pppoe-server gateway-address '192.0.2.1'
set service pppoe-server interface eth7
set service ssh port '22'
set system host-name 'vyos'
"""
_OURS = re.compile(
    r"set (firewall group \S+ isp-|firewall ipv[46] name isp-|firewall ipv[46] forward filter rule [56] "
    r"|service dhcp-server shared-network-name isp-"
    r"|service pppoe-server (client-ip(v6)?-pool (home|walled|guests|isp-)|interface acc|ppp-options ipv6"
    r"|authentication radius (server 198\.51\.100\.|dynamic-author|rate-limit|nas-|source-|accounting-))"
    r"|protocols static arp interface acc)"
)


class Device:
    def __init__(self, one: VyosLike) -> None:
        self.box = one
        self.login = Login(
            "lalitpur-1", "vyos", "127.0.0.1", one.port, USER, PASSWORD, host_key=one.host_key, timeout=10
        )

    def foreign(self) -> str:
        return "\n".join(line for line in self.box.lines() if not _OURS.match(line))

    def dies_after(self, writes: int) -> None:
        self.box.writes_left = writes

    def revives(self) -> None:
        self.box.writes_left = None
        self.elapses()

    def elapses(self) -> None:
        self.box.passes(600)


@contextmanager
def device(tmp_path: Path) -> Iterator[Device]:
    with VyosLike(tmp_path, FOREIGN.splitlines(), USER, PASSWORD) as one:
        yield Device(one)
