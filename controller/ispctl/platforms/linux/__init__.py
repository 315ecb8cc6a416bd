"""A plain Linux NAS: pppd with its radius and radattr plugins, strongSwan, or whatever a script makes of attributes."""

from __future__ import annotations

from ispctl.platforms import NAMES, STANDARD_POOLS
from ispctl.platforms.accel_ppp import AccelPpp


class Linux(AccelPpp):
    """Filter-Id is "down/up" in kbit/s, as for accel-ppp, for the script that sets tc or nftables when a session comes
    up. Nobody takes it from a CoA, so another speed is another session. hostapd refuses a Disconnect that names a
    session by its address."""

    name = "linux"
    changeable = frozenset()
    names = NAMES - {"Framed-IP-Address"}
    pools = STANDARD_POOLS
    binds = True
    leases = frozenset({4})
    serves = frozenset()
    most = 8 * (2**32 - 1) // 1000 * 1000


PLATFORM = Linux()
