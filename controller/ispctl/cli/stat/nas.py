"""`ispstat nas`: who of the routers is heard, and what they do."""

from __future__ import annotations

from typing import Annotated

import typer

from ispctl.cli.common import say, say_json
from ispctl.cli.stat.common import TableFormat, app, doubts, looking, screen


@app.command()
def nas(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAS]", help="One of them in full, by name or address.")] = "",
    format: TableFormat = "text",
) -> int:
    """Every NAS: sessions, when it was last heard, begun/refused in an hour and a day, CoA; and strangers.
    Exit 1: it cannot be told."""
    from ispctl.status import present, present_fleet
    from ispctl.status.fleet import fleet

    with looking(context) as view:
        found = fleet(view, name)
        if format == "json":
            say_json(present.envelope(view, found))
        elif format == "csv":
            say(present_fleet.csv(found, screen(view)))
        elif name:
            say("\n\n".join(present_fleet.shown(one, screen(view)) for one in found))
        else:
            say(present_fleet.listed(found, screen(view)))
        doubts(view, "who is heard and who is online", aloud=format == "text")
        return 0 if view.readable else 1
