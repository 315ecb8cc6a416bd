"""Applied entitlements as text: what the store keeps of each service, and how it comes back. Pure.

What a tariff grants is kept once, not with each of its services: a tariff edit writes one row here, not its people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

from ispctl.desired import Entitlement, Terms
from ispctl.model.compact import compact
from ispctl.plan import Fields, listed
from ispctl.states import State

_LEFT_OUT: Final = frozenset({"terms", "because", "sealed", "until", "first_login", "new_password", "fair_use", "cpe"})
_TUPLES: Final = frozenset({"routes", "nas", "macs", "identities"})
_MOMENTS: Final = frozenset({"ends", "backstop"})
_NAMES: Final = frozenset(field.name for field in fields(Entitlement) if field.name not in _LEFT_OUT)
_SAID: Final = tuple(sorted(_NAMES | {"tariff"}))
_VALUES: Final = attrgetter(*("terms.name" if name == "tariff" else name for name in _SAID))


def to_text(entitlement: Entitlement) -> str:
    """One line of JSON without secrets and without reasons; equal for equal entitlements."""
    said: dict[str, Any] = dict(zip(_SAID, _VALUES(entitlement), strict=True))
    for name in _MOMENTS:
        if said[name]:
            said[name] = said[name].isoformat()
    return compact(said)


def from_text(text: str, terms: Mapping[str, Terms]) -> Entitlement | None:
    """What `to_text` wrote; None if it was written by a version that said other things, which means "unknown"."""
    try:
        said = dict(json.loads(text))
        granted = terms.get(said.pop("tariff", ""))
        if granted is None or said.keys() != _NAMES:
            return None
        for name in _TUPLES:
            said[name] = tuple(said[name])
        for name in _MOMENTS:
            said[name] = datetime.fromisoformat(said[name]).astimezone(UTC) if said[name] else None
        said["state"] = State(said["state"])
    except (TypeError, ValueError):  # somebody wrote there by hand
        return None
    return Entitlement(**said, terms=granted, until=None)


def terms_to_value(terms: Terms) -> dict[str, Any]:
    """A tariff's terms as a JSON object."""
    return asdict(terms)


def terms_from_value(value: Mapping[str, Any]) -> Terms:
    """The reverse. Raises TypeError for what another version wrote."""
    burst = value.get("burst")
    terms = Terms(**{**value, "burst": tuple(burst) if burst else None})
    if not all(isinstance(number, int) for number in (terms.down, terms.up, terms.sessions)):
        raise TypeError("rates and sessions are numbers")
    return terms


def digest_of(rendered: Fields | None) -> str:
    """A short name for rendered rows: what was written last is known without reading it back."""
    if rendered is None:
        return ""
    return hashlib.sha256(listed(rendered).encode()).hexdigest()[:16]
