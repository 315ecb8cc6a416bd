"""Facts, which git cannot make again: `ispctl prune` deletes old ones, `backup` and `restore` keep them elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ispctl.cli.common import FormatOption, Session, say, say_json, tell
from ispctl.structs import as_dict

if TYPE_CHECKING:
    from ispctl.repo import Snapshot
    from ispctl.store.backup import Header
    from ispctl.store.retention import Keep, Pruned


def prune(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    format: FormatOption = "text",
) -> None:
    """Close sessions whose NAS fell silent about them, and delete ended sessions, refusals, letters and backups of NAS
    that are older than `retention` in inventory/policy.yaml keeps; without it, none. In small steps: it may be stopped
    and run again."""
    from ispctl.cli.progress import Progress
    from ispctl.reconcile import keep, prune
    from ispctl.store import retention

    session: Session = context.obj
    with session.repository() as repository:
        snapshot = repository.part("HEAD", ())
        asked = keep(snapshot)
        with session.store(snapshot, readonly=dry_run) as store, Progress() as progress:
            if dry_run:
                found = retention.foresee(store, asked, session.now)
            else:
                found = prune(store, snapshot, session.now, actor=session.actor, progress=progress)
    if format == "json":
        say_json({"version": 1, "dry_run": dry_run, **as_dict(found)})
    else:
        say(_told(found, asked, dry_run=dry_run))


def backup(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there, mode 0600.")] = None,
    format: FormatOption = "text",
) -> None:
    """Write what git cannot make again into a file: sessions, refusals, learned devices, leases, the journal, pauses,
    what stood on NAS; never a password. While everything runs. Without --out: only say what that is."""
    from ispctl.cli.progress import Progress
    from ispctl.store import backup

    session: Session = context.obj
    with session.repository() as repository:
        snapshot = repository.part("HEAD", ())
        with session.store(snapshot, readonly=True) as store, Progress() as progress:
            if out is None:
                found = backup.contents(store, session.now)
            else:
                found = backup.write(store, out, session.now, progress)
        _say_contents(found, snapshot, format)
        if out is None and format == "text":
            say("Nothing was written: ispctl backup --out FILE")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As `ispctl backup --out` wrote it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is in it.")] = False,
    format: FormatOption = "text",
) -> None:
    """Put a backup into a new database: after `ispctl radius init`, before `ispctl apply`, while the RADIUS server is
    stopped. All of it or nothing."""
    from ispctl.cli.progress import Progress
    from ispctl.store import backup

    session: Session = context.obj
    with session.repository() as repository:
        snapshot = repository.part("HEAD", ())
        if dry_run:
            found = backup.read_header(file)
        else:
            with session.store(snapshot) as store, Progress() as progress:
                found = backup.restore(store, file, session.now, actor=session.actor, progress=progress)
        _say_contents(found, snapshot, format)
        if not dry_run:
            tell("Restored. The rows are not in it: ispctl apply. Then start the RADIUS server.")


def _say_contents(header: Header, snapshot: Snapshot, format: str) -> None:
    from ispctl.cli.answers import zone_of
    from ispctl.report.plan_json import stamp
    from ispctl.store.backup import KEPT

    zone = zone_of(snapshot)
    applied = stamp(header.applied, zone) if header.applied else None
    if format == "json":
        said = {"version": 1, "made": stamp(header.made, zone), "schema": header.schema, "commit": header.commit}
        say_json({**said, "database": header.database, "applied": applied, "rows": header.rows})
        return
    last = f"commit {header.commit[:12]} was applied {applied}" if applied else "nothing was applied"
    say(f"Of {stamp(header.made, zone)}, when {last}; {header.database}, schema {header.schema}:")
    for name, count in header.rows.items():
        say(f"{count:>12,}  {KEPT[name].words} ({name})")


def _told(found: Pruned, asked: Keep, *, dry_run: bool) -> str:
    close, delete = ("to close", "to delete") if dry_run else ("closed", "deleted")
    lines = [f"Sessions {close}: {found.closed:,} (silent for more than {int(asked.silent.total_seconds())} s)"]
    if found.deaf:
        lines = [f"Sessions {close}: none, since no NAS at all was heard lately: it is not they who are silent"]
    for what, key, age, count in (
        ("Sessions", "sessions", asked.sessions, found.sessions),
        ("Refusals", "rejects", asked.rejects, found.rejects),
        ("Letters", "letters", asked.letters, found.letters),
        ("Backups of NAS", "nas_backups", asked.nas_backups, found.nas_backups),
        ("Days of usage", "usage", asked.usage, found.usage),
    ):
        if age is None:
            lines.append(f"{what} {delete}: none, since inventory/policy.yaml names no retention.{key}")
        else:
            lines.append(f"{what} {delete}: {count:,} (older than {age.total_seconds() / 86400:g} days)")
    return "\n".join(lines)
