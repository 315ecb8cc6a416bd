"""VyOS runs accel-ppp."""

from __future__ import annotations

from ispctl.lab.vendors.accel_ppp import AccelPpp

VENDOR = AccelPpp()
