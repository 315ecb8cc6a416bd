"""What a NAS turned out to be unable to do to a running session, and how long that is believed. Pure.

A limit is learned from an answer with an Error-Cause. It holds for some days, as software is updated, and only while
git says the same of the host: whoever changes its entry wants it tried again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from ispctl.digests import sha256
from ispctl.model.network import Nas
from ispctl.radius._causes import BAD_VALUE, NO_COA, named
from ispctl.radius.session import Answer

if TYPE_CHECKING:
    from ispctl.store import Limit

RETEST: Final = timedelta(days=7)
"""So long a limit is believed."""
Pairs = Sequence[tuple[str, str]]


class Limits:
    """Those that hold now, by NAS."""

    def __init__(
        self, found: Iterable[Limit] = (), nas: Mapping[str, Nas] | None = None, now: datetime | None = None
    ) -> None:
        self._found: dict[str, list[Limit]] = {}
        entries = {name: entry_of(one) for name, one in (nas or {}).items()}
        for limit in found:
            if entries.get(limit.nas) == limit.entry and now is not None and now < limit.learned + RETEST:
                self._found.setdefault(limit.nas, []).append(limit)

    def __iter__(self) -> Iterator[Limit]:
        return (limit for its in self._found.values() for limit in its)

    def against(self, nas: str, attributes: Pairs) -> Limit | None:
        """What keeps a NAS from this change, if anything does."""
        return next((limit for limit in self._found.get(nas, ()) if _refuses(limit, attributes)), None)

    def alone(self, nas: str) -> bool:
        """Whether it wants a session named by its id and nothing else."""
        return any(limit.what == "names" for limit in self._found.get(nas, ()))


def lessons(nas: Nas, attributes: Pairs, answer: Answer, now: datetime) -> Iterator[Limit]:
    """What an answer teaches about its NAS."""
    from ispctl.store import Limit

    entry = entry_of(nas)
    if answer.named == "alone":
        yield Limit(nas.name, "names", "", answer.error_cause, now, entry)
    if answer.kind != "unsupported" or not attributes:
        return
    cause = answer.error_cause
    if cause in NO_COA:
        yield Limit(nas.name, "coa", "", cause, now, entry)
    elif cause == BAD_VALUE:
        yield Limit(nas.name, "values", _joined(_values(attributes)), cause, now, entry)
    else:
        yield Limit(nas.name, "attributes", _joined(_names(attributes)), cause, now, entry)


def disproved(limit: Limit, nas: str, attributes: Pairs, answer: Answer) -> bool:
    """Whether an answer shows that a limit does not hold: somebody's session took the same change."""
    if limit.nas != nas:
        return False
    if limit.what == "names":
        return answer.named == "whole"
    return answer.kind == "ack" and bool(attributes) and _refuses(limit, attributes)


def said(limit: Limit) -> str:
    """As a sentence about its NAS."""
    cannot = {
        "coa": "takes no change to a running session",
        "names": "finds a session by its id alone",
        "attributes": f"cannot change {limit.subject} in a running session",
        "values": f"does not take {limit.subject} in a running session",
    }
    since = f"{named(limit.error_cause)}, on {limit.learned:%Y-%m-%d}"
    return f"{limit.nas} {cannot[limit.what]} ({since}; tried again from {limit.learned + RETEST:%Y-%m-%d})"


def entry_of(nas: Nas) -> str:
    """A hash of what git says of a host, as far as it bears on its sessions."""
    known = (nas.radius.sources, nas.radius.identifier) if nas.radius else ()
    door = (nas.coa.address, nas.coa.port) if nas.coa else ()
    return sha256(repr((nas.platform, *map(str, known), *map(str, door))).encode()).hexdigest()[:16]


def _refuses(limit: Limit, attributes: Pairs) -> bool:
    """A NAS does not say which of several attributes it refused: whatever asks for all of them again is in vain."""
    if limit.what in ("names", "coa"):
        return limit.what == "coa"
    asked = _values(attributes) if limit.what == "values" else _names(attributes)
    return bool(limit.subject) and asked.issuperset(limit.subject.split(_APART))


_APART: Final = ", "


def _names(attributes: Pairs) -> set[str]:
    return {name for name, _ in attributes}


def _values(attributes: Pairs) -> set[str]:
    return {f"{name} = {value}" for name, value in attributes}


def _joined(texts: set[str]) -> str:
    return _APART.join(sorted(texts))
