"""Commands as the documents print them: which there are, and whether the program would understand them."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from tests.gates.tracked import ROOT, files

FENCE = re.compile(r"^```(?P<tag>[^\n`]*)\n(?P<body>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`((?:ispctl|ispstat)(?: [^`\n]*)?)`")
PROGRAMS = {"ispctl": "ispctl.cli.main", "ispstat": "ispctl.cli.stat"}
OTHERS = {
    *(
        "age",
        "age-keygen",
        "apt-get",
        "cat",
        "cd",
        "cp",
        "curl",
        "diff",
        "echo",
        "export",
        "freeradius",
        "fuser",
        "git",
    ),
    *(
        "grep",
        "install",
        "jq",
        "less",
        "ls",
        "make",
        "mkdir",
        "mv",
        "nano",
        "pip",
        "pipx",
        "python3",
        "radclient",
        "radtest",
    ),
    *("rm", "sed", "sqlite3", "sudo", "systemctl", "tail", "timedatectl", "touch", "unset", "vi", "chmod", "chown"),
    *("pre-commit", "createdb", "createuser", "pg_basebackup", "pg_dump", "pg_isready", "pg_restore", "psql"),
}
PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_-]*|…|\.\.\.")
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]


@dataclass(frozen=True)
class Block:
    """One console block: the page, the line of its fence, and the commands typed in it."""

    page: Path
    line: int
    runs: bool
    commands: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    return [path for path in files() if path.suffix == ".md" and (path.parent == ROOT or ROOT / "docs" in path.parents)]


def blocks() -> list[Block]:
    """The ```console blocks of README and docs. `$ ` begins a command, a backslash at the end continues it."""
    found = []
    for page in pages():
        text = page.read_text("utf-8")
        for fence in FENCE.finditer(text):
            words = fence["tag"].split()
            if words[:1] == ["console"]:
                line = text.count("\n", 0, fence.start()) + 1
                found.append(Block(page, line, "run" in words, tuple(_typed(fence["body"]))))
    return found


def _typed(body: str) -> Iterator[str]:
    for line in body.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            yield line[2:]


def quoted() -> list[tuple[str, str]]:
    """(page, command) of every `ispctl …` in running text: the advice of docs/errors.md stands there."""
    texts = [(page, FENCE.sub("", page.read_text("utf-8"))) for page in pages()]
    return [(str(page.relative_to(ROOT)), command) for page, text in texts for command in QUOTED.findall(text)]


def simple_commands(line: str) -> list[list[str]]:
    """The commands of a line, split at pipes, `&&`, `;` and redirections; assignments before them are left out."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    commands: list[list[str]] = [[]]
    into_file = False
    for word in lexer:
        if set(word) <= set("<>"):
            into_file = True
        elif set(word) <= set("|&;"):
            commands.append([])
        elif into_file:
            into_file = False
        elif commands[-1] or not re.match(r"\w+=", word):
            commands[-1].append(word)
    return [command for command in commands if command]


def complaint(words: list[str]) -> str:
    """Why a command would not be understood; "" when it would, or when the program is not there to ask."""
    program, *arguments = words
    if program not in PROGRAMS:
        return "" if program in OTHERS or "/" in program else f"unknown program {program}"
    if not (ROOT / "controller" / "ispctl" / "cli" / "main.py").exists():
        return ""
    app = importlib.import_module(PROGRAMS[program]).app
    arguments = ["1" if PLACEHOLDER.fullmatch(word) else word for word in arguments]
    try:
        _parse(typer.main.get_command(app), program, arguments)
    except USAGE_ERROR as error:
        return f"{' '.join(words)}: {error}"
    except RuntimeError as error:  # how --help and --version end
        return "" if type(error).__name__ == "Exit" else str(error)
    return ""


def _parse(command: Any, name: str, arguments: list[str], parent: Any = None) -> None:
    context = command.make_context(name, arguments, parent=parent)
    if hasattr(command, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        if rest:
            name, command, rest = command.resolve_command(context, rest)
            _parse(command, name, rest, context)
