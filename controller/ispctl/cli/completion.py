"""Which shell `--show-completion` and `--install-completion` are for: the word after it, else the shell around, else
$SHELL. Typer looks around alone, and finds nothing in a container, a unit or an editor.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Final

import typer

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
