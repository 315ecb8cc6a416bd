"""`ispctl import`: what was there before becomes a first commit, or more of one."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

import typer

from ispctl.cli.bring import Choice, Origin, bring
from ispctl.cli.common import FormatOption, Session, tell
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from ispctl.adopt.source import Source

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Bring what was there before into git.")
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Make a new repository there; else add to --repo.")
]
GroupOption = Annotated[
    str | None, typer.Option("--group", metavar="NAME", help="One group for all; default: by realm.")
]
ZoneOption = Annotated[
    str, typer.Option("--timezone", metavar="ZONE", help="Of a new repository: where days begin and end.")
]
CurrencyOption = Annotated[str, typer.Option("--currency", metavar="CODE", help="Of a new repository: ISO 4217.")]
KeyFileOption = Annotated[
    Path | None, typer.Option("--key-file", metavar="FILE", help="Where the new age key goes; default: DIR.key")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Refuse if anything is lost or left out.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be imported.")]
CommitOption = Annotated[bool, typer.Option("--commit/--no-commit", help="Commit the files.")]


@app.callback()
def begin() -> None:
    """One command for each kind of source."""


@app.command()
def freeradius(
    context: typer.Context,
    dsn: Annotated[str, typer.Option("--dsn", metavar="DSN", help="The old database; it is only read.")],
    out: OutOption = None,
    group: GroupOption = None,
    people: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="login,name,mobile,email,address of your own.")
    ] = None,
    timezone: ZoneOption = "UTC",
    currency: CurrencyOption = "USD",
    key_file: KeyFileOption = None,
    strict: StrictOption = False,
    dry_run: DryRunOption = False,
    commit: CommitOption = True,
    format: FormatOption = "text",
) -> None:
    """Make YAML of a FreeRADIUS database: sealed passwords, tariffs guessed from groups, a list of what was not
    understood. Run again, it adds what is new. Next: ispctl adopt."""
    session: Session = context.obj
    profiles = _people(people) if people else {}

    @contextmanager
    def opened() -> Iterator[Source]:
        from ispctl.adopt.freeradius import FreeRadius
        from ispctl.adopt.reading import OldDatabase
        from ispctl.store import reading

        with closing(reading(dsn, base=session.repo)) as database:
            yield FreeRadius(OldDatabase(database), profiles)

    kept = _without_password(dsn, session.repo) if out else ""
    origin = Origin("freeradius", "a FreeRADIUS database", kept, opened)
    choice = Choice(out, group, timezone, currency, key_file, strict, dry_run, commit)
    bring(session, origin, choice, format)


def _without_password(dsn: str, base: Path) -> str:
    """What may stand in git. A password belongs into ISPCTL_RADIUS__DSN."""
    parts = urlsplit(dsn)
    if parts.scheme == "sqlite":
        return f"sqlite:///{(base / parts.path[1:]).absolute()}"
    options = parse_qsl(parts.query)
    kept = [option for option in options if option[0] != "password"]
    if parts.password is None and kept == options:
        return dsn
    tell("The password of the DSN is not written down: set ISPCTL_RADIUS__DSN")
    host = parts.netloc.rpartition("@")[2]
    who = f"{parts.username}@{host}" if parts.username else host
    return parts._replace(netloc=who, query=urlencode(kept)).geturl()


def _people(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Profiles by login, checked as a file would be. Raises Refusal E654; no message repeats what stands there."""
    from pydantic import ValidationError

    from ispctl.model.subscriber import Profile

    found: dict[str, Mapping[str, str]] = {}
    advice = "The first line names the columns: login,name,mobile,email,address; UTF-8"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        text = f"{path} cannot be read ({type(error).__name__})"
        raise Refusal(Problem("E654", text, advice=advice)) from None
    for number, row in enumerate(rows, start=2):
        said = {name: (row.get(name) or "").strip() for name in ("name", "mobile", "email", "address")}
        profile = {name: text for name, text in said.items() if text}
        wrong = "has no login" if not row.get("login") else ""
        try:
            Profile.model_validate({"name": "-", **profile})
        except ValidationError as error:
            wrong = f"has a {error.errors()[0]['loc'][0]} that cannot be one"
        if wrong:
            raise Refusal(Problem("E654", f"line {number} of {path} {wrong}", advice=advice))
        found[str(row["login"]).strip()] = profile
    return found
