"""`ispctl nas`: what a NAS should hold, word for word; and putting one back to what stood there before a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ispctl.cli.common import FormatOption, Session, say, say_json, tell
from ispctl.cli.completion import hosts
from ispctl.cli.history import MostOption
from ispctl.model.problem import Refusal

if TYPE_CHECKING:
    from ispctl.reconcile.fleet import Wanted

app = typer.Typer(
    help="The configuration of NAS: what it should be, and going back.", no_args_is_help=True, rich_markup_mode=None
)
HostArgument = Annotated[str, typer.Argument(metavar="HOST", help="As in inventory/hosts.yaml.", autocompletion=hosts)]


@app.command()
def render(
    context: typer.Context,
    host: HostArgument,
    commit: Annotated[str, typer.Option("--commit", metavar="REV", help="Commit.")] = "HEAD",
    format: FormatOption = "text",
) -> None:
    """Print what a NAS should hold of ours, in its own language; secrets as digests. Asks no device. Example:
    ispctl nas render lalitpur-1"""
    from ispctl.platforms.device import nas_platform
    from ispctl.platforms.rendering import texts

    wanted = _wanted(context.obj, host, commit)
    platform = nas_platform(wanted.nas.platform)
    assert platform is not None
    if format == "json":
        items = [{"key": "/".join(key), "fields": dict(said)} for key, said in sorted(wanted.resources().items())]
        say_json({"version": 1, "host": host, "platform": platform.name, "items": items})
        return
    for text in texts(platform, wanted.slice, wanted.templates).values():
        say(text)


@app.command()
def rollback(
    context: typer.Context,
    host: HostArgument,
    to: Annotated[
        str | None, typer.Option("--to", metavar="RUN", help="To what stood there before this run; default: the last.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would do.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    allow_drop: MostOption = None,
    allow_delete: MostOption = None,
    format: FormatOption = "text",
) -> None:
    """Put what is ours on a NAS back to what stood there before a run, and pause it for a day: git says something else.
    What holds an apply of it holds this. Shows the plan and asks. Exit code: 0 done, 1 refused, held or failed;
    --dry-run: as plan."""
    from ispctl.cli import plans
    from ispctl.cli.answers import apply_answer, plan_text, say_plan
    from ispctl.reconcile import Permission, plan_restore, restorable, restore

    session: Session = context.obj
    with session.repository() as repository:
        snapshot = repository.part("HEAD", ())
        with plans.world(session, repository, snapshot, session.now, readonly=dry_run) as world:
            run, before = restorable(world, host, to)
            permission = Permission({"dropped": allow_drop, "delete": allow_delete})
            gated = plan_restore(world, snapshot, host, run, before, permission.most)
            plan, command = gated.plan, f"ispctl nas rollback {host} --to {run}"
            planned = plans.Planned(plan, snapshot, gated.closed, gated.held)
            command = " ".join([command, *(one.flag for one in gated.closed)])
            if dry_run:
                say_plan(planned, format, command)
                raise typer.Exit(1 if plan.unread else 0 if plan.settled else 2)
            waits = gated.waits or plan.unread  # nobody is asked what cannot be done
            if not (yes or waits):
                tell(plan_text(planned, f"{command} --yes"))
                if not sys.stdin.isatty():
                    raise typer.BadParameter("nobody can be asked here: look at --dry-run, then say --yes")
                typer.confirm(f"Put {host} back to what stood there before {run}?", abort=True, err=True)
            result = gated.result() if waits else restore(world, snapshot, host, run, before, permission)
    done = f"{host} stands as before {run}" if result.stays else f"{host} was not put back to what it was before {run}"
    say(apply_answer(result, snapshot, format, f"{done}.", command))
    if result.stays:
        tell(f"{host} is paused for a day. Take the change back in git, then: ispctl resume --target nas:{host}")
    raise typer.Exit(result.exit_code)


def _wanted(session: Session, host: str, commit: str) -> Wanted:
    """Raises Refusal E607 for a NAS that ispctl does not configure."""
    from ispctl.reconcile import devices, fleet

    with session.repository() as repository:
        snapshot = repository.part(commit, ())
        there = fleet.wanted(repository, snapshot, session.now)
    if host not in there:
        raise Refusal(devices.not_configured(host, snapshot, there))
    return there[host]
