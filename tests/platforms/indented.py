"""A router whose configuration is lines that are indented, as its tests see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ispctl.platforms.device import Login


class Router:
    """A stand-in and how to log in to it. `shown`: all of its configuration; `ours`: matches lines of ours in it."""

    def __init__(self, platform: str, router: Any, shown: Callable[[], str], ours: re.Pattern[str]) -> None:
        self.router, self._shown, self._ours = router, shown, ours
        name, password = router.username, router.password
        self.login = Login("lalitpur-1", platform, "127.0.0.1", router.port, name, password, host_key=router.host_key)

    def foreign(self) -> str:
        """The lines that are not ours, with those that stand below them."""
        kept, hidden = [], -1
        for line in self._shown().splitlines():
            depth = len(line) - len(line.lstrip())
            if -1 < hidden < depth:
                continue
            hidden = depth if self._ours.search(line) else -1
            if hidden < 0 and line not in ("!", "#") and not line.startswith("Current configuration"):
                kept.append(line)
        return "\n".join(kept)

    def dies_after(self, writes: int) -> None:
        self.router.writes_left = writes

    def revives(self) -> None:
        self.router.writes_left = None

    def elapses(self) -> None:
        self.router.elapse()
