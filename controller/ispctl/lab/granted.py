"""What an Access-Accept grants, read as the NAS of that platform reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ispctl.lab import rates

Attributes = Mapping[str, Sequence[Any]]

_STANDARD: Final = frozenset(
    (
        "Service-Type",
        "Framed-Protocol",
        "Framed-IP-Address",
        "Framed-IP-Netmask",
        "Framed-Pool",
        "Framed-Route",
        "Class",
        "Session-Timeout",
        "Idle-Timeout",
        "Acct-Interim-Interval",
        "Filter-Id",
        "Framed-IPv6-Prefix",
        "Framed-IPv6-Pool",
        "Framed-IPv6-Address",
        "Delegated-IPv6-Prefix",
        "Delegated-IPv6-Prefix-Pool",
        "Reply-Message",
        "Message-Authenticator",
        "MS-CHAP2-Success",
        "MS-MPPE-Send-Key",
        "MS-MPPE-Recv-Key",
        "MS-MPPE-Encryption-Policy",
        "MS-MPPE-Encryption-Types",
        "Framed-MTU",
    )
)
_WISPR: Final = frozenset(("WISPr-Bandwidth-Max-Up", "WISPr-Bandwidth-Max-Down"))
UNDERSTOOD: Final[Mapping[str, frozenset[str]]] = {
    "routeros": _STANDARD
    | _WISPR
    | {"Mikrotik-Rate-Limit", "Mikrotik-Address-List", "Mikrotik-Group", "Mikrotik-Delegated-IPv6-Pool"},
    "wispr": _STANDARD | _WISPR,
}
"""Platform -> attributes of an Access-Accept that have an effect there; all others are ignored.

A platform that is not listed is read as WISPr."""


@dataclass(frozen=True)
class Granted:
    """What the server gave. `address` or `pool` may be absent; `ignored` names attributes without effect here."""

    rate: rates.Rate
    rate_text: str = ""
    address: str | None = None
    pool: str | None = None
    address_list: str | None = None
    filter: str | None = None
    group: str | None = None
    routes: tuple[str, ...] = ()
    prefix: str | None = None
    prefix_pool: str | None = None
    delegated: str | None = None
    delegated_pool: str | None = None
    interim: int | None = None
    timeout: int | None = None
    classes: tuple[bytes, ...] = ()
    ignored: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()


def granted(platform: str, reply: Attributes) -> Granted:
    """Read an Access-Accept. A rate that cannot be read is a complaint and no limit, as on a real router."""
    known = UNDERSTOOD.get(platform, UNDERSTOOD["wispr"])
    seen = {name: values for name, values in reply.items() if name in known}
    complaints: list[str] = []
    try:
        rate, text = rate_of(platform, seen)
    except rates.BadValue as error:
        rate, text = rates.Rate(), ""
        complaints.append(str(error))
    return Granted(
        rate=rate,
        rate_text=text,
        address=_one(seen, "Framed-IP-Address"),
        pool=_one(seen, "Framed-Pool"),
        address_list=_one(seen, "Mikrotik-Address-List"),
        filter=_one(seen, "Filter-Id"),
        group=_one(seen, "Mikrotik-Group"),
        routes=tuple(seen.get("Framed-Route", ())),
        prefix=_one(seen, "Framed-IPv6-Prefix"),
        prefix_pool=_one(seen, "Framed-IPv6-Pool"),
        delegated=_one(seen, "Delegated-IPv6-Prefix"),
        delegated_pool=_one(seen, "Delegated-IPv6-Prefix-Pool") or _one(seen, "Mikrotik-Delegated-IPv6-Pool"),
        interim=_one(seen, "Acct-Interim-Interval"),
        timeout=_one(seen, "Session-Timeout"),
        classes=tuple(seen.get("Class", ())),
        ignored=tuple(sorted(reply.keys() - known)),
        complaints=tuple(complaints),
    )


def rate_of(platform: str, attributes: Attributes) -> tuple[rates.Rate, str]:
    """The rate and how it was written. RouterOS prefers its own attribute to WISPr's. Raises rates.BadValue."""
    own = _one(attributes, "Mikrotik-Rate-Limit") if platform == "routeros" else None
    if own:
        return rates.routeros(own), own
    up, down = (_one(attributes, f"WISPr-Bandwidth-Max-{way}") for way in ("Up", "Down"))
    if up is None and down is None:
        return rates.Rate(), ""
    return rates.wispr(up, down), f"{up or 0}/{down or 0}"


def _one(attributes: Attributes, name: str) -> Any:
    values = attributes.get(name)
    return values[0] if values else None
