"""`ispstat list`: every service in a line."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ispctl.cli.common import say_each
from ispctl.cli.stat.common import AtOption, TableFormat, at, days, doubts, looking, said_then, screen


def list_(
    context: typer.Context,
    state: Annotated[list[str] | None, typer.Option(metavar="STATE", help="May be given several times.")] = None,
    group: Annotated[str, typer.Option(help="Of this group.")] = "",
    tariff: Annotated[str, typer.Option(help="On this tariff now.")] = "",
    nas: Annotated[str, typer.Option(help="Planned on this host or group of hosts.")] = "",
    pool: Annotated[str, typer.Option(help="Addresses from this pool, in either family.")] = "",
    expiring: Annotated[str | None, typer.Option(metavar="N", help="In service, and ends within N days.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Something was to be paid yesterday, or before.")] = False,
    overdue_for: Annotated[
        str | None, typer.Option(metavar="N", help="Something was to be paid N days ago, or before.")
    ] = None,
    in_grace: Annotated[bool, typer.Option("--in-grace", help="Unpaid, and still in service.")] = False,
    mac_mode: Annotated[Literal["off", "learn", "fixed"] | None, typer.Option(help="How MACs are bound.")] = None,
    no_session: Annotated[str | None, typer.Option(metavar="N", help="Not online for N days.")] = None,
    drifted: Annotated[bool, typer.Option("--drifted", help="Rows altered by hand.")] = False,
    over_quota: Annotated[bool, typer.Option("--over-quota", help="Over a tier of fair use.")] = False,
    columns: Annotated[str | None, typer.Option(metavar="A,B,…", help="Which columns; name shows people.")] = None,
    moment: AtOption = None,
    format: TableFormat = "text",
) -> int:
    """Every service in a line: what the head says of it now, and whether it is online."""
    from ispctl.status import listing, present

    chosen = present.columns_of(columns)
    wanted = listing.Wanted(
        states=_states(state or []),
        group=group,
        tariff=tariff,
        nas=nas,
        pool=pool,
        mac_mode=mac_mode or "",
        expiring=days("--expiring", expiring),
        no_session=days("--no-session", no_session),
        in_grace=in_grace,
        overdue=days("--overdue-for", overdue_for or ("1" if overdue else None)),
        drifted=drifted,
        over_quota=over_quota,
        names="name" in chosen,
        accounts=not present.OF_ACCOUNTS.isdisjoint(chosen),
    )
    with looking(context) as view:
        then = at(view, moment)
        found = listing.listing(then, wanted)
        if format == "json":
            say_each(present.enveloped(view, found, said_then(view, then)), "")
        elif format == "csv":
            say_each(present.listed_csv(found, chosen, screen(then)))
        else:
            say_each(present.listed(found, chosen, screen(then)))
            doubts(view, "who is online and what is applied")
    return 0


def _states(names: list[str]) -> frozenset[str]:
    """--state expired --state grace, or --state expired,grace."""
    from ispctl.states import State

    wanted = frozenset(name.strip() for text in names for name in text.split(","))
    if unknown := sorted(wanted - set(State)):
        raise typer.BadParameter(f"{unknown[0]!r} is no state; there are {', '.join(State)}", param_hint="--state")
    return wanted
