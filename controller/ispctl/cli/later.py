"""Commands whose module is read when they are asked for: a call needs one of them, and to read and describe all takes
longer than many a command itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from ispctl.cli.common import UsageError


class Later(Mapping[str, Any]):
    """Commands by name, in order: those that are there (`made`), then those of `later`: name -> "module:function", or
    "module:Typer" for a group, of a module of this folder."""

    def __init__(self, made: Mapping[str, Any], later: Mapping[str, str]) -> None:
        self._names = [*made, *later]
        self._made, self._later = dict(made), later

    def told(self, name: str) -> Any:
        """One of them, if there is such a one, as far as it stands in a list: its name and what it is for."""
        if name in self._made or name not in self._later:
            return self._made.get(name)
        found = _found(self._later[name])
        about = found.info.help if isinstance(found, typer.Typer) else inspect.getdoc(found)
        return TyperCommand(name, help=about)

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

        def list_commands(self, _: Any) -> list[str]:
            return list(self.commands)

        def get_command(self, _: Any, cmd_name: str) -> Any:
            """As far as it is listed; `resolve_command` makes the one that is called."""
            return self.commands.told(cmd_name)

        def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
            name, told, rest = super().resolve_command(ctx, args)
            return name, told and self.commands[name], rest

    return Group


class _Placed(typer.Context):
    """Names the command in which a flag was wrong: of one that lacks its value the parser does not say whose it is."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        if isinstance(error, UsageError) and error.ctx is None:
            error.ctx = self
        return super().__exit__(kind, error, trace)


def _placed(command: Any) -> Any:
    """The same command, and those below it, whose wrong flags know whose they are."""
    command.context_class = _Placed
    for one in getattr(command, "commands", {}).values():
        _placed(one)
    return command


def _found(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(f"ispctl.cli.{module}"), attribute)


def _command(name: str, place: str) -> Any:
    """As Typer makes it, without what it gives to a program alone."""
    found = _found(place)
    if isinstance(found, typer.Typer):
        group = get_group(found)
        group.name = name
        return _placed(group)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name)(found)
    return _placed(get_command(alone))
