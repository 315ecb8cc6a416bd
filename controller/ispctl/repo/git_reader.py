"""The one child of git that reads objects by their names, for as long as a repository is open: contents, sizes, and
the entries of a folder, so that no other child is started for a few files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from subprocess import Popen
from typing import Final, NamedTuple

from ispctl.repo.git_child import Child, failed
from ispctl.repo.git_names import ID

_AHEAD: Final = 256
"""Objects that are asked for at once: their ids fit into a pipe twice."""
_MANY: Final = 1 << 18
"""Octets of a folder that git looks through faster than we do: some thousand names."""
_KEPT: Final = 256
"""Folders that are remembered."""
_ITEM: Final = rb"([0-7]{5,6}) ([^\0]+)\0(.{%d})"
"""An entry of a folder (gitformat-pack, "tree object"), by the octets of an id."""
_PARENT: Final = re.compile(rb"^parent ([0-9a-f]+)$", re.MULTILINE)
"""A line of a commit's headers (git-commit-tree)."""


class Item(NamedTuple):
    """What stands under a name in a folder."""

    mode: int
    id: str


class Folder:
    """The names in a folder, in git's order, of the text of a tree. Raises ValueError for what is none."""

    def __init__(self, data: bytes, octets: int) -> None:
        found = re.findall(_ITEM % octets, data, re.DOTALL)
        self._items = {name: (mode, id) for mode, name, id in found}
        if sum([len(mode) + len(name) for mode, name, _ in found]) + len(found) * (octets + 2) != len(data):
            raise ValueError("that is no tree")

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._items)

    def unlike(self, other: Folder) -> set[bytes]:
        """The names under which another has something else, or one of both nothing."""
        return {name for name, _ in self._items.items() ^ other._items.items()}

    def get(self, name: bytes) -> Item | None:
        """What stands under a name."""
        found = self._items.get(name)
        return Item(int(found[0], 8), found[1].hex()) if found else None


EMPTY: Final = Folder(b"", 20)


class Large(Exception):
    """A folder of so many names that git had better look through it itself."""


class Reader:
    """Started when it is first asked. Raises Refusal (E020) where git gives no answer to trust; it starts anew then.
    For one question at a time."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._git: Popen[bytes] | None = None
        self._asked = False
        self._folders: dict[str, Folder] = {}

    def forget(self) -> None:
        """End the child: one that runs knows nothing of what is read besides from now on."""
        if self._git is not None:
            self._child.end(self._git)
            self._git = None

    def commit(self, rev: str) -> str | None:
        """The id of the commit that a name stands for."""
        with self._in_step():
            self._ask([f"{rev}^{{commit}}"])
            words = self._line()
            if len(words) == 3 and words[1] == b"commit" and ID.fullmatch(words[0].decode("ascii", "replace")):
                self._octets(int(words[2]) + 1)
                return words[0].decode()
            if words and words[-1] in {b"missing", b"ambiguous"}:
                return None
            raise BrokenPipeError

    def contents(self, ids: Iterable[str], limit: int | None) -> Iterator[tuple[str, bytes | int]]:
        """The contents of files in the order asked for, or the size of one of more than `limit` octets; git looks for
        the next ones while these are used."""
        left = iter(ids)
        with self._in_step():
            asked = self._send(list(islice(left, _AHEAD)))
            while asked:
                more = self._send(list(islice(left, _AHEAD)))
                for id in asked:
                    yield id, self._read(id, "blob", limit)
                asked = more

    def content(self, id: str, kind: str) -> bytes:
        """One object, of any size."""
        with self._in_step():
            self._send([id])
            found = self._read(id, kind, None)
        assert isinstance(found, bytes)
        return found

    def parents(self, id: str) -> list[str]:
        """Of a commit."""
        head, _, _ = self.content(id, "commit").partition(b"\n\n")
        return [parent.decode() for parent in _PARENT.findall(head)]

    def sizes(self, ids: Iterable[str]) -> list[int]:
        """In octets, in the order asked for. Every git tells them with the contents, and only newer ones without."""
        return [found if isinstance(found, int) else len(found) for _, found in self.contents(ids, _MANY)]

    def load(self, names: Iterable[str]) -> None:
        """Read folders all at once that will be asked for; a name is the id of one, or of a commit whose root is meant.
        Raises Large."""
        left = [name for name in dict.fromkeys(names) if name not in self._folders]
        if len(self._folders) + len(left) > _KEPT:
            self._folders.clear()
        large = False
        with self._in_step():
            for start in range(0, len(left), _AHEAD):
                for name in self._send(left[start : start + _AHEAD], "^{tree}"):
                    found = self._read(name, "tree", _MANY)
                    if isinstance(found, bytes):
                        self._folders[name] = _folder(name, found)
                    large |= isinstance(found, int)
        if large:
            raise Large

    def folder(self, name: str) -> Folder:
        """What lies in a folder. Raises Large."""
        if name not in self._folders:
            self.load([name])
        return self._folders[name]

    @contextmanager
    def _in_step(self) -> Iterator[None]:
        """Answers that nobody took would be taken for those of the next question: nobody asks before all are taken, and
        after whoever stopped half way git starts anew."""
        if self._asked:
            raise RuntimeError("the contents that were asked for before are not taken yet")
        self._asked = True
        try:
            yield
        except BaseException as error:
            self.forget()
            if isinstance(error, OSError):
                raise failed("git ended while objects were read") from None
            raise
        finally:
            self._asked = False

    def _send(self, ids: list[str], meaning: str = "") -> list[str]:
        """Ask for these; few enough for a pipe, so that git never waits for us while we wait for it."""
        if not all(map(ID.fullmatch, ids)):
            raise failed("that is not the id of an object", "Give all of its digits")
        if ids:
            self._ask([f"{id}{meaning}" for id in ids])
        return ids

    def _ask(self, names: Sequence[str]) -> None:
        if self._git is None:
            self._git = self._child.start("cat-file", "--batch", listens=True)
        assert self._git.stdin is not None
        self._git.stdin.write("\n".join([*names, ""]).encode())
        self._git.stdin.flush()

    def _read(self, id: str, kind: str, limit: int | None) -> bytes | int:
        words = self._line()
        if words[1:] == [b"missing"]:
            advice = "git fsck says more; a partial clone lacks contents: git fetch --refetch --no-filter"
            raise failed(f"the object {id[:12]} is missing", advice)
        if len(words) != 3:
            raise BrokenPipeError
        size = int(words[2])
        if limit is not None and size > limit:
            for start in range(0, size + 1, limit):  # nobody wants it, and the next answer follows it
                self._octets(min(limit, size + 1 - start))
            return size
        data = self._octets(size + 1)[:-1]
        if words[1] != kind.encode():
            raise failed(f"the object {id[:12]} is a {words[1].decode()}, not a {kind}")
        return data

    def _line(self) -> list[bytes]:
        return self._git.stdout.readline().split() if self._git and self._git.stdout else []

    def _octets(self, size: int) -> bytes:
        data = self._git.stdout.read(size) if self._git and self._git.stdout else b""
        if len(data) != size:
            raise BrokenPipeError
        return data


def _folder(name: str, data: bytes) -> Folder:
    try:
        return Folder(data, len(name) // 2)
    except ValueError:
        raise failed(f"the folder {name[:12]} makes no sense") from None
