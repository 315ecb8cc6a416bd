"""The other side of a clone: what its branch is at, and bringing that here. What else reads git writes nothing."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.repo.git_child import first_line
from ispctl.repo.git_names import ID

_KEPT: Final = (
    *("PATH", "HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS"),
    *("GIT_SSL_CAINFO", "http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY"),
)
_FIXED: Final = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh"}
_SETTINGS: Final = (f"core.hooksPath={os.devnull}", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false")
KEEPS: Final = "refs/ispctl/applied"
"""A reference of ours on the applied commit: `git gc` keeps what a forced push took off the branch."""
_TICK: Final = 0.2
_LOOK: Final = 10.0
"""Seconds that a look at the branch may take: whoever waits for it does nothing else meanwhile."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Remote:
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
            said = re.sub(r"://[^@/\s]*@", "://", first_line(done.stderr))  # an address may hold a token
            advice = "The last commit that came goes on being served; try it by hand: git fetch"
            raise Refusal(Problem("E630", f"the remote {self.name} gave no answer: {said}", advice=advice))
        return done.stdout

    def _git(self, *words: str, timeout: float | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run git in the clone. It and what it started are ended when the time is over, or when we are to stop."""
        env = {"PATH": os.defpath, **{name: self.env[name] for name in _KEPT if name in self.env}, **_FIXED}
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
