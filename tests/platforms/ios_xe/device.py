"""A router that answers like one with IOS-XE, full of what others configured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ispctl.lab.devices.ios_like import IosLike
from tests.platforms.indented import Router

FOREIGN: Final = """
aaa new-model
aaa authentication ppp default group corp
aaa accounting network corp start-stop group corp
aaa group server radius corp
 server name corp-1
aaa server radius dynamic-author
 client 203.0.113.9 server-key 0 somebody else
 port 3799
radius server corp-1
 address ipv4 203.0.113.9 auth-port 1645 acct-port 1646
 key 0 somebody else
ip dhcp excluded-address 10.9.0.1 10.9.0.9
ip dhcp pool phones
 network 10.9.0.0 255.255.255.0
 default-router 10.9.0.1
ip local pool mobile 10.8.0.1 10.8.3.254
ip local pool mobile 10.8.8.1 10.8.9.254
ipv6 local pool mobile6 2001:db8:8000::/40 56
ip access-list extended management
 remark our own people
 permit tcp 192.0.2.0 0.0.0.255 any eq 22
 deny ip any any
ipv6 access-list management6
 permit ipv6 2001:db8:1::/48 any
policy-map corp-10M
 class class-default
  police cir 10000000 bc 312500
   conform-action transmit
   exceed-action drop
bba-group pppoe old
 virtual-template 7
interface Virtual-Template1
 description ours to write by hand
interface acc0
 description to the subscribers
interface acc1
 ip address 100.64.32.1 255.255.255.0
interface acc7
 pppoe enable group old
 ip access-group management in
ip route 0.0.0.0 0.0.0.0 192.0.2.254
snmp-server community watcher RO
"""
_POOLS: Final = "home|home6|home6-pd|offices|walled|guests"
_OURS: Final = re.compile(
    rf"\bisp-|^ip(v6)? local pool ({_POOLS}) |^ip dhcp excluded-address 100\.64\.|^ client 198\.51\.100\."
)


@contextmanager
def device(tmp_path: Path) -> Iterator[Router]:
    with IosLike(FOREIGN) as router:
        yield Router("ios-xe", router, router.running, _OURS)
