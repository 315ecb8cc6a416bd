"""The work tree as a git tree, made beside the repository: a copy of its index, a folder of objects; both removed."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence

from ispctl.model.problem import Problem, Refusal, Where
from ispctl.repo.git_child import Child
from ispctl.repo.git_names import SUBMODULE, SYMLINK, name_of


class WorkTree:
    """Writes trees of what the files hold now. `git add` is not used: it would run filters of the configuration."""

    def __init__(self, child: Child, root: str) -> None:
        import tempfile

        self._child = child
        self._root = os.fsencode(root)
        self._folder = tempfile.TemporaryDirectory(prefix="ispctl-")  # mode 0700
        own = os.path.join(self._folder.name, "objects")
        os.mkdir(own)
        self._index = os.path.join(root, self._said("--git-path", "index"))
        objects = os.path.join(root, self._said("--git-path", "objects"))
        self._id_length = 64 if self._said("--show-object-format") == "sha256" else 40
        self._env = {
            "GIT_INDEX_FILE": os.path.join(self._folder.name, "index"),
            "GIT_OBJECT_DIRECTORY": own,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(os.fsencode(objects)),
            **self._without_filters(),
        }
        child.env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = _quoted(os.fsencode(own))  # readers look there from now on

    def _said(self, *question: str) -> str:
        return os.fsdecode(self._child.run("rev-parse", *question)).removesuffix("\n")

    def _without_filters(self) -> dict[str, str]:
        """Settings that switch off each filter of the configuration: git runs them where only a time stamp changed."""
        names = self._child.ask("config", "-z", "--name-only", "--get-regexp", r"^filter\.").stdout.split(b"\0")[:-1]
        pairs = [(os.fsdecode(name), "false" if name.endswith(b".required") else "") for name in sorted(set(names))]
        found = {"GIT_CONFIG_COUNT": str(len(pairs))}
        for number, (name, value) in enumerate(pairs):
            found |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        return found

    def close(self) -> None:
        self._child.env.pop("GIT_ALTERNATE_OBJECT_DIRECTORIES", None)
        self._folder.cleanup()

    def write(self, folders: Sequence[str]) -> str:
        """The id of the tree. Below other folders it holds what the index holds."""
        copy = self._env["GIT_INDEX_FILE"]
        try:
            shutil.copy2(self._index, copy)  # with its time: files as new as it are compared by content
        except FileNotFoundError:  # nothing was ever added
            if os.path.exists(copy):
                os.remove(copy)
        changed = [*self._changed(folders), *self._new(folders)]
        lines = b"".join(self._lines(changed))
        if lines:
            self._child.run("update-index", "-z", "--index-info", given=lines, env=self._env)
        return self._child.run("write-tree", "--missing-ok", env=self._env).decode().strip()

    def _changed(self, folders: Sequence[str]) -> Iterator[bytes]:
        """Tracked paths that may differ from the index, by their time stamps and sizes."""
        options = ("-z", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=all")
        yield from self._child.run("diff-files", *options, "--", *folders, env=self._env).split(b"\0")[:-1]

    def _new(self, folders: Sequence[str]) -> Iterator[bytes]:
        listed = self._child.run("ls-files", "-z", "--others", "--exclude-standard", "--", *folders, env=self._env)
        yield from listed.split(b"\0")[:-1]

    def _lines(self, paths: Sequence[bytes]) -> Iterator[bytes]:
        """What `git update-index --index-info` reads: each path out, then in again as it is now."""
        width = self._id_length
        files, links = [], []
        for path in sorted(set(paths)):
            yield b"0 " + b"0" * width + b"\t" + path.rstrip(b"/") + b"\0"
            mode = self._mode(path)
            if path.endswith(b"/"):  # a repository inside this one; named, so that it is refused and not overlooked
                yield b"%o %s\t%s\0" % (SUBMODULE, b"1" * width, path.rstrip(b"/"))
            elif stat.S_ISREG(mode):
                files.append(path)
            elif stat.S_ISLNK(mode):
                links.append(path)
        for path, blob in zip(files, self._hashed(files), strict=True):
            yield b"%o %s\t%s\0" % (0o100755 if self._mode(path) & 0o100 else 0o100644, blob, path)
        for path in links:
            target = os.readlink(os.path.join(self._root, path))
            blob = self._child.run("hash-object", "-w", "--no-filters", "--stdin", given=target, env=self._env)
            yield b"%o %s\t%s\0" % (SYMLINK, blob.strip(), path)

    def _mode(self, path: bytes) -> int:
        try:
            return os.lstat(os.path.join(self._root, path)).st_mode
        except OSError:
            return 0

    def _hashed(self, paths: list[bytes]) -> list[bytes]:
        for path in paths:
            if not os.access(os.path.join(self._root, path), os.R_OK):
                where = Where(name_of(path)[0])
                raise Refusal(Problem("E020", "the file cannot be read", where, "Look at its permissions"))
        if not paths:
            return []
        names = b"".join(_line(path) + b"\n" for path in paths)
        options = ("-w", "--no-filters", "--stdin-paths")
        return self._child.run("hash-object", *options, given=names, env=self._env).split()


def _line(path: bytes) -> bytes:
    """A path on a line of its own; git takes one in quotes, as C writes them, if it begins with a quote."""
    return os.fsencode(_quoted(path)) if path.startswith(b'"') or b"\n" in path else path


def _quoted(path: bytes) -> str:
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03o}" for b in path) + '"'
