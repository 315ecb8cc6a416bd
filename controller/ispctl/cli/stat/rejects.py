"""`ispstat rejects`: why can't he log in?"""

from __future__ import annotations

from typing import Annotated

import typer

from ispctl.cli.common import say, say_json
from ispctl.cli.stat.common import TableFormat, doubts, looking, screen


def rejects(
    context: typer.Context,
    login: Annotated[str, typer.Argument(metavar="[LOGIN]", help="A login, an id or id/key; without: everybody.")] = "",
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Since then: 1h, 2d, yesterday, a time.")] = None,
    nas: Annotated[str, typer.Option(help="On this NAS, or from the address of a stranger.")] = "",
    reason: Annotated[str, typer.Option(metavar="WORD", help="With this reason, as the list shows it.")] = "",
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=10000, help="At most so many, newest first.")] = 20,
    format: TableFormat = "text",
) -> int:
    """Who was refused and why, what decides it and what to do; of a login also whether it would be accepted now.
    Exit 1: it cannot be told."""
    from ispctl.cli import times
    from ispctl.status import present, present_refusals, refusals
    from ispctl.status.values import plain

    with looking(context) as view:
        begin = times.since(since, view.now, view.zone)
        found = refusals.refusals(view, refusals.Wanted(login, nas, reason, begin, limit))
        if format == "json":
            more = {"now": found.now if found else None, "summary": found.tallies if found else None}
            say_json({**present.envelope(view, found.items if found else ()), **plain(more, view.zone)})
        elif found is not None:
            say(
                present_refusals.csv(found, screen(view))
                if format == "csv"
                else present_refusals.told(found, screen(view))
            )
        doubts(view, "who was refused", aloud=format == "text")
        return 0 if found is not None else 1
