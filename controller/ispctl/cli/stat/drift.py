"""`ispstat drift`: was the database altered?"""

from __future__ import annotations

import typer

from ispctl.cli.common import FormatOption, say, say_json
from ispctl.cli.stat.common import doubts, looking


def drift(context: typer.Context, format: FormatOption = "text") -> int:
    """Does the database hold what the applied commit says? Exit 0: yes · 2: altered by hand · 1: it cannot be told."""
    from ispctl.status import drift as query
    from ispctl.status import present

    with looking(context) as view:
        found = query.drift(view)
        if format == "json":
            say_json(present.envelope(view, found or ()))
        elif found is not None:
            say(present.drifted(found))
        doubts(view, "whether the database was altered", aloud=format == "text")
        return 1 if found is None else 2 if any(one.cause == "hand" for one in found) else 0
