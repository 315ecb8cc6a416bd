"""`ispctl systemd`: the units that run the loop on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ispctl.cli.common import Session, say


def systemd(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the units are written.")],
    branch: Annotated[str, typer.Option("--branch", metavar="NAME", help="The branch that is served.")] = "main",
    every: Annotated[str, typer.Option("--every", metavar="DURATION", help="How often it is looked at.")] = "10s",
    metrics: Annotated[
        str, typer.Option("--metrics", metavar="HOST:PORT", help="Where /metrics is served.")
    ] = "127.0.0.1:9464",
    user: Annotated[str, typer.Option("--user", metavar="USER", help="Who runs it.")] = "ispctl",
    group: Annotated[
        str, typer.Option("--group", metavar="GROUP", help="The group it shares with FreeRADIUS.")
    ] = "freerad",
    key: Annotated[Path, typer.Option("--key-file", metavar="FILE", help="The age key; systemd hands it over.")] = Path(
        "/etc/ispctl/age.key"
    ),
) -> None:
    """Write ispctl.service, and a service with a timer that looks for hand edits. Exit code: 0 · 1."""
    from ispctl.loop.units import Place, write

    session: Session = context.obj
    place = Place(session.repo.resolve(), _programs(), branch, every, metrics, user, group, key)
    for file in write(place, out):
        say(str(file))
    say("Next: systemctl daemon-reload; systemctl enable --now ispctl.service ispctl-drift.timer")


def _programs() -> Path:
    """The folder in which this very program lies."""
    return Path(sys.executable).absolute().parent
