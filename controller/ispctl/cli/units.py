"""`ispctl systemd`: the units that run the loop on this machine, and the ACS beside it."""

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
    cpe: Annotated[
        str, typer.Option("--cpe", metavar="HOST:PORT", help="Where devices of subscribers call; default: nowhere.")
    ] = "",
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE", help="For --cpe to speak TLS: the chain, as PEM.")
    ] = None,
    private_key: Annotated[
        Path | None, typer.Option("--private-key", metavar="FILE", help="Of the certificate, as PEM.")
    ] = None,
) -> None:
    """Write ispctl.service, and a service with a timer that looks for hand edits; with --cpe also ispctl-cpe.service,
    the ACS. Exit code: 0 · 1."""
    from ispctl.cli.run import address_of
    from ispctl.loop.units import ACS, Place, write

    session: Session = context.obj
    if cpe:
        address_of(cpe, "--cpe")
    tls = (certificate, private_key) if certificate and private_key else None
    if (certificate or private_key) and not (tls and cpe):
        raise typer.BadParameter("--certificate and --private-key go together, and with --cpe")
    place = Place(session.repo.resolve(), _programs(), branch, every, metrics, user, group, key, cpe, tls)
    for file in write(place, out):
        say(str(file))
    units = " ".join(("ispctl.service", "ispctl-drift.timer", *((ACS,) if cpe else ())))
    say(f"Next: systemctl daemon-reload; systemctl enable --now {units}")


def _programs() -> Path:
    """The folder in which this very program lies."""
    return Path(sys.executable).absolute().parent
