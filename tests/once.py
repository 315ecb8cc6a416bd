"""What git says of a commit stays so: it is asked once in some folders of tests, though these open repositories anew.

Tests of git itself, of processes, and of repositories that lose what they had ask it each time.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Final

from ispctl.repo.git_child import Child

FOLDERS: Final = ("adopt", "broken", "cli", "index", "reconcile", "report", "status", "verbs")
"""Whose tests read commits and are about something else."""
TREES: Final = frozenset({"ls-tree", "diff-tree"})
HISTORY: Final = frozenset({"blame", "merge-base", "rev-list"})
_ID: Final = re.compile(r"[0-9a-f]{40}")
_MANY: Final = 20_000
_LONG: Final = 500
_NEVER: Final = itertools.count()


class Once:
    """Stands before the two ways in which git is asked. `on`: whether it remembers now."""

    def __init__(self) -> None:
        self.on = False
        self._trees: dict[tuple[str, ...], tuple[bytes, ...]] = {}
        self._history: dict[tuple[object, ...], subprocess.CompletedProcess[bytes]] = {}

    def listen(self) -> None:
        Child.parts = self._parts(Child.parts)  # type: ignore[method-assign]
        Child.ask = self._ask(Child.ask)  # type: ignore[method-assign]

    def begin(self, test: Path, tests: Path) -> None:
        self.on = test.is_relative_to(tests) and test.relative_to(tests).parts[0] in FOLDERS

    def _parts(self, real: Callable[..., Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
        @wraps(real)
        def parts(child: Child, *asked: str) -> Iterator[bytes]:
            if not (self.on and asked[0] in TREES and _certain(asked)):
                return real(child, *asked)
            found = self._trees.get(asked)
            if found is None:
                found = tuple(real(child, *asked))
                if len(found) < _LONG and len(self._trees) < _MANY:
                    self._trees[asked] = found
            return iter(found)

        return parts

    def _ask(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def ask(child: Child, *asked: str, **rest: Any) -> Any:
            place = _place(child, asked) if self.on and not rest else None
            if place is None:
                return real(child, *asked, **rest)
            key = (place, *asked)
            found = self._history.get(key)
            if found is None:
                found = real(child, *asked, **rest)
                if found.returncode in {0, 1} and len(self._history) < _MANY:
                    self._history[key] = found
            return found

        return ask


def _place(child: Child, asked: tuple[str, ...]) -> object:
    """Where that is asked which is answered in the same way each time; None: it may be answered otherwise. Another copy
    may know less of what was before."""
    if asked[0] in HISTORY and _certain(asked):
        return child.place, *_stamps(child.folder)
    if asked[:2] == ("rev-parse", "--absolute-git-dir"):
        return child.folder, child.env.get("HOME"), *_stamps(child.folder)
    return None


def _stamps(folder: str | None) -> tuple[tuple[int, int], ...]:
    """Change when somebody makes another repository there, or gives it other settings."""
    inner = next((one for one in (f"{folder}/.git", str(folder)) if os.path.isfile(f"{one}/config")), None)
    if folder is None or inner is None:
        return ((0, next(_NEVER)),)
    found = (os.stat(name) for name in (inner, f"{inner}/config"))
    return *((one.st_ino, one.st_mtime_ns) for one in found), (os.path.exists(f"{inner}/shallow"), 0)


def _certain(asked: tuple[str, ...]) -> bool:
    """Whether every revision in it is an id."""
    before = asked[1 : asked.index("--")] if "--" in asked else asked[1:]
    named = [word for word in before if not word.startswith("-") and "," not in word]
    return bool(named) and all(map(_ID.fullmatch, named))


once = Once()
