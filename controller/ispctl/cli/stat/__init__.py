"""`ispstat`: the on-call's companion. It writes nothing, and no NAS hears from it.

A module of this folder is a verb: it is found by its name, so that another one edits no file, and read when it is asked
for. Its function has the same name, with _ behind it where Python means something by that.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from ispctl.cli.common import RepoOption, Session, run, use_utf8, version_of
from ispctl.cli.later import group_of
from ispctl.structs import replace

_VERBS: Final = sorted(
    file.stem for file in Path(__file__).parent.glob("*.py") if file.stem not in {"__init__", "common"}
)
LATER: Final = {name: f"stat.{name}:{name}{'_' if hasattr(builtins, name) else ''}" for name in _VERBS}
"""Every verb: name -> where it stands."""
app = typer.Typer(
    name="ispstat",
    cls=group_of(LATER),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="What is so now: git and the RADIUS database, read only. Nothing is written; nas --ask alone asks NAS.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def ispstat(
    context: typer.Context,
    repo: RepoOption = Path(),
    version: Annotated[
        bool,
        typer.Option("--version", callback=version_of("ispstat"), is_eager=True, help="Say which version this is."),
    ] = False,
) -> None:
    """Options before the command."""
    session = Session(repo, "ISPSTAT")
    # One database for both programs, unless this one is given a role of its own.
    dsn = session.env.get("ISPSTAT_RADIUS__DSN") or session.env.get("ISPCTL_RADIUS__DSN") or ""
    context.obj = replace(session, env={**session.env, "ISPSTAT_RADIUS__DSN": dsn})


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command."""
    use_utf8()
    sys.exit(run(app, "ispstat", arguments))
