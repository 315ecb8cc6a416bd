"""`ispctl run`: what `apply` does, by itself: when the branch moves, when a moment comes, and until it is all true."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ispctl.cli.common import Session, clock
from ispctl.cli.logs import LogFormat, logger
from ispctl.structs import replace

if TYPE_CHECKING:
    from ispctl.cli.service import Signals, Systemd
    from ispctl.loop import Board, Loop, Pace, Site
    from ispctl.loop.seen import Logger
    from ispctl.nas import Fleet
    from ispctl.repo import Repository, Snapshot
    from ispctl.store import Store


def run(
    context: typer.Context,
    branch: Annotated[str, typer.Option("--branch", metavar="NAME", help="The branch that is served.")] = "main",
    every: Annotated[
        str, typer.Option("--every", metavar="DURATION", help="How often the branch is looked at: 1s, 60s, 5m.")
    ] = "60s",
    resync: Annotated[
        str, typer.Option("--resync", metavar="DURATION", help="How often all is compared when nothing happens.")
    ] = "5m",
    remote: Annotated[
        str, typer.Option("--remote", metavar="NAME", help="The remote that is fetched from.")
    ] = "origin",
    metrics: Annotated[
        str | None, typer.Option("--metrics", metavar="HOST:PORT", help="Serve /metrics and /healthz there.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One turn, then end; for cron.")] = False,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="How the events on stderr are written.")
    ] = "text",
) -> None:
    """Keep RADIUS and the live sessions equal to a branch: fetch, plan, apply; on a timer, and when a moment comes.

    SIGHUP or SIGUSR1: look now. SIGTERM: end after the transaction under way. Exit code: 0 ended · 1 could not begin;
    with --once also 1 where something waits or failed."""
    from ispctl.cli.service import GRACE, Signals, systemd
    from ispctl.loop import Board, Loop, Stopped
    from ispctl.reconcile import Beside

    session: Session = context.obj
    door = address_of(metrics, "--metrics") if metrics else None
    pace = _pace(every, resync)
    log = logger(session, log_format)
    with session.repository() as repository, Signals() as signals, systemd(session.env) as manager:
        site = _site(session, repository, branch, remote, signals, manager)
        site.beside = None if once else Beside(signals.wake, lambda: signals.ending)
        loop = Loop(site, pace, branch, clock, log)
        log.info("started", branch=branch, every=every, resync=resync, once=once)
        try:
            with _served(Board(loop, site), door, log) as board:
                code = _once(loop) if once else _forever(loop, signals, manager, board)
            site.close(GRACE)
            loop.leave()
        except Stopped:
            code = 0
            log.warning("cut-short", advice="what was under way is finished by the next run")
            loop.leave()
        log.info("ended")
    raise typer.Exit(code)


def _once(loop: Loop) -> int:
    """A turn looks at the branch and applies; 1 unless everything is as it should be."""
    loop.turn()
    if not loop.leads:  # another loop does it, unless it is the database that is away
        return 1 if loop.seen.away else 0
    return 0 if loop.seen.good and not loop.seen.refused and not loop.seen.fetch_code else 1


@contextmanager
def _served(board: Board, door: tuple[str, int] | None, log: Logger) -> Iterator[Board | None]:
    """The board, if somebody may look at it."""
    from ispctl.loop import Server

    if door is None:
        yield None
        return
    server = Server(board, door)
    log.info("metrics", port=server.port)
    try:
        yield board
    finally:
        server.close()


def _forever(loop: Loop, signals: Signals, manager: Systemd, board: Board | None) -> int:
    ready = False
    while not signals.ending:
        if signals.woken():
            loop.hurry()
        seconds = loop.turn()
        manager(*([] if ready else ["READY=1"]), "WATCHDOG=1", f"STATUS={loop.seen.words(leads=loop.leads)}")
        ready = True
        if board:
            board.turned()
        signals.rest(seconds)
    return 0


def _site(
    session: Session, repository: Repository, branch: str, remote: str, signals: Signals, manager: Systemd
) -> Site:
    from ispctl.cli.plans import fleet_of, nas_target
    from ispctl.loop import Site
    from ispctl.repo.remote import Remote

    def progress(_what: str, _done: int, _all: int) -> None:
        manager("WATCHDOG=1")
        signals.check()

    def fleet(snapshot: Snapshot, store: Store) -> Fleet | None:
        target = nas_target(snapshot, store, lab=store.is_lab)
        return fleet_of(target) if target else None

    there = Remote(session.repo, branch, session.env, remote, stopping=lambda: signals.ending)
    return Site(
        repository,
        there,
        lambda snapshot, readonly: session.store(snapshot, readonly=readonly),
        lambda snapshot, lab: session.keyring(snapshot, lab=lab),
        clock,
        progress,
        session.replicas,
        session.index(repository, progress),
        session.reviews,
        fleet,
    )


def _pace(every: str, resync: str) -> Pace:
    from ispctl.loop import Pace

    pace = Pace(every=_duration(every, "--every"), resync=_duration(resync, "--resync"))
    return replace(pace, watch=min(pace.watch, max(pace.every, timedelta(seconds=5))))


def _duration(text: str, option: str) -> timedelta:
    """Whole seconds, at least one."""
    from ispctl.model.reading import value_of
    from ispctl.model.rules import Wrong
    from ispctl.model.scalars import Seconds

    try:
        seconds: int = value_of(Seconds, text)
    except Wrong:
        seconds = 0
    if not 1 <= seconds <= 86400:
        raise typer.BadParameter("expected a duration from 1s to 1d, like 60s or 5m", param_hint=option)
    return timedelta(seconds=seconds)


def address_of(text: str, option: str) -> tuple[str, int]:
    """127.0.0.1:9464 or [::1]:9464."""
    host, mark, port = text.rpartition(":")
    if not mark or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise typer.BadParameter("expected an address and a port, like 127.0.0.1:9464", param_hint=option)
    return host.strip("[]"), int(port)
