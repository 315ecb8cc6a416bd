"""How a service is known: what the network calls it, and how its secret stands in a plan."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ispctl.digests import sha256
from ispctl.model.subscriber import Binding, Service


def identities(service: Service, binding: Binding) -> Iterator[str]:
    """How the network names an ipoe service: its devices, and its login where that is a MAC address; or its line, in
    hexadecimal, since a line may be called by any octets."""
    access = service.access
    if access.identify == "mac":
        own = [service.login] if re.fullmatch("[0-9a-f]{2}(:[0-9a-f]{2}){5}", service.login) else []
        yield from {f"mac:{mac}" for mac in (*own, *(device.mac for device in binding.addresses))}
    elif access.circuit_id is not None:
        parts = filter(None, (access.circuit_id, access.remote_id))
        yield "circuit:" + "/".join(part[2:] if part.startswith("0x") else part.encode().hex() for part in parts)


def sealed_digest(sealed: str) -> str:
    """How a secret stands in a change: the SHA-256 of its sealed text."""
    return "sha256:" + sha256(sealed.encode()).hexdigest()


def sealing_key(sealed: str) -> str:
    """ "k1" of "enc:k1:…", "age" of "age:…"."""
    scheme, _, rest = sealed.partition(":")
    return rest.partition(":")[0] if scheme == "enc" else scheme
