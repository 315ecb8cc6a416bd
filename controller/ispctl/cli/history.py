"""`ispctl runs` and `ispctl rollback`: what was done, and taking one run back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ispctl.cli.common import FormatOption, Session, say, say_json, tell

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ispctl.reconcile import Result
    from ispctl.store import RunRecord, Undone

MostOption = Annotated[int | None, typer.Option(metavar="N", min=0, help="As for `ispctl apply`.")]


def runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="So many, newest first.")] = 20,
    format: FormatOption = "text",
) -> None:
    """What was done to the database, newest first: applies, repairs, rollbacks, pauses; by whom, and how it ended."""
    from ispctl.cli.answers import zone_of

    session: Session = context.obj
    with session.repository() as repository:
        snapshot = repository.part("HEAD", ())
        with session.store(snapshot, readonly=True) as store:
            found, undone = list(store.runs(limit)), {one.run: one for one in store.undone()}
    items = [_item(one, undone.get(one.run), zone_of(snapshot)) for one in found]
    if format == "json":
        say_json({"version": 1, "items": items})
    else:
        say("\n".join(map(_line, items)) or "Nothing was ever done to this database.")


def rollback(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="As `ispctl runs` says it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would do.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    allow_cut_off: MostOption = None,
    allow_drop: MostOption = None,
    allow_slower: MostOption = None,
    allow_delete: MostOption = None,
    format: FormatOption = "text",
) -> None:
    """Make the database equal to the commit that was applied before a run. Shows the plan and asks. Then take the
    commit back in git, too: until then it is refused. Exit code: 0 done, 1 refused or failed; --dry-run: as plan."""
    from ispctl.cli import plans
    from ispctl.cli.answers import apply_answer, plan_text, say_plan
    from ispctl.reconcile import Permission, undoable

    session: Session = context.obj
    with session.repository() as repository:
        with session.store(repository.part("HEAD", ()), readonly=True) as store:
            undoes = undoable(store, run)
        permission = Permission(rollback=True, undoes=undoes)
        planned = plans.live(session, repository, undoes.base, session.now, permission=permission)
    if dry_run:
        say_plan(planned, format, f"ispctl rollback {run}")
        raise typer.Exit(1 if planned.plan.unread else 0 if planned.plan.settled else 2)
    if not yes:
        tell(plan_text(planned, f"ispctl rollback {run} --yes"))
        if not sys.stdin.isatty():
            raise typer.BadParameter("nobody can be asked here: look at --dry-run, then say --yes")
        typer.confirm(f"Apply commit {undoes.base[:12]} again?", abort=True, err=True)
    most = {"cut_off": allow_cut_off, "dropped": allow_drop, "slower": allow_slower, "delete": allow_delete}
    result, snapshot = plans.apply_to(session, undoes.base, Permission(most, rollback=True, undoes=undoes))
    say(apply_answer(result, snapshot, format))
    tell(_in_git(undoes, result))
    raise typer.Exit(result.exit_code)


def _in_git(undoes: RunRecord, result: Result) -> str:
    """What is to be done in git, without which the rollback does not last."""
    between = f"{undoes.base[:12]}..{undoes.commit[:12]}"
    again = "" if result.exit_code == 0 else "Not all of it is done yet. "
    return (
        f"{again}In git the commit is still there. Until it is taken back, an apply of it is refused (E619):\n"
        f"  git revert --no-edit {between}    (with -m 1 where it was merged)"
    )


def _item(one: RunRecord, undone: Undone | None, zone: ZoneInfo) -> dict[str, Any]:
    from ispctl.report.plan_json import stamp

    return {
        "run": one.run,
        "kind": one.kind,
        "commit": one.commit,
        "base": one.base,
        "started": stamp(one.started, zone),
        "finished": stamp(one.finished, zone) if one.finished else None,
        "outcome": one.outcome,
        "by": one.actor,
        "counts": dict(one.counts),
        "undone_by": undone.undone_by if undone else "",
    }


def _line(item: dict[str, Any]) -> str:
    commit, base = item["commit"][:12], item["base"][:12]
    moved = f"{base} → {commit}" if base and base != commit else commit
    counts = ", ".join(f"{count} {name}" for name, count in item["counts"].items() if count)
    undone = f"taken back by {item['undone_by']}" if item["undone_by"] else ""
    ended = item["outcome"] or "unfinished"
    by = f"by {item['by']}" if item["by"] else ""
    at = item["started"][:16].replace("T", " ")
    return "  ".join(filter(None, [item["run"], at, item["kind"], moved, ended, counts, undone, by]))
