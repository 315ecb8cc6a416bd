"""`ispstat`: the on-call's companion. It writes nothing, and no NAS hears from it."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ispctl.cli.common import FormatOption, RepoOption, Session, run, say, say_json, tell, use_utf8, version_of
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from ispctl.status.present import Screen
    from ispctl.status.view import View

app = typer.Typer(
    name="ispstat",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="What is so now: git and the RADIUS database, read only. No NAS is asked, nothing is written.",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command."""
    use_utf8()
    sys.exit(run(app, "ispstat", arguments))


@app.callback()
def ispstat(
    context: typer.Context,
    repo: RepoOption = Path(),
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=version_of("ispstat"), help="Say which.")
    ] = False,
) -> None:
    """Options before the command."""
    session = Session(repo, "ISPSTAT")
    # One database for both programs, unless this one is given a role of its own.
    dsn = session.env.get("ISPSTAT_RADIUS__DSN") or session.env.get("ISPCTL_RADIUS__DSN") or ""
    context.obj = replace(session, env={**session.env, "ISPSTAT_RADIUS__DSN": dsn})


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[list[str] | None, typer.Option(metavar="STATE", help="May be given several times.")] = None,
    group: Annotated[str, typer.Option(help="Of this group.")] = "",
    tariff: Annotated[str, typer.Option(help="On this tariff now.")] = "",
    nas: Annotated[str, typer.Option(help="Planned on this host or group of hosts.")] = "",
    pool: Annotated[str, typer.Option(help="Addresses from this pool, in either family.")] = "",
    expiring: Annotated[str | None, typer.Option(metavar="N", help="In service, and ends within N days.")] = None,
    in_grace: Annotated[bool, typer.Option("--in-grace", help="Unpaid, and still in service.")] = False,
    mac_mode: Annotated[Literal["off", "learn", "fixed"] | None, typer.Option(help="How MACs are bound.")] = None,
    no_session: Annotated[str | None, typer.Option(metavar="N", help="Not online for N days.")] = None,
    drifted: Annotated[bool, typer.Option("--drifted", help="Rows altered by hand.")] = False,
    columns: Annotated[str | None, typer.Option(metavar="A,B,…", help="Which columns; name shows people.")] = None,
    format: Annotated[Literal["text", "json", "csv"], typer.Option(help="How the answer is written.")] = "text",
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
        expiring=_days("--expiring", expiring),
        no_session=_days("--no-session", no_session),
        in_grace=in_grace,
        drifted=drifted,
        names="name" in chosen,
    )
    with _looking(context) as view:
        found = listing.listing(view, wanted)
        if format == "json":
            say_json(present.envelope(view, found))
        elif format == "csv":
            say(present.listed_csv(found, chosen, _screen(view)))
        else:
            say(present.listed(found, chosen, _screen(view)))
            _doubts(view, "who is online and what is applied")
    return 0


@app.command()
def show(
    context: typer.Context,
    subscriber: Annotated[str, typer.Argument(metavar="SUB", help="A login, an id, or id/key.")],
    format: FormatOption = "text",
) -> int:
    """One subscriber in full: what is declared, what holds and why, what was applied, who is online, what is next."""
    from ispctl.status import present, present_profile, profile

    with _looking(context) as view:
        found = profile.show(view, subscriber)
        if format == "json":
            say_json(present.envelope(view, found))
        else:
            say("\n\n".join(present_profile.shown(one, _screen(view)) for one in found))
            _doubts(view, "what is applied, who is online and who was refused")
    return 0


@app.command()
def sessions(
    context: typer.Context,
    nas: Annotated[str, typer.Option(help="On this NAS, by name or address.")] = "",
    login: Annotated[str, typer.Option(help="Of this login, id or id/key.")] = "",
    stale: Annotated[bool, typer.Option("--stale", help="Not heard of for 2.5 intervals.")] = False,
    behind: Annotated[bool, typer.Option("--behind", help="Running older values than the database holds.")] = False,
    format: FormatOption = "text",
) -> int:
    """Who is online, how fast, and whether each session runs what the database says. Exit 1: it cannot be told."""
    from ispctl.status import online, present

    with _looking(context) as view:
        logins = online.logins_of(view, login) if login else None
        found = online.sessions(view, online.Asked(nas, logins, stale, behind))
        if format == "json":
            say_json(present.envelope(view, found or ()))
        elif found is not None:
            say(present.online(found, _screen(view)))
        _doubts(view, "who is online", aloud=format == "text")
        return 0 if found is not None else 1


@app.command()
def drift(context: typer.Context, format: FormatOption = "text") -> int:
    """Does the database hold what the applied commit says? Exit 0: yes · 2: altered by hand · 1: it cannot be told."""
    from ispctl.status import drift as query
    from ispctl.status import present

    with _looking(context) as view:
        found = query.drift(view)
        if format == "json":
            say_json(present.envelope(view, found or ()))
        elif found is not None:
            say(present.drifted(found))
        _doubts(view, "whether the database was altered", aloud=format == "text")
        return 1 if found is None else 2 if any(one.cause == "hand" for one in found) else 0


@app.command()
def health(context: typer.Context, format: FormatOption = "text") -> int:
    """Database, commits, runs, clock, sessions, strangers: one line each. Exit 0: healthy · 1: not."""
    from ispctl.status import health as query
    from ispctl.status import present

    with _looking(context) as view:
        found = query.health(view)
        if format == "json":
            say_json(present.envelope(view, [{"ok": check.ok, **_said(check, view)} for check in found]))
        else:
            say("\n".join(present.checked(found)))
        return 0 if query.well(found) else 1


def _said(check: object, view: View) -> dict[str, object]:
    from ispctl.status.values import plain

    said: dict[str, object] = plain(check, view.zone)
    return said


@contextmanager
def _looking(context: typer.Context) -> Iterator[View]:
    """The view of a command; what went wrong on the way is told at the end, on stderr."""
    from ispctl.status.view import look

    session: Session = context.obj
    with (
        session.repository() as repository,
        look(repository, lambda head: session.store(head, readonly=True), session.now) as view,
    ):
        yield view
        for problem in dict.fromkeys(view.problems):
            tell(str(problem))


def _doubts(view: View, unknown: str, *, aloud: bool = True) -> None:
    from ispctl.status.present import doubts

    text = doubts(view, unknown)
    if text and aloud:
        say(text)


def _screen(view: View) -> Screen:
    from ispctl.status.present import Screen

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return Screen(view.zone, view.now, width)


def _states(names: list[str]) -> frozenset[str]:
    """--state expired --state grace, or --state expired,grace."""
    from ispctl.states import State

    wanted = frozenset(name.strip() for text in names for name in text.split(","))
    if unknown := sorted(wanted - set(State)):
        raise typer.BadParameter(f"{unknown[0]!r} is no state; there are {', '.join(State)}", param_hint="--state")
    return wanted


def _days(flag: str, text: str | None) -> int | None:
    """ "3" or "3d"."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,5})d?", text, re.ASCII)
    if not found:
        raise Refusal(Problem("E625", f"{flag} takes a number of days", advice=f"Write it like {flag} 3d"))
    return int(found[1])
