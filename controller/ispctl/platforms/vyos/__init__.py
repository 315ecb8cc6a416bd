"""VyOS: accel-ppp, configured by VyOS."""

from __future__ import annotations

from ispctl.platforms.accel_ppp import AccelPpp


class Vyos(AccelPpp):
    """The same daemon (rate-limit on Filter-Id, multiplier 1). Its door for CoA is at another port unless told so."""

    name = "vyos"
    coa_port = 1700
    binds = True
    leases = frozenset({4})
    serves = frozenset({"pppoe"})


PLATFORM = Vyos()
