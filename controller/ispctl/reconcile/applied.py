"""Applied entitlements as text: what the store keeps of each service, and how it comes back. Pure.

What a tariff grants is kept once, not with each of its services: a tariff edit writes one row here, not its people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from ispctl.desired import Entitlement, Terms
from ispctl.digests import sha256
from ispctl.model.compact import compact, quoted
from ispctl.plan import Fields, listed
from ispctl.states import State
from ispctl.structs import as_dict, names

_LEFT_OUT: Final = frozenset({"terms", "because", "sealed", "until", "first_login", "new_password", "fair_use", "cpe"})
_TUPLES: Final = frozenset({"routes", "nas", "macs", "identities"})
_MOMENTS: Final = frozenset({"ends", "backstop"})
_NAMES: Final = frozenset(names(Entitlement)) - _LEFT_OUT
_SAID: Final = tuple(sorted(_NAMES | {"tariff"}))
_ADDRESSES: Final = frozenset({"ipv4", "ipv6", "delegated", "routes", "macs", "identities"})
_OWN: Final = _ADDRESSES | _MOMENTS | {"id", "login", "password"}
"""What hardly two services have alike; thousands have the same of all others."""
_OWN_OF: Final = attrgetter(*sorted(_OWN))
_ALIKE: Final = tuple(name for name in _SAID if name not in _OWN)
_ALIKE_OF: Final = attrgetter(*("terms.name" if name == "tariff" else name for name in _ALIKE))


def to_text(entitlement: Entitlement) -> str:
    """One line of JSON without secrets and without reasons; equal for equal entitlements."""
    own = [quoted(value) if type(value) is str else _own(value) for value in _OWN_OF(entitlement)]
    return _form(*_ALIKE_OF(entitlement)) % tuple(own)


@lru_cache(4096)
def _form(*alike: Any) -> str:
    """The line of those who are alike, with %s for what each has of its own."""
    said = dict(zip(_ALIKE, alike, strict=True))
    parts = (f"{compact(name)}:{'%s' if name in _OWN else compact(said[name]).replace('%', '%%')}" for name in _SAID)
    return f"{{{','.join(parts)}}}"


def _own(value: datetime | tuple[str, ...] | None) -> str:
    if value is None:
        return "null"
    return f'"{value.isoformat()}"' if isinstance(value, datetime) else compact(value) if value else "[]"


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
    return as_dict(terms)


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
    return sha256(listed(rendered).encode()).hexdigest()[:16]
