"""A commit of named files of the work tree, as they are. Hooks are not run; who commits is what git knows, or the
environment says."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.repo.git_child import Child, failed, first_line

WHO: Final = (*(f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL", "DATE")), "EMAIL")
"""What the environment may say of who commits."""


class Committer:
    """Commits to the repository at `root`. Raises Refusal E656, E020."""

    def __init__(self, root: Path, env: Mapping[str, str]) -> None:
        self._child = Child(env)
        self._child.folder = os.path.realpath(root)
        self._who = {name: env[name] for name in WHO if name in env}

    def begin(self) -> None:
        """Make a repository of the folder."""
        self._child.run("init", "--quiet", "--initial-branch=main")

    def check(self) -> None:
        """Refuse early where git does not know who commits."""
        check_author(self._child, self._who)

    def commit(self, paths: Sequence[str], message: str) -> str:
        """Commit these files as they are, and no other; the id of the commit."""
        self.check()
        listed = b"\0".join(os.fsencode(path) for path in paths)
        given = ("--pathspec-from-file=-", "--pathspec-file-nul")
        self._run("add", *given, given=listed)
        self._run("commit", "--quiet", "--only", "-m", message, *given, given=listed)
        return self._child.run("rev-parse", "HEAD").decode().strip()

    def _run(self, *arguments: str, given: bytes) -> None:
        done = self._child.ask(*arguments, given=given, env={"GIT_LITERAL_PATHSPECS": "1", **self._who})
        if done.returncode:
            raise failed(f"git {arguments[0]} failed: {first_line(done.stderr)}", "git status says more")


def check_author(child: Child, who: Mapping[str, str]) -> None:
    """Raises Refusal E656 where git does not know who commits. `who`: see WHO."""
    if child.ask("var", "GIT_COMMITTER_IDENT", env=who).returncode:
        advice = 'git config --global user.name "Your Name"; git config --global user.email you@example.net'
        raise Refusal(Problem("E656", "git does not know who commits here", advice=advice))
