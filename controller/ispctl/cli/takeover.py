"""`ispctl adopt`: rows that were there before become ours, where they mean what git says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ispctl.cli.common import FormatOption, Session, say, say_json
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from ispctl.repo import Snapshot


def adopt(
    context: typer.Context,
    login: Annotated[
        list[str] | None, typer.Argument(metavar="SUB…", help="A login, an id, or id/key; repeatable.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option("--group", metavar="G", help="Everybody of this group; repeatable.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Every login of git that has rows of its own.")] = False,
    nas: Annotated[bool, typer.Option("--nas", help="The NAS only; they come first in any case.")] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="ASPECT", help="Take a difference on purpose: rate, Session-Timeout …"),
    ] = None,
    allow: Annotated[
        int | None, typer.Option("--allow", metavar="N", min=0, help="Permit at most N logins, this once.")
    ] = None,
    commit: Annotated[str, typer.Option("--commit", metavar="REV", help="Commit, branch or tag.")] = "HEAD",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change hands.")] = False,
    format: FormatOption = "text",
) -> None:
    """Take over rows that were there before, where they mean what git says. Nobody's service changes, no session ends.
    Exit code: 0 done, 1 refused or some say otherwise."""
    from zoneinfo import ZoneInfo

    from ispctl.adopt.taking import Choice, Judge, most
    from ispctl.cli import plans
    from ispctl.cli.answers import width
    from ispctl.index import whole
    from ispctl.reconcile import take
    from ispctl.report import takeover

    session: Session = context.obj
    if not (login or group or everybody or nas):
        raise typer.BadParameter("name logins, --group G, --nas or --all: nobody is adopted by accident")
    with session.repository() as repository:
        commit = repository.resolve(commit)
        snapshot = plans.verified(whole({commit: repository.at(commit)}, session.now), commit)
        groups, owners = _groups(snapshot, group or ()), _owners(snapshot, login or ())
        choice = Choice(everybody, groups, owners, frozenset(accept or ()))
        with plans.world(session, repository, snapshot, session.now, readonly=dry_run) as world:
            judges: list[Judge] = []

            def taker(opener: Callable[[str], str]) -> Judge:
                judges.append(Judge(world, snapshot, choice, opener))
                return judges[0]

            permit = most(snapshot.policy.value.limits.cut_off, allow)
            took = take(world, commit, taker, permit, dry_run=dry_run)
    zone = ZoneInfo(snapshot.policy.value.timezone)
    said = takeover.document(took, judges[0].said, now=session.now, zone=zone, dry_run=dry_run)
    if format == "json":
        say_json(said)
    else:
        say(takeover.text(said, width=width()))
    raise typer.Exit(1 if said["refused"] else 0)


def _groups(snapshot: Snapshot, names: Sequence[str]) -> frozenset[str]:
    for name in names:
        if name not in snapshot.group_folders:
            raise Refusal(Problem("E321", f"there is no group {name}", advice="Look under subscribers/"))
    return frozenset(names)


def _owners(snapshot: Snapshot, terms: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for term in terms:
        held = snapshot.find(term)
        if not held:
            raise Refusal(Problem("E321", f"{term} names no service", advice="ispctl validate shows what git has"))
        found.update(one.owner for one in held)
    return frozenset(found)
