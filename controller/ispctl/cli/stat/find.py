"""`ispstat find`: who has an address or a device, or had it."""

from __future__ import annotations

from typing import Annotated

import typer

from ispctl.cli.common import FormatOption, say, say_json
from ispctl.cli.stat.common import AtOption, at, doubts, looking, said_then, screen


def find(
    context: typer.Context,
    term: Annotated[
        str,
        typer.Argument(metavar="TERM", help="An address or a prefix, a MAC address, a login, an id or id/key."),
    ],
    moment: AtOption = None,
    format: FormatOption = "text",
) -> int:
    """Who has an address or a device now, or had it: by git, and by the accounting. Exit 1: nobody, or it cannot be
    told.

    ispstat find 100.64.0.7 --at 'yesterday 21:03'
    """
    from ispctl.status import find as query
    from ispctl.status import present, present_find

    with looking(context) as view:
        then = at(view, moment, unwritten=True)
        found = query.find(then, term)
        if format == "json":
            say_json({**present.envelope(view, found or ()), **said_then(view, then)})
        elif found is not None:
            say(present_find.told(found, screen(then), of=present_find.moment(then)))
        doubts(view, "who had it", aloud=format == "text")
        return 0 if found and any(one.match == "then" for one in found) else 1
