"""What every `ispctl import` does, whatever it reads: a new repository, or more files for the one at hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import typer

from ispctl.cli.common import Format, Session, say, say_json
from ispctl.cli.progress import Progress
from ispctl.model.problem import Problem, Refusal, Where
from ispctl.structs import Struct

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ispctl.adopt.importing import Imported, Request
    from ispctl.adopt.old import Finding
    from ispctl.adopt.source import Source
    from ispctl.report.adoption import Kind
    from ispctl.secrets import Keyring

REPORT = "import-report.md"


class Origin(Struct):
    """Where it comes from. `dsn` is the database that a new repository speaks of; `file` the name of a file whose rows
    are named; `whole`: whether every row of it has to be good."""

    kind: Kind
    noun: str
    dsn: str
    open: Callable[[], AbstractContextManager[Source]]
    file: str = ""
    whole: bool = False


class Choice(Struct):
    """What is asked of all of them. `timezone`, `currency` and `key_file` are of a new repository."""

    out: Path | None
    group: str | None
    timezone: str
    currency: str
    key_file: Path | None
    strict: bool
    dry_run: bool
    commit: bool


def bring(session: Session, origin: Origin, choice: Choice, format: Format) -> None:
    """Import, and answer. Raises Refusal; then nothing is written."""
    bringing = _Bringing(session, origin, choice)
    if choice.out is not None:
        bringing.into_new(choice.out, choice.key_file or choice.out.with_name(choice.out.name + ".key"))
    else:
        bringing.into_known()
    bringing.answer(format)


class _Bringing:
    """One call of a command."""

    def __init__(self, session: Session, origin: Origin, choice: Choice) -> None:
        from zoneinfo import ZoneInfo

        self.session, self.origin, self.choice = session, origin, choice
        self.found: Imported | None = None
        self.zone = ZoneInfo("UTC")
        self.committed, self.where, self.key_file = "", str(session.repo), ""

    def into_new(self, directory: Path, key_file: Path) -> None:
        """All or nothing: what is written lies beside until it is whole."""
        from ispctl.adopt.importing import Request
        from ispctl.adopt.yaml_text import dump
        from ispctl.secrets import KEYRING, RECIPIENTS
        from ispctl.skeleton import content

        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise Refusal(Problem("E322", f"{directory} is not empty", advice="Name a new folder"))
        self.zone, self.where, self.key_file = _zone(self.choice.timezone), str(directory), str(key_file)
        with _beside(directory, key_file, keep=not self.choice.dry_run) as (folder, keyring):
            targets = dump({"radius": {"dsn": self.origin.dsn}})
            frame = {path: (folder / path).read_bytes() for path in (KEYRING, RECIPIENTS)}
            frame |= {"inventory/targets.yaml": targets.encode()}
            choice, now = self.choice, self.session.now
            self._read(Request(self.zone, choice.currency, now, choice.group, frame=frame), keyring)
            _write(folder, {**frame, **self._files(), ".gitignore": content("gitignore")})
            if self.choice.commit and not self.choice.dry_run:
                self._committed(folder, new=True)

    def into_known(self) -> None:
        """More files for the repository at hand."""
        from ispctl.adopt.importing import Request

        with self.session.repository() as repository:
            if repository.git.bare and not self.choice.dry_run:
                advice = "Clone it, import there, commit and push; or make a new one: --out DIR"
                raise Refusal(Problem("E210", "a bare repository has no files to write", advice=advice))
            snapshot = repository.work()
            errors = [problem for problem in snapshot.problems if problem.severity == "error"]
            if errors:
                raise Refusal(*errors)
            policy = snapshot.policy.value
            self.zone = _zone(policy.timezone)
            there = repository.contents()
            used = frozenset(PurePosixPath(path).name.partition(".")[0] for path in repository.paths())
            request = Request(self.zone, policy.currency, self.session.now, self.choice.group, snapshot, there, used)
            self._read(request, self.session.keyring(snapshot, lab=False))  # never under the public key
        if not self.choice.dry_run:
            assert self.found is not None
            if self.found.files:
                _write(self.session.repo, self._files())
                if self.choice.commit:
                    self._committed(self.session.repo, new=False)

    def answer(self, format: str) -> None:
        from ispctl.cli.answers import width
        from ispctl.report import adoption

        said = self._document()
        if format == "json":
            say_json(said)
            return
        say(adoption.text(said, width=width()))
        if self.choice.dry_run:
            say("Nothing was written (--dry-run).")
        elif not self.found or not self.found.files:
            say("Nothing is new: nothing was written.")
        else:
            say("\n".join(adoption.closing(said, self.where, self.key_file or None)))

    def _read(self, request: Request, keyring: Keyring) -> None:
        from ispctl.adopt.importing import read

        with self.origin.open() as source, Progress() as progress:
            self.found = read(source, request, keyring, progress)
        bad = [one for one in self.found.findings if self.origin.file and one.severity == "refused"]
        # of a list without one good row no repository is made
        none = request.known is None and not self.found.counts["imported"] and not self.choice.dry_run
        if bad and (self.origin.whole or none):
            raise Refusal(*(_bad_row(self.origin.file, one) for one in bad))
        worst = [one for one in self.found.findings if one.severity != "note"]
        if self.choice.strict and worst:
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
        kind, now, zone = self.origin.kind, self.session.now, self.zone
        return adoption.document(
            kind, found.findings, found.counts, found.ids, now=now, zone=zone, commit=self.committed
        )

    def _committed(self, folder: Path, *, new: bool) -> None:
        from ispctl.repo.commit import Committer

        assert self.found is not None
        committer = Committer(folder, self.session.env)
        committer.check()
        if new:
            committer.begin()
        many = self.found.counts["imported"]
        message = f"Import {many} logins of {self.origin.noun}\n\nEvent: import\n"
        names = ["."] if new else sorted(self._files())
        self.committed = committer.commit(names, message)


def _bad_row(file: str, one: Finding) -> Problem:
    text = f"{one.attribute}: {one.text}" if one.attribute else one.text
    return Problem("E782", text, Where(file, one.row), "Mend it, or leave the bad rows out: --skip-bad")


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


def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise typer.BadParameter("--timezone is not an IANA name like Asia/Kathmandu") from None
