"""What holds for every test: nothing leaks, nothing is left behind, and the pure modules stay pure."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Generator
from functools import cache, lru_cache
from pathlib import Path

import hypothesis.configuration
import pytest
import typer.main

from ispctl import repo
from ispctl.repo import git
from tests import found_once, plans, quick
from tests.gates import purity
from tests.gates.recorder import Outputs
from tests.gates.session import Gates

pytest_plugins = ["tests.postgres", "tests.databases"]

# A pipeline tries the same examples every time; a developer's runs go on looking for others.
hypothesis.settings.register_profile("ispctl", database=None, deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("ispctl")
# Repositories and databases of tests are for no power cut: in memory they cost a fifth.
if os.access("/dev/shm", os.W_OK):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/dev/shm")
# A program puts its commands together once, when it is called; here the same ones are called a thousand times.
typer.main.get_command = cache(typer.main.get_command)
# And what a file of the example says, which nobody can change, is found out once and not by each of their commands.
repo._parse = lru_cache(maxsize=2000)(repo._parse)
# Likewise where a repository is, of which kind, and whose.
git._discover = found_once.discover
OUTPUTS = pytest.StashKey[Outputs]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--clean-tree", action="store_true", help="fail if the suite changes the work tree")
    parser.addoption("--update", action="store_true", help="write the golden files anew")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    base: Path = vars(config)["_tmp_path_factory"].getbasetemp()
    temporary = base / "tempfiles"
    temporary.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
    hypothesis.configuration.set_hypothesis_home_dir(base / "hypothesis")
    gates = Gates(config, base)
    config.stash[OUTPUTS] = gates.recorder.outputs
    config.pluginmanager.register(gates, "ispctl-gates")
    config.pluginmanager.register(gates.recorder, "ispctl-recorder")
    config.pluginmanager.register(plans, "ispctl-plans")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may take longest begins first: at the end, one worker would do it while the others have nothing to do."""
    items.sort(key=_patience, reverse=True)


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end, and what they import: the collector need not look at them each time."""
    gc.collect()
    gc.freeze()


def _patience(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return marker.args[0] if marker else 0


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    quick.stop()  # before it is looked for what was left


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    if not purity.applies(item.path):
        return (yield)
    with purity.enforced():
        return (yield)


@pytest.fixture
def outputs(request: pytest.FixtureRequest) -> Outputs:
    """`outputs("note", text)`: one more text that must hold no password and no person."""
    return request.config.stash[OUTPUTS]
