"""Keeps what the tests' commands print, so that the leak canary can search it at the end.

Nobody has to call it: the output of typer's runner, of `capsys`/`capfd`, of child processes that run ispctl or ispstat,
and all that pytest itself captures (prints, logs) is written below `outputs/` in pytest's temporary folder.
"""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import typer.testing

from tests.gates.leaks import SHOWS


class Outputs:
    """The fixture `outputs`: `outputs("note", text)` hands one more text to the search."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self.item: pytest.Item | None = None

    def __call__(self, name: str, text: object) -> None:
        data = text if isinstance(text, bytes) else str(text).encode("utf-8", "surrogateescape")
        if not data:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        test = re.sub(r"[^A-Za-z0-9_.-]+", "-", self.item.name)[:80] if self.item else "session"
        (self._folder / f"{next(self._numbers):05}-{test}.{name}{self._shown()}.txt").write_bytes(data)

    def _shown(self) -> str:
        marker = self.item.get_closest_marker("shows") if self.item else None
        return SHOWS + "+".join(marker.args) if marker else ""


class Recorder:
    """A plugin that listens wherever an output of ours may pass."""

    def __init__(self, outputs: Outputs) -> None:
        self.outputs = outputs
        self._undo = pytest.MonkeyPatch()

    def listen(self) -> None:
        """Wraps the three ways by which tests read what a command printed."""
        outputs = self.outputs
        invoke, communicate = typer.testing.CliRunner.invoke, subprocess.Popen.communicate
        read = pytest.CaptureFixture.readouterr

        def recorded_invoke(*args: Any, **kwargs: Any) -> Any:
            result = invoke(*args, **kwargs)
            outputs("runner", result.stdout_bytes)
            outputs("runner-err", result.stderr_bytes or b"")
            return result

        def recorded_communicate(child: Any, *args: Any, **kwargs: Any) -> Any:
            out, err = communicate(child, *args, **kwargs)
            if re.search("ispctl|ispstat", str(child.args)):
                outputs("child", out or b"")
                outputs("child-err", err or b"")
            return out, err

        def recorded_read(capture: Any) -> Any:
            result = read(capture)
            outputs("captured", result.out)
            outputs("captured-err", result.err)
            return result

        self._undo.setattr(typer.testing.CliRunner, "invoke", recorded_invoke)
        self._undo.setattr(subprocess.Popen, "communicate", recorded_communicate)
        self._undo.setattr(pytest.CaptureFixture, "readouterr", recorded_read)

    def pytest_unconfigure(self) -> None:
        self._undo.undo()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.outputs.item = item

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.when == "teardown":
            self.outputs("pytest", "\n".join(text for _, text in report.sections))
        return report
