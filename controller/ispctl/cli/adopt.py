"""`ispctl import freeradius`: a database that was there before becomes a first commit, or more of one."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

import typer

from ispctl.cli.common import FormatOption, Session, say, say_json, tell
from ispctl.cli.progress import Progress
from ispctl.model.problem import Problem, Refusal

if TYPE_CHECKING:
    from ispctl.adopt.draft import Wishes
    from ispctl.adopt.importing import Imported, Request
    from ispctl.secrets import Keyring

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Bring what was there before into git.")
REPORT = "import-report.md"


@app.callback()
def begin() -> None:
    """One command for each kind of source."""


@app.command()
def freeradius(
    context: typer.Context,
    dsn: Annotated[str, typer.Option("--dsn", metavar="DSN", help="The old database; it is only read.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Make a new repository there; else add to --repo.")
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", metavar="NAME", help="One group for all; default: by realm.")
    ] = None,
    people: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="login,name,mobile,email,address of your own.")
    ] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", metavar="ZONE", help="Of a new repository: where days begin and end.")
    ] = "UTC",
    currency: Annotated[str, typer.Option("--currency", metavar="CODE", help="Of a new repository: ISO 4217.")] = "USD",
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="Where the new age key goes; default: DIR.key")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse if anything is lost or left out.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be imported.")] = False,
    commit: Annotated[bool, typer.Option("--commit/--no-commit", help="Commit the files.")] = True,
    format: FormatOption = "text",
) -> None:
    """Make YAML of a FreeRADIUS database: sealed passwords, tariffs guessed from groups, a list of what was not
    understood. Run again, it adds what is new. Next: ispctl adopt."""
    from ispctl.adopt.draft import Wishes

    session: Session = context.obj
    wishes = Wishes(group, _people(people) if people else {})
    importing = _Importing(session, dsn, wishes, strict=strict, dry_run=dry_run, commit=commit)
    if out is not None:
        importing.into_new(out, key_file or out.with_name(out.name + ".key"), _zone(timezone), currency)
    else:
        importing.into_known()
    importing.answer(format)


class _Importing:
    """One call of the command."""

    def __init__(
        self, session: Session, dsn: str, wishes: Wishes, *, strict: bool, dry_run: bool, commit: bool
    ) -> None:
        self.session, self.dsn, self.wishes = session, dsn, wishes
        self.strict, self.dry_run, self.commit = strict, dry_run, commit
        self.found: Imported | None = None
        self.zone = ZoneInfo("UTC")
        self.committed, self.where, self.key_file = "", str(session.repo), ""

    def into_new(self, directory: Path, key_file: Path, zone: ZoneInfo, currency: str) -> None:
        """All or nothing: what is written lies beside until it is whole."""
        from ispctl.adopt.importing import Request
        from ispctl.adopt.yaml_text import dump
        from ispctl.secrets import KEYRING, RECIPIENTS
        from ispctl.skeleton import content

        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise Refusal(Problem("E322", f"{directory} is not empty", advice="Name a new folder"))
        self.zone, self.where, self.key_file = zone, str(directory), str(key_file)
        with _beside(directory, key_file, keep=not self.dry_run) as (folder, keyring):
            targets = dump({"radius": {"dsn": _without_password(self.dsn, self.session.repo)}})
            frame = {path: (folder / path).read_bytes() for path in (KEYRING, RECIPIENTS)}
            frame |= {"inventory/targets.yaml": targets.encode()}
            self._read(Request(zone, currency, self.session.now, self.wishes, frame=frame), keyring)
            _write(folder, {**frame, **self._files(), ".gitignore": content("gitignore")})
            if self.commit and not self.dry_run:
                self._committed(folder, new=True)

    def into_known(self) -> None:
        """More files for the repository at hand."""
        from ispctl.adopt.importing import Request

        with self.session.repository() as repository:
            if repository.git.bare and not self.dry_run:
                advice = "Clone it, import there, commit and push; or make a new one: --out DIR"
                raise Refusal(Problem("E210", "a bare repository has no files to write", advice=advice))
            snapshot = repository.work()
            errors = [problem for problem in snapshot.problems if problem.severity == "error"]
            if errors:
                raise Refusal(*errors)
            policy = snapshot.policy.value
            self.zone = ZoneInfo(policy.timezone)
            there = repository.contents()
            request = Request(self.zone, policy.currency, self.session.now, self.wishes, snapshot, there)
            self._read(request, self.session.keyring(snapshot, lab=False))  # never under the public key
        if not self.dry_run:
            assert self.found is not None
            if self.found.files:
                _write(self.session.repo, self._files())
                if self.commit:
                    self._committed(self.session.repo, new=False)

    def answer(self, format: str) -> None:
        from ispctl.cli.answers import width
        from ispctl.report import adoption

        said = self._document()
        if format == "json":
            say_json(said)
            return
        say(adoption.text(said, width=width()))
        if self.dry_run:
            say("Nothing was written (--dry-run).")
        elif not self.found or not self.found.files:
            say("Nothing is new: nothing was written.")
        else:
            say("\n".join(adoption.closing(said, self.where, self.key_file or None)))

    def _read(self, request: Request, keyring: Keyring) -> None:
        from ispctl.adopt.importing import read
        from ispctl.adopt.reading import OldDatabase
        from ispctl.store import reading

        with closing(reading(self.dsn, base=self.session.repo)) as database, Progress() as progress:
            self.found = read(OldDatabase(database), request, keyring, progress)
        worst = [one for one in self.found.findings if one.severity != "note"]
        if self.strict and worst:
            text = f"{len(worst)} things were not understood, and --strict says that none may be"
            raise Refusal(Problem("E651", text, advice="See them: the same command with --dry-run instead of --strict"))

    def _files(self) -> Mapping[str, bytes]:
        from ispctl.report import adoption

        assert self.found is not None
        return {**self.found.files, REPORT: adoption.markdown(self._document()).encode()}

    def _document(self) -> dict[str, object]:
        from ispctl.report import adoption

        found = self.found
        assert found is not None
        return adoption.document(
            found.findings, found.counts, found.ids, now=self.session.now, zone=self.zone, commit=self.committed
        )

    def _committed(self, folder: Path, *, new: bool) -> None:
        from ispctl.repo.commit import Committer

        assert self.found is not None
        committer = Committer(folder, self.session.env)
        committer.check()
        if new:
            committer.begin()
        many = self.found.counts["imported"]
        message = f"Import {many} logins of a FreeRADIUS database\n\nEvent: import\n"
        names = ["."] if new else sorted(self._files())
        self.committed = committer.commit(names, message)


@contextmanager
def _beside(directory: Path, key_file: Path, *, keep: bool) -> Iterator[tuple[Path, Keyring]]:
    """A folder with a keyring of its own that becomes `directory` if all goes well and it is to be kept."""
    from ispctl.secrets import KEYRING, Keyring, initialise

    folder = directory.with_name(directory.name + ".new")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise Refusal(Problem("E322", f"{folder} cannot be made ({error.strerror})", advice="Remove it")) from None
    made = False
    done = False
    try:
        initialise(folder / "inventory", key_file=key_file)
        made = True
        yield folder, Keyring.unlock((folder / KEYRING).read_bytes(), key_file.read_text("utf-8"))
        if keep:
            if directory.exists():
                directory.rmdir()
            folder.rename(directory)
            done = True
    finally:
        if not done:
            shutil.rmtree(folder, ignore_errors=True)
            if made:
                key_file.unlink(missing_ok=True)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    except OSError as error:
        raise Refusal(Problem("E210", f"{folder} cannot be written ({error.strerror})")) from None


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


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise typer.BadParameter("--timezone is not an IANA name like Asia/Kathmandu") from None


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
