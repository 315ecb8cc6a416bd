"""`ispctl import`: what was there before becomes a first commit, or more of one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import typer

from ispctl.cli.bring import Choice, Origin, bring
from ispctl.cli.common import FormatOption, Session, tell
from ispctl.model.problem import Problem, Refusal, Where

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
NEW_DSN: Final = "sqlite:///var/radius.db"
"""What a new repository speaks of where there was no database before."""
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


@app.command("csv")
def from_csv(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, the first line names the columns; -: stdin.")],
    named: Annotated[
        list[str] | None, typer.Option("--map", metavar="COLUMN=FIELD", help="What a column is; repeatable.")
    ] = None,
    dates: Annotated[
        str | None, typer.Option("--dates", metavar="FORM", help="Of other dates than 2027-12-31, like %d/%m/%Y.")
    ] = None,
    tariffs: Annotated[
        Literal["known", "create"], typer.Option("--tariffs", help="create: make those that git lacks of column rate.")
    ] = "known",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Import the other rows; list the bad ones.")] = False,
    out: OutOption = None,
    group: GroupOption = None,
    timezone: ZoneOption = "UTC",
    currency: CurrencyOption = "USD",
    key_file: KeyFileOption = None,
    strict: StrictOption = False,
    dry_run: DryRunOption = False,
    commit: CommitOption = True,
    format: FormatOption = "text",
) -> None:
    """Make YAML of a list of customers, a row each: login, password, tariff, rate, name, mobile, email, address, group,
    paid_until, ipv4, mac, nas, id. Nothing is written if a row is bad. Run again, it adds what is new."""
    from ispctl.adopt.customers import Customers, tells_a_day
    from ispctl.adopt.table import read

    if dates is not None and not tells_a_day(dates):
        text = f"{dates!r} is no form of dates: write it like %d/%m/%Y (strptime)"
        raise typer.BadParameter(text, param_hint="--dates")
    data, name = _read(file)
    source = Customers(read(data, name, _named(named or []), ("login", "password")), dates, create=tariffs == "create")
    origin = Origin("csv", "a CSV", NEW_DSN, lambda: nullcontext(source), name, not skip_bad)
    choice = Choice(out, group, timezone, currency, key_file, strict, dry_run, commit)
    bring(context.obj, origin, choice, format)


@app.command()
def routeros(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What /ppp secret export wrote; -: stdin.")],
    profiles: Annotated[
        Path | None, typer.Option("--profiles", metavar="FILE", help="/ppp profile export, if it is another file.")
    ] = None,
    comment_as: Annotated[
        Literal["nothing", "name"], typer.Option("--comment-as", help="What the comment of a secret is.")
    ] = "nothing",
    out: OutOption = None,
    group: GroupOption = None,
    timezone: ZoneOption = "UTC",
    currency: CurrencyOption = "USD",
    key_file: KeyFileOption = None,
    strict: StrictOption = False,
    dry_run: DryRunOption = False,
    commit: CommitOption = True,
    format: FormatOption = "text",
) -> None:
    """Make YAML of the PPP secrets of a RouterOS 6 or 7, and tariffs of its profiles. The export is read as text;
    nothing in it is executed. Run again, it adds what is new."""
    from ispctl.adopt import routeros as secrets

    source = secrets.routeros(_read(file), _read(profiles) if profiles else None, comment_as)
    origin = Origin("routeros", "a RouterOS export", NEW_DSN, lambda: nullcontext(source))
    choice = Choice(out, group, timezone, currency, key_file, strict, dry_run, commit)
    bring(context.obj, origin, choice, format)


def _read(file: Path) -> tuple[bytes, str]:
    """What stands in a file, and its name. Raises Refusal E780."""
    try:
        return (sys.stdin.buffer.read(), "stdin") if str(file) == "-" else (file.read_bytes(), str(file))
    except OSError as error:
        raise Refusal(Problem("E780", f"it cannot be read ({error.strerror})", Where(str(file)))) from None


def _named(given: list[str]) -> Mapping[str, str]:
    """Column -> field."""
    from ispctl.adopt.table import FIELDS

    pairs = [(column, field) for column, _, field in (one.rpartition("=") for one in given)]
    if not all(column and field in FIELDS for column, field in pairs):
        raise typer.BadParameter(f"--map is COLUMN=FIELD; fields: {', '.join(FIELDS)}")
    return dict(pairs)


def _without_password(dsn: str, base: Path) -> str:
    """What may stand in git. A password belongs into ISPCTL_RADIUS__DSN."""
    parts = urlsplit(dsn)
    if parts.scheme == "sqlite":
        return f"sqlite:///{(base / parts.path[1:]).absolute()}"
    options = parse_qsl(parts.query, keep_blank_values=True)
    kept = [option for option in options if option[0] not in ("password", "sslpassword")]
    if parts.password is None and kept == options:
        return dsn
    tell("The password of the DSN is not written down: set ISPCTL_RADIUS__DSN")
    host = parts.netloc.rpartition("@")[2]
    who = f"{parts.username}@{host}" if parts.username else host
    query = f"?{urlencode(kept, quote_via=quote)}" if kept else ""  # to libpq a + is no blank
    return f"{parts.scheme}://{who}{parts.path}{query}"


def _people(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Profiles by login, checked as a file would be. Raises Refusal; no message repeats what stands there."""
    from ispctl.adopt.customers import PROFILE, unfit
    from ispctl.adopt.table import read

    found: dict[str, Mapping[str, str]] = {}
    advice = "The first line names the columns: login,name,mobile,email,address; UTF-8"
    data, file = _read(path)
    for line in read(data, file, {}, ("login",)).lines:
        cells = line.cells or {}
        profile = {name: cells[name] for name in PROFILE if name in cells}
        wrong = "" if cells.get("login") else "has no login"
        if bad := unfit(profile):
            wrong = f"has a {bad[0]} that cannot be one"
        if wrong:
            raise Refusal(Problem("E654", f"line {line.number} of {file} {wrong}", advice=advice))
        found[cells["login"]] = profile
    return found
