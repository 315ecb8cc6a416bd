"""Which words complete the name of a NAS; and which shell `--show-completion` and `--install-completion` are for: the
word after it, else the shell around, else $SHELL. Typer looks around alone, and finds nothing in a container, a unit or
an editor.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from ispctl.model.network import Nas

OPTIONS: Final = ("--show-completion", "--install-completion")
SHELLS: Final = ("bash", "zsh", "fish", "powershell", "pwsh")
_BY_NAME: Final = "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"
"""Set, it lets Typer take the shell by its name."""


def named(arguments: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """The arguments with the shell named. Raises what a wrong flag raises if none can be."""
    at = next((number for number, word in enumerate(arguments) if word in OPTIONS), None)
    if at is None:
        return list(arguments)
    os.environ[_BY_NAME] = "1"
    if at + 1 < len(arguments) and not arguments[at + 1].startswith("-"):
        return list(arguments)
    shell = _around() or PurePath(env.get("SHELL", "")).name
    if shell not in SHELLS:
        text = f"which shell is meant cannot be told; name it: {arguments[at]} {'|'.join(SHELLS[:3])}"
        raise typer.BadParameter(text)
    return [*arguments[: at + 1], shell, *arguments[at + 1 :]]


def _around() -> str:
    """The shell from which this was started; "" if there is none."""
    import shellingham

    try:
        return str(shellingham.detect_shell()[0])
    except shellingham.ShellDetectionFailure:
        return ""


def hosts(context: typer.Context, incomplete: str) -> list[str]:
    """The NAS of the head that ispctl configures."""
    return [name for name in _configured(context) if name.startswith(incomplete)]


def routers(context: typer.Context, incomplete: str) -> list[str]:
    """All NAS of the head."""
    return [name for name in _all(context) if name.startswith(incomplete)]


def targets(context: typer.Context, incomplete: str) -> list[str]:
    """What --target takes."""
    named = ("radius", "nas", *(f"nas:{name}" for name in _configured(context)))
    return [name for name in named if name.startswith(incomplete)]


def _configured(context: typer.Context) -> list[str]:
    return [name for name, nas in _all(context).items() if nas.device]


def _all(context: typer.Context) -> Mapping[str, Nas]:
    """By name, sorted. Nobody wants to read of a broken repository while typing."""
    from ispctl.cli.common import Session
    from ispctl.model.problem import Refusal

    folder = context.find_root().params.get("repo") or "."
    try:
        with Session(Path(folder), "ISPCTL").repository() as repository:
            return dict(sorted(repository.part("HEAD", ()).nas.items()))
    except (Refusal, OSError):
        return {}
