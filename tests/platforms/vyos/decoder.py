"""VyOS runs accel-ppp, with the multiplier 1: kbit/s, the download first."""

from __future__ import annotations

from tests.platforms.accel_ppp.decoder import decode

__all__ = ["decode"]
