"""Sealing the values of a work tree again, byte for byte the same elsewhere: comments and order of a file survive."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

from ispctl.model.problem import Problem, Refusal, Where
from ispctl.repo import Repository, Snapshot
from ispctl.secrets import PRIVATE_KEY, Keyring, Sealed
from ispctl.status.spool import Spool
from ispctl.structs import replace

_CHUNK: Final = 2000
"""Files that are read at once."""
Progress = Callable[[str, int, int], None]


class _Standing(NamedTuple):
    """A sealed value, the file in which it stands, and how to find its line."""

    sealed: Sealed
    file: str
    where: Callable[[], Where]


class New(NamedTuple):
    """What takes the place of a sealed text in a file: at that line and column; line 0: wherever it stands."""

    file: str
    old: str
    new: str
    line: int
    column: int


def resealed(repository: Repository, rev: str, keyring: Keyring, progress: Progress = lambda *_: None) -> Spool[New]:
    """What is not sealed with the current key, sealed with it, file by file; of a commit or of the tree of the work
    tree. Writes nothing. Raises Refusal for a value that does not open, or that cannot be sealed for one place. However
    many files there are, few are in memory."""
    return Spool(_anew(_standing(repository, rev, progress), keyring), key=attrgetter("file"))


def write(root: Path, new: Spool[New]) -> int:
    """Put it into the files at `root`; returns how many files."""
    files = 0
    for file, texts in groupby(new, key=attrgetter("file")):
        content = (root / file).read_bytes().decode()
        for one in sorted(texts, key=attrgetter("line", "column"), reverse=True):  # what stands before stays there
            begins = _offset(content, one) if one.line else 0
            content = content[:begins] + content[begins:].replace(one.old, one.new, 1 if one.line else -1)
        write_whole(root / file, content.encode())
        files += 1
    return files


def _offset(content: str, one: New) -> int:
    """Where its place begins."""
    begins = 0
    for _ in range(one.line - 1):
        begins = content.index("\n", begins) + 1
    return begins + max(one.column - 1, 0)


def _standing(repository: Repository, rev: str, progress: Progress) -> Iterator[_Standing]:
    """Every sealed value."""
    shared = repository.part(rev, ())
    yield from _secrets(shared)
    for one in shared.inventory.passwords():
        yield _Standing(Sealed(one.kind, one.owner, "password", one.text), one.where.file, partial(_at, one.where))
    done = 0
    for paths in repository.sweep(rev, "subscribers", lambda _: True, _CHUNK):
        for held in repository.part(rev, paths).services():
            for i, old in enumerate(held.service.old_passwords):
                sealed = Sealed("service", held.owner, "password", old.password)
                place = ("services", held.number, "old_passwords", i, "password")
                yield _Standing(sealed, held.document.path, partial(held.document.where, *place))
            if held.service.password:
                sealed = Sealed("service", held.owner, "password", held.service.password)
                where = partial(held.document.where, "services", held.number, "password")
                yield _Standing(sealed, held.document.path, where)
        done += len(paths)
        progress("files", done, 0)
        gc.collect()  # a part holds itself in circles, and a command collects seldom


def _secrets(shared: Snapshot) -> Iterator[_Standing]:
    """What is sealed of each NAS, its shared secret and its key, where it stands: with the host, or in a group or the
    defaults for one host. Raises Refusal (E210) for one that several hosts inherit and that is sealed for none of them
    yet."""
    hosts: dict[tuple[Where, str, str], list[str]] = {}
    for nas in shared.nas.values():
        if nas.radius:
            where = shared.inventory.where(nas.name, "radius", "secret")
            hosts.setdefault((where, "radius.secret", nas.radius.secret), []).append(nas.name)
        if nas.device and nas.device.private_key:
            where = shared.inventory.where(nas.name, "device", "private_key")
            hosts.setdefault((where, PRIVATE_KEY, nas.device.private_key), []).append(nas.name)
    for (where, field, text), names in hosts.items():
        if len(names) > 1 and text.startswith("age:"):
            first = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
            said = f"{len(names)} hosts inherit this secret ({first}), and it can be sealed for one of them only"
            advice = f"Seal it for each host, in inventory/hosts.yaml: ispctl secrets encrypt nas/<host>/{field}"
            raise Refusal(Problem("E210", said, where, advice))
        for name in names:  # what is sealed for one of them opens for no other (E208)
            yield _Standing(Sealed("nas", name, field, text), where.file, partial(_at, where))


def _anew(found: Iterator[_Standing], keyring: Keyring) -> Iterator[New]:
    for sealed, file, where in found:
        try:
            text = keyring.resealed(sealed).text
        except Refusal as refusal:
            raise Refusal(*(replace(problem, where=where()) for problem in refusal.problems)) from None
        if text != sealed.text:  # one that is bound to no place may stand in several, and is another in each then
            at = where() if sealed.text.startswith("age:") else Where(file)
            yield New(file, sealed.text, text, at.line, at.column)


def _at(where: Where) -> Where:
    return where


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by one that is whole, whatever happens meanwhile; its mode stays."""
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(content)
    if path.exists():
        os.chmod(beside, path.stat().st_mode & 0o777)
    beside.replace(path)
