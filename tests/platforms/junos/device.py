"""A router of the lab, full of what others configured: the same statements as ours, beside the group and in others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ispctl.lab.devices.junos_like import JunosLike
from ispctl.platforms.device import Login

USER, PASSWORD = "netops", "a lab password"
FOREIGN = """\
set access address-assignment pool cellar family inet network 203.0.113.192/27
set access address-assignment pool cellar family inet range all high 203.0.113.222
set access address-assignment pool cellar family inet range all low 203.0.113.193
set access profile landlord authentication-order radius
set access profile landlord radius authentication-server 203.0.113.10
set access radius-server 203.0.113.10 port 1812
set access radius-server 203.0.113.10 secret "$9$GEZDGNBV"
set apply-groups landlord
set dynamic-profiles cellar interfaces pp0 unit "$junos-interface-unit" ppp-options chap
set dynamic-profiles isp-looks-like-ours variables down mandatory
set firewall family inet filter isp-not-in-the-group term all then accept
set groups isp-ispctl-of-yesterday system host-name wrong
set groups landlord access radius-server 203.0.113.11 port 1812
set interfaces eth7 unit 0 family inet address 203.0.113.1/24
set interfaces lo0 unit 0 family inet address 192.0.2.1/32
set system host-name edge
"""


class Device:
    def __init__(self, box: JunosLike) -> None:
        self.box = box
        self.login = Login(
            "lalitpur-1", "junos", "127.0.0.1", box.port, USER, PASSWORD, host_key=box.host_key, timeout=10
        )

    def foreign(self) -> str:
        ours = ("set groups isp-ispctl ", "set apply-groups isp-ispctl")
        return "\n".join(line for line in self.box.lines() if not line.startswith(ours))

    def dies_after(self, writes: int) -> None:
        self.box.writes_left = writes

    def revives(self) -> None:
        self.box.writes_left = None
        self.elapses()

    def elapses(self) -> None:
        self.box.passes(600)


@contextmanager
def device(tmp_path: Path) -> Iterator[Device]:
    with JunosLike(FOREIGN.splitlines(), USER, PASSWORD) as box:
        yield Device(box)
