"""The other side of a clone: what its branch is at, and bringing that here. What else reads git writes nothing."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.repo.git_child import first_line
from ispctl.repo.git_names import ID, KEEPS
from ispctl.structs import Struct, field

_KEPT: Final = (
    *("PATH", "HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS"),
    *("GIT_SSL_CAINFO", "http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY"),
)
_FIXED: Final = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh"}
_SETTINGS: Final = (f"core.hooksPath={os.devnull}", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false")
LOCAL: Final = "."
"""What git calls the repository itself where it asks for a remote."""
_RACES: Final = (
    "fetch first",
    "non-fast-forward",
    "stale info",
    "cannot lock ref",
    "failed to update ref",
    "up to date",
)
_TICK: Final = 0.2
_LOOK: Final = 10.0
"""Seconds that a look at the branch may take: whoever waits for it does nothing else meanwhile."""


def _never() -> bool:
    return False


class Push(Struct):
    """What is to become of a commit: the branch that shall stand at it, the commit at which it stands now ("" for one
    that is not there yet), and what the other side is told beside it (`git push -o`)."""

    branch: str
    old: str = ""
    options: tuple[str, ...] = ()


class Remote(Struct):
    """A branch of the remote of a clone, or of the repository itself where it has no remote: then who pushes, pushes
    here. `timeout` is in seconds, for what is brought; `stopping` says whether to give up at once."""

    folder: Path
    branch: str
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    name: str = "origin"
    timeout: float = 120.0
    stopping: Callable[[], bool] = _never

    @cached_property
    def exists(self) -> bool:
        """Whether the clone has such a remote."""
        return self._git("config", "--get", f"remote.{self.name}.url").returncode == 0

    @cached_property
    def ref(self) -> str:
        """Where the branch stands here. In a work tree it is not the branch that somebody may have checked out."""
        if not self.exists:
            return f"refs/heads/{self.branch}"
        bare = self._git("rev-parse", "--is-bare-repository").stdout.strip() == b"true"
        return f"refs/heads/{self.branch}" if bare else f"refs/remotes/{self.name}/{self.branch}"

    def here(self) -> str:
        """The commit of the branch as this clone knows it; empty where it does not."""
        done = self._git("rev-parse", "--verify", "--quiet", f"{self.ref}^{{commit}}")
        found = done.stdout.decode().strip()
        return found if ID.fullmatch(found) else ""

    def there(self) -> str:
        """The commit of the branch at the remote; asks, and brings nothing. Raises Refusal E630, E631."""
        if not self.exists:
            return self.here() or self._no_branch()
        listed = self._ask(
            "ls-remote", "--", self.name, f"refs/heads/{self.branch}", timeout=min(_LOOK, self.timeout)
        ).split()
        return listed[0].decode() if listed else self._no_branch()

    def fetch(self) -> str:
        """Bring the branch here if it moved, forced or not; its commit. Raises Refusal E630, E631."""
        there = self.there()
        if self.exists and there != self.here():
            moves = f"+refs/heads/{self.branch}:{self.ref}"
            self._ask("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", self.name, moves)
            return self.here() or self._no_branch()
        return there

    def push(self, commit: str, push: Push, objects: Path) -> str:
        """Let a branch stand at a commit that lies in `objects`; what the other side said, for people. Raises Refusal:
        E680 where somebody was faster, E681 where the branch is taken, E682 where it is refused, E630."""
        if self._git("check-ref-format", "--branch", push.branch).returncode:
            raise Refusal(Problem("E656", "that is not the name of a branch", advice="Letters, digits, '-' and '/'"))
        to = self._address() if self.exists else LOCAL
        ref = f"refs/heads/{push.branch}"
        words = [*(self._push_here if to == LOCAL else ("push",)), "--porcelain"]
        words += [] if push.old else [f"--force-with-lease={ref}:"]
        own = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects)}
        options = [word for option in push.options if to != LOCAL for word in ("-o", option)]
        done = self._git(*words, *options, "--", to, f"{commit}:{ref}", env=own)
        if done.returncode and options and b"does not support push options" in done.stderr:
            done = self._git(*words, "--", to, f"{commit}:{ref}", env=own)
        verdict = _verdict(done.stdout)
        if done.returncode and not verdict:  # cut off before it said anything: what became of the branch tells
            there = self._ask("ls-remote", "--", to, ref, timeout=min(_LOOK, self.timeout)).decode().partition("\t")[0]
            if there != commit:
                raise self._silent(done) if there == push.old else self._faster(push, "it has another commit")
        elif done.returncode or (not push.old and "[up to date]" in verdict):
            raise self._refused(push, verdict, _said(done.stderr))
        return _said(done.stderr)

    def _refused(self, push: Push, why: str, said: str) -> Refusal:
        """The other side did not take a branch."""
        if any(race in why for race in _RACES):
            return self._faster(push, why)
        advice = "Without --direct a merge request is proposed" if push.old else "Look at the rules of the remote"
        text = f"{push.branch} was not taken: {why}{f': {said}' if said else ''}"
        return Refusal(Problem("E682", text, advice=advice))

    @staticmethod
    def _faster(push: Push, why: str) -> Refusal:
        if push.old:
            return Refusal(Problem("E680", f"somebody else changed {push.branch} at the same moment: {why}"))
        advice = "It was proposed already: look at it, or name another with --branch"
        return Refusal(Problem("E681", f"there is a branch {push.branch} already", advice=advice))

    def follow(self, commit: str, old: str) -> bool:
        """Bring what was pushed here; and where the branch that is checked out stood at the commit before it, let it
        and its files follow. Whether they did, or there was nothing to follow. Raises Refusal E630."""
        if not self.exists:
            return True
        self.fetch()
        ref = f"refs/heads/{self.branch}"
        if self._git("symbolic-ref", "--quiet", "HEAD").stdout.decode().strip() != ref or self.ref == ref:
            return True
        here = self._git("rev-parse", "--verify", "--quiet", ref).stdout.decode().strip()
        return here == old and not self._git(*self._push_here, "--", LOCAL, f"{commit}:{ref}").returncode

    @property
    def _push_here(self) -> tuple[str, ...]:
        """Whoever has the branch checked out gets the files as well, unless he has changed some."""
        return "push", "--receive-pack=git -c receive.denyCurrentBranch=updateInstead receive-pack"

    def _address(self) -> str:
        """Where pushes go. By its name, git would note here what the remote has, though it is not here yet."""
        done = self._git("remote", "get-url", "--push", self.name)
        return done.stdout.decode().strip() or self.name

    def head(self) -> str:
        """The name of the branch that everybody works on: the remote's own, else the one that is checked out."""
        names = (f"refs/remotes/{self.name}/HEAD", "HEAD") if self.exists else ("HEAD",)
        for name in names:
            found = self._git("symbolic-ref", "--quiet", "--short", name).stdout.decode().strip()
            if found:
                return found.removeprefix(f"{self.name}/")
        return "main"

    def keep(self, commit: str) -> None:
        """Let no garbage collection take a commit that is applied, whatever becomes of the branch."""
        self._git("update-ref", KEEPS, commit)

    def _no_branch(self) -> str:
        where = f"at its remote {self.name}" if self.exists else "in the repository"
        advice = f"Name another with --branch; git ls-remote --heads {self.name} shows what there is"
        raise Refusal(Problem("E631", f"there is no branch {self.branch} {where}", advice=advice))

    def _ask(self, *words: str, timeout: float | None = None) -> bytes:
        done = self._git(*words, timeout=timeout)
        if done.returncode:
            raise self._silent(done)
        return done.stdout

    def _silent(self, done: subprocess.CompletedProcess[bytes]) -> Refusal:
        advice = "The last commit that came goes on being served; try it by hand: git fetch"
        text = f"the remote {self.name} gave no answer: {_hidden(first_line(done.stderr))}"
        return Refusal(Problem("E630", text, advice=advice))

    def _git(
        self, *words: str, timeout: float | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git in the clone. It and what it started are ended when the time is over, or when we are to stop."""
        kept = {name: self.env[name] for name in _KEPT if name in self.env}
        env = {"PATH": os.defpath, **kept, **_FIXED, **(env or {})}
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        command = [shutil.which("git", path=env["PATH"]) or "git", "--no-pager", *settings, "-C", str(self.folder)]
        try:
            child = subprocess.Popen(
                [*command, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=env,
                start_new_session=True,
            )
        except OSError as error:
            text = f"git could not be started ({error.strerror})"
            raise Refusal(Problem("E630", text, advice="Look at PATH")) from None
        return self._patiently(child, timeout or self.timeout)

    def _patiently(self, child: subprocess.Popen[bytes], timeout: float) -> subprocess.CompletedProcess[bytes]:
        deadline = monotonic() + timeout
        try:
            while True:
                try:
                    out, err = child.communicate(timeout=_TICK)
                    return subprocess.CompletedProcess(child.args, child.returncode, out, err)
                except subprocess.TimeoutExpired:
                    if self.stopping() or monotonic() > deadline:
                        end = b"it was stopped" if self.stopping() else b"it took too long"
                        return subprocess.CompletedProcess(child.args, 124, b"", end)
        finally:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.communicate()


def _verdict(porcelain: bytes) -> str:
    """What `git push --porcelain` says of the one branch; empty where it did not come so far."""
    lines = (line for line in porcelain.decode("utf-8", "replace").splitlines() if line[1:2] == "\t")
    return next(lines, "").rpartition("\t")[2]


def _hidden(text: str) -> str:
    """An address may hold a token."""
    return re.sub(r"://[^@/\s]*@", "://", text)


def _said(stderr: bytes) -> str:
    """What the other side says to people, such as where its merge request is."""
    lines = (line.strip() for line in stderr.decode("utf-8", "replace").splitlines())
    told = (line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:"))
    return _hidden("\n".join("".join(filter(str.isprintable, line)) for line in told if line))
