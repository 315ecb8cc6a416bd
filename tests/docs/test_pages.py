"""Pages that are made from the code are what the code says; with --update they are written anew."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from ispctl.cli import main, stat
from tests.docs import pages
from tests.gates.tracked import ROOT, python_files

DOCS = ROOT / "docs"


@pytest.mark.parametrize("name, make", [("fields.md", pages.fields), ("states.md", pages.states)])
def test_a_page_made_from_the_code_is_up_to_date(
    name: str, make: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    page = DOCS / name
    if request.config.getoption("--update"):
        page.write_text(make(), "utf-8")
    assert page.read_text("utf-8") == make()


def test_every_field_of_every_file_is_described() -> None:
    assert [f"{model.__name__}.{name}" for model, name, field in pages.models() if not field.description] == []


def _commands(command: Any, name: str) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name
    for part, below in (inner or {}).items():
        yield from _commands(below, f"{name} {part}")


@pytest.mark.parametrize("name, app", [("ispctl", main.app), ("ispstat", stat.app)])
def test_every_command_stands_in_the_contract(name: str, app: typer.Typer) -> None:
    text = (DOCS / "contract.md").read_text("utf-8")
    assert [said for said in _commands(typer.main.get_command(app), name) if f"`{said}" not in text] == []


def test_every_option_stands_in_the_contract() -> None:
    text = (DOCS / "contract.md").read_text("utf-8")
    known = {option for app in (main.app, stat.app) for option in _options(typer.main.get_command(app))}
    assert sorted(option for option in known if option not in text) == []


def _options(command: Any) -> Iterator[str]:
    for option in command.params:
        yield from (name for name in option.opts if name.startswith("--") and "completion" not in name)
    for below in getattr(command, "commands", {}).values():
        yield from _options(below)


def test_every_setting_of_the_environment_stands_in_the_readme() -> None:
    source = "\n".join(path.read_text("utf-8") for path in python_files() if ROOT / "controller" in path.parents)
    named = set(re.findall(r"\bISP(?:CTL|STAT)_[A-Z_]+\b", source))
    text = (ROOT / "README.md").read_text("utf-8")
    assert sorted(name for name in named if name not in text) == []


def test_every_debian_package_that_is_installed_stands_in_the_readme() -> None:
    script, readme = ((ROOT / name).read_text("utf-8") for name in ("scripts/debian-packages", "README.md"))
    assert [name for name in re.findall(r"(?m)^ *need (\S+)", script) if f"`{name}`" not in readme] == []


def test_every_layer_of_the_house_stands_in_the_architecture() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    text = (DOCS / "architecture.md").read_text("utf-8")
    assert [name for layer in layers for name in re.findall(r"\w+", layer) if f"`{name}`" not in text] == []
