"""What `ispctl` and `ispstat` share: how a command ends, where settings come from, what time it is."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TextIO

import typer

from ispctl.cli.completion import named
from ispctl.digests import sha256
from ispctl.model.problem import Problem, Refusal, Stopped, in_order
from ispctl.structs import Struct, field

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from ispctl.index import Index
    from ispctl.repo import Repository, Snapshot
    from ispctl.roles import Reviews
    from ispctl.secrets import Keyring
    from ispctl.store import Store

Format = Literal["text", "json"]
INTERRUPTED: Final = 130
"""What the parser answers after Ctrl-C, without a word of its own."""
UsageError: Final[Any] = typer.BadParameter.__base__
"""Typer keeps its parser to itself; the class every wrong flag raises is the base of its public one."""


class Session(Struct):
    """One call of a command: the repository it speaks of, the environment it was given, and the moment it began."""

    repo: Path
    prefix: str
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @contextmanager
    def repository(self) -> Iterator[Repository]:
        """The repository of `--repo`, closed at the end."""
        from ispctl.repo import Repository

        with Repository.open(self.repo, env=self.env) as repository:
            yield repository

    def index(self, repository: Repository, progress: Callable[[str, int, int], None]) -> Index:
        """What is remembered of the repository; in memory where no place for it is known."""
        from ispctl.index import Index

        return Index(repository, self._place(repository), progress)

    @contextmanager
    def reading(self, repository: Repository) -> Iterator[Index]:
        """The same for whoever only reads: it is never made. Where that takes long, it is seen and told."""
        from ispctl.cli.progress import Progress
        from ispctl.index import Index

        with Progress() as progress:
            yield Index(repository, self._place(repository), progress, tell, keeps=False)

    def _place(self, repository: Repository) -> Path | None:
        """The index of a repository: in ISPCTL_CACHE, else where caches belong; None where neither is known."""
        own, usual, home = (self.env.get(name) for name in ("ISPCTL_CACHE", "XDG_CACHE_HOME", "HOME"))
        folder = Path(own) if own else Path(usual or f"{home}/.cache") / "ispctl" if usual or home else None
        name = sha256(os.fsencode(repository.git.folder)).hexdigest()[:16]
        return folder / f"{name}.index" if folder else None

    @property
    def actor(self) -> str:
        """Who runs this: whoever started the pipeline, else the user of this machine, sudo looked through."""
        names = (self.env.get(name, "") for name in ("GITLAB_USER_LOGIN", "SUDO_USER", "USER", "LOGNAME"))
        return next(filter(None, names), f"uid {os.getuid()}")

    @property
    def reviews(self) -> Reviews | None:
        """The approvals of merge requests; None where no GitLab, no project or no token is named."""
        names = ("CI_SERVER_URL", "CI_PROJECT_ID", "ISPCTL_GITLAB_TOKEN")
        url, project, token = (self.env.get(name, "") for name in names)
        if not (url and project and token):
            return None
        from ispctl.gitlab import Approvals

        return Approvals(url, project, token)

    def dsn(self, snapshot: Snapshot | None) -> str:
        """The RADIUS database: the environment's, else inventory/targets.yaml's. Raises Refusal."""
        own = self.env.get(f"{self.prefix}_RADIUS__DSN")
        if own:
            return own
        targets = snapshot.targets if snapshot else None
        if targets is None:
            text = "no RADIUS database is named"
            advice = f"Write radius: {{dsn: …}} into inventory/targets.yaml, or set {self.prefix}_RADIUS__DSN"
            raise Refusal(Problem("E320", text, advice=advice))
        if targets.value.radius.clear_passwords:
            from ispctl.repo.rules.secrets import clear_dsn

            raise Refusal(clear_dsn(targets.where("radius", "dsn")))
        return targets.value.radius.dsn

    def replicas(self, snapshot: Snapshot | None) -> tuple[str, ...]:
        """Standbys of the database: the environment's, with blanks between, else inventory/targets.yaml's."""
        own = self.env.get(f"{self.prefix}_RADIUS__REPLICAS")
        if own is not None:
            return tuple(own.split())
        targets = snapshot.targets if snapshot else None
        return targets.value.radius.replicas if targets else ()

    def store(self, snapshot: Snapshot | None, *, readonly: bool = False) -> Store:
        """The opened database; a relative path is taken from the repository. Raises Refusal."""
        from ispctl.store import Store

        return Store.open(self.dsn(snapshot), base=self.repo, readonly=readonly)

    def identity(self, *, lab: bool = False) -> str:
        """The age key: ISPCTL_AGE_KEY, else ISPCTL_AGE_KEY_FILE, else (on a lab database) the demo key."""
        from ispctl.secrets import identity_from

        if text := self.env.get("ISPCTL_AGE_KEY"):
            return identity_from(text)
        if name := self.env.get("ISPCTL_AGE_KEY_FILE"):
            try:
                return identity_from(Path(name).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                text = f"ISPCTL_AGE_KEY_FILE cannot be read ({type(error).__name__})"
                raise Refusal(
                    Problem("E201", text, advice="Name a file that holds an AGE-SECRET-KEY-1… line")
                ) from None
        return identity_from(demo_key() if lab else None)

    def keyring(self, snapshot: Snapshot, *, lab: bool) -> Keyring:
        """The keyring of a commit, opened. The demo key opens it for a lab database only. Raises Refusal."""
        from ispctl.secrets import KEYRING, RECIPIENTS, Keyring, identity_from, recipients_from

        sealed = snapshot.raw(KEYRING)
        if sealed is None:
            advice = "ispctl secrets init makes one"
            raise Refusal(Problem("E204", f"there is no {KEYRING}", advice=advice))
        identity = self.identity(lab=lab)
        if not lab and identity == identity_from(demo_key()):
            text = "the demo key is public, and this is not a lab database"
            advice = "Set ISPCTL_AGE_KEY or ISPCTL_AGE_KEY_FILE to your own key; ispctl secrets init makes one"
            raise Refusal(Problem("E604", text, advice=advice))
        recipients = (snapshot.raw(RECIPIENTS) or b"").decode("utf-8", "replace")
        return Keyring.unlock(sealed, identity, recipients_from(recipients) if recipients.strip() else ())


def clock() -> datetime:
    """What time it is, in UTC."""
    return datetime.now(UTC)


def demo_key() -> str:
    """The age identity of the example ISP; everybody has it."""
    from importlib.resources import files

    return files("ispctl.lab").joinpath("demo.key").read_text(encoding="utf-8")


RepoOption = Annotated[
    Path, typer.Option("--repo", metavar="DIR", help="Repository, bare or not.", show_default="current directory")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How the answer is written.")]


_ANSWER: Final = "It is of the answer."


def say(text: str) -> None:
    """The answer, on stdout."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def say_each(parts: Iterable[str], end: str = "\n") -> None:
    """An answer that may be long, on stdout; each part with its end, and the last with the end of a line."""
    for part in parts:
        sys.stdout.write(part + end)
    sys.stdout.write("" if end else "\n")


def say_json(value: Any) -> None:
    say(json.dumps(value, indent=2, ensure_ascii=False))


def tell(text: str) -> None:
    """Progress and remarks, on stderr."""
    sys.stderr.write(text + "\n")


def run(app: Callable[..., Any], name: str, arguments: Sequence[str] | None = None) -> int:
    """Run a command to its exit code. A refusal prints its problems; a wrong flag is 1, since 2 means "changes"."""
    try:
        words = named(sys.argv[1:] if arguments is None else arguments, os.environ)
        code = app(args=words, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:
            tell("Stopped. Nothing is half done: what was begun is finished by the next run.")
        return code if isinstance(code, int) else 0
    except UsageError as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else name
        text = error.format_message()
        tell(text if text.startswith("Usage: ") else f"{text}\nTry: {path} --help")  # no words at all: the help itself
        return 1
    except Refusal as refusal:
        for problem in in_order(list(refusal.problems)):
            tell(str(problem))
        return refusal.exit_code
    except (Stopped, typer.Abort, KeyboardInterrupt) as stopped:
        tell(str(stopped) or "Stopped.")
        return INTERRUPTED
    except BrokenPipeError:
        _to_nobody()
        return 1
    except OSError as error:
        if _ANSWER not in getattr(error, "__notes__", ()):
            raise
        _to_nobody()
        text = f"the answer cannot be written to standard output ({error.strerror})"
        tell(str(Problem("E613", text, advice="Make room, or write it elsewhere")))
        return 1


class _Out(io.FileIO):
    """Standard output. What it does not take is told from what other files do not."""

    def write(self, octets: ReadableBuffer, /) -> int:
        try:
            return super().write(octets)
        except OSError as error:
            error.add_note(_ANSWER)
            raise


def _nobody() -> TextIO:
    return open(os.open(os.devnull, os.O_WRONLY), "w", closefd=False)


def _to_nobody() -> None:
    """Python writes what is left when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def version_of(program: str) -> Callable[[bool], None]:
    """What --version of a program does: say it, and end."""

    def answer(wanted: bool) -> None:
        if wanted:
            from importlib.metadata import version

            say(f"{program} {version('ispctl')}")
            raise typer.Exit

    return answer


def use_utf8() -> None:
    """Answers are UTF-8 whatever the locale says; a pipe that cannot take a character gets an escape, not a crash."""
    # whoever closed one of them wants to hear nothing of it
    sys.stdout, sys.stderr = (one or _nobody() for one in (sys.stdout, sys.stderr))
    out = io.BufferedWriter(_Out(sys.stdout.fileno(), "wb", closefd=False))
    sys.stdout = io.TextIOWrapper(out, "utf-8", "backslashreplace", line_buffering=sys.stdout.isatty())
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
