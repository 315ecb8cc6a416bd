"""`ispstat health`: is the whole of it well?"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ispctl.cli.common import say, say_json
from ispctl.cli.stat.common import looking


def health(
    context: typer.Context,
    format: Annotated[
        Literal["text", "json", "prometheus"],
        typer.Option("--format", help="How the answer is written; prometheus: for node_exporter's textfile."),
    ] = "text",
) -> int:
    """Database, commits, runs, clock, sessions, loop, NAS: one line each. Exit 0: healthy · 1: not."""
    from ispctl.status import health as query
    from ispctl.status import present
    from ispctl.status.values import plain

    with looking(context) as view:
        if format == "prometheus":
            from ispctl.status import metrics

            say(metrics.text(metrics.samples(view)))
        found = query.health(view)
        if format == "json":
            say_json(present.envelope(view, [{"ok": check.ok, **plain(check, view.zone)} for check in found]))
        elif format == "text":
            say("\n".join(present.checked(found)))
        return 0 if query.well(found) else 1
