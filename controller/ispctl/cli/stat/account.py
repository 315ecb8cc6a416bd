"""`ispstat account`: who owes what."""

from __future__ import annotations

from typing import Annotated

import typer

from ispctl.cli.common import FormatOption, say, say_json
from ispctl.cli.stat.common import AtOption, at, looking, said_then, screen


def account(
    context: typer.Context,
    subscriber: Annotated[str, typer.Argument(metavar="SUB", help="A login, an id, or id/key.")],
    last: Annotated[int, typer.Option("--last", metavar="N", min=0, help="So many entries, newest first.")] = 10,
    moment: AtOption = None,
    format: FormatOption = "text",
) -> int:
    """What a subscriber owes, how old it is, what was entered last, and what follows if nothing is paid. Reads git
    alone."""
    from ispctl.status import present, present_account
    from ispctl.status.account import account as query

    with looking(context) as view:
        then = at(view, moment, unwritten=True)
        found = query(then, subscriber, last)
        if format == "json":
            say_json({**present.envelope(view, found), **said_then(view, then)})
        else:
            say("\n\n".join(present_account.told(one, screen(then)) for one in found))
    return 0
