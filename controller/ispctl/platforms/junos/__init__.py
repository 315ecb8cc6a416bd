"""Juniper Junos on MX (vendor 4874; the attributes carry the names of the ERX in FreeRADIUS's dictionary)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ispctl.model.policy import Wall
from ispctl.platforms import STANDARD_POOLS, Attribute, Platform, short, within

_ACTIVATE: Final = "ERX-Service-Activate"
_DEACTIVATE: Final = "ERX-Service-Deactivate"


class Junos(Platform):
    """A speed is a service with two parameters, isp-rate(DOWN,UP): a dynamic profile of that name on the router, which
    takes them as the bandwidth limits of its policers. A wall is another service, named like the wall, with the same
    parameters. Junos knows a running service by its whole text, so a CoA has to end the old one by it and begin the
    new one: where the old one is not known, only a new session will do."""

    name = "junos"
    serves = frozenset({"pppoe"})
    attributes = frozenset({_ACTIVATE, _DEACTIVATE})
    changeable = frozenset({_ACTIVATE})
    takes_back = _DEACTIVATE
    pools = (*STANDARD_POOLS[:2], "ERX-IPv6-Delegated-Pool-Name")

    def rate(self, down: int, up: int) -> Sequence[Attribute]:
        return [_service("isp-rate", down, up)]

    def walled(self, wall: Wall) -> Sequence[Attribute]:
        return [_service(wall.address_list, wall.rate.down, wall.rate.up)]

    def refers(self, attribute: Attribute) -> str:
        if self.changes(attribute):
            return f"dynamic-profile {attribute[1].partition('(')[0]}"
        return super().refers(attribute)


def _service(name: str, down: int, up: int) -> Attribute:
    within("bandwidth-limit", (down, up), 8_000, 100 * 10**9)
    return f"{_ACTIVATE}:1", f"{name}({short(down, 'kmg')},{short(up, 'kmg')})"


PLATFORM = Junos()
