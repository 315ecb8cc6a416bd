"""One place where intent becomes real: what every target must offer. Ordering, gates and retries live elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ispctl.plan import Change, Key, Resources
from ispctl.structs import Struct


class Unreachable(Exception):
    """The target gave no answer to trust. Never the same as "it holds nothing"."""

    def __init__(self, target: str, text: str) -> None:
        super().__init__(f"{target}: {text}")
        self.target = target
        self.text = text


class Outcome(Struct):
    """What became of one change. An empty `error` is success; otherwise a sentence for a person, without secrets."""

    change: Change
    error: str = ""
    code: str = ""


class Backend(Protocol):
    """Reads and writes one target in its normal form. `render` is a pure function beside it, not a method here."""

    def read(self, keys: Sequence[Key] | None) -> Resources:
        """What we own there now; None reads all. Raises Unreachable."""
        ...

    def apply(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        """One outcome per change, in order; safe to run again after a crash."""
        ...
