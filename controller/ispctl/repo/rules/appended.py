"""Accounts are append-only: what a commit made of those that were there before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ispctl.model.ledger import LEDGER
from ispctl.model.problem import Problem, Where
from ispctl.money import appended
from ispctl.repo import Repository
from ispctl.repo.git import Entry
from ispctl.repo.layout import ACCOUNT, ARCHIVE, FOLDERS, LARGE, decode


def rewritten(repository: Repository, base: str, head: str) -> list[Problem]:
    """The accounts of `base` that `head` (commits, or trees) has not as they were with more at their end: changed, or
    gone; archived ones too. An account keeps its name when it moves with its subscriber. Costs what differs. Raises
    Refusal."""
    changes, archive = repository.changes(base, head), [*repository.git.diff(base, head, (ARCHIVE,))]
    modified = {*changes.modified, *(one.path for one in archive if one.status == "M")}
    removed = (*changes.removed, *(one.path for one in archive if one.status == "D"))
    before = [path for path in (*modified, *removed) if path.endswith(LEDGER)]
    if not before:
        return []
    moved = {_name(one.path): one.path for one in archive if one.status != "D"}
    moved |= {_name(path): path for path in changes.added}
    now = {path: path if path in modified else moved.get(_name(path)) or _other(path) for path in before}
    old, new = _contents(repository, base, before), _contents(repository, head, now.values())
    return sorted(_grown(old, new, now), key=lambda problem: problem.where or Where(""))


def edited(repository: Repository, tree: str) -> list[Problem]:
    """Those that the files as they are (a tree of them) have otherwise than HEAD."""
    archive = repository.git.worktree((ARCHIVE,))
    touched = archive is not None and any(repository.git.diff("HEAD", archive, (ARCHIVE,)))
    found = [] if touched else rewritten(repository, "HEAD", tree)
    gone = any(one.code == "E741" for one in found)
    whole = repository.git.worktree((*FOLDERS, ARCHIVE)) if touched or gone else None
    return found if whole is None else rewritten(repository, "HEAD", whole)


def _grown(old: Mapping[str, bytes], new: Mapping[str, bytes], now: Mapping[str, str]) -> Iterator[Problem]:
    for path, data in old.items():
        found = appended(now[path] if now[path] in new else path, data, new.get(now[path]))
        if found is not None and _holds(path, data):
            yield found


def _holds(path: str, data: bytes) -> bool:
    """Whether an account says anything yet; one that could not be read has to be mended, and so is nobody's record."""
    document, _ = decode(path, data, ACCOUNT)
    return document is not None and bool(document.value.entries)


def _contents(repository: Repository, commit: str, paths: Iterable[str]) -> Mapping[str, bytes]:
    entries: list[Entry] = [one for one in repository.git.entries(commit, set(paths)) if one.size <= LARGE]
    return dict(
        zip((one.path for one in entries), repository.git.blobs((one.blob for one in entries), LARGE), strict=True)
    )


def _other(path: str) -> str:
    """Where it may have lain already: in the archive as its subscriber lay, or there as in the archive."""
    if path.startswith(f"{ARCHIVE}/"):
        return f"subscribers/{path.removeprefix(f'{ARCHIVE}/')}"
    return f"{ARCHIVE}/{path.removeprefix('subscribers/')}"


def _name(path: str) -> str:
    return path.rpartition("/")[2]
