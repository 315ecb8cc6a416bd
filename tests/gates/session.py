"""The gates that close at the end of a run. Under xdist each worker looks at itself; the first process judges all."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.gates import leftovers
from tests.gates.leaks import ROOT, Marks, search_tree
from tests.gates.recorder import Outputs, Recorder


class Gates:
    """A plugin: collects findings, prints them, and turns a run with findings into a failed one."""

    def __init__(self, config: pytest.Config, base: Path) -> None:
        self._config = config
        self._base = base
        self._worker = hasattr(config, "workerinput")
        self._known = {os.getpid()}
        self._tree: set[str] | None = None
        self.findings: list[str] = []
        self.recorder = Recorder(Outputs(base / "outputs"))
        self.recorder.listen()
        self._run = os.environ.setdefault(leftovers.MARK, uuid.uuid4().hex)

    def pytest_sessionstart(self) -> None:
        if not self._worker and self._config.getoption("--clean-tree"):
            self._tree = leftovers.tree(ROOT)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker has ended; it says what it left. One that crashed says nothing, and pytest reports that itself."""
        said = getattr(node, "workeroutput", {})
        self.findings += said.get("leftovers", [])
        self._known.add(said.get("pid", 0))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._worker:
            said = vars(self._config)["workeroutput"]
            said["leftovers"], said["pid"] = leftovers.own_leftovers(), os.getpid()
            return
        if self._config.option.collectonly:
            return
        if not self._config.pluginmanager.hasplugin("dsession"):
            self.findings += leftovers.own_leftovers()
        self.findings += leftovers.strays(self._run, self._base, self._known)
        self.findings += map(str, search_tree(self._base, Marks()))
        if self._tree is not None:
            changed = sorted(leftovers.tree(ROOT) ^ self._tree)
            self.findings += [f"work tree changed: {line}" for line in changed]
        if self.findings and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.findings:
            terminalreporter.section("gates: found at the end of the run", red=True, bold=True)
            for finding in self.findings:
                terminalreporter.line(finding)
            terminalreporter.line(f"{len(self.findings)} finding(s); the files are below {self._base}")

    def pytest_unconfigure(self) -> None:
        """What was found clean need not fill the disk."""
        if not self._worker and not self.findings:
            shutil.rmtree(self._base / "outputs", ignore_errors=True)
