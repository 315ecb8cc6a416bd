"""`ispctl statement`, `ispctl export`: accounts for the subscriber and for the bookkeeper. They read git alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from ispctl.cli.common import Session
from ispctl.cli.life import SubArgument, day_of
from ispctl.cli.out import write
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ispctl.index import Lookup
    from ispctl.model.document import Document
    from ispctl.model.subscriber import Subscriber
    from ispctl.repo import Repository

CommitOption = Annotated[str, typer.Option("--commit", metavar="REV", help="Commit, branch or tag.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write it there, for its owner alone, not to stdout.")
]
Format = Literal["text", "html", "pdf", "json", "csv"]
SENT: Final[tuple[Format, ...]] = ("text", "html", "pdf")
"""What the letter says, what it is about, and what goes with it."""
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
    format: Annotated[Format, typer.Option("--format")] = "text",
    pdf: Annotated[bool, typer.Option("--pdf", help="The same as --format pdf.")] = False,
    out: OutOption = None,
    send: Annotated[bool, typer.Option("--send", help="By e-mail to the subscriber, as PDF, once.")] = False,
    again: Annotated[bool, typer.Option("--again", help="With --send: also if it went.")] = False,
) -> None:
    """The account of a subscriber over some days: what stood before, every entry, what stands after, how old it is. By
    templates/statement/ of the repository where there is one; PDF by that of HTML. The same days give the same octets.

    ispctl statement anita.rai@home.example --from 2026-10-01 --to 2026-10-31 --pdf --out october.pdf

    ispctl statement anita.rai@home.example --from 2026-10-01 --to 2026-10-31 --send
    """
    session: Session = context.obj
    kind: Format = "pdf" if pdf else format
    if send and (out is not None or format not in ("text", "pdf")):
        raise typer.BadParameter("what is sent is a PDF, and goes into no file", param_hint="--send")
    if again and not send:
        raise typer.BadParameter("it goes with --send", param_hint="--again")
    if kind == "pdf" and not send and out is None and sys.stdout.isatty():
        raise typer.BadParameter("a PDF is for a file: name it", param_hint="--out")
    with session.repository() as repository:
        document, said = _account(session, repository, commit, sub, since, until)
        if not send:
            _give([_octets(repository, commit, said, kind, language)], out)
            return
        from ispctl.cli.sending import Shown, send_statement
        from ispctl.report.letters import title_of

        text, page, pages = (_octets(repository, commit, said, form, language) for form in SENT)
        shown = Shown(said, language, title_of(page.decode()), text.decode(), pages)
        with session.reading(repository) as index:
            whose = document if commit == "HEAD" else _now(repository, index.lookup, document.value.id)
        send_statement(session, repository.part("HEAD", ()), whose, shown, again=again)


def _account(
    session: Session, repository: Repository, commit: str, sub: str, since: str | None, until: str | None
) -> tuple[Document[Subscriber], dict[str, Any]]:
    """Whose it is, and the statement as JSON has it."""
    from zoneinfo import ZoneInfo

    from ispctl import money
    from ispctl.model.ledger import Ledger, companion
    from ispctl.report import statement as report
    from ispctl.verbs.draft import nobody, one_subscriber

    with session.reading(repository) as index:
        part = index.lookup.part(commit, [sub])
        policy = part.policy.value
        first, last = _days(session, ZoneInfo(policy.timezone), since, until)
        if part.find(sub):
            document = one_subscriber(part, sub)
            path = companion(document.path)
            account = repository.part(commit, {path})
            account.need({path, POLICY})
            found = account.ledger_at(path)
        else:
            archived = repository.archived_as(commit, sub)
            if archived is None:
                raise nobody()
            document, found = archived
        ledger = found.value if found else Ledger(subscriber=document.value.id)
        stated = money.statement(ledger, first, last, policy)
        return document, report.document(stated, ledger, policy, document.value.profile.name)


def _now(repository: Repository, lookup: Lookup, id: str) -> Document[Subscriber]:
    """Whoever an older commit speaks of, as he is written to today. Raises Refusal E321."""
    from ispctl.verbs.draft import nobody, one_subscriber

    part = lookup.part("HEAD", [id])
    if part.find(id):
        return one_subscriber(part, id)
    archived = repository.archived_as("HEAD", id)
    if archived is None:
        raise nobody()
    return archived[0]


def _octets(repository: Repository, commit: str, said: dict[str, Any], kind: Format, language: str) -> bytes:
    from ispctl.report import statement as report
    from ispctl.report.plan_json import dumps

    if kind == "json":
        return dumps(said).encode()
    if kind == "csv":
        return report.to_csv(said).encode()
    form: report.Kind = "text" if kind == "text" else "html"
    path = report.template_path(language, form)
    own = _own(repository, commit, path)
    if own is None and language != "en":
        raise Refusal(Problem("E750", f"there is no {path}", advice="Commit one, or take --language en"))
    page = report.render(said, form, language, own)
    if kind != "pdf":
        return page.encode()
    from ispctl.report.pdf import pdf

    with _timeless():
        return pdf(page, path)


@contextmanager
def _timeless() -> Iterator[None]:
    """While inside, a library that writes the time into a file writes none. https://reproducible-builds.org"""
    name = "SOURCE_DATE_EPOCH"
    before = os.environ.get(name)
    os.environ[name] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@export.callback()
def begin() -> None:
    """One command for each kind of thing."""


@export.command()
def accounts(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day; what stood before opens the books.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day.")] = None,
    format: Annotated[Literal["beancount", "hledger", "csv"], typer.Option("--format")] = "beancount",
    commit: CommitOption = "HEAD",
    out: OutOption = None,
) -> None:
    """All accounts, archived ones too, for a bookkeeper, with ids and without names: an account for each subscriber and
    for the income of each tariff, a transaction for each entry, and the balance it comes to.

    ispctl export accounts --from 2026-01-01 --to 2026-12-31 --format hledger --out 2026.journal
    """
    from ispctl.cli.progress import Progress
    from ispctl.model.ledger import LEDGER
    from ispctl.report.plain_accounts import Books

    first, last = day_of(since, "--from"), day_of(until, "--to")
    _in_order(first, last)
    session: Session = context.obj
    with session.repository() as repository, Progress() as progress:
        shared = repository.part(commit, ())
        shared.need({POLICY})
        policy = shared.policy.value

        def parts() -> Iterator[str]:
            books, done = Books(format, policy, first, last), 0
            yield from books.begin()
            for paths in repository.sweep(commit, "subscribers", lambda _: True, 1000):
                part = repository.part(commit, paths)
                part.need({path for path in part.broken if path.endswith(LEDGER)})
                for ledger in part.ledgers():
                    yield from books.subscriber(ledger.value)
                done += len(paths)
                progress("files", done, 0)
            for archived in repository.archived(commit):
                yield from books.subscriber(archived.value)

        _give(parts(), out)


def _days(session: Session, zone: ZoneInfo, since: str | None, until: str | None) -> tuple[date, date]:
    today = session.now.astimezone(zone).date()
    last = day_of(until, "--to") or today
    first = day_of(since, "--from") or last.replace(day=1)
    _in_order(first, last)
    return first, last


def _in_order(first: date | None, last: date | None) -> None:
    if first is not None and last is not None and first > last:
        raise typer.BadParameter("the first day is after the last one", param_hint="--from")


def _own(repository: Repository, commit: str, path: str) -> bytes | None:
    """The template of the ISP, if it has one."""
    entries = list(repository.git.entries(repository.resolve(commit), [path]))
    return repository.git.blob(entries[0].blob, 1024 * 1024) if entries else None


def _give(pieces: Iterable[str | bytes], out: Path | None) -> None:
    """To a file, or to stdout."""
    if out is not None:
        write(out, pieces)
        return
    for piece in pieces:
        sys.stdout.buffer.write(piece.encode() if isinstance(piece, str) else piece)
    sys.stdout.buffer.flush()
