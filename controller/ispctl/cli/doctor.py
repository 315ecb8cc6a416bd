"""`ispctl doctor`: could ispctl do its work on this machine, if it had to now?"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ispctl.cli.common import FormatOption, Session, clock, say, say_json
from ispctl.cli.run import address_of
from ispctl.structs import replace

if TYPE_CHECKING:
    from ispctl.doctor.network import Server


def doctor(
    context: typer.Context,
    branch: Annotated[str, typer.Option("--branch", metavar="NAME", help="The branch that is served.")] = "main",
    remote: Annotated[
        str, typer.Option("--remote", metavar="NAME", help="The remote that is fetched from.")
    ] = "origin",
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="HOST:PORT", help="Ask this RADIUS server which configuration it runs."),
    ] = None,
    dictionaries: Annotated[
        Path, typer.Option("--dictionaries", metavar="DIR", help="Where FreeRADIUS has its dictionaries.")
    ] = Path("/usr/share/freeradius"),
    nas: Annotated[bool, typer.Option("--nas", help="Also the way to each NAS: a connection, no login.")] = False,
    format: FormatOption = "text",
) -> None:
    """Keys, rights, ways, versions and clocks: one line each; nothing is written. Exit code: 0 all well, 1 not.

    The secret for --server is taken from ISPCTL_STATUS_SECRET; on a lab database the lab's own server is asked."""
    from ispctl.doctor import Surroundings, examine
    from ispctl.repo.remote import Remote
    from ispctl.status.health import well
    from ispctl.status.present import checked

    session: Session = context.obj
    named = address_of(server, "--server") if server else None
    with ExitStack() as stack:
        about = Surroundings(
            repository=lambda: stack.enter_context(session.repository()),
            index=lambda repository: stack.enter_context(session.reading(repository)),
            remote=replace(Remote(session.repo, branch, session.env, remote), timeout=10.0),
            store=lambda snapshot: session.store(snapshot, readonly=True),
            keyring=lambda snapshot, lab: session.keyring(snapshot, lab=lab),
            server=lambda lab: _server(session, named, lab=lab),
            clock=clock,
            dictionaries=dictionaries,
            nas=nas,
            asks=session.reviews is not None,
        )
        found = tuple(examine(about))
    if format == "json":
        say_json({"version": 1, "as_of": session.now.isoformat(), "items": [_item(check) for check in found]})
    else:
        say("\n".join(checked(found)))
    raise typer.Exit(0 if well(found) else 1)


def _item(check: object) -> dict[str, object]:
    from ispctl.status.check import Check

    assert isinstance(check, Check)
    return {"ok": check.ok, "name": check.name, "level": check.level, "text": check.text, "advice": check.advice}


def _server(session: Session, named: tuple[str, int] | None, *, lab: bool) -> Server | None:
    """What was named, with the secret of the environment; else the server of a lab that runs."""
    from ispctl.doctor.network import Server

    secret = session.env.get("ISPCTL_STATUS_SECRET", "")
    if named is not None and secret:
        return Server(*named, secret)
    if not lab:
        return None
    from ispctl.cli.lab import open_lab

    found = open_lab(session).status()
    if not found["running"]:
        return None
    host, port = address_of(found["radius"]["auth"], "--server")
    return Server(host, port, found["radius"]["secret"])
