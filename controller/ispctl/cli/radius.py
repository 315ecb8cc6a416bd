"""`ispctl radius`: the database that FreeRADIUS reads, and the configuration it runs with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ispctl.cli.common import Session, say

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The RADIUS database and the FreeRADIUS configuration."
)


@app.command()
def init(context: typer.Context) -> None:
    """Make FreeRADIUS's tables and ours where they are missing, or bring ours up to date. Rows stay as they are."""
    from ispctl.store import Store
    from ispctl.store.roles import renew

    session: Session = context.obj
    with (
        session.repository() as repository,
        Store.create(session.dsn(repository.part("HEAD", ())), base=session.repo) as store,
    ):
        renew(store)
        say(f"{store.place} is ready. Next: ispctl plan")


@app.command()
def roles(
    context: typer.Context,
    stat: Annotated[str, typer.Option("--stat", metavar="ROLE", help="May read what ispstat shows.")] = "",
    server: Annotated[str, typer.Option("--server", metavar="ROLE", help="May do what FreeRADIUS does.")] = "",
) -> None:
    """Let other roles of a PostgreSQL database do their work and no more; made where they are missing."""
    from ispctl.store.roles import grant

    if not stat and not server:
        raise typer.BadParameter("name at least one of --stat and --server")
    session: Session = context.obj
    with session.repository() as repository, session.store(repository.part("HEAD", ())) as store:
        made = [stat] if stat and grant(store, stat, "stat") else []
        made += [server] if server and grant(store, server, "server") else []
        if stat:
            say(f"{stat} reads everything but passwords, shared secrets and keys. Name it in ISPSTAT_RADIUS__DSN.")
        if server:
            say(f"{server} reads logins and writes accounting. Name it: ispctl radius config --dsn …")
    for role in made:
        say(f"{role} was made without a password. Give it one: psql -c '\\password {role}'")


@app.command()
def config(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the configuration.")],
    run_dir: Annotated[
        Path, typer.Option("--run-dir", metavar="DIR", help="Where the server keeps its log and buffer.")
    ] = Path("/var/lib/ispctl-radius"),
    listen: Annotated[
        str, typer.Option("--listen", metavar="ADDRESS", help="Address to serve; * is IPv4, :: IPv6.")
    ] = "*",
    auth_port: Annotated[int, typer.Option("--auth-port", help="UDP port of authentication.")] = 1812,
    acct_port: Annotated[int, typer.Option("--acct-port", help="UDP port of accounting.")] = 1813,
    dsn: Annotated[
        str, typer.Option("--dsn", help="Database as the server opens it, as by a role of its own; default: as ispctl.")
    ] = "",
    log_accepts: Annotated[
        bool, typer.Option("--log-accepts", help="Keep a row of radpostauth for every accept, not only for odd ones.")
    ] = False,
) -> None:
    """Write the FreeRADIUS configuration: the same that the lab runs."""
    from ispctl.radius.server import ServerSettings, stale_after, write
    from ispctl.store import address

    session: Session = context.obj
    with session.repository() as repository:
        snapshot = repository.part("HEAD", ())
        database = address(dsn or session.dsn(snapshot), session.repo)
        settings = ServerSettings(
            database=database.for_server,
            dialect=database.dialect,
            database_password=database.password,
            run_dir=str(run_dir.absolute()),
            listen=listen,
            auth_port=auth_port,
            acct_port=acct_port,
            log_accepts=log_accepts,
            stale_after=stale_after(nas.accounting.interim for nas in snapshot.nas.values()),
        )
    for path in write(settings, out):
        say(str(path))
    say(f"Check it: freeradius -C -d {out} -n ispctl. Run it: freeradius -d {out} -n ispctl -f")
