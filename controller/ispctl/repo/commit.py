"""Writing to a repository: the one place that does. A commit of named files, or one on a branch of its own that leaves
the work tree as it is. Hooks are not run; who commits is what git knows, or the environment says."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.repo.git_child import Child, failed, first_line

_WHO: Final = tuple(f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL", "DATE"))


class Committer:
    """Commits to the repository at `root`. Raises Refusal E656, E020."""

    def __init__(self, root: Path, env: Mapping[str, str]) -> None:
        self._child = Child(env)
        self._child.folder = os.path.realpath(root)
        self._who = {name: env[name] for name in (*_WHO, "EMAIL") if name in env}
        self._root = root

    def begin(self) -> None:
        """Make a repository of the folder."""
        self._child.run("init", "--quiet", "--initial-branch=main")

    def check(self) -> None:
        """Refuse early where git does not know who commits."""
        if self._child.ask("var", "GIT_COMMITTER_IDENT", env=self._who).returncode:
            advice = 'git config --global user.name "Your Name"; git config --global user.email you@example.net'
            raise Refusal(Problem("E656", "git does not know who commits here", advice=advice))

    def commit(self, paths: Sequence[str], message: str) -> str:
        """Commit these files as they are, and no other; the id of the commit."""
        self.check()
        listed = b"\0".join(os.fsencode(path) for path in paths)
        given = ("--pathspec-from-file=-", "--pathspec-file-nul")
        self._run("add", *given, given=listed)
        self._run("commit", "--quiet", "--only", "-m", message, *given, given=listed)
        return self._child.run("rev-parse", "HEAD").decode().strip()

    def branch(self, name: str, files: Mapping[str, bytes], message: str) -> str:
        """Commit changed contents on a new branch from HEAD; neither index nor work tree are touched."""
        self.check()
        if self._child.ask("check-ref-format", "--branch", name).returncode:
            raise Refusal(Problem("E656", "that is not the name of a branch", advice="Letters, digits, '-' and '/'"))
        ref = f"refs/heads/{name}"
        if not self._child.ask("rev-parse", "--verify", "--quiet", ref).returncode:
            text = "there is a branch of this name"
            raise Refusal(Problem("E656", text, advice="Name a new one, or remove it: git branch -D"))
        base = self._child.run("rev-parse", "HEAD").decode().strip()
        index = {"GIT_INDEX_FILE": str(Path(self._git_dir) / f"ispctl.{os.getpid()}.index")}
        try:
            self._run("read-tree", base, env=index)
            entries = []
            for path, data in sorted(files.items()):
                blob = self._run("hash-object", "-w", "--stdin", given=data).decode().strip()
                entries.append(f"100644 {blob}\t{path}")
            self._run("update-index", "-z", "--index-info", given=("\0".join(entries) + "\0").encode(), env=index)
            tree = self._run("write-tree", env=index).decode().strip()
        finally:
            Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)
        made = self._run("commit-tree", tree, "-p", base, "-m", message).decode().strip()
        self._run("update-ref", ref, made, "0" * len(made))
        return made

    @property
    def _git_dir(self) -> str:
        return os.fsdecode(self._child.run("rev-parse", "--absolute-git-dir")).rstrip("\n")

    def _run(self, *arguments: str, given: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        literal = {"GIT_LITERAL_PATHSPECS": "1"}
        done = self._child.ask(*arguments, given=given, env={**literal, **self._who, **(env or {})})
        if done.returncode:
            raise failed(f"git {arguments[0]} failed: {first_line(done.stderr)}", "git status says more")
        return done.stdout
