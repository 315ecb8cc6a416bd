"""Git + YAML -> what one commit says. Knows nothing of what is done with it. Imported by reconcile, status, cli."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from ispctl.model.document import Document
from ispctl.model.ledger import LEDGER, Ledger, companion
from ispctl.model.problem import Problem, Refusal, Where
from ispctl.model.subscriber import Subscriber
from ispctl.repo import traits
from ispctl.repo.facts import Facts
from ispctl.repo.git import FOLDER, Entry, Git, refused
from ispctl.repo.git_names import KEEPS
from ispctl.repo.inventory import Inventories, Inventory
from ispctl.repo.layout import ACCOUNT, ARCHIVE, FOLDERS, LARGE, PERSON, Kind, decode, is_shared, kind_of
from ispctl.repo.snapshot import Files, Holding, Prefix, Snapshot
from ispctl.structs import Struct

__all__ = ["Changes", "Document", "Entry", "Holding", "Repository", "Snapshot", "chunks", "snapshot_of"]

_ADDRESSES = r"[0-9]\.[0-9]+\.|::|[0-9A-Fa-f]:[0-9A-Fa-f]+:"
"""Lines that may hold an address, of IPv4 or IPv6, among others."""
_RAW = ("inventory/keyring.age", "inventory/recipients.txt")


class Changes(Struct):
    """What differs between two commits: paths by what happened to them, and whether anything shared moved."""

    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(sorted({*self.added, *self.modified, *self.removed}))


class Parsed(Struct):
    """One file: its document, or what is wrong with it; its content where it is no record (`kind` is None)."""

    kind: str | None
    document: Document[Any] | None = None
    problems: Sequence[Problem] = ()
    raw: bytes = b""


def _parse(path: str, data: bytes | int) -> Parsed:
    """`data`: the content, or the size of one that is too large for any kind."""
    kind, size = kind_of(path), data if isinstance(data, int) else len(data)
    if isinstance(kind, Kind):
        known = None if isinstance(data, int) or size > kind.limit else decode(path, data, kind)
        return Parsed(kind.name, *(known or (None, [_too_large(path, size, kind)])))
    return Parsed(None, raw=b"" if isinstance(data, int) else data)


def _too_large(path: str, size: int, kind: Kind) -> Problem:
    text = f"{size} bytes; at most {kind.limit} are read"
    return Problem("E008", text, Where(path), "Split it, or check what was committed")


def _reopened(folder: str, env: Mapping[str, str] | None, beside: tuple[str, frozenset[str]]) -> Repository:
    repository = Repository.open(folder, env)
    repository.git.also(*beside)
    return repository


class Repository:
    """A repository of the tree contract, bare or not. Use as a context manager: it drives one git child."""

    def __init__(self, git: Git, env: Mapping[str, str] | None = None) -> None:
        self.git = git
        self._env = env
        self._snapshots: dict[str, Snapshot] = {}
        self._parsed: dict[str, dict[tuple[str, str], Parsed]] = {}
        """By commit, and then by path and blob: what two commits have in common is read once."""
        self._entries: dict[str, dict[str, Entry | None]] = {}
        """By commit, what git said of single paths."""
        self._common: dict[str, tuple[list[Entry], frozenset[str]]] = {}
        """By commit, the files that say something about many, and the folders of groups."""
        self._changes: dict[tuple[str, str], Changes] = {}
        self._inventories = Inventories()

    @classmethod
    def open(cls, path: Path | str, env: Mapping[str, str] | None = None) -> Repository:
        """Raises Refusal where there is no repository, or none with a commit."""
        return cls(Git.open(path, env=env), env)

    @property
    def reopen(self) -> Callable[[], Repository]:
        """Opens the same repository again, for another process, with what is read beside it while that is there."""
        return partial(_reopened, self.git.folder, self._env, self.git.beside)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.git.close()

    def resolve(self, rev: str) -> str:
        """The commit id of a branch, tag or abbreviated id. Raises Refusal."""
        return self.git.resolve(rev)

    def at(self, rev: str) -> Snapshot:
        """What a commit (or the tree of the work tree) says, with the problems of its files. Read once."""
        commit = self.git.resolve(rev)
        if commit not in self._snapshots:
            self._snapshots[commit] = self._load(commit)
        return self._snapshots[commit]

    def forget(self, but: Collection[str]) -> None:
        """Drop what was read of other commits: whoever runs for long holds no history."""
        self._snapshots = {commit: snapshot for commit, snapshot in self._snapshots.items() if commit in but}
        self._parsed = {commit: parsed for commit, parsed in self._parsed.items() if commit in but}
        self._entries = {commit: known for commit, known in self._entries.items() if commit in but}
        self._common = {commit: known for commit, known in self._common.items() if commit in but}
        self._changes = {pair: known for pair, known in self._changes.items() if set(pair) <= set(but)}

    def work(self) -> Snapshot:
        """What the work tree says as it stands, saved or not; HEAD for a bare repository."""
        tree = self.git.worktree()
        if tree is None:
            return self.at("HEAD")
        if tree not in self._snapshots:
            self._snapshots[tree] = self._load(tree)
        return self._snapshots[tree]

    def contents(self, rev: str | None = None) -> Mapping[str, bytes]:
        """Every file of ours by path: of a commit, or of the work tree as it stands (of HEAD in a bare repository)."""
        tree = self.git.resolve(rev) if rev else self.git.worktree() or self.git.resolve("HEAD")
        entries = [e for e in self.git.tree(tree, FOLDERS) if refused(e) is None and e.size <= LARGE]
        contents = self.git.blobs((entry.blob for entry in entries), LARGE)
        return {entry.path: data for entry, data in zip(entries, contents, strict=True)}

    def templates(self, rev: str, folder: str) -> Mapping[str, bytes]:
        """The ISP's own templates below a folder, by path."""
        entries = [e for e in self.git.tree(self.git.resolve(rev), (folder,)) if refused(e) is None and e.size <= LARGE]
        contents = self.git.blobs((entry.blob for entry in entries), LARGE)
        return {entry.path: data for entry, data in zip(entries, contents, strict=True)}

    def changes(self, base: str, head: str) -> Changes:
        """The files that differ between two commits; costs what differs, not what there is."""
        pair = self.git.resolve(base), self.git.resolve(head)
        if pair not in self._changes:
            found: dict[str, list[str]] = {"A": [], "M": [], "D": []}
            for entry in self.git.diff(*pair) if pair[0] != pair[1] else ():
                found[entry.status].append(entry.path)
            self._changes[pair] = Changes(tuple(found["A"]), tuple(found["M"]), tuple(found["D"]))
        return self._changes[pair]

    def freed(self, since: datetime, now: datetime, part: Snapshot, known: Mapping[Prefix, int]) -> frozenset[Prefix]:
        """What subscribers have held at `since` or after it and hold at `now` no more, by an edit or since a contract
        is over. `known`: what stands with all of the commit of `part`, and until when (seconds since 1970). Costs what
        was changed meanwhile: git reads it, and those files are read here in which a line with an address came or
        went. Raises Refusal (E003) where the history does not reach back."""
        zone = ZoneInfo(part.policy.value.timezone)
        gone = {prefix for prefix, until in known.items() if since.timestamp() < until}
        line = self.git.history.line(self.git.before(part.commit, since), self.git.resolve(part.commit))
        steps = self.git.history.steps(line, ("subscribers",), _ADDRESSES)
        before = {change.old: change.path for step in steps.values() for change in step if change.old}
        for blob, path in before.items():
            kind = kind_of(path)
            if isinstance(kind, Kind) and kind.name == "subscriber":
                document, _ = decode(path, self.git.blob(blob, LARGE), kind)
                had = traits.held(document, zone) if document else ()
                gone |= {prefix for prefix, until in had if until > since.timestamp()}
        return frozenset(prefix for prefix in gone if known.get(prefix, 0) <= now.timestamp())

    def parent(self, rev: str) -> str:
        """The first parent of a commit; empty where it has none, or where this copy of the history ends before it."""
        commit = self.resolve(rev)
        try:
            return self.resolve(f"{commit}^1")
        except Refusal:
            return ""

    def last_applied(self) -> str:
        """The commit that was applied last from here, as `Remote.keep` noted it; empty where none was."""
        try:
            return self.resolve(KEEPS)
        except Refusal:
            return ""

    def contains(self, commit: str, ancestor: str) -> bool:
        """Whether `ancestor` is in the history of `commit`."""
        return self.git.is_ancestor(ancestor, commit)

    def part(self, rev: str, paths: Collection[str], facts: Facts | None = None) -> Snapshot:
        """What a commit says as far as these files go, and the accounts beside them, with everything that subscribers
        share: inventory, tariffs, groups. Costs what is asked for. `facts`: what all subscribers say together."""
        commit = self.git.resolve(rev)
        loading = _Loading()
        shared, folders = self._shared(commit)
        loading.folders |= folders
        known = self._entries.setdefault(commit, {})
        wanted = {*paths, *(companion(path) for path in paths if not path.endswith(LEDGER))}
        if asked := [path for path in wanted if path not in known]:
            known |= dict.fromkeys(asked) | {entry.path: entry for entry in self.git.entries(commit, asked)}
        found = (entry for path in sorted(wanted) if (entry := known[path]))
        return self._read(loading, commit, chain(shared, found), facts)

    def sweep(self, rev: str, folder: str, keep: Callable[[str], bool], size: int) -> Iterator[list[str]]:
        """The paths of subscribers in a folder that are to be kept, about so many at a time: for `part`. What was read
        of the subscribers before is forgotten."""
        commit = self.git.resolve(rev)
        tree = (one for one in self.git.tree(commit, (folder,)) if not is_shared(one.path) and keep(_owner(one.path)))
        for chunk in chunks(tree, size):
            for known in self._parsed.values():
                for key in [key for key in known if not is_shared(key[0])]:
                    del known[key]
            people = [entry.path for entry in chunk if not entry.path.endswith(LEDGER)]
            self._entries = {commit: dict.fromkeys(map(companion, people)) | {entry.path: entry for entry in chunk}}
            yield people

    def chunk(self, commits: Mapping[str, Facts | None], entries: Sequence[Entry]) -> dict[str, Snapshot]:
        """What commits (ids) say as far as these files go, which they all have, with everything that they share; beside
        each what all its subscribers say together, if that is known. Nothing of it is kept."""
        found = {}
        for commit, facts in commits.items():
            shared, folders = self._shared(commit)
            loading = _Loading()
            loading.folders |= folders
            found[commit] = self._read(loading, commit, [*shared, *entries], facts)
        for commit in commits:
            parsed = self._parsed[commit]
            common = ((entry.path, entry.blob) for entry in self._shared(commit)[0])
            self._parsed[commit] = {key: parsed[key] for key in common if key in parsed}
        return found

    def subscribers(self, commit: str) -> Iterator[Entry]:
        """Every file of a commit (id) that belongs to one subscriber, in git's order."""
        entries = self.git.tree(commit, ("subscribers",), sizes=False)
        return (entry for entry in entries if not is_shared(entry.path))

    def paths(self, rev: str | None = None) -> Iterator[str]:
        """Of every file below subscribers/ and archive/, in git's order, of what `contents` is of. All are listed."""
        tree = rev or self.git.worktree() or self.git.resolve("HEAD")
        return (entry.path for entry in self.git.tree(tree, ("subscribers", ARCHIVE)))

    def archived(self, rev: str, paths: Collection[str] | None = None) -> Iterator[Document[Ledger]]:
        """The accounts of those whose contracts are over long ago, or those of them that lie there. Raises Refusal for
        one that cannot be read."""
        commit = self.git.resolve(rev)
        tree = self.git.tree(commit, (ARCHIVE,)) if paths is None else self.git.entries(commit, sorted(paths))
        entries = (entry for entry in tree if entry.path.endswith(LEDGER))
        for chunk in chunks(entries, 1000):
            blobs = self.git.blobs((entry.blob for entry in chunk), LARGE)
            for entry, data in zip(chunk, blobs, strict=True):
                document, problems = decode(entry.path, data, ACCOUNT)
                if document is None:
                    raise Refusal(*problems)
                yield document

    def archived_as(self, rev: str, id: str) -> tuple[Document[Subscriber], Document[Ledger] | None] | None:
        """One of them by the subscriber's id, with the account, if there is one. Costs the names of the archive. Raises
        Refusal for a file that cannot be read."""
        names = {f"{id}.yaml": PERSON, f"{id}{LEDGER}": ACCOUNT}
        found: dict[str, Document[Any]] = {}
        for entry in self.git.tree(self.git.resolve(rev), (ARCHIVE,)):
            if (kind := names.get(entry.path.rpartition("/")[2])) is not None:
                document, problems = decode(entry.path, self.git.blob(entry.blob, LARGE), kind)
                if document is None:
                    raise Refusal(*problems)
                found[kind.name] = document
        return (found[PERSON.name], found.get(ACCOUNT.name)) if PERSON.name in found else None

    def _shared(self, commit: str) -> tuple[list[Entry], frozenset[str]]:
        """The files that say something about many, and the names of the groups' folders."""
        if commit not in self._common:
            self._common[commit] = self._same_shared(commit) or self._listed(commit)
        return self._common[commit]

    def _same_shared(self, commit: str) -> tuple[list[Entry], frozenset[str]] | None:
        """Those of another commit, if they are known and what differs between the two is known to be none of them."""
        for known, shared in self._common.items():
            found = self._changes.get((known, commit)) or self._changes.get((commit, known))
            if found and not (found.added or found.removed or any(map(is_shared, found.modified))):
                return shared
        return None

    def _listed(self, commit: str) -> tuple[list[Entry], frozenset[str]]:
        folders = [one for one in self.git.names(commit, "subscribers") if one.mode == FOLDER]
        groups = [f"{folder.path}/group.yaml" for folder in folders]
        rest = tuple(folder for folder in FOLDERS if folder != "subscribers")
        entries = [*self.git.below(commit, rest), *self.git.entries(commit, groups)]
        return entries, frozenset(folder.path.split("/")[1] for folder in folders)

    def _load(self, commit: str) -> Snapshot:
        return self._read(_Loading(), commit, self.git.tree(commit, FOLDERS), None)

    def _read(self, loading: _Loading, commit: str, tree: Iterable[Entry], facts: Facts | None) -> Snapshot:
        entries = list(loading.entries(tree))
        wanted = set(entries)
        parsed = {entry: known[entry] for known in self._parsed.values() for entry in known.keys() & wanted}
        fresh = [entry for entry in entries if entry not in parsed]
        contents = self.git.sized((blob for _, blob in fresh), LARGE)
        for entry, data in zip(fresh, contents, strict=True):
            parsed[entry] = _parse(entry[0], data)
        for entry in entries:
            loading.take(entry[0], parsed[entry])
        self._parsed.setdefault(commit, {}).update(parsed)
        return loading.snapshot(commit, facts, self._inventories)


def chunks(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Files, about so many at a time. An account and its subscriber, which follows it, stay together."""
    chunk: list[Entry] = []
    for entry in entries:
        if len(chunk) >= size and not chunk[-1].path.endswith(LEDGER):
            yield chunk
            chunk = []
        chunk.append(entry)
    if chunk:
        yield chunk


def _owner(path: str) -> str:
    """The file of the subscriber to whom a file belongs."""
    return companion(path) if path.endswith(LEDGER) else path


def snapshot_of(files: Mapping[str, bytes]) -> Snapshot:
    """What files would say that are in no repository yet, by path; somebody else gave them names that may be read."""
    loading = _Loading()
    entries = (Entry(path, 0o100644, path, len(data)) for path, data in sorted(files.items()))
    for path, _ in loading.entries(entries):
        loading.take(path, _parse(path, files[path]))
    return loading.snapshot("")


class _Loading:
    """Collects the files of one commit; lives as long as one load."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.by_kind: dict[str, dict[str, Document[Any]]] = {}
        self.raw: dict[str, bytes] = {}
        self.folders: set[str] = set()
        self.broken: set[str] = set()

    def entries(self, tree: Iterable[Entry]) -> Iterator[tuple[str, str]]:
        """(path, blob) of every file that may be ours; the rest becomes problems."""
        for entry in tree:
            parts = entry.path.split("/")
            if parts[0] == "subscribers" and len(parts) > 2:
                self.folders.add(parts[1])
            if problem := refused(entry):
                self.problems.append(problem)
                self.broken.add(entry.path)
                continue
            kind = kind_of(entry.path)
            if isinstance(kind, Problem):
                self.problems.append(kind)
            elif kind and entry.size > kind.limit:
                self.problems.append(_too_large(entry.path, entry.size, kind))
                self.broken.add(entry.path)
            elif kind or (entry.path in _RAW and entry.size <= LARGE):
                yield entry.path, entry.blob

    def take(self, path: str, parsed: Parsed) -> None:
        if parsed.kind is None:
            self.raw[path] = parsed.raw
            return
        self.problems += parsed.problems
        if parsed.document is None:
            self.broken.add(path)
        else:
            self.by_kind.setdefault(parsed.kind, {})[path] = parsed.document

    def snapshot(
        self, commit: str, facts: Facts | None = None, inventory: Callable[..., Inventory] = Inventory
    ) -> Snapshot:
        kinds = self.by_kind
        if not self.by_kind.get("policy") and "inventory/policy.yaml" not in self.broken:
            where = Where("inventory/policy.yaml")
            self.problems.append(Problem("E022", "there is no such file", where, "ispctl init shows one to start from"))
        several = {"tariff", "group", "subscriber", "ledger", "cpe-profile"}
        files = Files(
            single={name: next(iter(found.values())) for name, found in kinds.items() if name not in several},
            tariffs={_stem(path): doc for path, doc in sorted(kinds.get("tariff", {}).items())},
            profiles={_stem(path): doc for path, doc in kinds.get("cpe-profile", {}).items()},
            groups={path.split("/")[1]: doc for path, doc in sorted(kinds.get("group", {}).items())},
            subscribers=dict(sorted(kinds.get("subscriber", {}).items())),
            ledgers=dict(sorted(kinds.get("ledger", {}).items())),
            raw=self.raw,
            folders=frozenset(self.folders),
            broken=frozenset(self.broken),
        )
        return Snapshot(commit, files, tuple(self.problems), facts, inventory)


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".yaml")
