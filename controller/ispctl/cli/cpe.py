"""`ispctl cpe`: the devices of subscribers, by TR-069: the ACS that they call, and which belongs to whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ispctl.cli.common import Session, clock, say
from ispctl.cli.life import SubArgument
from ispctl.cli.logs import LogFormat, logger
from ispctl.cli.passwords import seal
from ispctl.cli.verb import Wanted, carry_out, verb
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    import ssl

    from ispctl.cpe import Doors
    from ispctl.repo import Snapshot

app = typer.Typer(help="The devices of subscribers, by TR-069 (CWMP).", no_args_is_help=True, rich_markup_mode=None)
SerialArgument = Annotated[str, typer.Argument(metavar="SERIAL", help="As the device reports it.")]
_LEAST: Final = 16


@app.command()
def serve(
    context: typer.Context,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where devices call.")
    ] = "127.0.0.1:7547",
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE", help="Speak TLS: the chain, as PEM.")
    ] = None,
    private_key: Annotated[
        Path | None, typer.Option("--private-key", metavar="FILE", help="Of the certificate, as PEM.")
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="How the events on stderr are written.")
    ] = "text",
) -> None:
    """Be the ACS that devices call: give each what was applied, and write down what it took. Ends at SIGTERM. Its
    secret is ISPCTL_ACS_SECRET. Example: ispctl cpe serve --listen 0.0.0.0:7547"""
    from ispctl.cli.run import address_of
    from ispctl.cli.service import Signals, systemd
    from ispctl.cpe import Acs
    from ispctl.loop import wake
    from ispctl.reconcile.acs import Reception

    session: Session = context.obj
    address, tls = address_of(listen, "--listen"), _tls(certificate, private_key)
    log = logger(session, log_format)
    with session.repository() as repository, Signals() as signals, systemd(session.env) as manager:
        head = repository.part("HEAD", ())
        doors = _doors(session, head, basic=tls is not None)
        reception = Reception(
            repository,
            session.store,
            lambda snapshot, lab: session.keyring(snapshot, lab=lab),
            doors.secret,
            clock,
            log,
            lambda store: wake(store, clock()),
        )
        acs = Acs(reception.open, doors, address, log, tls=tls)
        try:
            log.info("acs", port=acs.port, tls=tls is not None)
            manager("READY=1")
            while not signals.ending:
                manager("WATCHDOG=1")
                signals.rest(10.0)
        finally:
            acs.close()
        log.info("ended")


@app.command()
def password(
    context: typer.Context,
    serial: SerialArgument,
) -> None:
    """Print the password with which a device is to call the ACS; its login is the serial number. For whoever prepares
    devices that have no login of a factory. Example: ispctl cpe password 48575443A1B2C3D4"""
    from ispctl.cpe import password_of

    say(password_of(_secret(context.obj), serial))


@app.command()
@verb
def link(
    wanted: Wanted,
    sub: SubArgument,
    serial: SerialArgument,
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="Of the vendor; a file of templates/cpe/ is one too.")
    ] = "generic",
) -> None:
    """Link a device to a service: it is told the login when it calls after the next apply."""
    from ispctl.verbs.cpe import link as act

    carry_out(wanted, [sub], lambda draft: act(draft, sub, serial, profile))


@app.command()
@verb
def unlink(
    wanted: Wanted,
    sub: SubArgument,
    serial: Annotated[str, typer.Argument(metavar="[SERIAL]", help="Of several; one alone need not be named.")] = "",
    keep_password: Annotated[
        bool, typer.Option("--keep-password", help="The device knows it: for one that was linked by mistake.")
    ] = False,
) -> None:
    """Take a device away from a service. The service is given another password, which the device does not know; the
    next one is told it when it calls."""
    from ispctl.secrets import new_password
    from ispctl.verbs.cpe import unlink as act

    clear = None if keep_password else new_password()
    carry_out(wanted, [sub], lambda draft: act(draft, sub, serial, clear, lambda *of: seal(wanted.session, *of)))


def _secret(session: Session) -> str:
    """Raises Refusal E851."""
    secret = session.env.get("ISPCTL_ACS_SECRET", "")
    if len(secret) < _LEAST:
        text = "ISPCTL_ACS_SECRET is shorter than 16 characters" if secret else "ISPCTL_ACS_SECRET is not set"
        advice = "Make one and keep it: every device's login is reckoned from it (openssl rand -hex 32)"
        raise Refusal(Problem("E851", text, advice=advice))
    return secret


def _doors(session: Session, head: Snapshot, *, basic: bool) -> Doors:
    """Who may come in. Raises Refusal E851, E852."""
    from ispctl.cpe import Doors
    from ispctl.reconcile.acs import target_of

    target = target_of(head)
    if target is None:
        advice = "Write cpe: {inform: 1h} there; docs/cpe.md says how to begin"
        raise Refusal(Problem("E852", "inventory/targets.yaml says nothing about cpe", advice=advice))
    secret, word = _secret(session), session.env.get("ISPCTL_ACS_FACTORY", "")
    if target.factory and not word:
        advice = "It is the password of the login that targets.yaml names in cpe.factory"
        raise Refusal(Problem("E851", "ISPCTL_ACS_FACTORY is not set", advice=advice))
    return Doors(secret, (target.factory, word) if target.factory else None, basic)


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Raises Refusal E853 for what is no certificate with its key."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise typer.BadParameter("--certificate and --private-key go together")
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        text = f"the certificate cannot be used ({type(error).__name__})"
        raise Refusal(Problem("E853", text, advice="Name the chain and its own key, both as PEM")) from None
    return context
