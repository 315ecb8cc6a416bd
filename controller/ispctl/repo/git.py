"""One git repository, read through one persistent child; it is never written to, whatever is asked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from ispctl.model.problem import Problem, Refusal, Where
from ispctl.repo import git_trees as trees
from ispctl.repo.git_child import Child, failed, first_line
from ispctl.repo.git_names import (
    FOLDER,
    Commit,
    Difference,
    Entry,
    Hands,
    blamed,
    commit_of,
    difference_of,
    entry_of,
    hands_of,
    refused,
)
from ispctl.repo.git_reader import Large, Reader
from ispctl.repo.hidden import hidden_in
from ispctl.repo.yaml import too_large

if TYPE_CHECKING:
    from ispctl.repo.git_history import History
    from ispctl.repo.git_worktree import WorkTree

__all__ = ["FOLDER", "FOLDERS", "Commit", "Difference", "Entry", "Git", "refused"]

_BESIDE: Final = "GIT_ALTERNATE_OBJECT_DIRECTORIES"
_FEW: Final = 64
"""Files that are found folder by folder; of more git finds them faster in a child of its own."""
_FOLDERS: Final = 24
"""Folders of two commits that are compared here."""
_STEPS: Final = 16
"""Commits that are looked at for what they follow."""
_AT_ONCE: Final = 256
"""Paths on one command line."""
_PLACE: Final = re.compile(r"(.*)\n(true|false)\n(true|false)\n(true|false)\n(\w+)\n(.*)\n", re.DOTALL)
"""What git says of a repository: its first and its last are names, which may hold anything."""
FOLDERS: Final = ("inventory", "subscribers", "tariffs", "templates")


class Git:
    """Use as a context manager, from one thread. `blobs_read` counts the contents that were taken out of git.

    Ids are full hexadecimal object ids (40 digits, or 64 in a SHA-256 repository). Wherever a commit is asked for, the
    id of a tree that `worktree()` gave is taken too. Every method raises Refusal: E003 for a revision that is not
    there, E020 where git itself fails.
    """

    def __init__(self, child: Child, root: str | None, object_format: str, *, shallow: bool) -> None:
        self._child = child
        self.object_format = object_format
        """How objects are named: sha1 or sha256."""
        self._resolved: set[str] = set()
        self._trees: set[str] = set()
        self._root = root
        self.shallow = shallow
        """Whether older history was not fetched: what is not here may be there all the same."""
        self._reader = Reader(child)
        self._worktree: WorkTree | None = None
        self.blobs_read = 0

    @classmethod
    def open(cls, path: Path | str, env: Mapping[str, str] | None = None) -> Git:
        """The repository whose root is `path`: a work tree or a bare repository. Raises Refusal E001, E002, E005.

        `env` is where PATH and HOME come from; without it git is looked for in the system's own folders.
        """
        folder = os.path.realpath(path)
        if not os.path.isdir(folder):
            raise Refusal(Problem("E001", f"there is no folder {path}", None, "Look at --repo"))
        child = Child(env)
        git_dir, root, object_format, shallow = _discover(child, folder)
        child.place = ("--git-dir", git_dir, *(("--work-tree", root) if root else ("--bare",)))
        child.folder = root or git_dir
        opened = cls(child, root, object_format, shallow=shallow)
        try:
            if opened._reader.commit("HEAD") is None and not child.run("for-each-ref", "--count=1"):
                advice = "Commit what is there: git add . && git commit"
                raise Refusal(Problem("E002", f"the repository {folder} has no commit yet", None, advice))
        except BaseException:
            opened.close()
            raise
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child and remove what `worktree()` made. May be called again."""
        self._reader.forget()
        self._child.stop()
        if self._worktree is not None:
            self._worktree.close()
            self._worktree = None

    @property
    def folder(self) -> str:
        """The root of the work tree, or the bare repository: an absolute path without links."""
        return str(self._child.folder)

    @property
    def bare(self) -> bool:
        return self._root is None

    @cached_property
    def objects(self) -> str:
        """The folder of its objects."""
        found = self._child.run("rev-parse", "--git-path", "objects")
        return os.path.join(self.folder, os.fsdecode(found).removesuffix("\n"))

    @property
    def beside(self) -> tuple[str, frozenset[str]]:
        """The folder of objects that is read besides, as git is told of it, and the trees of the work tree that lie in
        it; empty: none is."""
        return self._child.env.get(_BESIDE, ""), frozenset(self._trees)

    def also(self, objects: Path | str, trees: Iterable[str] = ()) -> None:
        """Read what lies in a folder of objects besides, until an empty one is given. `trees`: ids in it that stand for
        commits."""
        self._resolved.update(trees)
        self._child.env.pop(_BESIDE, None)
        if objects:
            self._child.env[_BESIDE] = str(objects)
        self._reader.forget()  # one that runs knows nothing of it

    def resolve(self, rev: str) -> str:
        """The id of the commit that `rev` names (branch, tag, id, HEAD~1…). Raises Refusal (E003)."""
        if rev in self._resolved:
            return rev
        if not rev or rev.startswith("-") or hidden_in(rev) is not None or not rev.isprintable() or len(rev) > 500:
            raise Refusal(
                Problem("E003", "that is not the name of a revision", None, "Give a branch, a tag or a commit")
            )
        found = self._reader.commit(rev)
        if found is None:
            raise self._unknown(f"there is no commit {rev!r} here")
        self._resolved.add(found)
        return found

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        """Whether `ancestor` is `commit` or in its history. A history that was cut off is no answer: Refusal (E003)."""
        pair = self.resolve(ancestor), self.resolve(commit)
        if pair[0] == pair[1]:
            return True
        if not self.shallow and (known := self._near(*pair)) is not None:
            return known
        done = self._child.ask("merge-base", "--is-ancestor", *pair)
        if done.returncode not in {0, 1}:
            raise failed(f"git merge-base failed: {first_line(done.stderr)}")
        if done.returncode and self.shallow:
            raise self._unknown(f"whether {commit[:12]} contains {ancestor[:12]} cannot be told")
        return not done.returncode

    def _near(self, ancestor: str, commit: str) -> bool | None:
        """The same, where a few commits tell; else None."""
        met, ahead = {commit}, [commit]
        while ahead and len(met) <= _STEPS:
            ahead = [parent for one in ahead for parent in self._reader.parents(one) if parent not in met]
            if ancestor in ahead:
                return True
            met.update(ahead)
        return None if ahead else False

    def tree(self, commit: str, folders: Sequence[str] = FOLDERS, *, sizes: bool = True) -> Iterator[Entry]:
        """Every file below `folders`, in git's order; links and submodules too, see `refused`. Without `sizes` it costs
        a tenth: git looks at no file for them."""
        options = ("-r", "-z", "--full-tree", *(["-l"] if sizes else []))
        return map(entry_of, self._child.parts("ls-tree", *options, self.resolve(commit), "--", *folders))

    def below(self, commit: str, folders: Sequence[str]) -> Iterator[Entry]:
        """The same of folders that hold few files, which costs no child of git."""
        found = self._few(trees.below, commit, folders)
        return self.tree(commit, folders) if found is None else iter(found)

    def entries(self, commit: str, paths: Collection[str]) -> Iterator[Entry]:
        """Those of these files that a commit has, in git's order; after them those whose names are written with
        escapes, which are looked for among all."""
        wanted = sorted(paths)
        found: Iterable[Entry] | None = self._few(trees.at, commit, wanted) if len(wanted) <= _FEW else None
        if found is None:
            parts = (wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE))
            found = chain.from_iterable(self._listed(commit, *part) for part in parts)
        yield from (entry for entry in found if entry.mode != FOLDER)
        yield from self._escaped(commit, {path for path in wanted if "\\" in path})

    def _escaped(self, commit: str, paths: Collection[str]) -> Iterator[Entry]:
        """Names that are fit to be nobody's file: hardly ever there is one."""
        folders = sorted({path.partition("/")[0] for path in paths})
        every = self.tree(commit, folders, sizes=False) if folders else ()
        return (entry for entry in every if not entry.plain and entry.path in paths)

    def names(self, commit: str, folder: str) -> Iterator[Entry]:
        """What lies in a folder itself: files, and folders with size 0."""
        found = self._few(trees.inside, commit, [folder])
        return self._listed(commit, f"{folder}/") if found is None else iter(found)

    def _few(
        self, way: Callable[[Reader, str, Sequence[bytes]], Iterator[trees.Found]], commit: str, paths: Sequence[str]
    ) -> list[Entry] | None:
        """What is found at these paths folder by folder; None where one of the folders is too large for that."""
        root = self.resolve(commit)
        try:
            found = list(way(self._reader, root, [path.encode("utf-8", "surrogateescape") for path in sorted(paths)]))
        except Large:
            return None
        return list(trees.entries(self._reader, found))

    def _listed(self, commit: str, *paths: str) -> Iterator[Entry]:
        return map(
            entry_of, self._child.parts("ls-tree", "-z", "-l", "--full-tree", self.resolve(commit), "--", *paths)
        )

    def diff(self, base: str, head: str, folders: Sequence[str] = FOLDERS) -> Iterator[Difference]:
        """The paths below `folders` that differ between two commits. Costs what differs, not what there is."""
        pair = self.resolve(base), self.resolve(head)
        try:
            return iter(trees.differing(self._reader, *pair, [folder.encode() for folder in folders], _FOLDERS))
        except Large:
            return self._compared(*pair, folders)

    def _compared(self, base: str, head: str, folders: Sequence[str]) -> Iterator[Difference]:
        options = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--no-ext-diff", "--ignore-submodules=none")
        parts = self._child.parts("diff-tree", *options, base, head, "--", *folders)
        return (difference_of(head, path) for head, path in zip(parts, parts, strict=True))

    def blob(self, blob: str, limit: int | None = None) -> bytes:
        """The content of a file. One of more than `limit` bytes is not read: Refusal (E008)."""
        (data,) = self.blobs((blob,), limit)
        return data

    def blobs(self, blobs: Iterable[str], limit: int | None = None) -> Iterator[bytes]:
        """The contents of many files, in the order asked for; git looks for the next ones while these are used. One of
        more than `limit` bytes is not read: Refusal (E008)."""
        for blob, found in self._found(blobs, limit):
            if isinstance(found, int):
                raise Refusal(too_large(found, limit or 0, Where(blob[:12])))
            yield found

    def sized(self, blobs: Iterable[str], limit: int) -> Iterator[bytes | int]:
        """The same; of a file of more than `limit` bytes its size, and the others all the same."""
        return (found for _, found in self._found(blobs, limit))

    def _found(self, blobs: Iterable[str], limit: int | None) -> Iterator[tuple[str, bytes | int]]:
        for found in self._reader.contents(blobs, limit):
            self.blobs_read += isinstance(found[1], bytes)
            yield found

    def commit(self, commit: str) -> Commit:
        """Author, time and first line of a commit."""
        found = self.resolve(commit)
        return commit_of(found, self._reader.content(found, "commit"))

    def hands(self, commit: str) -> Hands:
        """Who made a commit, as far as it says."""
        return hands_of(self._reader.content(self.resolve(commit), "commit"))

    @property
    def history(self) -> History:
        """What lies between commits."""
        from ispctl.repo.git_history import History

        return History(self._child)

    def last_change(self, commit: str, path: str) -> Commit | None:
        """The newest commit in the history of `commit` that touched a file; None where that history is cut off."""
        found = self._child.run("rev-list", "--max-count=1", self.resolve(commit), "--", path).decode().strip()
        return self.commit(found) if found else None

    def until(self, commit: str, moment: datetime) -> str | None:
        """The id of the last commit of a branch that was made before a moment; None where there was none yet. Raises
        Refusal (E003) where the history between is cut off."""
        walk = ("rev-list", "--max-count=1", "--first-parent", f"--before={moment.isoformat()}")
        found = self._child.run(*walk, self.resolve(commit)).decode().strip()
        if not found and self.shallow:
            raise self._unknown("what stood there before cannot be told")
        return found or None

    def before(self, commit: str, moment: datetime) -> str:
        """The same, or the first one there is."""
        walk = ("rev-list", "--first-parent", self.resolve(commit))
        return self.until(commit, moment) or self._child.run(*walk).decode().split()[-1]

    def blame(self, commit: str, path: str, lines: Iterable[int]) -> dict[int, Commit]:
        """Line -> the commit that brought it, as a file stands in `commit`; without those whose history is cut off."""
        wanted = [part for line in sorted(set(lines)) for part in ("-L", f"{line},{line}")]
        # textconv would run a program that the repository's own configuration names
        said = self._child.run("blame", "--porcelain", "--no-textconv", *wanted, self.resolve(commit), "--", path)
        return {line: self.commit(id) for line, id in blamed(said, shallow=self.shallow).items()}

    def worktree(self, folders: Sequence[str] = FOLDERS) -> str | None:
        """The id of a tree that holds the work tree's files as they are now below `folders`: tracked ones and new
        ones that are not ignored, read without filters. None for a bare repository. The repository is not touched."""
        if self._root is None:
            return None
        if self._worktree is None:
            from ispctl.repo.git_worktree import WorkTree

            self._worktree = WorkTree(self._child, self._root)
            self._reader.forget()  # it does not know the folder of new objects yet
        tree = self._worktree.write(folders)
        self._resolved.add(tree)
        self._trees.add(tree)
        return tree

    def dirty(self, folders: Sequence[str] = FOLDERS) -> list[str]:
        """Paths whose content in the work tree is not HEAD's; empty for a bare repository."""
        tree = self.worktree(folders)
        return [] if tree is None else [found.path for found in self.diff("HEAD", tree, folders)]

    def _unknown(self, text: str) -> Refusal:
        if self.shallow:
            text = f"{text}: this copy is shallow, its older history was not fetched"
            return Refusal(Problem("E003", text, None, "git fetch --unshallow (in GitLab CI: GIT_DEPTH: 0)"))
        return Refusal(
            Problem("E003", text, None, "git log --all shows what there is; git fetch brings what is not here")
        )


def _discover(child: Child, folder: str) -> tuple[str, str | None, str, bool]:
    """(folder of git's own files, root of the work tree, how objects are named, whether history is cut off) if `folder`
    is the root."""
    child.folder = folder
    asked = (
        *("--absolute-git-dir", "--is-bare-repository", "--is-shallow-repository", "--is-inside-work-tree"),
        *("--show-object-format", "--show-prefix"),
    )
    done = child.ask("rev-parse", *asked)
    if done.returncode:
        raise Refusal(_why_not(folder, done.stderr))
    said = _PLACE.fullmatch(os.fsdecode(done.stdout))
    if said is None:
        raise failed("git rev-parse failed")
    git_dir, bare, shallow, inside, object_format, below = said.groups()
    git_dir = os.path.realpath(git_dir)
    if inside == "true" and not below:
        root = folder
    elif inside == "true":
        root = os.path.realpath(os.fsdecode(child.run("rev-parse", "--show-toplevel")).removesuffix("\n"))
    else:
        root = git_dir if bare == "true" else os.path.dirname(git_dir)
    if root != folder:
        text = f"{folder} lies inside the repository {root}"
        raise Refusal(Problem("E001", text, None, f"Give its root: --repo {root}"))
    return git_dir, root if inside == "true" else None, object_format, shallow == "true"


def _why_not(folder: str, stderr: bytes) -> Problem:
    if b"dubious ownership" in stderr:
        text = f"the repository {folder} belongs to another user, and git reads only what its owner trusts"
        return Problem("E005", text, None, f"If you trust it: git config --global --add safe.directory {folder}")
    if b"not a git repository" in stderr and os.path.exists(f"{folder}/inventory/policy.yaml"):
        advice = f"Begin one: git -C {folder} init -b main"
        return Problem("E001", f"{folder} is not a git repository yet", None, advice)
    if b"not a git repository" in stderr:
        advice = "Look at --repo; a new one is made by: ispctl init DIR"
        return Problem("E001", f"{folder} is not a git repository", None, advice)
    return Problem("E005", f"git cannot read {folder}: {first_line(stderr)}", None, "git status there says more")
