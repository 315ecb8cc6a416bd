"""What would change: resources, changes, and the plan as a value. Pure: imports model and desired only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ispctl.desired import Because

Value = str | int | bool | None | tuple["Value", ...]
Fields = Mapping[str, Value]
Key = tuple[str, str]
Resources = Mapping[Key, Fields]
"""What a target holds, in normal form: ("login", "anita@home.example") -> its fields."""


@dataclass(frozen=True)
class Change:
    """One key of one target, before and after. None: not there. Sorted, hashable, free of closures."""

    target: str
    key: Key
    before: Fields | None
    after: Fields | None
    because: tuple[Because, ...] = ()
    needs: frozenset[str] = frozenset()

    @property
    def action(self) -> Literal["create", "update", "delete"]:
        return "create" if self.before is None else "delete" if self.after is None else "update"

    @property
    def id(self) -> str:
        """Names what would be done; not when, not why."""
        return hashlib.sha256(said(self).encode()).hexdigest()[:16]


def said(change: Change) -> str:
    """(target, key, before, after) as canonical JSON: what `id` and a plan's digest are made of."""
    before, after = _sorted(change.before), _sorted(change.after)
    return json.dumps([change.target, change.key, before, after], ensure_ascii=True, separators=(",", ":"))


def diff(target: str, want: Resources, have: Resources) -> tuple[Change, ...]:
    """The changes that make `have` equal to `want`, sorted by key."""
    keys = sorted(want.keys() | have.keys())
    pairs = ((key, have.get(key), want.get(key)) for key in keys)
    return tuple(Change(target, key, before, after) for key, before, after in pairs if before != after)


def digest(changes: Iterable[Change]) -> str:
    """Equal for two plans that would do the same; covers (target, key, before, after) and nothing else."""
    return hashlib.sha256("\n".join(sorted(map(said, changes))).encode()).hexdigest()


def _sorted(fields: Fields | None) -> list[tuple[str, Value]] | None:
    return None if fields is None else sorted(fields.items())
