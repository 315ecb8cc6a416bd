"""`ispstat health`: is the whole of it well?"""

from __future__ import annotations

import typer

from ispctl.cli.common import FormatOption, say, say_json
from ispctl.cli.stat.common import app, looking


@app.command()
def health(context: typer.Context, format: FormatOption = "text") -> int:
    """Database, commits, runs, clock, sessions, strangers: one line each. Exit 0: healthy · 1: not."""
    from ispctl.status import health as query
    from ispctl.status import present
    from ispctl.status.values import plain

    with looking(context) as view:
        found = query.health(view)
        if format == "json":
            say_json(present.envelope(view, [{"ok": check.ok, **plain(check, view.zone)} for check in found]))
        else:
            say("\n".join(present.checked(found)))
        return 0 if query.well(found) else 1
