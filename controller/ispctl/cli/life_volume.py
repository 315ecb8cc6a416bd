"""`ispctl topup`: more volume for whoever is limited by fair use."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ispctl.cli.life import SubArgument
from ispctl.cli.verb import Wanted, carry_out, verb


@verb
def topup(
    wanted: Wanted,
    sub: SubArgument,
    volume: Annotated[str, typer.Argument(metavar="VOLUME", help="So much more, like 50GB.")],
    window: Annotated[
        Literal["day", "week", "month", "cycle"] | None,
        typer.Option("--window", help="In which one that is now, where the tariff has several."),
    ] = None,
    payment: Annotated[
        str, typer.Option("--payment", metavar="REF", help="What was paid for it; the same REF counts once.")
    ] = "",
    amount: Annotated[
        str, typer.Option("--amount", metavar="AMOUNT", help="Invoice so much; with --payment it is paid.")
    ] = "",
) -> None:
    """Give a service more volume than fair use of its tariff does, until the window that is now ends: whoever is slowed
    down has his speed again. Needs a payment or a reason."""
    from ispctl.verbs.topup import topup as act

    carry_out(
        wanted,
        [sub],
        lambda draft: act(draft, sub, volume, window=window or "", payment=payment, amount=amount),
    )
