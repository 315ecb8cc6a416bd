"""`ispctl edit|rename-login|move`: what is written of a subscriber, changed without an editor."""

from __future__ import annotations

from typing import Annotated

import typer

from ispctl.cli.life import SubArgument
from ispctl.cli.verb import Wanted, carry_out, verb


@verb
def edit(
    wanted: Wanted,
    sub: SubArgument,
    changes: Annotated[
        list[str], typer.Argument(metavar="FIELD=VALUE…", help="profile.mobile=…, nas=…; FIELD= takes it away.")
    ],
) -> None:
    """Change fields of a subscriber or of a service: profile.…, nas, routes, access.…; lists with commas. What has a
    verb of its own (the tariff, addresses, devices) is changed by that."""
    from ispctl.verbs.change import edit as act

    carry_out(wanted, [sub], lambda draft: act(draft, sub, changes))


@verb
def rename_login(
    wanted: Wanted, sub: SubArgument, login: Annotated[str, typer.Argument(metavar="NEW", help="The new login.")]
) -> None:
    """Give a service another login. Its session drops, its password stays."""
    from ispctl.verbs.change import rename_login as act

    carry_out(wanted, [sub, login], lambda draft: act(draft, sub, login))


@verb
def move(
    wanted: Wanted,
    sub: SubArgument,
    group: Annotated[str, typer.Option("--group", metavar="G", help="Where to: a folder under subscribers/.")],
    shard: Annotated[
        str | None, typer.Option("--shard", metavar="DIR", help="Folder below the group; default: as before.")
    ] = None,
) -> None:
    """Move a subscriber into another group, with the account. Says what every value is before and after, and which line
    it comes from."""
    from ispctl.verbs.change import move as act

    carry_out(wanted, [sub], lambda draft: act(draft, sub, group, shard))
