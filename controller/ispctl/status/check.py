"""One question about the whole, and its answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

from ispctl.structs import Struct

WAITING: Final = timedelta(minutes=15)
"""How long a commit or a change by the clock may wait, and a remote be silent, before that is ill."""
Level = Literal["ok", "warning", "bad"]


class Check(Struct):
    """One question and its answer. `ok` is False for the level "bad" alone; `advice`: a command to type."""

    name: str
    level: Level
    text: str
    advice: str = ""

    @property
    def ok(self) -> bool:
        return self.level != "bad"
