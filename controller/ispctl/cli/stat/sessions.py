"""`ispstat sessions`: who is online."""

from __future__ import annotations

from typing import Annotated

import typer

from ispctl.cli.common import FormatOption, say_each
from ispctl.cli.stat.common import doubts, looking, screen


def sessions(
    context: typer.Context,
    nas: Annotated[str, typer.Option(help="On this NAS, by name or address.")] = "",
    login: Annotated[str, typer.Option(help="Of this login, id or id/key.")] = "",
    stale: Annotated[bool, typer.Option("--stale", help="Not heard of for 2.5 intervals.")] = False,
    behind: Annotated[bool, typer.Option("--behind", help="Running older values than the database holds.")] = False,
    format: FormatOption = "text",
) -> int:
    """Who is online, how fast, and whether each session runs what the database says. Exit 1: it cannot be told."""
    from ispctl.status import online, present

    with looking(context) as view:
        logins = online.logins_of(view, login) if login else None
        found = online.sessions(view, online.Asked(nas, logins, stale, behind))
        if found is not None and not found:
            online.of_nobody(view, login, nas)
        if format == "json":
            say_each(present.enveloped(view, found or ()), "")
        elif found is not None:
            say_each(present.online(found, screen(view)))
        doubts(view, "who is online", aloud=format == "text")
        return 0 if found is not None else 1
