"""`ispctl prune`: close what fell silent, delete what is older than the policy keeps."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ispctl.cli.common import FormatOption, Session, say, say_json

if TYPE_CHECKING:
    from ispctl.store.retention import Keep, Pruned


def prune(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    format: FormatOption = "text",
) -> None:
    """Close sessions whose NAS fell silent about them, and delete ended sessions and refusals that are older than
    `retention` in inventory/policy.yaml keeps; without it, none. In small steps: it may be stopped and run again."""
    from ispctl.cli.progress import Progress
    from ispctl.reconcile import keep, prune
    from ispctl.store import retention

    session: Session = context.obj
    with session.repository() as repository:
        snapshot = repository.at("HEAD")
        asked = keep(snapshot)
        with session.store(snapshot, readonly=dry_run) as store, Progress() as progress:
            if dry_run:
                found = retention.foresee(store, asked, session.now)
            else:
                found = prune(store, snapshot, session.now, actor=session.actor, progress=progress)
    if format == "json":
        say_json({"version": 1, "dry_run": dry_run, **asdict(found)})
    else:
        say(_told(found, asked, dry_run=dry_run))


def _told(found: Pruned, asked: Keep, *, dry_run: bool) -> str:
    close, delete = ("to close", "to delete") if dry_run else ("closed", "deleted")
    lines = [f"Sessions {close}: {found.closed:,} (silent for more than {int(asked.silent.total_seconds())} s)"]
    if found.deaf:
        lines = [f"Sessions {close}: none, since no NAS at all was heard lately: it is not they who are silent"]
    for what, key, age, count in (
        ("Sessions", "sessions", asked.sessions, found.sessions),
        ("Refusals", "rejects", asked.rejects, found.rejects),
    ):
        if age is None:
            lines.append(f"{what} {delete}: none, since inventory/policy.yaml names no retention.{key}")
        else:
            lines.append(f"{what} {delete}: {count:,} (older than {age.total_seconds() / 86400:g} days)")
    return "\n".join(lines)
