"""`ispctl`: changes things. Each verb parses its flags, calls one function, prints one answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from ispctl.cli.common import FormatOption, RepoOption, Session, run, say, say_json, use_utf8, version_of
from ispctl.cli.completion import targets
from ispctl.cli.later import group_of
from ispctl.structs import replace

LATER: Final = {
    "validate": "main:validate",
    "plan": "main:plan",
    "apply": "main:apply",
    "drift": "main:drift",
    "adopt": "takeover:adopt",
    "test-auth": "authenticate:try_login",
    "run": "run:run",
    "pause": "pause:pause",
    "resume": "life:resume",
    "runs": "history:runs",
    "rollback": "history:rollback",
    "prune": "upkeep:prune",
    "backup": "upkeep:backup",
    "restore": "upkeep:restore",
    "doctor": "doctor:doctor",
    "systemd": "units:systemd",
    "pool": "start:pool",
    "schema": "start:schema",
    "init": "start:init",
    "suspend": "life:suspend",
    "edit": "life_change:edit",
    "rename-login": "life_change:rename_login",
    "move": "life_change:move",
    "add": "life_time:add",
    "terminate": "life_time:terminate",
    "archive": "life_time:archive",
    "hold": "life_time:hold",
    "schedule": "life_time:schedule",
    "reset-password": "life_line:reset_password",
    "batch": "batch:batch",
    "activate": "life_money:activate",
    "renew": "life_money:renew",
    "grace": "life_money:grace",
    "topup": "life_volume:topup",
    "change-tariff": "life_money:change_tariff",
    "revert": "life_money:revert",
    "invoice": "life_account:invoice",
    "pay": "life_account:pay",
    "credit": "life_account:credit",
    "adjust": "life_account:adjust",
    "refund": "life_account:refund",
    "statement": "statement:statement",
    "outbox": "sending:outbox",
    "import": "adopt:app",
    "export": "statement:export",
    "radius": "radius:app",
    "secrets": "secrets:app",
    "mac": "life_line:mac",
    "ip": "life_line:ip",
    "lab": "lab:app",
    "gitlab": "gitlab:app",
    "nas": "nas:app",
    "cpe": "cpe:app",
}
"""Every command: name -> where it stands."""
app = typer.Typer(
    name="ispctl",
    cls=group_of(LATER),
    help="GitOps for an internet service provider: YAML in git becomes RADIUS service, after you have seen the plan.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
CommitOption = Annotated[str, typer.Option("--commit", metavar="REV", help="Commit, branch or tag.")]
AtOption = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help="As if it were then: a date, a time, +3d, 'tomorrow 09:00'.")
]
TargetOption = Annotated[
    str | None,
    typer.Option("--target", metavar="T", help="Only radius, nas, or nas:HOST.", autocompletion=targets),
]


@app.callback()
def begin(
    context: typer.Context,
    repo: RepoOption = Path(),
    version: Annotated[
        bool, typer.Option("--version", callback=version_of("ispctl"), is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Read the repository at DIR."""
    context.obj = Session(repo, "ISPCTL")


def validate(
    context: typer.Context,
    commit: Annotated[
        str | None, typer.Option("--commit", metavar="REV", help="A commit; without it, the files as they are now.")
    ] = None,
    format: Annotated[Literal["text", "json", "codequality"], typer.Option("--format")] = "text",
) -> None:
    """Check every file and every rule across files. Shows all problems. Exit code: 0 fine, 1 problems."""
    from ispctl.cli.answers import coloured
    from ispctl.cli.progress import Progress
    from ispctl.model.problem import in_order
    from ispctl.repo.rules.appended import edited, rewritten
    from ispctl.report import problems

    session: Session = context.obj
    with session.repository() as repository:
        rev = commit or repository.git.worktree() or "HEAD"
        with Progress() as progress:
            look = session.index(repository, progress).look(
                (rev,), session.now, warnings=True, slicing=True, rates="left out"
            )
        if commit is None and not repository.git.bare:
            changed = edited(repository, rev)
        else:
            changed = rewritten(repository, before, rev) if (before := repository.parent(rev)) else []
        found, services = in_order([*look.problems(rev), *changed]), look.parts[rev].facts.services
    if format == "text":
        say(coloured(problems.to_text(found, services)))
    else:
        say_json(problems.to_json(found) if format == "json" else problems.to_codequality(found))
    raise typer.Exit(1 if any(problem.severity == "error" for problem in found) else 0)


def plan(
    context: typer.Context,
    base: Annotated[
        str | None, typer.Option("--base", metavar="REV", help="Compare with this commit; needs no database.")
    ] = None,
    commit: CommitOption = "HEAD",
    at: AtOption = None,
    live: Annotated[bool, typer.Option("--live", help="Compare with what was applied (the default).")] = False,
    target: TargetOption = None,
    format: Annotated[Literal["text", "json", "markdown"], typer.Option("--format")] = "text",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Also write it there: the note for markdown, else JSON."),
    ] = None,
    note: Annotated[
        Path | None, typer.Option("--note", metavar="FILE", help="Also write the note for a merge request there.")
    ] = None,
    terraform: Annotated[
        Path | None,
        typer.Option("--terraform", metavar="FILE", help="Also write the counts there, as GitLab's report terraform."),
    ] = None,
) -> None:
    """Show what would change, for whom and why. Changes nothing. Exit code: 0 nothing, 2 changes, 1 error."""
    from ispctl.cli import plans
    from ispctl.cli.answers import save, say_plan, zone_of
    from ispctl.cli.times import at_time

    session: Session = context.obj
    if base is not None and live:
        raise typer.BadParameter("--base compares two commits, --live a commit with the database: take one")
    about = plans.scope(target)
    with session.repository() as repository:
        now = at_time(at, session.now, zone_of(repository.part(commit, ())))
        plans.warn_of_edits(repository, commit)
        if base is None:
            found = plans.live(session, repository, commit, now, about)
        else:
            each = format == "json" or (out is not None and format != "markdown")
            found = plans.proposed(session, repository, base, commit, now, each=each)
    for option, file, kind in (
        ("--out", out, format),
        ("--note", note, "markdown"),
        ("--terraform", terraform, "terraform"),
    ):
        if file is not None:
            save(found, kind, file, option)
    say_plan(found, format)
    raise typer.Exit(1 if found.plan.unread else 0 if found.plan.settled else 2)


def apply(
    context: typer.Context,
    commit: Annotated[
        str | None, typer.Option("--commit", metavar="REV", help="Commit; default: that of --plan, else HEAD.")
    ] = None,
    saved: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="Refuse unless this live plan is still what happens.")
    ] = None,
    target: TargetOption = None,
    allow_cut_off: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Permit at most N people cut off, this once.")
    ] = None,
    allow_drop: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Permit at most N sessions dropped, this once.")
    ] = None,
    allow_slower: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Permit at most N people made slower, this once.")
    ] = None,
    allow_delete: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Permit at most N keys deleted, this once.")
    ] = None,
    allow_clock: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Permit at most N ends by the clock that no plan announced.")
    ] = None,
    allow_rollback: Annotated[
        bool, typer.Option("--allow-rollback", help="Also a commit that lacks the applied one.")
    ] = False,
    allow_rolled_back: Annotated[
        bool, typer.Option("--allow-rolled-back", help="Also a commit that holds what a rollback took back.")
    ] = False,
    allow_commit: Annotated[
        list[str] | None,
        typer.Option("--allow-commit", metavar="REV", help="Do not ask who made this commit; repeatable."),
    ] = None,
    wait: Annotated[
        int, typer.Option("--wait", metavar="SECONDS", min=0, help="Wait so long for accounting to prove the changes.")
    ] = 0,
    format: FormatOption = "text",
) -> None:
    """Make RADIUS and the live sessions equal to a commit. Exit code: 0 done, 1 refused or failed, 3 targets unread."""
    from ispctl.cli import plans
    from ispctl.cli.answers import apply_answer, saved_plan
    from ispctl.reconcile import Permission

    about = plans.scope(target)
    most = {"cut_off": allow_cut_off, "dropped": allow_drop, "slower": allow_slower, "delete": allow_delete}
    most["clock"] = allow_clock
    permission = Permission(most, allow_rollback, allow_rolled_back, commits=allow_commit or ())
    read = None if saved is None else saved_plan(saved)
    if read is not None:
        permission = replace(permission, differences=read.differences)
        commit = read.commit if commit is None else commit
    result, snapshot = plans.apply_to(context.obj, "HEAD" if commit is None else commit, permission, wait, about)
    say(apply_answer(result, snapshot, format))
    if read is not None and target is None:  # of a part nobody can tell what is left of the whole
        plans.tell_whether_done(read, result)
    raise typer.Exit(result.exit_code)


def drift(
    context: typer.Context,
    repair: Annotated[bool, typer.Option("--repair", help="Write back what was applied.")] = False,
    adopt: Annotated[bool, typer.Option("--adopt", help="Say it in YAML instead, as far as it can be said.")] = False,
    branch: Annotated[
        str | None, typer.Option("--branch", metavar="NAME", help="With --adopt: commit it on this new branch.")
    ] = None,
    allow_cut_off: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Permit the repair to cut off at most N people, this once.")
    ] = None,
    allow_delete: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Permit the repair to delete at most N keys, this once.")
    ] = None,
    format: FormatOption = "text",
) -> None:
    """Find what somebody changed by hand in the RADIUS database. Exit code: 0 none (left), 2 drift, 1 error."""
    from ispctl.cli.drift import adopt_drift, find_drift

    session: Session = context.obj
    if adopt:
        if repair:
            raise typer.BadParameter("--adopt keeps what was done by hand, --repair takes it back: take one")
        edits = adopt_drift(session, branch)
        say(edits.answer(format))
        raise typer.Exit(2 if edits.unsaid else 0)
    if branch is not None:
        raise typer.BadParameter("--branch goes with --adopt")
    most = {"cut_off": allow_cut_off, "delete": allow_delete}
    compared = find_drift(session, most if repair else None)
    say(compared.answer(format))
    found = compared.found
    failed = found.closed or found.failed or any(one.code for one in found.devices)
    raise typer.Exit(1 if failed else 2 if len(found.changes) > found.rows else 0)


def main() -> None:
    """The console script."""
    import sys

    use_utf8()
    sys.exit(run(app, "ispctl"))
