"""`ispctl`: changes things. Each verb parses its flags, calls one function, prints one answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ispctl.cli import lab, radius, secrets
from ispctl.cli.common import FormatOption, RepoOption, Session, at_time, run, say, say_json, tell, use_utf8
from ispctl.cli.progress import Progress
from ispctl.cli.start import init, pool, schema

app = typer.Typer(
    name="ispctl",
    help="GitOps for an internet service provider: YAML in git becomes RADIUS service, after you have seen the plan.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(radius.app, name="radius")
app.add_typer(secrets.app, name="secrets")
app.add_typer(lab.app, name="lab")
app.command()(schema)
app.command()(init)
app.command()(pool)

CommitOption = Annotated[str, typer.Option("--commit", metavar="REV", help="Commit, branch or tag.")]
TargetOption = Annotated[str | None, typer.Option("--target", metavar="T", help="Only this target.")]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"ispctl {version('ispctl')}")
        raise typer.Exit


@app.callback()
def begin(
    context: typer.Context,
    repo: RepoOption = Path(),
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Read the repository at DIR."""
    context.obj = Session(repo, "ISPCTL")


@app.command()
def validate(
    context: typer.Context,
    commit: Annotated[
        str | None, typer.Option("--commit", metavar="REV", help="A commit; without it, the files as they are now.")
    ] = None,
    format: Annotated[Literal["text", "json", "codequality"], typer.Option("--format")] = "text",
) -> None:
    """Check every file and every rule across files. Shows all problems. Exit code: 0 fine, 1 problems."""
    from ispctl.repo.checks import check
    from ispctl.report import problems

    session: Session = context.obj
    with session.repository() as repository:
        snapshot = repository.at(commit) if commit else repository.work()
        found = check(snapshot, session.now)
        count = sum(1 for _ in snapshot.services())
    answers = {"json": problems.to_json, "codequality": problems.to_codequality}
    if format == "text":
        say(problems.to_text(found, services=count))
    else:
        say_json(answers[format](found))
    raise typer.Exit(1 if any(problem.severity == "error" for problem in found) else 0)


@dataclass(frozen=True)
class _Sides:
    base: str | None
    commit: str


@app.command()
def plan(
    context: typer.Context,
    base: Annotated[
        str | None, typer.Option("--base", metavar="REV", help="Compare with this commit; needs no database.")
    ] = None,
    commit: CommitOption = "HEAD",
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="As if it were then (RFC 3339).")] = None,
    live: Annotated[bool, typer.Option("--live", help="Compare with what was applied (the default).")] = False,
    target: TargetOption = None,
    format: Annotated[Literal["text", "json", "markdown"], typer.Option("--format")] = "text",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Also write the JSON plan there.")] = None,
) -> None:
    """Show what would change, for whom and why. Changes nothing. Exit code: 0 nothing, 2 changes, 1 error."""
    from ispctl.cli.plans import answer, gates_of, make_live, make_proposed
    from ispctl.report.plan_json import document

    session: Session = context.obj
    if base is not None and live:
        raise typer.BadParameter("--base compares two commits, --live a commit with the database: take one")
    only(target)
    with session.repository() as repository:
        now = at_time(at, session.now)
        _warn_of_edits(repository, commit)
        found, snapshot = (
            make_proposed(session, repository, _Sides(base, commit).base or base, commit, now)
            if base is not None
            else make_live(session, repository, commit, now)
        )
        said = document(found)
        closed = gates_of(found, snapshot)
    if out is not None:
        import json

        out.write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    say(answer(said, closed, format, snapshot.policy.value.timezone))
    raise typer.Exit(1 if found.unread else 0 if found.empty else 2)
