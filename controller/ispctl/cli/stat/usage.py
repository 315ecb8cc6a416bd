"""`ispstat usage`: who used how much?"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ispctl.cli.common import say, say_json
from ispctl.cli.stat.common import TableFormat, doubts, looking, screen


def usage(
    context: typer.Context,
    named: Annotated[str, typer.Argument(metavar="[SUB]", help="A login, an id or id/key; without: --top.")] = "",
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From that day on: 90d, a date; default: 30 days.")
    ] = None,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, max=10000, help="Who used most.")] = 10,
    window: Annotated[
        Literal["day", "week", "month"], typer.Option("--window", help="Of which time --top speaks.")
    ] = "month",
    format: TableFormat = "text",
) -> int:
    """What a service used, day by day; or who used most. As it was counted last: by `ispctl run` each minute, and
    before each apply. Exit 1: it cannot be told."""
    from ispctl.cli import times
    from ispctl.status import present, present_usage
    from ispctl.status import usage as query

    with looking(context) as view:
        used = query.used(view, named, times.since(since, view.now, view.zone)) if named else None
        heavy = None if named else query.heaviest(view, top, window)
        if format == "json":
            say_json(present.envelope(view, used or heavy or ()))
        elif used is not None:
            say((present_usage.csv if format == "csv" else present_usage.told)(used, screen(view)))
        elif heavy is not None:
            say((present_usage.ranked_csv if format == "csv" else present_usage.ranked)(heavy, screen(view)))
        doubts(view, "what was used", aloud=format == "text")
        return 1 if used is None and heavy is None else 0
