"""`ispctl statement`, `ispctl export`: accounts for the subscriber and for the bookkeeper. They read git alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal
from zoneinfo import ZoneInfo

import typer

from ispctl.cli.common import Session, say_json
from ispctl.cli.life import SubArgument, day_of
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from ispctl.repo import Repository

CommitOption = Annotated[str, typer.Option("--commit", metavar="REV", help="Commit, branch or tag.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write it there, for its owner alone, not to stdout.")
]
POLICY: Final = "inventory/policy.yaml"
export = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What others read of it.")


def statement(
    context: typer.Context,
    sub: SubArgument,
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day; default: that of this month.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day; default: today.")] = None,
    commit: CommitOption = "HEAD",
    language: Annotated[str, typer.Option("--language", metavar="LL", help="Of the template.")] = "en",
    format: Annotated[Literal["text", "html", "json", "csv"], typer.Option("--format")] = "text",
    out: OutOption = None,
) -> None:
    """The account of a subscriber over some days: what stood before, every entry, what stands after, how old it is. By
    templates/statement/ of the repository where there is one. The same days give the same octets."""
    from ispctl import money
    from ispctl.model.ledger import Ledger, companion
    from ispctl.report import statement as report
    from ispctl.verbs.draft import nobody

    session: Session = context.obj
    with session.repository() as repository, session.reading(repository) as index:
        part = index.lookup.part(commit, [sub])
        documents = {holding.document.path: holding.document for holding in part.find(sub)}
        if not documents:
            raise nobody()
        policy = part.policy.value
        first, last = _days(session, ZoneInfo(policy.timezone), since, until)
        document = next(iter(documents.values()))
        path = companion(document.path)
        account = repository.part(commit, {path})
        account.need({path, POLICY})
        found = account.ledger_at(path)
        ledger = found.value if found else Ledger(subscriber=document.value.id)
        said = report.document(
            money.statement(ledger, first, last, policy), ledger, policy, document.value.profile.name
        )
        if format == "json" and out is None:
            say_json(said)
            return
        if format == "json":
            from ispctl.report.plan_json import dumps

            text = dumps(said)
        elif format == "csv":
            text = report.to_csv(said)
        else:
            own = _own(repository, commit, report.template_path(language, format))
            if own is None and language != "en":
                path = report.template_path(language, format)
                raise Refusal(Problem("E750", f"there is no {path}", advice="Commit one, or take --language en"))
            text = report.render(said, format, language, own)
    _give([text], out)


@export.callback()
def begin() -> None:
    """One command for each kind of thing."""


@export.command()
def accounts(
    context: typer.Context,
    format: Annotated[Literal["beancount", "hledger"], typer.Option("--format")] = "beancount",
    commit: CommitOption = "HEAD",
    out: OutOption = None,
) -> None:
    """All accounts as plain-text accounting, with ids and without names: an account for each subscriber, a transaction
    for each entry, and the balance it comes to."""
    from ispctl.cli.progress import Progress
    from ispctl.model.ledger import LEDGER
    from ispctl.report import plain_accounts

    session: Session = context.obj
    with session.repository() as repository, Progress() as progress:
        shared = repository.part(commit, ())
        shared.need({POLICY})
        policy = shared.policy.value

        def parts() -> Iterator[str]:
            yield from plain_accounts.opening(format, policy)
            done = 0
            for paths in repository.sweep(commit, "subscribers", lambda _: True, 1000):
                part = repository.part(commit, paths)
                part.need({path for path in part.broken if path.endswith(LEDGER)})
                for ledger in part.ledgers():
                    yield from plain_accounts.of_subscriber(format, ledger.value, policy)
                done += len(paths)
                progress("files", done, 0)

        _give(parts(), out)


def _days(session: Session, zone: ZoneInfo, since: str | None, until: str | None) -> tuple[date, date]:
    today = session.now.astimezone(zone).date()
    last = day_of(until, "--to") or today
    first = day_of(since, "--from") or last.replace(day=1)
    if first > last:
        raise typer.BadParameter("the first day is after the last one", param_hint="--from")
    return first, last


def _own(repository: Repository, commit: str, path: str) -> bytes | None:
    """The template of the ISP, if it has one."""
    entries = list(repository.git.entries(repository.resolve(commit), [path]))
    return repository.git.blob(entries[0].blob, 1024 * 1024) if entries else None


def _give(parts: Iterator[str] | list[str], out: Path | None) -> None:
    """To a file that nobody else may read, since it is about people, or to stdout."""
    if out is None:
        sys.stdout.writelines(parts)
        return
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.writelines(parts)
    except OSError as error:
        text = f"{out} cannot be written ({error.strerror})"
        raise Refusal(Problem("E613", text, advice="Name another file with --out")) from None
