"""What a lab leaves on disk between commands: one folder, for its owner only, and one JSON file in it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ispctl.model.problem import Problem, Refusal

_STATE: Final = "state.json"


class Folder:
    """The lab's folder (mode 0700). `read` and `write` keep state.json (mode 0600), whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def make(self) -> None:
        """Raises Refusal E407 when it cannot be made, or belongs to somebody else."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.stat().st_uid != os.getuid():
                raise Refusal(self._problem("belongs to another user"))
            self.path.chmod(0o700)
        except OSError as error:
            raise Refusal(self._problem(str(error.strerror))) from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """One command at a time; raises Refusal E407 for the second."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Refusal(self._problem("another lab command is at work there")) from None
        finally:
            os.close(handle)

    def read(self) -> dict[str, Any]:
        """Empty when there is none, or when it is not ours to understand."""
        try:
            state = json.loads((self.path / _STATE).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def write(self, state: Mapping[str, Any]) -> None:
        self.put(_STATE, state)

    def put(self, name: str, data: Mapping[str, Any]) -> None:
        """Write `data` as JSON to a file of this folder, mode 0600."""
        fresh = self.path / f".{name}.new"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1, sort_keys=True)
        os.replace(fresh, self.path / name)

    def forget(self, *names: str) -> None:
        """Remove state.json and the other files named: they hold secrets that nobody needs any more."""
        for name in (_STATE, *names):
            (self.path / name).unlink(missing_ok=True)

    def _problem(self, text: str) -> Problem:
        return Problem("E407", f"lab folder {self.path}: {text}", advice="Give the lab a folder of its own")
