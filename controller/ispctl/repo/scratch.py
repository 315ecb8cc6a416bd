"""Commits that are in no repository yet: made beside one, read as if they were there, then published or thrown away.

What is written goes to a folder of objects of its own, so that a verb that is stopped, refused or only tried leaves
nothing behind. What a commit costs follows the files it changes, not those there are.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self

from ispctl.model.problem import Problem, Refusal
from ispctl.repo.commit import WHO, check_author
from ispctl.repo.git import Git
from ispctl.repo.git_child import Child, failed, first_line
from ispctl.repo.remote import Push, Remote

_SIGNING: Final = ("GNUPGHOME", "GPG_TTY", "GPG_AGENT_INFO", "SSH_AUTH_SOCK")
_DRAFT: Final = "refs/heads/draft"


class Author(NamedTuple):
    """Who made a change, as git names people."""

    name: str
    email: str


class Scratch:
    """Objects beside a repository. Use as a context manager: they are gone at its end, but for what was published."""

    def __init__(self, git: Git, env: Mapping[str, str]) -> None:
        self._git, self._env = git, env
        self._who = {name: env[name] for name in (*WHO, *_SIGNING) if name in env}
        self._child = Child(env)
        self._child.folder = git.folder
        self._folder = tempfile.TemporaryDirectory(prefix="ispctl-")  # mode 0700
        self.objects = Path(self._folder.name) / "draft.git" / "objects"

    def __enter__(self) -> Self:
        place = self.objects.parent
        self._child.run(
            "init", "--quiet", "--bare", "--template=", f"--object-format={self._git.object_format}", str(place)
        )
        (self.objects / "info").mkdir(exist_ok=True)
        (self.objects / "info" / "alternates").write_text(f"{self._git.objects}\n", "utf-8")
        self._git.also(self.objects)
        return self

    def __exit__(self, *_: object) -> None:
        self._git.also("")
        self._folder.cleanup()

    def commit(self, base: str, files: Mapping[str, bytes | None], message: str, author: Author | None = None) -> str:
        """The id of a commit on `base` in which these files have this content; None takes one away. It is signed where
        git is set up to sign. Raises Refusal E656, E020."""
        check_author(self._child, self._who)
        tree = self._tree(base, files)
        signed = self._asked("config", "--type=bool", "--get", "commit.gpgsign") == "true"
        who = {"GIT_AUTHOR_NAME": author.name, "GIT_AUTHOR_EMAIL": author.email} if author else {}
        words = ("commit-tree", *(("-S",) if signed else ()), tree, "-p", base, "-F", "-")
        done = self._child.ask(*words, given=message.encode(), env={**self._own, **self._who, **who})
        if done.returncode:
            text = f"the commit could not be {'signed' if signed else 'made'}: {first_line(done.stderr)}"
            raise Refusal(Problem("E656", text, advice="git config --get-regexp 'gpg|signing' shows what is set up"))
        return done.stdout.decode().strip()

    def publish(self, commit: str, to: Remote, push: Push) -> str:
        """Let a branch stand at a commit; what the remote said, for people. Raises Refusal E680 to E682, E630."""
        return to.push(commit, push, self.objects)

    @property
    def _own(self) -> Mapping[str, str]:
        """For a command of the repository itself that writes here."""
        return {
            "GIT_OBJECT_DIRECTORY": str(self.objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": self._git.objects,
        }

    def _tree(self, base: str, files: Mapping[str, bytes | None]) -> str:
        stream = b"".join(_stream(base, files))
        place = ("--git-dir", str(self.objects.parent))
        done = self._child.ask(*place, "fast-import", "--quiet", "--force", given=stream)
        if done.returncode:
            raise failed(f"git fast-import failed: {first_line(done.stderr)}")
        return self._child.run(*place, "rev-parse", f"{_DRAFT}^{{tree}}").decode().strip()

    def _asked(self, *words: str) -> str:
        return self._child.ask(*words).stdout.decode("utf-8", "replace").strip()


def _stream(base: str, files: Mapping[str, bytes | None]) -> Iterator[bytes]:
    """What `git fast-import` reads; the commit of it is thrown away, its tree is kept."""
    yield f"commit {_DRAFT}\ncommitter - <-> 0 +0000\ndata 0\nfrom {base}\n".encode()
    for path, data in sorted(files.items()):
        name = os.fsencode(path)
        if b"\n" in name or name.startswith(b'"'):
            raise failed("a path holds a sign that no file of ours may have", "Rename the file")
        if data is None:
            yield b"D " + name + b"\n"
        else:
            yield b"M 100644 inline " + name + b"\ndata %d\n" % len(data) + data + b"\n"
