"""The routers of a lab: how a lab database says that they are reached, whatever git says of the real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ispctl.store import LAB_DEVICES, Store

Doors = Mapping[str, Mapping[str, Any]]


def stand_ins(store: Store) -> Doors | None:
    """By host: {"address", "port", "username", "password", "host_key", "options"}. None where no lab has said it: NAS
    are reached as git says then, or in a lab not at all."""
    found: Doors | None = json.loads(store.meta.get(LAB_DEVICES) or "null")
    return found
