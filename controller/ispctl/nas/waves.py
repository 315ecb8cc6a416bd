"""In which order NAS are configured. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import ceil
from typing import Final

from ispctl.model.device import NasPolicy, Wave

USUAL: Final = (Decimal("0.25"), Decimal(1))
"""After a first one, a quarter; then the rest."""


def waves(hosts: Mapping[str, frozenset[str]], policy: NasPolicy) -> list[list[str]]:
    """Hosts (with the names of their groups) in waves: each once, nobody left out, none of them empty. A share is of
    all, and of those that no wave before has had at least one."""
    left = sorted(hosts)
    found: list[list[str]] = []
    for mine in _usual(left) if not policy.waves else (_of(wave, hosts) for wave in policy.waves):
        wave = [name for name in left if name in mine] if isinstance(mine, frozenset) else left[: _share(mine, hosts)]
        left = [name for name in left if name not in wave]
        found.append(wave)
    return [wave for wave in (*found, left) if wave]


def _of(wave: Wave, hosts: Mapping[str, frozenset[str]]) -> frozenset[str] | Decimal:
    if wave.share is not None:
        return Decimal(wave.share)
    named = frozenset(wave.hosts)
    return frozenset(name for name, groups in hosts.items() if name in named or groups & named)


def _usual(hosts: Sequence[str]) -> Sequence[frozenset[str] | Decimal]:
    return (frozenset(hosts[:1]), *USUAL)


def _share(share: Decimal, hosts: Mapping[str, frozenset[str]]) -> int:
    return ceil(len(hosts) * share)
