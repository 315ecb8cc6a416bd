"""What an Access-Accept grants, read as the NAS of that platform reads it."""

from __future__ import annotations

from typing import Final

from ispctl.lab import rates
from ispctl.lab.vendors import Attributes, one, vendor
from ispctl.structs import Struct

_STANDARD: Final = frozenset(
    (
        "Service-Type",
        "Framed-Protocol",
        "Framed-IP-Address",
        "Framed-IP-Netmask",
        "Framed-Route",
        "Class",
        "Session-Timeout",
        "Idle-Timeout",
        "Acct-Interim-Interval",
        "Filter-Id",
        "Framed-IPv6-Prefix",
        "Framed-IPv6-Address",
        "Delegated-IPv6-Prefix",
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


class Granted(Struct):
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
    nas = vendor(platform)
    known = _STANDARD | nas.own | set(nas.pools)
    seen = {name: values for name, values in reply.items() if name in known}
    complaints: list[str] = []
    try:
        rate, text = nas.rate(seen)
    except rates.BadValue as error:
        rate, text = rates.Rate(), ""
        complaints.append(str(error))
    pool, prefix_pool, delegated_pool = (one(seen, name) for name in nas.pools)
    return Granted(
        rate=rate,
        rate_text=text,
        address=one(seen, "Framed-IP-Address"),
        pool=pool,
        address_list=nas.mark(seen),
        filter=one(seen, "Filter-Id"),
        group=one(seen, "Mikrotik-Group"),
        routes=tuple(seen.get("Framed-Route", ())),
        prefix=one(seen, "Framed-IPv6-Prefix"),
        prefix_pool=prefix_pool,
        delegated=one(seen, "Delegated-IPv6-Prefix"),
        delegated_pool=delegated_pool,
        interim=one(seen, "Acct-Interim-Interval"),
        timeout=one(seen, "Session-Timeout"),
        classes=tuple(seen.get("Class", ())),
        ignored=tuple(sorted(reply.keys() - known)),
        complaints=tuple(complaints),
    )
