"""Counters, not clocks: what a command costs is pinned in things that can be counted, the same on every machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.gates.tracked import ROOT

HEAVY = ("cryptography", "jinja2", "psutil", "pydantic", "pyrad", "pyrage", "rich", "ruamel", "sqlite3", "typer")

LOADS: dict[str, set[str]] = {
    # what is run -> the heavy libraries that it may load; a table that says too much fails as well
    "import ispctl": set(),
    "import ispctl.backend": {"pydantic"},
}


def loaded(code: str) -> list[str]:
    """The names in sys.modules after `code` ran in a fresh interpreter without site packages' start-up hooks."""
    child = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules, sep='\\n')"]
    env = {"PYTHONPATH": str(ROOT / "controller"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(child, env=env, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("code", LOADS)
def test_a_command_loads_only_the_libraries_that_it_needs(code: str) -> None:
    assert {name.partition(".")[0] for name in loaded(code)} & set(HEAVY) == LOADS[code]


def test_importing_the_package_costs_nothing() -> None:
    assert [name for name in loaded("import ispctl") if name.startswith("ispctl")] == ["ispctl"]
