"""`ispstat cpe`: the routers of subscribers, by TR-069."""

from __future__ import annotations

from typing import Annotated

import typer

from ispctl.cli.common import say, say_json
from ispctl.cli.stat.common import TableFormat, doubts, looking, screen


def cpe(
    context: typer.Context,
    term: Annotated[
        str, typer.Argument(metavar="[SUB|SERIAL]", help="Of a login, an id or id/key; or one by its serial number.")
    ] = "",
    format: TableFormat = "text",
) -> int:
    """Every device that called the ACS or is linked to somebody: when it called, what waits, what it refuses, and which
    password it has. Example: ispstat cpe 48575443A1B2C3D4. Exit 1: it cannot be told."""
    from ispctl.status import cpes, present

    with looking(context) as view:
        found = cpes.managed(view, term)
        if format == "json":
            say_json(present.envelope(view, found or ()))
        elif format == "csv":
            say(cpes.csv(found or (), screen(view)))
        elif found is not None:
            say(cpes.shown(found, screen(view)))
        doubts(view, "what devices hold", aloud=format == "text")
        return 1 if found is None else 0
