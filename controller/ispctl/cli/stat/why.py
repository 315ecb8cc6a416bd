"""`ispstat why`: why is it as it is?"""

from __future__ import annotations

from typing import Annotated

import typer

from ispctl.cli.common import FormatOption, say, say_json
from ispctl.cli.stat.common import doubts, looking, screen


def why(
    context: typer.Context,
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="A login, an id, or id/key.")],
    field: Annotated[str, typer.Argument(metavar="[FIELD]", help="One value: rate, state, ipv4, mac, ends …")] = "",
    format: FormatOption = "text",
) -> int:
    """Every value that holds: its line, and the commit, author and day that brought it; then what the session runs,
    how fast it is, and whether a login would be accepted now. Exit 1: the database could not be asked."""
    from ispctl.status import present, present_why
    from ispctl.status.why import why as query

    with looking(context) as view:
        found = query(view, login, field)
        if format == "json":
            say_json(present.envelope(view, [one for one, _ in found]))
        else:
            say("\n\n".join(present_why.told(one, shown, screen(view)) for one, shown in found))
            doubts(view, "what is applied, who is online and what the server would answer")
        return 0 if view.readable else 1
