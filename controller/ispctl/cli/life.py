"""The verbs of the subscriber's life: each is one commit, and shows its effect before it is one."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from ispctl.cli.pause import ID as PAUSE
from ispctl.cli.pause import GroupOption, LoginOption, TargetOption, unpause
from ispctl.cli.verb import Wanted, carry_out, verb

SubArgument = Annotated[str, typer.Argument(metavar="SUB", help="A login, an id or id/key.", show_default=False)]


@verb
def suspend(
    wanted: Wanted,
    sub: SubArgument,
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day without service; default: today.")
    ] = None,
) -> None:
    """Take a service out of use until `ispctl resume SUB`."""
    from ispctl.verbs.state import suspend as act

    day = day_of(since, "--from")
    carry_out(wanted, [sub], lambda draft: act(draft, sub, day))


@verb
def resume(
    wanted: Wanted,
    name: Annotated[
        str | None, typer.Argument(metavar="SUB|ID", help="A login, an id or id/key; or the id of a pause.")
    ] = None,
    target: TargetOption = None,
    group: GroupOption = None,
    login: LoginOption = None,
) -> None:
    """Bring a suspended service back. With the id of a pause, with --target, --group or --login, or with none of them:
    end that pause before its time; the options of a commit mean nothing then."""
    if name is None or PAUSE.fullmatch(name):
        unpause(wanted.session, name, target, group, login, wanted.format)
        return
    if target or group or login:
        raise typer.BadParameter("--target, --group and --login name what is paused; a service is named alone")
    from ispctl.verbs.state import resume as act

    carry_out(wanted, [name], lambda draft: act(draft, name))


def day_of(text: str | None, option: str) -> date | None:
    """A day as it stands in files: 2026-12-01."""
    from ispctl.model.scalars import FIRST_YEAR, LAST_YEAR

    try:
        found = date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise typer.BadParameter("expected a day, like 2026-12-01", param_hint=option) from None
    if found and not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise typer.BadParameter(f"expected a day of the years {FIRST_YEAR} to {LAST_YEAR}", param_hint=option)
    return found
