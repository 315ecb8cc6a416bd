"""A few files of a commit, and the few in which two differ, found folder by folder through the reader: a child of its
own would take longer to start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Final

from ispctl.repo.git_names import FOLDER, SUBMODULE, Difference, Entry, name_of
from ispctl.repo.git_reader import EMPTY, Item, Large, Reader

Found = tuple[bytes, Item]
Pair = tuple[bytes, Item | None, Item | None]
"""What stands at a path in two commits."""
_WITHOUT: Final = frozenset({FOLDER, SUBMODULE})
"""What has no size."""


def at(reader: Reader, root: str, paths: Sequence[bytes]) -> Iterator[Found]:
    """What stands at paths of a commit (id), in their order. Raises Large."""
    found: dict[bytes, Item] = {}
    level = {root: [(path.split(b"/"), path) for path in paths]}
    while level:
        reader.load(level)
        below: dict[str, list[tuple[list[bytes], bytes]]] = defaultdict(list)
        for id, wanted in level.items():
            folder = reader.folder(id)
            for (name, *rest), path in wanted:
                item = folder.get(name)
                if item is not None and not rest:
                    found[path] = item
                elif item is not None and item.mode == FOLDER:
                    below[item.id].append((rest, path))
        level = below
    return ((path, found[path]) for path in paths if path in found)


def inside(reader: Reader, root: str, paths: Sequence[bytes]) -> Iterator[Found]:
    """What lies in folders themselves. Raises Large."""
    for path, item in at(reader, root, paths):
        if item.mode == FOLDER:
            yield from _children(reader, path, item)


def below(reader: Reader, root: str, paths: Sequence[bytes]) -> Iterator[Found]:
    """Every file in folders and in those in them, in git's order; what stands there and is no folder itself. Raises
    Large."""
    found = list(at(reader, root, paths))
    level = [item for _, item in found]
    while folders := [item.id for item in level if item.mode == FOLDER]:
        reader.load(folders)
        level = [one for id in folders for _, one in _children(reader, b"", Item(FOLDER, id))]
    for path, item in found:
        yield from _files(reader, path, item)


def differing(reader: Reader, base: str, head: str, paths: Sequence[bytes], most: int) -> list[Difference]:
    """Every file at or below paths, none of which lies in another, in which two commits (ids) differ, in git's order.
    Raises Large, also where more than so many folders have to be looked into."""
    old, new = dict(at(reader, base, paths)), dict(at(reader, head, paths))
    level: list[Pair] = [(path, old.get(path), new.get(path)) for path in paths]
    found: list[Pair] = []
    while level := [pair for pair in level if pair[1] != pair[2]]:
        folders = [item.id for _, *both in level for item in both if item and item.mode == FOLDER]
        most -= len(folders)
        if most < 0:
            raise Large
        reader.load(folders)
        found += [(path, one, other) for path, *both in level for one, other in [map(_file, both)] if one or other]
        level = [inner for pair in level for inner in _inside(reader, *pair)]
    return [_difference(*pair) for pair in sorted(found, key=itemgetter(0))]


def _file(item: Item | None) -> Item | None:
    return None if item and item.mode == FOLDER else item


def _inside(reader: Reader, path: bytes, *both: Item | None) -> Iterator[Pair]:
    """What two folders have otherwise; in what is no folder lies nothing."""
    one, other = (reader.folder(item.id) if item and item.mode == FOLDER else EMPTY for item in both)
    return ((path + b"/" + name, one.get(name), other.get(name)) for name in one.unlike(other))


def _difference(path: bytes, old: Item | None, new: Item | None) -> Difference:
    name, _ = name_of(path)
    if new is None:
        assert old is not None
        return Difference("D", name, old.id, "", old.mode)
    return Difference("M" if old else "A", name, old.id if old else "", new.id, new.mode)


def _children(reader: Reader, path: bytes, item: Item) -> Iterator[Found]:
    folder = reader.folder(item.id)
    for name in folder:
        if (one := folder.get(name)) is not None:
            yield path + b"/" + name, one


def _files(reader: Reader, path: bytes, item: Item) -> Iterator[Found]:
    if item.mode != FOLDER:
        yield path, item
        return
    for name, one in _children(reader, path, item):
        yield from _files(reader, name, one)


def entries(reader: Reader, found: Iterable[Found]) -> Iterator[Entry]:
    """The same with the sizes of those that are files."""
    items = list(found)
    sizes = iter(reader.sizes(item.id for _, item in items if item.mode not in _WITHOUT))
    for raw, item in items:
        path, plain = name_of(raw)
        yield Entry(path, item.mode, item.id, 0 if item.mode in _WITHOUT else next(sizes), plain)
