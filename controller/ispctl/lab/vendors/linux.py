"""A plain Linux NAS: a script reads Filter-Id, down/up in kbit/s, when a session comes up; a CoA reaches no script."""

from __future__ import annotations

from ispctl.lab.vendors import Vendor
from ispctl.lab.vendors.accel_ppp import AccelPpp


class Linux(AccelPpp):
    """Disconnect works, if it is not asked for by address."""

    changeable = frozenset()
    pools = Vendor.pools
    deaf = frozenset({"Framed-IP-Address"})
    nods = False


VENDOR = Linux()
