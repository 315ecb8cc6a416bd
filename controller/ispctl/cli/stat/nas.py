"""`ispstat nas`: who of the routers is heard, and what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from ispctl.cli.common import Session, clock, say, say_json
from ispctl.cli.completion import routers
from ispctl.cli.stat.common import TableFormat, doubts, looking, screen
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from ispctl.reconcile.asking import Asked
    from ispctl.reconcile.fleet import Wanted
    from ispctl.status.view import View


def nas(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="[NAS]", help="One of them in full, by name or address.", autocompletion=routers),
    ] = "",
    ask: Annotated[
        bool, typer.Option("--ask", help="Also log in to those that ispctl configures and look; needs ISPCTL_AGE_KEY.")
    ] = False,
    format: TableFormat = "text",
) -> int:
    """Every NAS: sessions, when it was last heard, begun/refused in an hour and a day, CoA, and what the last run heard
    of those that ispctl configures; and strangers. Example: ispstat nas lalitpur-1 --ask. Exit 1: it cannot be told."""
    from ispctl.status import present, present_fleet
    from ispctl.status.fleet import fleet

    with looking(context) as view:
        found = fleet(view, name, _asking(context.obj, view) if ask else None)
        if format == "json":
            say_json(present.envelope(view, found))
        elif format == "csv":
            say(present_fleet.csv(found, screen(view)))
        elif name:
            say("\n\n".join(present_fleet.shown(one, screen(view)) for one in found))
        else:
            say(present_fleet.listed(found, screen(view)))
        doubts(view, "who is heard and who is online", aloud=format == "text")
        return 0 if view.readable else 1


def _asking(session: Session, view: View) -> Callable[[Mapping[str, Wanted]], Mapping[str, Asked]]:
    """How the NAS of the head are asked. Raises Refusal where they cannot be."""
    from ispctl.cli.plans import fleet_of, nas_target
    from ispctl.cli.progress import Progress
    from ispctl.reconcile import World
    from ispctl.reconcile.asking import ask

    store = view.store
    if store is None:
        text = "no NAS is asked: the database gives no answer"
        raise Refusal(Problem("E607", text, advice="Leave --ask out, or name the database of the network"))
    lab = store.is_lab
    target = nas_target(view.head, store, lab=lab)
    if target is None and lab:
        text = "no NAS is asked: the lab has no stand-ins that could be configured"
        raise Refusal(Problem("E607", text, advice="Start them: ispctl lab up; or name the database of the network"))
    if target is None:
        text = "no NAS is asked: inventory/targets.yaml says nothing about nas"
        raise Refusal(Problem("E607", text, advice="Write nas: {} there, and data: {device: …} for each host"))

    def asked(wanted: Mapping[str, Wanted]) -> Mapping[str, Asked]:
        with Progress() as progress:
            keyring = lambda: session.keyring(view.head, lab=False)  # noqa: E731
            found = World(view.repository, store, keyring, view.now, clock, progress, nas=fleet_of(target))
            return ask(found, wanted)

    return asked
