"""git as a child process. It runs nothing that a repository names; of our surroundings it knows PATH and HOME."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ispctl.model.problem import Problem, Refusal

_KEPT: Final = ("PATH", "HOME", "XDG_CONFIG_HOME", "SUDO_UID")  # SUDO_UID: git asks it whose the repository is
_FIXED: Final = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "GIT_NO_REPLACE_OBJECTS": "1",  # an id means what it hashes
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_ALLOW_PROTOCOL": "none",  # a partial clone must not fetch behind our back
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ATTR_NOSYSTEM": "1",
}
# What a repository's configuration could make git run or write; and what would change how names are given.
_OVERRULED: Final = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.sshCommand=false",
    "core.alternateRefsCommand=true",
    "core.pager=cat",
    "core.quotePath=false",
    "core.precomposeUnicode=false",
    "credential.helper=",
    "gc.auto=0",
    "protocol.allow=never",
    "submodule.recurse=false",
)


def failed(text: str, advice: str = "git fsck says more") -> Refusal:
    """E020: git gave no answer to trust."""
    return Refusal(Problem("E020", text, None, advice))


class Child:
    """Starts git. `stop()` ends every child that still runs; none survives it."""

    def __init__(self, env: Mapping[str, str] | None) -> None:
        kept = {name: env[name] for name in _KEPT if name in env} if env is not None else {}
        self.env = {"PATH": os.defpath, **kept, **_FIXED}
        program = shutil.which("git", path=self.env["PATH"])
        if program is None:
            advice = "Install it: apt install git"
            raise Refusal(Problem("E005", "there is no program 'git' on this machine", None, advice))
        self._program = program
        self._running: set[subprocess.Popen[bytes]] = set()
        self.place: tuple[str, ...] = ()
        self.folder: str | None = None

    def command(self, arguments: Sequence[str]) -> list[str]:
        settings = (part for setting in _OVERRULED for part in ("-c", setting))
        return [self._program, "--no-pager", "--literal-pathspecs", *settings, *self.place, *arguments]

    def ask(
        self, *arguments: str, given: bytes | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run to the end; the caller judges the exit code. Standard input is empty unless `given`."""
        try:
            return subprocess.run(
                self.command(arguments),
                input=given or b"",
                capture_output=True,
                env={**self.env, **(env or {})},
                cwd=self.folder,
                check=False,
            )
        except OSError as error:
            raise failed(
                f"git could not be started: {error.strerror}", "Look at PATH and at limits of processes"
            ) from None

    def run(self, *arguments: str, given: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        """What git printed. Raises Refusal (E020) if it failed."""
        done = self.ask(*arguments, given=given, env=env)
        if done.returncode:
            raise failed(f"git {arguments[0]} failed: {first_line(done.stderr)}")
        return done.stdout

    def start(self, *arguments: str, listens: bool = False) -> subprocess.Popen[bytes]:
        """A child whose output is read as it comes; its standard input stays open if it `listens`."""
        try:
            child = subprocess.Popen(
                self.command(arguments),
                stdin=subprocess.PIPE if listens else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self.env,
                cwd=self.folder,
            )
        except OSError as error:
            raise failed(
                f"git could not be started: {error.strerror}", "Look at PATH and at limits of processes"
            ) from None
        self._running.add(child)
        return child

    def end(self, child: subprocess.Popen[bytes]) -> int:
        """Close its pipes, kill it if it still runs, and take its exit code; no zombie, no open file."""
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was buffered for a dead child cannot be written
                    pipe.close()
        if child.poll() is None:
            child.kill()
        self._running.discard(child)
        return child.wait()

    def parts(self, *arguments: str) -> Iterator[bytes]:
        """What git prints with -z, part by part, as it comes. Raises Refusal (E020) if it fails in the end."""
        child = self.start(*arguments)
        try:
            yield from _split(_chunks(child))
            code = child.wait()
        finally:
            self.end(child)
        if code:
            raise failed(f"git {arguments[0]} failed")

    def stop(self) -> None:
        for child in tuple(self._running):
            self.end(child)


def first_line(stderr: bytes) -> str:
    """What git said, short enough for a message, without its "fatal: "."""
    lines = stderr.decode("utf-8", "backslashreplace").strip().splitlines() or ["it said nothing"]
    return "".join(sign for sign in lines[0].removeprefix("fatal: ")[:200] if sign.isprintable())


def _chunks(child: subprocess.Popen[bytes]) -> Iterator[bytes]:
    if child.stdout is not None:
        while chunk := os.read(child.stdout.fileno(), 1 << 16):
            yield chunk


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Parts that end with NUL."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole
