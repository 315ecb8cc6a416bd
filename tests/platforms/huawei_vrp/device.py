"""A router that answers like one with VRP, full of what others configured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ispctl.lab.devices.huawei_like import HuaweiLike
from tests.platforms.indented import Router

FOREIGN: Final = """
user-group staff
acl name staff ucl
 rule 5 permit ip source user-group staff
traffic classifier staff operator or
 if-match acl name staff
traffic behavior pass
 permit
traffic policy staff
 classifier staff behavior pass precedence 1
traffic-policy staff outbound
ip pool mobile bas local
 gateway 10.8.0.1 255.255.252.0
 section 0 10.8.0.2 10.8.3.254
 dns-server 192.0.2.53
ipv6 prefix mobile6 delegation
 prefix 2001:db8:8000::/40 delegating-prefix-length 56
ipv6 pool mobile6 bas delegation
 prefix mobile6
radius-server group corp
 radius-server shared-key-cipher "somebody else"
 radius-server authentication 203.0.113.9 1645 weight 0
radius-server authorization 203.0.113.9 shared-key-cipher "somebody else" server-group corp
aaa
 authentication-scheme corp
  authentication-mode radius
 accounting-scheme corp
  accounting-mode radius
 domain corp
  authentication-scheme corp
  accounting-scheme corp
  radius-server group corp
  ip-pool mobile
interface GigabitEthernet0/1/0.100
 description to the subscribers
 pppoe-server bind Virtual-Template 1
ip route-static 0.0.0.0 0 192.0.2.254
"""
_POOLS: Final = "home|home6|home6-pd|offices|walled|guests"
_OURS: Final = re.compile(rf"\bisp-|^ip(v6)? pool ({_POOLS}) ")


@contextmanager
def device(tmp_path: Path) -> Iterator[Router]:
    with HuaweiLike(FOREIGN) as router:
        yield Router("huawei-vrp", router, router.shown, _OURS)
