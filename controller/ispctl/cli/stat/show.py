"""`ispstat show`: one subscriber in full."""

from __future__ import annotations

from typing import Annotated

import typer

from ispctl.cli.common import FormatOption, say, say_json
from ispctl.cli.stat.common import AtOption, at, doubts, looking, said_then, screen


def show(
    context: typer.Context,
    subscriber: Annotated[str, typer.Argument(metavar="SUB", help="A login, an id, or id/key.")],
    moment: AtOption = None,
    format: FormatOption = "text",
) -> int:
    """One subscriber in full: what is declared, what holds and why, what was applied, who is online, what is pending,
    the account. Exit 1: the database could not be asked, or the account not be read."""
    from ispctl.status import present, present_profile, profile

    with looking(context) as view:
        then = at(view, moment)
        found = profile.show(then, subscriber)
        if format == "json":
            say_json({**present.envelope(view, found), **said_then(view, then)})
        else:
            say("\n\n".join(present_profile.shown(one, screen(then)) for one in found))
            doubts(view, "what is applied, who is online and who was refused")
        return 0 if view.readable and all(one.account for one in found) else 1
