"""Names that somebody chose -> names that our files may hold. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from ispctl.digests import sha256

LONGEST: Final = 48
_STEPS: Final = ((10**9, "g"), (10**6, "m"), (10**3, "k"))


def slug(text: str, otherwise: str) -> str:
    """`Gold 50 Mbit/s` -> `gold-50-mbit-s`; `otherwise` where nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9._]+", "-", plain).strip("-._")[:LONGEST].rstrip("-._")
    return name or otherwise


def distinct(wanted: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """(identity, wanted name) -> identity -> a name of its own. The first of each name, in order of identity, gets it
    plain; the others carry a mark of their identity, so that the same input gives the same names."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for identity, name in sorted(set(wanted)):
        mark = sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()
        marked = (f"{name[: LONGEST - 1 - size]}-{mark[:size]}" for size in (4, 8, 16))
        free = next(one for one in (name, *marked) if one not in taken)
        taken.add(free)
        found[identity] = free
    return found


def short(rate: int) -> str:
    """50000000 -> 50m, for a name."""
    return next((f"{rate // size}{unit}" for size, unit in _STEPS if rate % size == 0), str(rate))
