"""Values of answers, and how they are written: JSON for programs, a few words for people. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from ispctl.desired import Because, Entitlement
from ispctl.model.policy import Policy
from ispctl.model.problem import Where
from ispctl.structs import Struct, names

_STEPS: Final = ((10**9, "G"), (10**6, "M"), (10**3, "k"))
_JOINERS: Final = " \u200c\u200d"
"""Devanagari needs the invisible two to write some names."""
_SPANS: Final = ((86400, "d"), (3600, "h"), (60, "min"))


class Speed(Struct):
    """Bits per second, seen by the subscriber."""

    down: int
    up: int


class Reason(Struct):
    """Why a value is what it is. `file` is empty where no file says so but a rule does."""

    code: str
    text: str
    file: str = ""
    line: int = 0
    column: int = 0

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


def reason(because: Because | None, rule: str = "the default of the format") -> Reason:
    """A reason for an answer; `rule` where nobody wrote the value down."""
    if because is None:
        return Reason("default", rule)
    where = because.where
    return Reason(because.code, because.text, *(where.file, where.line, where.column) if where else ())


def written(where: Where, text: str) -> Reason:
    """The reason of what stands in a line."""
    return Reason("written", text, where.file, where.line, where.column)


def speed_of(entitlement: Entitlement, policy: Policy) -> Speed | None:
    """The speed somebody has now: the tariff's, the wall's, or none."""
    if entitlement.access == "none":
        return None
    if entitlement.access == "walled":
        return Speed(policy.wall.rate.down, policy.wall.rate.up)
    return Speed(entitlement.terms.down, entitlement.terms.up)


def addresses_of(entitlement: Entitlement, policy: Policy) -> tuple[str, str, str]:
    """(IPv4, IPv6, delegated prefix) that somebody would get now: behind the wall there are its pools alone."""
    if entitlement.access == "open":
        return entitlement.ipv4, entitlement.ipv6, entitlement.delegated
    walled = policy.wall if entitlement.access == "walled" else None
    pools = (walled.pool, walled.pool6) if walled else (None, None)
    ipv4, ipv6 = (f"pool:{pool}" if pool else "" for pool in pools)
    return ipv4, ipv6, ""


def plain(value: Any, zone: ZoneInfo) -> Any:
    """A value as JSON: structs become objects by the names of their fields, moments RFC 3339 with the ISP's offset."""
    if isinstance(value, datetime):
        return stamp(value, zone)
    if isinstance(value, Struct):
        return {name.rstrip("_"): plain(getattr(value, name), zone) for name in names(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item, zone) for key, item in value.items()}
    if isinstance(value, (tuple, list, frozenset)):
        return [plain(item, zone) for item in value]
    return value if value is None or isinstance(value, (bool, int)) else str(value)


def stamp(moment: datetime, zone: ZoneInfo) -> str:
    """RFC 3339, whole seconds: 2026-11-20T00:31:07+05:45."""
    return moment.astimezone(zone).isoformat(timespec="seconds")


def when(moment: datetime | None, zone: ZoneInfo) -> str:
    """A moment for people, in the ISP's own time, whose name the command says once: "2026-11-20 00:31"."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else ""


def span(seconds: int | float) -> str:
    """About how long: "3 d 4 h", "2 h 5 min", "40 s"; never more than two units."""
    left, parts = abs(int(seconds)), []
    for size, unit in _SPANS:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts) or f"{left} s"


def ago(moment: datetime, now: datetime) -> str:
    """ "40 s ago", "in 3 d 4 h"."""
    away = now - moment
    return f"in {span(away.total_seconds())}" if away < timedelta() else f"{span(away.total_seconds())} ago"


def rate(speed: Speed | None, figures: int = 7) -> str:
    """ "50M/25M": down, then up, in bit/s; k = 1000. What was measured deserves three figures."""
    return f"{_bits(speed.down, figures)}/{_bits(speed.up, figures)}" if speed else "none"


def volume(octets: int) -> str:
    """ "1.2 GB"; GB = 10^9 bytes."""
    if octets < 1000:
        return f"{octets} B"
    found = ((f"{octets / size:.1f}", unit) for size, unit in reversed(_STEPS))
    said, unit = next((one for one in found if float(one[0]) < 1000), (f"{octets / _STEPS[0][0]:.1f}", _STEPS[0][1]))
    return f"{said} {unit}B"


def short(commit: str) -> str:
    return commit[:12]


def joined(parts: Iterable[str]) -> str:
    return ", ".join(filter(None, parts))


def clean(text: str) -> str:
    """Text for a terminal: what RADIUS or a file brought in must not move its cursor or turn its letters around."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in _JOINERS or unicodedata.category(c)[0] not in "CZ" else ascii(c)[1:-1] for c in text)


def _bits(rate: int, figures: int) -> str:
    found = ((float(f"{rate / size:.{figures}g}"), unit) for size, unit in ((1, ""), *reversed(_STEPS)))
    value, unit = next((one for one in found if one[0] < 1000), (float(f"{rate / 10**9:.{figures}g}"), "G"))
    return f"{value:.0f}{unit}" if value >= 1000 else f"{value:.{figures}g}{unit}"
