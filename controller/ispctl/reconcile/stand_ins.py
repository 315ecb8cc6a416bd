"""The routers of a lab: how a lab database says that they are reached, whatever git says of the real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ispctl.store import LAB_DEVICES, Store

Doors = Mapping[str, Mapping[str, Any]]


def stand_ins(store: Store) -> Doors | None:
    """By host: {"address", "port", "username", "password", "host_key", "options"}. None where NAS are reached as git
    says; a lab never speaks to a real one, so that one without stand-ins reaches none."""
    if not store.is_lab:
        return None
    found: Doors = json.loads(store.meta.get(LAB_DEVICES) or "{}")
    return found
