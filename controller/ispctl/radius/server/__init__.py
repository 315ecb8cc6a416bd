"""The FreeRADIUS configuration that is part of the product: settings in, files out. Lab and production run the same."""

from __future__ import annotations

from ispctl.radius.server.render import NAME, marker, render, write
from ispctl.radius.server.settings import ServerSettings, stale_after

__all__ = ["NAME", "ServerSettings", "marker", "render", "stale_after", "write"]
