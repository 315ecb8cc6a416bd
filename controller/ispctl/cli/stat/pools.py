"""`ispstat pools`: how full are they?"""

from __future__ import annotations

from typing import Annotated

import typer

from ispctl.cli.common import say, say_json
from ispctl.cli.stat.common import TableFormat, doubts, looking, screen


def pools(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[POOL]", help="One of them.")] = "",
    free: Annotated[int, typer.Option("--free", metavar="N", min=0, help="Show N addresses nobody holds.")] = 0,
    format: TableFormat = "text",
) -> int:
    """How full each pool is, on each NAS: static ones by git, others by open sessions or leases; 95 % is an alarm.
    Exit 1: it cannot be told."""
    from ispctl.status import present, present_pools
    from ispctl.status import slices as query

    with looking(context) as view:
        found = query.pools(view, name, free)
        if format == "json":
            say_json(present.envelope(view, found))
        elif format == "csv":
            say(present_pools.csv(found, screen(view)))
        else:
            say(present_pools.listed(found, screen(view)))
        doubts(view, "how full the pools are that git does not give out", aloud=format == "text")
        return 0 if all(part.used is not None for pool in found for part in pool.parts) else 1
