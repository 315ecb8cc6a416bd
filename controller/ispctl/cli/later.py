"""Commands whose module is read when they are asked for: a call needs one of them, and to read and describe all takes
longer than many a command itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group


class Later(Mapping[str, Any]):
    """Commands by name, in order: those that are there (`made`), then those of `later`: name -> "module:function", or
    "module:Typer" for a group, of a module of this folder."""

    def __init__(self, made: Mapping[str, Any], later: Mapping[str, str]) -> None:
        self._names = [*made, *later]
        self._made, self._later = dict(made), later

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(name, self._later[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def group_of(later: Mapping[str, str]) -> type[TyperGroup]:
    """What a program that has these commands beside its own gives to Typer as `cls`."""

    class Group(TyperGroup):
        def __init__(self, **said: Any) -> None:
            super().__init__(**said)
            self.commands: Any = Later(self.commands, later)

    return Group


def _command(name: str, place: str) -> Any:
    """As Typer makes it, without what it gives to a program alone."""
    module, _, attribute = place.partition(":")
    found = getattr(import_module(f"ispctl.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        group = get_group(found)
        group.name = name
        return group
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name)(found)
    return get_command(alone)
